"""Resolvers of the root: look-ups by name and id, search, the rate limit."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLError

from cmo.sandbox.accounts import Account, Bot, Org, Person
from cmo.sandbox.graphql_accounts import Resolvers
from cmo.sandbox.graphql_context import ITEM_S, PROFILE_S, SEARCH_S, context_of, failure
from cmo.sandbox.graphql_paging import connection, decode_cursor
from cmo.sandbox.graphql_repos import topic
from cmo.sandbox.history import Commit
from cmo.sandbox.moments import iso
from cmo.sandbox.node_ids import find_node
from cmo.sandbox.repos import Repo
from cmo.sandbox.search import MAX_RESULTS, SearchRefused, parse_query


def rate_limit(*, limit: int, used: int, reset_at: int, cost: int, node_count: int) -> dict[str, Any]:
    """The RateLimit object."""
    return {
        "limit": limit,
        "cost": cost,
        "used": min(used, limit),
        "remaining": max(0, limit - used),
        "resetAt": iso(reset_at),
        "nodeCount": node_count,
    }


def _rate_limit(_root: Any, info: Any, **_args: Any) -> dict[str, Any]:
    context = context_of(info)
    return rate_limit(
        limit=context.limit,
        used=context.used,
        reset_at=context.reset_at,
        cost=context.cost,
        node_count=context.node_count,
    )


def _repository(_root: Any, info: Any, *, owner: str, name: str, followRenames: bool = True) -> Repo:
    context = context_of(info)
    context.look_up()
    full_name = f"{owner}/{name}"
    repo = context.world.find_repo(full_name)
    if repo is None and followRenames:
        repo = context.world.find_renamed_repo(full_name)
    if repo is None or repo.deleted:
        raise failure("NOT_FOUND", f"Could not resolve to a Repository with the name '{full_name}'.")
    return _unblocked(repo)


def _unblocked(repo: Repo) -> Repo:
    if repo.blocked:
        raise failure("FORBIDDEN", "Repository access blocked")
    return repo


def _user(_root: Any, info: Any, *, login: str) -> Person:
    context = context_of(info)
    context.look_up()
    person = context.world.population.find_person(login)
    if person is None or person.deleted:
        raise failure("NOT_FOUND", f"Could not resolve to a User with the login of '{login}'.")
    return person


def _organization(_root: Any, info: Any, *, login: str) -> Org:
    context = context_of(info)
    context.look_up()
    account = context.world.population.find_account(login)
    if not isinstance(account, Org):
        raise failure("NOT_FOUND", f"Could not resolve to an Organization with the login of '{login}'.")
    return account


def _repository_owner(_root: Any, info: Any, *, login: str) -> Account | None:
    context = context_of(info)
    context.look_up()
    account = context.world.population.find_account(login)
    return None if isinstance(account, Bot) or getattr(account, "deleted", False) else account


def _node(_root: Any, info: Any, *, id: str) -> Account | Repo | Commit:
    found = _look_up(info, id)
    if isinstance(found, GraphQLError):
        raise found
    return found


def _nodes(_root: Any, info: Any, *, ids: list[str]) -> list[Account | Repo | Commit | GraphQLError]:
    """One entry an id; an error takes the place of what cannot be had, and only that entry is null."""
    return [_look_up(info, global_id) for global_id in ids]


def _look_up(info: Any, global_id: str) -> Account | Repo | Commit | GraphQLError:
    context = context_of(info)
    try:
        context.look_up()
        found = find_node(context.world, global_id)
        if found is None or getattr(found, "deleted", False):
            raise failure("NOT_FOUND", f"Could not resolve to a node with the global id of '{global_id}'.")
        return _unblocked(found) if isinstance(found, Repo) else found
    except GraphQLError as error:
        return error


def _search(
    _root: Any, info: Any, *, query: str, type: str, first: int | None = None, after: str | None = None
) -> dict[str, Any]:
    context = context_of(info)
    size = first or 0
    try:
        asked = parse_query(query)
        found: tuple[Any, ...] = ()
        if type == "REPOSITORY":
            found = context.index.repos(asked)
        elif type == "USER":
            found = context.index.users(asked)
    except SearchRefused:
        found = ()
    context.work(SEARCH_S + (ITEM_S if type == "REPOSITORY" else PROFILE_S) * size)
    start = decode_cursor(after) if after else 0
    stop = min(start + size, MAX_RESULTS)
    page = [None if getattr(item, "deleted", False) else item for item in found[start:stop]]
    has_next = stop < min(len(found), MAX_RESULTS)
    counts = dict.fromkeys(
        ("codeCount", "discussionCount", "issueCount", "wikiCount", "userCount", "repositoryCount"), 0
    )
    counts["repositoryCount" if type == "REPOSITORY" else "userCount"] = len(found)
    return connection(page, start=start, has_next=has_next, total=len(found), mark="cursor:") | counts


QUERY_RESOLVERS: dict[str, Resolvers] = {
    "Query": {
        "rateLimit": _rate_limit,
        "repository": _repository,
        "user": _user,
        "organization": _organization,
        "repositoryOwner": _repository_owner,
        "viewer": lambda _root, info: context_of(info).world.population.person(0),
        "node": _node,
        "nodes": _nodes,
        "search": _search,
        "topic": lambda _root, _info, name: topic(name),
        "id": lambda _root, _info: "Q_sandbox",
        "relay": lambda _root, _info: {},
    }
}
