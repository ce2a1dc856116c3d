"""Resolvers of repositories and what they contain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, NamedTuple

from cmo.sandbox.accounts import Org, Person
from cmo.sandbox.activity import PullRequest, Release
from cmo.sandbox.github_common import WEB_COMMITTER, Blob, avatar_url, head_of, language_bytes, repo_url
from cmo.sandbox.graphql_accounts import Resolvers, constant, ordered_pulls
from cmo.sandbox.graphql_context import BASE_S, COMMIT_S, ITEM_S, SKIP_S, context_of, failure
from cmo.sandbox.graphql_paging import connection, decode_cursor, paginate
from cmo.sandbox.history import Commit, Identity
from cmo.sandbox.moments import iso, parse_iso
from cmo.sandbox.node_ids import find_node, node_id, numbered_id
from cmo.sandbox.repos import Repo
from cmo.sandbox.vocabulary import LANGUAGE_COLORS, RELATED_TOPICS
from cmo.sandbox.world import World


class Branch(NamedTuple):
    repo: Repo
    name: str


class Signature(NamedTuple):
    """An identity at a moment: GraphQL's GitActor."""

    by: Identity
    at: int


def _history(
    commit: Commit,
    info: Any,
    *,
    first: int | None = None,
    after: str | None = None,
    since: str | None = None,
    until: str | None = None,
    author: dict[str, Any] | None = None,
) -> dict[str, Any]:
    context = context_of(info)
    oldest = _timestamp(since)
    newest = min(commit.at, _timestamp(until) or commit.at)
    wanted = _author_test(context.world, author)

    def window() -> list[Commit]:
        commits = context.world.history(commit.repo).commits(since=oldest, until=newest)
        return [found for found in commits if wanted is None or wanted(found)]

    start = decode_cursor(after) if after else 0
    size = first or 0
    commits = context.world.history(commit.repo).commits(since=oldest, until=newest)
    matching = commits if wanted is None else filter(wanted, commits)
    page = list(islice(matching, start, start + size + 1))
    context.work(BASE_S + COMMIT_S * min(size, len(page)) + SKIP_S * start)

    def total(_info: Any) -> int:
        count = len(window())
        context.work(SKIP_S * count)
        return count

    return connection(page[:size], start=start, has_next=len(page) > size, total=total, mark=f"{commit.oid} ")


def _timestamp(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_iso(text)
    except ValueError as error:
        raise failure("argumentLiteralsIncompatible", f"`{text}` is not a valid GitTimestamp.") from error


def _author_test(world: World, author: dict[str, Any] | None) -> Callable[[Commit], bool] | None:
    if author is None:
        return None
    account = find_node(world, author["id"]) if author.get("id") else None
    emails = {email.lower() for email in author.get("emails") or ()}
    return lambda commit: commit.by.email.lower() in emails or (account is not None and commit.by.account is account)


def _object(repo: Repo, info: Any, *, expression: str | None = None, oid: str | None = None) -> Any:
    context = context_of(info)
    context.look_up()
    if oid is not None:
        return context.world.history(repo).find(oid)
    branch, colon, path = (expression or "HEAD").partition(":")
    if branch not in ("HEAD", repo.default_branch, f"refs/heads/{repo.default_branch}"):
        return None if colon else context.world.history(repo).find(branch)
    if not colon:
        return head_of(context.world, repo)
    text = context.world.files(repo).get(path)
    return None if text is None else Blob(repo, path, text)


def _branch_target(branch: Branch, info: Any) -> Commit | None:
    return head_of(context_of(info).world, branch.repo)


def _pull_requests(repo: Repo, info: Any, **args: Any) -> dict[str, Any]:
    context = context_of(info)
    pulls = context.world.pull_requests(repo)
    page = paginate(ordered_pulls(pulls, args), args)
    context.work(BASE_S / 2 + ITEM_S * len(page["nodes"]))
    return page


def _pull_request(repo: Repo, info: Any, number: int) -> PullRequest:
    for pull in context_of(info).world.pull_requests(repo):
        if pull.number == number:
            return pull
    raise failure("NOT_FOUND", f"Could not resolve to a PullRequest with the number of {number}.")


def _releases(repo: Repo, info: Any, **args: Any) -> dict[str, Any]:
    context = context_of(info)
    releases: Sequence[Release] = context.world.releases(repo)
    order = args.get("orderBy")
    if order is not None and order["direction"] == "ASC":
        releases = releases[::-1]
    context.work(BASE_S / 4 + ITEM_S * len(releases))
    return paginate(releases, args)


def _people(repo: Repo, info: Any, **args: Any) -> dict[str, Any]:
    """The crew, by login; GitHub lists mentionable and assignable users without saying who did what."""
    members = (member.person for member in context_of(info).world.crew(repo).members)
    return paginate(sorted((person for person in members if not person.deleted), key=lambda who: who.login), args)


def _topics(repo: Repo, _info: Any, **args: Any) -> dict[str, Any]:
    return paginate([{"repo": repo, "name": name} for name in repo.topics], args)


def _languages(repo: Repo, _info: Any, **args: Any) -> dict[str, Any]:
    sizes = dict(language_bytes(repo))
    page = paginate([_language(name) for name in sizes], args, edge=lambda language: {"size": sizes[language["name"]]})
    return page | {"totalSize": sum(sizes.values())}


def _language(name: str) -> dict[str, Any]:
    return {"id": f"LA_{name}", "name": name, "color": LANGUAGE_COLORS.get(name)}


def topic(name: str) -> dict[str, Any]:
    """A Topic object."""

    def related(_info: Any, first: int = 3) -> list[dict[str, Any]]:
        return [topic(other) for other in RELATED_TOPICS.get(name, ())[:first]]

    return {"id": f"T_{name}", "name": name, "relatedTopics": related}


def _license(repo: Repo, _info: Any) -> dict[str, Any] | None:
    if repo.license is None:
        return None
    key, name, spdx = repo.license
    url = f"http://choosealicense.com/licenses/{key}/"
    return {"id": f"L_{key}", "key": key, "name": name, "spdxId": spdx, "url": url, "nickname": None}


def _counted(count: Callable[[Repo], int]) -> Callable[..., dict[str, Any]]:
    return lambda repo, _info, **args: paginate((), args, total=count(repo))


def _authors(commit: Commit, _info: Any, **args: Any) -> dict[str, Any]:
    by = [commit.by] if commit.co_author is None else [commit.by, commit.co_author]
    return paginate([Signature(identity, commit.at) for identity in by], args)


def _committer(commit: Commit, _info: Any) -> Signature:
    return Signature(WEB_COMMITTER if commit.web else commit.by, commit.at)


def _parents(commit: Commit, info: Any, **args: Any) -> dict[str, Any]:
    older = list(islice(context_of(info).world.history(commit.repo).commits(until=commit.at), 50))
    place = next((place for place, other in enumerate(older) if other.oid == commit.oid), len(older))
    return paginate(older[place + 1 : place + 2], args)


def _signer(signature: Signature, _info: Any) -> Person | None:
    account = signature.by.account
    return account if isinstance(account, Person) else None


_GIT_OBJECT: Resolvers = {
    "abbreviatedOid": lambda thing, _info: thing.oid[:7],
    "oid": lambda thing, _info: thing.oid,
    "repository": lambda thing, _info: thing.repo,
    "commitUrl": lambda thing, _info: f"{repo_url(thing.repo)}/commit/{thing.oid}",
    "commitResourcePath": lambda thing, _info: f"/{thing.repo.full_name}/commit/{thing.oid}",
}
_REPO_FALSE = ("isDisabled", "isLocked", "isMirror", "isPrivate", "isTemplate")

REPO_RESOLVERS: dict[str, Resolvers] = {
    "Repository": {
        **{flag: constant(False) for flag in _REPO_FALSE},
        "id": lambda repo, _info: node_id(repo),
        "databaseId": lambda repo, _info: repo.repo_id,
        "name": lambda repo, _info: repo.name,
        "nameWithOwner": lambda repo, _info: repo.full_name,
        "owner": lambda repo, _info: repo.owner,
        "description": lambda repo, _info: repo.description,
        "homepageUrl": lambda repo, _info: repo.homepage,
        "url": lambda repo, _info: repo_url(repo),
        "resourcePath": lambda repo, _info: f"/{repo.full_name}",
        "sshUrl": lambda repo, _info: f"git@github.com:{repo.full_name}.git",
        "createdAt": lambda repo, _info: iso(repo.created_at),
        "pushedAt": lambda repo, _info: iso(repo.pushed_at),
        "updatedAt": lambda repo, _info: iso(repo.updated_at),
        "archivedAt": lambda repo, _info: iso(repo.pushed_at) if repo.archived else None,
        "isArchived": lambda repo, _info: repo.archived,
        "isEmpty": lambda repo, _info: repo.empty,
        "isFork": lambda repo, _info: repo.fork,
        "isInOrganization": lambda repo, _info: isinstance(repo.owner, Org),
        "hasDiscussionsEnabled": lambda repo, _info: repo.stars > 500,
        "hasIssuesEnabled": constant(True),
        "hasWikiEnabled": constant(True),
        "visibility": constant("PUBLIC"),
        "parent": constant(None),
        "diskUsage": lambda repo, _info: repo.size_kb,
        "forkCount": lambda repo, _info: repo.forks,
        "stargazerCount": lambda repo, _info: repo.stars,
        "stargazers": _counted(lambda repo: repo.stars),
        "watchers": _counted(lambda repo: repo.stars // 40),
        "issues": _counted(lambda repo: repo.open_issues),
        "primaryLanguage": lambda repo, _info: None if repo.language is None else _language(repo.language),
        "languages": _languages,
        "licenseInfo": _license,
        "repositoryTopics": _topics,
        "defaultBranchRef": lambda repo, _info: None if repo.empty else Branch(repo, repo.default_branch),
        "ref": lambda repo, _info, qualifiedName: (
            Branch(repo, repo.default_branch)
            if not repo.empty and qualifiedName.removeprefix("refs/heads/") == repo.default_branch
            else None
        ),
        "object": _object,
        "pullRequests": _pull_requests,
        "pullRequest": _pull_request,
        "releases": _releases,
        "latestRelease": lambda repo, info: next(iter(context_of(info).world.releases(repo)), None),
        "release": lambda repo, info, tagName: next(
            (release for release in context_of(info).world.releases(repo) if release.tag == tagName), None
        ),
        "mentionableUsers": _people,
        "assignableUsers": _people,
    },
    "Ref": {
        "id": lambda branch, _info: numbered_id("REF", branch.repo.repo_id),
        "name": lambda branch, _info: branch.name,
        "prefix": constant("refs/heads/"),
        "repository": lambda branch, _info: branch.repo,
        "target": _branch_target,
    },
    "Commit": {
        **_GIT_OBJECT,
        "id": lambda commit, _info: node_id(commit),
        "url": lambda commit, _info: f"{repo_url(commit.repo)}/commit/{commit.oid}",
        "resourcePath": lambda commit, _info: f"/{commit.repo.full_name}/commit/{commit.oid}",
        "author": lambda commit, _info: Signature(commit.by, commit.at),
        "authors": _authors,
        "committer": _committer,
        "authoredByCommitter": lambda commit, _info: not commit.web,
        "authoredDate": lambda commit, _info: iso(commit.at),
        "committedDate": lambda commit, _info: iso(commit.at),
        "committedViaWeb": lambda commit, _info: commit.web,
        "message": lambda commit, _info: commit.message,
        "messageHeadline": lambda commit, _info: commit.headline,
        "messageBody": lambda commit, _info: commit.message.partition("\n\n")[2],
        "additions": lambda commit, _info: int(commit.oid[:2], 16),
        "deletions": lambda commit, _info: int(commit.oid[2:4], 16),
        "changedFilesIfAvailable": lambda commit, _info: 1 + int(commit.oid[4], 16),
        "history": _history,
        "parents": _parents,
    },
    "Blob": {
        **_GIT_OBJECT,
        "id": lambda blob, _info: numbered_id("B", blob.repo.repo_id),
        "byteSize": lambda blob, _info: len(blob.text.encode()),
        "isBinary": constant(False),
        "isTruncated": constant(False),
        "text": lambda blob, _info: blob.text,
    },
    "GitActor": {
        "name": lambda signature, _info: signature.by.name,
        "email": lambda signature, _info: signature.by.email,
        "date": lambda signature, _info: iso(signature.at),
        "user": _signer,
        "avatarUrl": lambda signature, _info, **_args: (
            avatar_url(signature.by.account) if signature.by.account else "https://avatars.githubusercontent.com/u/0"
        ),
    },
    "RepositoryTopic": {
        "id": lambda entry, _info: f"RT_{entry['repo'].repo_id}_{entry['name']}",
        "topic": lambda entry, _info: topic(entry["name"]),
        "url": lambda entry, _info: f"https://github.com/topics/{entry['name']}",
        "resourcePath": lambda entry, _info: f"/topics/{entry['name']}",
    },
    "PullRequest": {
        "id": lambda pull, _info: numbered_id("PR", pull.repo.index * 5000 + pull.number),
        "databaseId": lambda pull, _info: pull.repo.index * 5000 + pull.number,
        "number": lambda pull, _info: pull.number,
        "title": lambda pull, _info: pull.title,
        "body": constant(""),
        "author": lambda pull, _info: pull.author,
        "mergedBy": lambda pull, _info: pull.merged_by,
        "merged": constant(True),
        "state": constant("MERGED"),
        "closed": constant(True),
        "isDraft": constant(False),
        "isCrossRepository": constant(True),
        "baseRefName": lambda pull, _info: pull.repo.default_branch,
        "createdAt": lambda pull, _info: iso(pull.created_at),
        "mergedAt": lambda pull, _info: iso(pull.merged_at),
        "closedAt": lambda pull, _info: iso(pull.merged_at),
        "updatedAt": lambda pull, _info: iso(pull.merged_at),
        "repository": lambda pull, _info: pull.repo,
        "url": lambda pull, _info: f"{repo_url(pull.repo)}/pull/{pull.number}",
        "permalink": lambda pull, _info: f"{repo_url(pull.repo)}/pull/{pull.number}",
        "resourcePath": lambda pull, _info: f"/{pull.repo.full_name}/pull/{pull.number}",
    },
    "Release": {
        "id": lambda release, _info: numbered_id("RE", release.release_id),
        "databaseId": lambda release, _info: release.release_id,
        "author": lambda release, _info: release.author if isinstance(release.author, Person) else None,
        "name": lambda release, _info: release.name,
        "tagName": lambda release, _info: release.tag,
        "description": constant(""),
        "isDraft": constant(False),
        "isPrerelease": constant(False),
        "isLatest": lambda release, info: context_of(info).world.releases(release.repo)[0] is release,
        "createdAt": lambda release, _info: iso(release.published_at),
        "publishedAt": lambda release, _info: iso(release.published_at),
        "updatedAt": lambda release, _info: iso(release.published_at),
        "repository": lambda release, _info: release.repo,
        "url": lambda release, _info: f"{repo_url(release.repo)}/releases/tag/{release.tag}",
        "resourcePath": lambda release, _info: f"/{release.repo.full_name}/releases/tag/{release.tag}",
    },
}
