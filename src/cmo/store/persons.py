"""One human, several logins and addresses: by which names somebody is known, over all jobs."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from cmo.domain.company import name_key
from cmo.domain.suppression import Key, SuppressionKind, email_key
from cmo.store.db import Connection


class Recipient(NamedTuple):
    """Whom something is for."""

    email: str
    login: str = ""
    account: str = ""
    """The company, as `company_key` has it."""
    company: str = ""
    """Its name on the profile."""


def names_of(conn: Connection, people: Mapping[int, Recipient]) -> dict[int, frozenset[Key]]:
    """Every login and address by which each of `people` is known: the logins that hold the address, those merged with
    these or with their own in any job, and all addresses of all of them; and the company by its name."""
    addresses = {number: email_key(who.email) for number, who in people.items()}
    holders = _pairs(conn, _HOLDERS, addresses.values())
    logins = {
        number: {who.login.strip("@ ").lower(), *holders[addresses[number]]} - {""} for number, who in people.items()
    }
    merged = merged_logins(conn, {login for found in logins.values() for login in found})
    logins = {number: {one for login in found for one in merged[login]} for number, found in logins.items()}
    held = _pairs(conn, _ADDRESSES, {login for found in logins.values() for login in found})
    return {
        number: frozenset(
            {(SuppressionKind.LOGIN, login) for login in found}
            | {(SuppressionKind.EMAIL, address) for login in found for address in held[login]}
            | {(SuppressionKind.ACCOUNT, name) for name in [name_key(people[number].company)] if name}
        )
        for number, found in logins.items()
    }


def merged_logins(conn: Connection, logins: Collection[str]) -> dict[str, frozenset[str]]:
    """Each of `logins` (in lower case) -> itself, and every login that was found to be the same human."""
    ids = {login: id_ for login, found in _pairs(conn, _PERSON, logins).items() for id_ in found}
    near: dict[str, set[str]] = defaultdict(set)
    reached, frontier = set[str](), set(ids.values())
    while frontier:
        reached |= frontier
        for one, others in _pairs(conn, _MERGED_WITH, frontier).items():
            for other in others:
                near[one].add(other)
                near[other].add(one)
        frontier = set(near) - reached
    if not near:
        return {login: frozenset({login}) for login in logins}
    named = _pairs(conn, _LOGINS, near)
    return {
        login: frozenset({login, *(name for id_ in _within(near, ids.get(login)) for name in named[id_])})
        for login in logins
    }


def _within(near: Mapping[str, set[str]], start: str | None) -> set[str]:
    """Everybody who can be reached from `start`."""
    seen, todo = set[str](), [start] if start in near else []
    while todo:
        one = todo.pop()
        if one is not None and one not in seen:
            seen.add(one)
            todo += near[one]
    return seen


_HOLDERS = """SELECT e.email_key, e.login_key FROM json_each(?1) k CROSS JOIN jobs j CROSS JOIN emails e
 ON e.job_id = j.id AND e.email_key = k.value UNION SELECT o.email_key, o.login_key FROM json_each(?1) k
 CROSS JOIN outbox o ON o.email_key = k.value WHERE o.login_key IS NOT NULL"""
_ADDRESSES = """SELECT e.login_key, e.email_key FROM json_each(?1) k CROSS JOIN jobs j CROSS JOIN emails e
 ON e.job_id = j.id AND e.login_key = k.value UNION SELECT o.login_key, o.email_key FROM json_each(?1) k
 CROSS JOIN outbox o ON o.login_key = k.value WHERE o.email_key IS NOT NULL"""
_PERSON = "SELECT k.value, i.person_id FROM json_each(?1) k CROSS JOIN identities i ON i.key = 'login:' || k.value"
_MERGED_WITH = """SELECT kept, merged FROM merges WHERE undone_at IS NULL AND kept IN (SELECT value FROM json_each(?1))
 UNION SELECT merged, kept FROM merges WHERE undone_at IS NULL AND merged IN (SELECT value FROM json_each(?1))"""
_LOGINS = """SELECT person_id, substr(key, 7) FROM identities WHERE substr(key, 1, 6) = 'login:'
 AND person_id IN (SELECT value FROM json_each(?1))"""
"""Goes through all identities; asked only where somebody was merged."""


def _pairs(conn: Connection, sql: str, names: Iterable[str]) -> dict[str, set[str]]:
    """Name -> what the query has for it; `names` are its only parameter, as JSON."""
    found: dict[str, set[str]] = defaultdict(set)
    wanted = sorted({name for name in names if name})
    if wanted:
        for row in conn.execute(sql, (json.dumps(wanted),)):
            found[row[0]].add(row[1])
    return found
