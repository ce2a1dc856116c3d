"""GitHub's JSON to our nouns: extra keys are ignored, nulls survive, outside text is cleaned, wrong types are told.

Every function either returns a value or raises `Malformed`; nothing else escapes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from cmo.domain.base import Frozen, Login
from cmo.domain.lead import PersonProfile, Repo
from cmo.domain.text import clean_line, clean_text
from cmo.providers.github.codeowners import parse_codeowners

DESCRIPTION_CHARS = 1000
BIO_CHARS = 1000
EMAIL_CHARS = 254
URL_CHARS = 300

# Both forms that GitHub hands out; the one with the account's number exists since 2017-07-18:
# https://docs.github.com/en/account-and-profile/reference/email-addresses-reference
_NOREPLY = re.compile(r"(?:\d+\+)?(?P<login>[^@+]+)@users\.noreply\.github\.com", re.IGNORECASE)
_LOGIN: TypeAdapter[str] = TypeAdapter(Login)


class Malformed(ValueError):
    """The JSON is not what GitHub's schema says."""


class CommitSeen(Frozen):
    """One commit, as far as it tells who works here."""

    oid: str
    at: datetime
    """When it was committed: what `since` compares."""
    name: str
    email: str
    login: str | None
    user_id: str | None


class Evidence(Frozen):
    """Who maintains a repository, besides committing."""

    mergers: dict[str, int]
    releasers: dict[str, int]
    codeowners: tuple[str, ...]
    pull_authors: tuple[tuple[str, datetime], ...]
    """(login, merged at) of the latest merged pull requests."""


NO_EVIDENCE = Evidence(mergers={}, releasers={}, codeowners=(), pull_authors=())


class PageRead(Frozen):
    """A page of a history."""

    commits: tuple[CommitSeen, ...]
    total: int
    """Commits in the window, as GitHub counts them."""
    next_cursor: str | None
    """None after the last page."""
    evidence: Evidence | None = None


def as_map(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Malformed(f"{what} is {_kind(value)}, not an object")
    return value


def as_list(value: object, what: str) -> list[Any]:
    """The list, without the nulls that GitHub puts for things it may not show."""
    if not isinstance(value, list):
        raise Malformed(f"{what} is {_kind(value)}, not a list")
    return [item for item in value if item is not None]


def as_int(value: object, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Malformed(f"{what} is {_kind(value)}, not a number")
    return value


def as_text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise Malformed(f"{what} is {_kind(value)}, not text")
    return value


def as_instant(value: object, what: str) -> datetime:
    try:
        at = datetime.fromisoformat(as_text(value, what))
    except ValueError as exc:
        raise Malformed(f"{what} is no date") from exc
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def optional_instant(value: object) -> datetime | None:
    """The instant, or None where there is none that can be read."""
    try:
        return as_instant(value, "")
    except Malformed:
        return None


def line(value: object, *, limit: int = 200) -> str | None:
    """Outside text on one line; None where it is absent, of another type, or empty."""
    return (clean_line(value, limit=limit) or None) if isinstance(value, str) else None


def count(value: object) -> int | None:
    """`{totalCount}`, or a bare number; None where it was not asked for."""
    inner = value.get("totalCount") if isinstance(value, dict) else value
    return inner if isinstance(inner, int) and not isinstance(inner, bool) and inner >= 0 else None


def parse_login(value: object) -> str | None:
    """The login, where it has the form of one."""
    try:
        return _LOGIN.validate_python(value, strict=True)
    except ValidationError:
        return None


def login_of_noreply(email: str) -> str | None:
    """The login that a GitHub noreply address spells out."""
    match = _NOREPLY.fullmatch(email)
    return parse_login(match["login"]) if match else None


def parse_email(value: object) -> str:
    """An address, cleaned and in lower case; empty where there is none."""
    return (line(value, limit=EMAIL_CHARS) or "").lower()


def parse_repo(node: object) -> Repo:
    """A search result of GraphQL."""
    raw = as_map(node, "repository")
    topics = as_map(raw.get("repositoryTopics") or {"nodes": []}, "repositoryTopics").get("nodes")
    return _repo(
        id=raw.get("id"),
        full_name=raw.get("nameWithOwner"),
        owner=raw.get("owner"),
        owner_type_key="__typename",
        description=raw.get("description"),
        stars=raw.get("stargazerCount"),
        forks=raw.get("forkCount"),
        language=_inner(raw.get("primaryLanguage"), "name"),
        topics=[_inner(_inner(item, "topic"), "name") for item in topics or []],
        pushed_at=raw.get("pushedAt"),
        archived=raw.get("isArchived"),
        fork=raw.get("isFork"),
        license=_inner(raw.get("licenseInfo"), "spdxId"),
        url=raw.get("url"),
    )


def parse_rest_repo(item: object) -> Repo:
    """A search result of REST."""
    raw = as_map(item, "repository")
    return _repo(
        id=raw.get("node_id"),
        full_name=raw.get("full_name"),
        owner=raw.get("owner"),
        owner_type_key="type",
        description=raw.get("description"),
        stars=raw.get("stargazers_count"),
        forks=raw.get("forks_count"),
        language=raw.get("language"),
        topics=raw.get("topics") or [],
        pushed_at=raw.get("pushed_at"),
        archived=raw.get("archived"),
        fork=raw.get("fork"),
        license=_inner(raw.get("license"), "spdx_id"),
        url=raw.get("html_url"),
    )


def _repo(*, owner: object, owner_type_key: str, **raw: Any) -> Repo:
    holder = as_map(owner, "owner")
    topics = [line(topic, limit=60) for topic in as_list(raw["topics"], "topics")]
    license_id = line(raw["license"], limit=60)
    try:
        return Repo(
            id=as_text(raw["id"], "id"),
            full_name=raw["full_name"],
            owner=as_text(holder.get("login"), "owner.login"),
            owner_is_org=holder.get(owner_type_key) == "Organization",
            description=line(raw["description"], limit=DESCRIPTION_CHARS) or "",
            stars=count(raw["stars"]) or 0,
            forks=count(raw["forks"]) or 0,
            language=line(raw["language"], limit=60),
            topics=tuple(topic for topic in topics if topic),
            pushed_at=optional_instant(raw["pushed_at"]),
            archived=raw["archived"] is True,
            fork=raw["fork"] is True,
            license=None if license_id == "NOASSERTION" else license_id,
            url=clean_line(as_text(raw["url"], "url"), limit=URL_CHARS),
        )
    except ValidationError as exc:
        raise Malformed(f"a repository cannot be read: {_first_problem(exc)}") from exc


def parse_commit(node: object) -> CommitSeen:
    """A commit of GraphQL's history."""
    raw = as_map(node, "commit")
    author = as_map(raw.get("author") or {}, "author")
    user = as_map(author.get("user") or {}, "author.user")
    return _commit(raw.get("oid"), raw.get("committedDate"), author, user.get("login"), user.get("id"))


def parse_rest_commit(item: object) -> CommitSeen:
    """A commit of REST's list; the account may be null or an empty object."""
    raw = as_map(item, "commit")
    inner = as_map(raw.get("commit"), "commit.commit")
    author = as_map(inner.get("author") or {}, "commit.author")
    committer = as_map(inner.get("committer") or {}, "commit.committer")
    account = as_map(raw.get("author") or {}, "author")
    is_user = account.get("type", "User") == "User"
    return _commit(
        raw.get("sha"),
        committer.get("date") or author.get("date"),
        author,
        account.get("login") if is_user else None,
        account.get("node_id") if is_user else None,
    )


def _commit(oid: object, date: object, author: Mapping[str, Any], login: object, user_id: object) -> CommitSeen:
    name, email = author.get("name"), author.get("email")
    who = _signature(name if isinstance(name, str) else "", email if isinstance(email, str) else "")
    known = parse_login(login)
    return CommitSeen(
        oid=as_text(oid, "oid"),
        at=as_instant(date, "committedDate"),
        name=who.name,
        email=who.email,
        login=known or who.login,
        user_id=user_id if known and isinstance(user_id, str) else None,
    )


class Signature(NamedTuple):
    """Name and address on a commit, cleaned, and the login that the address spells out."""

    name: str
    email: str
    login: str | None


@lru_cache(maxsize=4096)  # a page repeats few people, and cleaning text is most of the work of reading one
def _signature(name: str, email: str) -> Signature:
    address = line(email, limit=EMAIL_CHARS) or ""
    return Signature(line(name, limit=100) or "", address.lower(), login_of_noreply(address))


def parse_page(node: object, *, with_evidence: bool) -> PageRead:
    """A repository of the history document. Without a default branch it has no commits."""
    raw = as_map(node, "repository")
    evidence = parse_evidence(raw) if with_evidence else None
    branch = raw.get("defaultBranchRef")
    if branch is None:
        return PageRead(commits=(), total=0, next_cursor=None, evidence=evidence)
    target = as_map(as_map(branch, "defaultBranchRef").get("target"), "target")
    history = as_map(target.get("history"), "history")
    info = as_map(history.get("pageInfo"), "pageInfo")
    return PageRead(
        commits=tuple(parse_commit(commit) for commit in as_list(history.get("nodes"), "history.nodes")),
        total=as_int(history.get("totalCount"), "totalCount"),
        next_cursor=as_text(info.get("endCursor"), "endCursor") if info.get("hasNextPage") is True else None,
        evidence=evidence,
    )


def parse_evidence(raw: Mapping[str, Any]) -> Evidence:
    """Mergers, releasers, owners and pull request authors; bots and accounts that are gone are left out."""
    pulls = [as_map(pull, "pull request") for pull in _nodes(raw, "pullRequests")]
    authored = [(_person(pull, "author"), optional_instant(pull.get("mergedAt"))) for pull in pulls]
    files = [_inner(raw.get(key), "text") for key in ("githubOwners", "rootOwners", "docsOwners")]
    return Evidence(
        mergers=tally(_person(pull, "mergedBy") for pull in pulls),
        releasers=tally(_person(release, "author") for release in _nodes(raw, "releases")),
        codeowners=parse_codeowners(next((text for text in files if isinstance(text, str)), "")),
        pull_authors=tuple((login, at) for login, at in authored if login and at),
    )


def _nodes(raw: Mapping[str, Any], key: str) -> list[Any]:
    return as_list(as_map(raw.get(key), key).get("nodes"), f"{key}.nodes")


def tally(logins: Iterable[str | None]) -> dict[str, int]:
    """login -> how often, most first; absent ones left out."""
    counts = Counter(login for login in logins if login)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0].lower())))


def parse_profile(node: object, *, fetched_at: datetime) -> PersonProfile:
    """A `User` of GraphQL."""
    raw = as_map(node, "user")
    return _profile(
        raw,
        user_id=raw.get("id"),
        blog=raw.get("websiteUrl"),
        twitter=raw.get("twitterUsername"),
        following=raw.get("following"),
        public_repos=raw.get("repositories"),
        hireable=raw.get("isHireable"),
        created_at=raw.get("createdAt"),
        updated_at=raw.get("updatedAt"),
        url=raw.get("url"),
        fetched_at=fetched_at,
    )


def parse_rest_profile(item: object, *, fetched_at: datetime) -> PersonProfile:
    """A user of REST."""
    raw = as_map(item, "user")
    return _profile(
        raw,
        user_id=raw.get("node_id"),
        blog=raw.get("blog"),
        twitter=raw.get("twitter_username"),
        following=raw.get("following"),
        public_repos=raw.get("public_repos"),
        hireable=raw.get("hireable"),
        created_at=raw.get("created_at"),
        updated_at=raw.get("updated_at"),
        url=raw.get("html_url"),
        fetched_at=fetched_at,
    )


def _profile(raw: Mapping[str, Any], *, fetched_at: datetime, **told: Any) -> PersonProfile:
    bio = raw.get("bio")
    try:
        return PersonProfile(
            login=as_text(raw.get("login"), "login"),
            user_id=told["user_id"] if isinstance(told["user_id"], str) else None,
            name=line(raw.get("name"), limit=100),
            company=_company(raw.get("company")),
            location=line(raw.get("location"), limit=100),
            bio=(clean_text(bio, limit=BIO_CHARS) or None) if isinstance(bio, str) else None,
            blog=line(told["blog"], limit=URL_CHARS),
            email=parse_email(raw.get("email")) or None,
            twitter=line(told["twitter"], limit=60),
            followers=count(raw.get("followers")),
            following=count(told["following"]),
            public_repos=count(told["public_repos"]),
            hireable=told["hireable"] if isinstance(told["hireable"], bool) else None,
            created_at=optional_instant(told["created_at"]),
            updated_at=optional_instant(told["updated_at"]),
            url=clean_line(as_text(told["url"], "url"), limit=URL_CHARS),
            fetched_at=fetched_at,
        )
    except ValidationError as exc:
        raise Malformed(f"a profile cannot be read: {_first_problem(exc)}") from exc


def _person(holder: object, key: str) -> str | None:
    """The login under `key`, where it is a person's: GraphQL spells a bot's without `[bot]`, so its type decides."""
    actor = _inner(holder, key)
    if not isinstance(actor, dict) or actor.get("__typename", "User") != "User":
        return None
    return parse_login(actor.get("login"))


def _inner(holder: object, key: str) -> object:
    return holder.get(key) if isinstance(holder, dict) else None


def _kind(value: object) -> str:
    return "missing" if value is None else type(value).__name__


def _first_problem(exc: ValidationError) -> str:
    problem = exc.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"


def _company(value: Any) -> str | None:
    """A company without the `@` that GitHub's users write before an organisation."""
    name = line(value, limit=100)
    return name and (name.lstrip("@ ") or None)
