"""A history by REST: for a repository that GraphQL cannot serve, and for servers without GraphQL.

Dear: a request for every hundred commits and up to four for the evidence, against a thirtieth of a point.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote

from cmo.domain.lead import ActivityState, RepoRef
from cmo.providers.github.answers import broken
from cmo.providers.github.codeowners import parse_codeowners
from cmo.providers.github.limits import Kind
from cmo.providers.github.parse import (
    CommitSeen,
    Evidence,
    Malformed,
    PageRead,
    as_list,
    as_map,
    parse_login,
    parse_rest_commit,
    tally,
)
from cmo.providers.github.queries import PAGE
from cmo.providers.github.reading import MAX_COMMITS
from cmo.providers.github.rest import Rest, RestAnswer

OPERATION = "read a history by REST"
_STATES: Mapping[Kind, ActivityState] = {
    Kind.NOT_FOUND: ActivityState.GONE,
    Kind.EMPTY: ActivityState.EMPTY,
    Kind.BLOCKED: ActivityState.BLOCKED,
    Kind.PERMANENT: ActivityState.BLOCKED,
}


class RestHistory:
    """Reads one repository at a time."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def read(self, repo: RepoRef, *, since: datetime, evidence: Evidence | None) -> PageRead | ActivityState:
        """The whole history since `since` as one page, or why there is none.

        Args:
            evidence: What is known already; None reads releases and CODEOWNERS too. Who merged and who opened pull
                requests has no cheap answer in REST and stays empty.
        Raises:
            ContractBroken: an answer cannot be read. RateLimited, ProviderUnavailable, AuthRejected, ProviderRejected.
        """
        base = _path(repo)
        if base is None:
            return ActivityState.GONE
        commits: list[CommitSeen] = []
        params = {"since": f"{since:%Y-%m-%dT%H:%M:%SZ}", "per_page": str(PAGE)}
        answer = await self._rest.get(f"{base}/commits", params, operation=OPERATION)
        while True:
            if answer.kind is not Kind.OK:
                return _STATES.get(answer.kind, ActivityState.BLOCKED)
            commits += _commits(answer)
            if answer.next_url is None or len(commits) >= MAX_COMMITS:
                break
            answer = await self._rest.get(answer.next_url, operation=OPERATION)
        if evidence is None:
            evidence = await self.read_evidence(repo)
        return PageRead(
            commits=tuple(commits[:MAX_COMMITS]), total=len(commits), next_cursor=answer.next_url, evidence=evidence
        )

    async def read_evidence(self, repo: RepoRef) -> Evidence:
        """Who publishes releases, and whom CODEOWNERS names."""
        base = _path(repo)
        releases = await self._rest.get(f"{base}/releases", {"per_page": "5"}, operation=OPERATION)
        return Evidence(
            mergers={},
            releasers=tally(_releasers(releases)),
            codeowners=await self._codeowners(f"{base}/contents"),
            pull_authors=(),
        )

    async def _codeowners(self, contents: str) -> tuple[str, ...]:
        for path in (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"):
            answer = await self._rest.get(f"{contents}/{path}", operation=OPERATION)
            if answer.kind is Kind.OK and isinstance(answer.value, dict):
                return parse_codeowners(_decoded(answer.value.get("content")))
        return ()


def _path(repo: RepoRef) -> str | None:
    """The path of `repo`; None where its name would lead elsewhere."""
    owner, _, name = repo.full_name.partition("/")
    return None if {owner, name} & {".", ".."} else f"/repos/{quote(owner)}/{quote(name)}"


def _commits(answer: RestAnswer) -> list[CommitSeen]:
    try:
        return [parse_rest_commit(item) for item in as_list(answer.value, "commits")]
    except Malformed as exc:
        raise broken(OPERATION, str(exc)) from exc


def _releasers(answer: RestAnswer) -> list[str | None]:
    if answer.kind is not Kind.OK:
        return []
    try:
        releases = [as_map(item, "release") for item in as_list(answer.value, "releases")]
        authors = [as_map(release.get("author") or {}, "author") for release in releases]
    except Malformed as exc:
        raise broken(OPERATION, str(exc)) from exc
    return [parse_login(author.get("login")) for author in authors if author.get("type", "User") == "User"]


def _decoded(content: object) -> str:
    try:
        return base64.b64decode(content if isinstance(content, str) else "").decode("utf-8", errors="replace")
    except binascii.Error:
        return ""
