"""What each kind of record needs, and how it is said in GraphQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cmo.domain.outward import TicketItem
from cmo.providers.linear import documents

_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.I)


@dataclass(frozen=True)
class Kind:
    """How one kind of record is made."""

    document: str
    mutation: str
    entity: str
    """Where the answer holds the record."""
    input: Callable[[TicketItem], dict[str, Any]]
    missing: Callable[[TicketItem], str]
    """What the item lacks, in words; the schema itself asks for too little."""
    has_own_id: bool


def _issue_input(item: TicketItem) -> dict[str, Any]:
    given = {"id": item.id, "teamId": item.team_id, "title": item.title, "priority": item.priority}
    extra = {"description": item.body, "parentId": item.parent_id}
    return {**given, **{name: value for name, value in extra.items() if value}}


def _issue_missing(item: TicketItem) -> str:
    if not item.title.strip():
        return "the issue has no title"
    if not item.team_id:
        return "the issue has no team"
    return _id_missing(item)


def _comment_missing(item: TicketItem) -> str:
    if not item.body.strip():
        return "the comment has no text"
    if not item.parent_id:
        return "the comment belongs to no issue"
    return _id_missing(item)


def _link_missing(item: TicketItem) -> str:
    if not item.parent_id:
        return "the link belongs to no issue"
    if not item.title.strip():
        return "the link has no title"
    return "" if item.url.startswith(("https://", "http://")) else "the link is no web address"


def _id_missing(item: TicketItem) -> str:
    return "" if _UUID4.fullmatch(item.id) else "its id is no UUID v4"


KINDS: Mapping[str, Kind] = {
    "linear.issue": Kind(documents.ISSUE_CREATE, "issueCreate", "issue", _issue_input, _issue_missing, has_own_id=True),
    "linear.comment": Kind(
        documents.COMMENT_CREATE,
        "commentCreate",
        "comment",
        lambda item: {"id": item.id, "issueId": item.parent_id, "body": item.body},
        _comment_missing,
        has_own_id=True,
    ),
    "linear.link": Kind(
        documents.LINK_CREATE,
        "attachmentCreate",
        "attachment",
        lambda item: {"issueId": item.parent_id, "title": item.title, "url": item.url},
        _link_missing,
        has_own_id=False,
    ),
}
