"""The part of Linear's schema that is served, with its resolvers. A test compares every line with the whole one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from graphql import (
    FieldNode,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    SelectionNode,
    VariableNode,
    build_schema,
)

from cmo.sandbox.vendors.linear.rows import VIEWER_ID, Comment, Issue, Link, Rows, refusal

PAGE = 50
MOST_PER_PAGE = 250

SDL = """
scalar DateTime

type Query {
  viewer: User!
  teams(after: String, filter: TeamFilter, first: Int, includeArchived: Boolean): TeamConnection!
  issues(after: String, filter: IssueFilter, first: Int, includeArchived: Boolean): IssueConnection!
  comments(after: String, filter: CommentFilter, first: Int, includeArchived: Boolean): CommentConnection!
  attachmentsForURL(after: String, first: Int, includeArchived: Boolean, url: String!): AttachmentConnection!
}

type Mutation {
  issueCreate(input: IssueCreateInput!): IssuePayload!
  commentCreate(input: CommentCreateInput!): CommentPayload!
  attachmentCreate(input: AttachmentCreateInput!): AttachmentPayload!
}

type User { id: ID! name: String! email: String! }
type Team { id: ID! key: String! name: String! }
type Issue {
  id: ID! identifier: String! number: Float! url: String! title: String! description: String priority: Float!
  trashed: Boolean archivedAt: DateTime createdAt: DateTime! team: Team! parent: Issue
}
type Comment { id: ID! url: String! body: String! createdAt: DateTime! issue: Issue }
type Attachment { id: ID! url: String! title: String! createdAt: DateTime! issue: Issue! }

type PageInfo { hasNextPage: Boolean! endCursor: String }
type TeamConnection { nodes: [Team!]! pageInfo: PageInfo! }
type IssueConnection { nodes: [Issue!]! pageInfo: PageInfo! }
type CommentConnection { nodes: [Comment!]! pageInfo: PageInfo! }
type AttachmentConnection { nodes: [Attachment!]! pageInfo: PageInfo! }

type IssuePayload { success: Boolean! lastSyncId: Float! issue: Issue }
type CommentPayload { success: Boolean! lastSyncId: Float! comment: Comment! }
type AttachmentPayload { success: Boolean! lastSyncId: Float! attachment: Attachment! }

input IDComparator { eq: ID in: [ID!] }
input IssueIDComparator { eq: ID in: [ID!] }
input StringComparator { eq: String in: [String!] }
input TeamFilter { id: IDComparator key: StringComparator }
input IssueFilter { id: IssueIDComparator }
input CommentFilter { id: IDComparator }

input IssueCreateInput {
  id: String teamId: String! title: String description: String parentId: String priority: Int
}
input CommentCreateInput { id: String issueId: String body: String }
input AttachmentCreateInput { id: String issueId: String! title: String! url: String! }
"""


@dataclass(frozen=True)
class Context:
    """Passed to every resolver as `info.context`."""

    rows: Rows
    now: datetime


@lru_cache(maxsize=1)
def load_schema() -> GraphQLSchema:
    """The schema with its resolvers; they find the rows in the context."""
    schema = build_schema(SDL, assume_valid=True)
    for path, resolve in _RESOLVERS.items():
        kind, _, name = path.partition(".")
        schema.type_map[kind].fields[name].resolve = resolve  # type: ignore[attr-defined]  # graphql-core's base type
    return schema


def points(selections: Iterable[SelectionNode], variables: dict[str, Any]) -> float:
    """What a query costs: 0.1 for a property, 1 for an object, times the page size for a connection.

    Source: contracts/linear.md, Limits.
    """
    total = 0.0
    for node in selections:
        chosen = node.selection_set if isinstance(node, (FieldNode, InlineFragmentNode)) else None
        inner = chosen.selections if chosen else ()
        if not inner:
            total += 0.1
            continue
        is_connection = any(isinstance(child, FieldNode) and child.name.value == "nodes" for child in inner)
        factor = _page_size(node, variables) if is_connection and isinstance(node, FieldNode) else 1
        total += factor * (1 + points(inner, variables))
    return total


def _page_size(node: FieldNode, variables: dict[str, Any]) -> int:
    given = next((argument.value for argument in node.arguments or () if argument.name.value == "first"), None)
    if isinstance(given, VariableNode):
        return int(variables.get(given.name.value) or PAGE)
    return int(given.value) if isinstance(given, IntValueNode) else PAGE


def _viewer(_: object, _info: Any) -> dict[str, str]:
    return {"id": VIEWER_ID, "name": "Sandbox", "email": "operator@sandbox.example"}


def _teams(_: object, info: Any, filter: dict[str, Any] | None = None, **paging: Any) -> dict[str, Any]:
    rows = [
        team
        for team in info.context.rows.teams
        if _matches((filter or {}).get("id"), team.id) and _matches((filter or {}).get("key"), team.key)
    ]
    return _page(rows, **paging)


def _issues(_: object, info: Any, filter: dict[str, Any] | None = None, **paging: Any) -> dict[str, Any]:
    rows = [row for row in info.context.rows.issues.values() if _matches((filter or {}).get("id"), row.id)]
    return _page([row for row in rows if _is_shown(row, paging)], **paging)


def _comments(_: object, info: Any, filter: dict[str, Any] | None = None, **paging: Any) -> dict[str, Any]:
    rows = [row for row in info.context.rows.comments.values() if _matches((filter or {}).get("id"), row.id)]
    return _page([row for row in rows if _is_shown(info.context.rows.issues[row.issue_id], paging)], **paging)


def _links(_: object, info: Any, url: str, **paging: Any) -> dict[str, Any]:
    rows = [row for row in info.context.rows.links.values() if row.url == url]
    return _page([row for row in rows if _is_shown(info.context.rows.issues[row.issue_id], paging)], **paging)


def _is_shown(issue: Issue, paging: dict[str, Any]) -> bool:
    return bool(paging.get("includeArchived")) or not (issue.trashed or issue.archived_at)


def _matches(comparator: dict[str, Any] | None, value: str) -> bool:
    if not comparator:
        return True
    wanted = [comparator["eq"]] if comparator.get("eq") is not None else comparator.get("in")
    return wanted is None or value in [str(entry) for entry in wanted]


def _page(
    rows: list[Any], *, first: int | None = None, after: str | None = None, includeArchived: bool | None = None
) -> dict[str, Any]:
    """One page; cursors are row ids."""
    size = PAGE if first is None else first
    if not 1 <= size <= MOST_PER_PAGE:
        raise refusal("invalid input", f"first must be between 1 and {MOST_PER_PAGE}")
    ids = [row.id for row in rows]
    if after is not None and after not in ids:
        raise refusal("invalid input", "after is no cursor")
    start = ids.index(after) + 1 if after is not None else 0
    shown = rows[start : start + size]
    return {
        "nodes": shown,
        "pageInfo": {"hasNextPage": start + size < len(rows), "endCursor": shown[-1].id if shown else None},
    }


def _issue_create(_: object, info: Any, input: dict[str, Any]) -> dict[str, Any]:
    return {"success": True, "lastSyncId": 1.0, "issue": info.context.rows.add_issue(input, info.context.now)}


def _comment_create(_: object, info: Any, input: dict[str, Any]) -> dict[str, Any]:
    return {"success": True, "lastSyncId": 1.0, "comment": info.context.rows.add_comment(input, info.context.now)}


def _attachment_create(_: object, info: Any, input: dict[str, Any]) -> dict[str, Any]:
    return {"success": True, "lastSyncId": 1.0, "attachment": info.context.rows.put_link(input, info.context.now)}


def _issue_of(row: Comment | Link, info: Any) -> Issue:
    issue: Issue = info.context.rows.issues[row.issue_id]
    return issue


_RESOLVERS = {
    "Query.viewer": _viewer,
    "Query.teams": _teams,
    "Query.issues": _issues,
    "Query.comments": _comments,
    "Query.attachmentsForURL": _links,
    "Mutation.issueCreate": _issue_create,
    "Mutation.commentCreate": _comment_create,
    "Mutation.attachmentCreate": _attachment_create,
    "Issue.team": lambda row, info: next(team for team in info.context.rows.teams if team.id == row.team_id),
    "Issue.parent": lambda row, info: info.context.rows.issues.get(row.parent_id),
    "Issue.archivedAt": lambda row, _: row.archived_at,
    "Issue.createdAt": lambda row, _: row.created_at,
    "Comment.createdAt": lambda row, _: row.created_at,
    "Comment.issue": _issue_of,
    "Attachment.createdAt": lambda row, _: row.created_at,
    "Attachment.issue": _issue_of,
}
