"""The GraphQL documents, and what GitHub's formula makes them cost.

GitHub bills connections, not results: one request for every connection, times the `first` of every connection above
it, over a hundred, rounded, at least 1. So look-ups are nearly free when they share a document.

Source: https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cmo.domain.lead import RepoRef

PAGE = 100
"""The most items of a connection that GitHub gives at a time."""
MAX_IDS = 100
"""The most ids that `nodes` takes."""
CONNECTIONS_FOR_ONE_POINT = 149
"""149 / 100 rounds to 1."""
FIRST_PAGE_CONNECTIONS = 3
"""History, releases, pull requests."""

_RATE = "rateLimit { limit cost remaining used resetAt }"

PROBE = f"query Probe {{ {_RATE} }}\n"
"""The least one can ask."""

SEARCH = f"""
query Search($q: String!, $first: Int!, $after: String) {{
  {_RATE}
  search(query: $q, type: REPOSITORY, first: $first, after: $after) {{
    repositoryCount
    pageInfo {{ hasNextPage endCursor }}
    nodes {{
      __typename
      ... on Repository {{
        id nameWithOwner url description stargazerCount forkCount pushedAt isArchived isFork
        owner {{ __typename login }}
        primaryLanguage {{ name }}
        licenseInfo {{ spdxId }}
        repositoryTopics(first: 20) {{ nodes {{ topic {{ name }} }} }}
      }}
    }}
  }}
}}
"""
"""One page of repositories: a connection, and one of topics for each of its results."""

_HISTORY_PAGE = """
fragment HistoryPage on CommitHistoryConnection {
  totalCount
  pageInfo { hasNextPage endCursor }
  nodes { oid committedDate author { name email user { id login } } }
}
"""

_EVIDENCE = """
fragment Evidence on Repository {
  releases(first: 5, orderBy: { field: CREATED_AT, direction: DESC }) { nodes { author { __typename login } } }
  pullRequests(states: MERGED, first: 20, orderBy: { field: UPDATED_AT, direction: DESC }) {
    nodes { mergedAt author { __typename login } mergedBy { __typename login } }
  }
  githubOwners: object(expression: "HEAD:.github/CODEOWNERS") { ... on Blob { text } }
  rootOwners: object(expression: "HEAD:CODEOWNERS") { ... on Blob { text } }
  docsOwners: object(expression: "HEAD:docs/CODEOWNERS") { ... on Blob { text } }
}
"""

_PROFILE = """
fragment Profile on User {
  id login name company location bio websiteUrl twitterUsername isHireable createdAt updatedAt url
  followers { totalCount }%s
}
"""
_COUNTS = "\n  following { totalCount }\n  repositories { totalCount }"


@dataclass(frozen=True)
class PageAsk:
    """One page of one repository's history; the first also carries the evidence for roles."""

    repo: RepoRef
    first: int = PAGE
    after: str | None = None
    with_history: bool = True
    """False: the evidence alone, where the history comes from elsewhere."""
    is_guess: bool = False
    """`after` was worked out, not told: when it fails, nothing is lost."""
    company: int = 1000
    """The most pages it may share a document with; falls when a document was too much."""

    @property
    def is_first(self) -> bool:
        return self.after is None

    @property
    def connections(self) -> int:
        return FIRST_PAGE_CONNECTIONS if self.is_first else 1


def points(connections: int) -> int:
    """What a document with that many requests costs."""
    return max(1, (connections + 50) // 100)


def search_cost(first: int) -> int:
    return points(1 + first)


def count_document(queries: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """How many repositories match each of `queries`: one point for up to 149 of them."""
    declared = " ".join(f"$q{i}: String!" for i in range(len(queries)))
    fields = "\n".join(
        f"  c{i}: search(query: $q{i}, type: REPOSITORY, first: 1) {{ repositoryCount }}" for i in range(len(queries))
    )
    document = f"query Count({declared}) {{\n  {_RATE}\n{fields}\n}}\n"
    return document, {f"q{i}": query for i, query in enumerate(queries)}


def history_document(asks: Sequence[PageAsk], since: str) -> tuple[str, dict[str, Any]]:
    """Pages of histories, each under the alias `p<index>`.

    Aliases rather than `nodes(ids:)`: each page needs its own `first` and `after`.
    """
    declared: list[str] = []
    fields: list[str] = []
    variables: dict[str, Any] = {}
    for i, ask in enumerate(asks):
        where = _repository(i, ask.repo, declared, variables)
        fields.append(f"  p{i}: {where} {{ ... on Repository {{ __typename {_page(i, ask, declared, variables)} }} }}")
    parts = []
    if any(ask.with_history for ask in asks):
        declared.append("$since: GitTimestamp!")
        variables["since"] = since
        parts.append(_HISTORY_PAGE)
    if any(ask.is_first for ask in asks):
        parts.append(_EVIDENCE)
    head = f"query History({', '.join(declared)}) {{\n  {_RATE}\n"
    return head + "\n".join(fields) + "\n}\n" + "".join(parts), variables


def _repository(i: int, repo: RepoRef, declared: list[str], variables: dict[str, Any]) -> str:
    """The field that leads to `repo`: by id, which survives a renaming, or by name where that is all there is."""
    if repo.id:
        declared.append(f"$id{i}: ID!")
        variables[f"id{i}"] = repo.id
        return f"node(id: $id{i})"
    declared.append(f"$owner{i}: String!, $name{i}: String!")
    variables[f"owner{i}"], _, variables[f"name{i}"] = repo.full_name.partition("/")
    return f"repository(owner: $owner{i}, name: $name{i})"


def _page(i: int, ask: PageAsk, declared: list[str], variables: dict[str, Any]) -> str:
    evidence = "...Evidence" if ask.is_first else ""
    if not ask.with_history:
        return evidence
    declared.append(f"$first{i}: Int!, $after{i}: String")
    variables[f"first{i}"], variables[f"after{i}"] = ask.first, ask.after
    history = f"history(first: $first{i}, since: $since, after: $after{i}) {{ ...HistoryPage }}"
    return f"defaultBranchRef {{ target {{ ... on Commit {{ {history} }} }} }} {evidence}"


def profiles_document(
    ids: Sequence[str], logins: Sequence[str], *, email: bool, counts: bool
) -> tuple[str, dict[str, Any]]:
    """Profiles: those of `ids` under `nodes`, those of `logins` under `u<index>`.

    Args:
        email: Ask for the published address too; a token without `user:email` or `read:user` fails all of it.
        counts: Ask for `following` and `repositories` too: two more connections a person.
    """
    declared = ["$ids: [ID!]!"] if ids else []
    declared += [f"$login{i}: String!" for i in range(len(logins))]
    fields = ["  nodes(ids: $ids) { __typename ... on Organization { login } ...Profile }"] if ids else []
    fields += [f"  u{i}: user(login: $login{i}) {{ __typename ...Profile }}" for i in range(len(logins))]
    profile = _PROFILE % ((_COUNTS if counts else "") + ("\n  email" if email else ""))
    document = f"query Profiles({', '.join(declared)}) {{\n  {_RATE}\n" + "\n".join(fields) + "\n}\n" + profile
    variables: dict[str, Any] = {f"login{i}": login for i, login in enumerate(logins)}
    return document, {**variables, "ids": list(ids)} if ids else variables
