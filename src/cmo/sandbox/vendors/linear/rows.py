"""What the sandbox's Linear holds, and the rules by which rows come to be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from graphql import GraphQLError

from cmo.sandbox.dice import Dice

TEAM_ID = "6c0f4a52-7d11-4b3e-9a58-20c4be7f1d03"
TEAM_KEY = "CMO"
VIEWER_ID = "f2b91c7e-33a4-4d0b-8e6d-5a1c09d7e842"

_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Team:
    id: str
    key: str
    name: str


@dataclass
class Issue:
    id: str
    number: int
    team_id: str
    title: str
    description: str
    priority: int
    parent_id: str | None
    created_at: str
    """ISO 8601."""
    archived_at: str | None = None
    trashed: bool = False

    @property
    def identifier(self) -> str:
        return f"{TEAM_KEY}-{self.number}"

    @property
    def url(self) -> str:
        return f"https://linear.example/sandbox/issue/{self.identifier}"


@dataclass
class Comment:
    id: str
    issue_id: str
    body: str
    created_at: str

    @property
    def url(self) -> str:
        return f"https://linear.example/sandbox/comment/{self.id}"


@dataclass
class Link:
    """An attachment."""

    id: str
    issue_id: str
    url: str
    title: str
    created_at: str


def refusal(kind: str, message: str) -> GraphQLError:
    """An error in Linear's form; `kind` is its `extensions.type`."""
    return GraphQLError(
        message,
        extensions={"type": kind, "code": "INPUT_ERROR", "userError": True, "userPresentableMessage": message},
    )


@dataclass
class Rows:
    """One workspace with one team. Rows keep the order in which they were made."""

    seed: int
    issue_limit: int
    """How many issues the plan allows."""
    teams: tuple[Team, ...] = (Team(TEAM_ID, TEAM_KEY, "Outreach"),)
    issues: dict[str, Issue] = field(default_factory=dict)
    comments: dict[str, Comment] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)

    def find_issue(self, id_or_identifier: str) -> Issue | None:
        """Archived and trashed ones too."""
        found = self.issues.get(id_or_identifier.lower())
        return found or next((row for row in self.issues.values() if row.identifier == id_or_identifier), None)

    def add_issue(self, given: Mapping[str, Any], now: datetime) -> Issue:
        """As `issueCreate`.

        Raises:
            GraphQLError: the input is refused; nothing was made.
        """
        row_id = self._new_id(given, self.issues, "Issue")
        if given["teamId"] not in {team.id for team in self.teams}:
            raise refusal("invalid input", "Entity not found: Team")
        if not (given.get("title") or "").strip():
            raise refusal("invalid input", "title should not be empty")
        if given.get("priority") not in (None, 0, 1, 2, 3, 4):
            raise refusal("invalid input", "priority must be between 0 and 4")
        parent = self._issue(given["parentId"]) if given.get("parentId") else None
        if len(self.issues) >= self.issue_limit:
            raise refusal("usage limit exceeded", "The workspace has reached the issue limit of its plan")
        row = Issue(
            id=row_id,
            number=len(self.issues) + 1,
            team_id=given["teamId"],
            title=given["title"],
            description=given.get("description") or "",
            priority=given.get("priority") or 0,
            parent_id=parent.id if parent else None,
            created_at=now.isoformat(),
        )
        self.issues[row.id] = row
        return row

    def add_comment(self, given: Mapping[str, Any], now: datetime) -> Comment:
        """As `commentCreate`; raises as `add_issue`."""
        row_id = self._new_id(given, self.comments, "Comment")
        if not given.get("issueId"):
            raise refusal("invalid input", "issueId must be given")
        if not (given.get("body") or "").strip():
            raise refusal("invalid input", "body should not be empty")
        row = Comment(row_id, self._issue(given["issueId"]).id, given["body"], now.isoformat())
        self.comments[row.id] = row
        return row

    def put_link(self, given: Mapping[str, Any], now: datetime) -> Link:
        """As `attachmentCreate`: the same URL on the same issue updates what is there. Raises as `add_issue`."""
        issue = self._issue(given["issueId"])
        if urlsplit(given["url"]).scheme not in ("http", "https"):
            raise refusal("invalid input", "url must be a URL address")
        there = next((row for row in self.links.values() if (row.issue_id, row.url) == (issue.id, given["url"])), None)
        if there is not None:
            there.title = given["title"]
            return there
        row = Link(
            self._new_id(given, self.links, "Attachment"), issue.id, given["url"], given["title"], now.isoformat()
        )
        self.links[row.id] = row
        return row

    def _issue(self, id_or_identifier: str) -> Issue:
        issue = self.find_issue(id_or_identifier)
        if issue is None:
            raise refusal("invalid input", "Entity not found: Issue")
        return issue

    def _new_id(self, given: Mapping[str, Any], taken: Mapping[str, object], kind: str) -> str:
        """The id of the caller's choice, or one of ours."""
        wanted = given.get("id")
        if wanted is None:
            digits = Dice(self.seed, "linear", kind, len(taken)).hex(32)
            return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"
        if not _UUID4.fullmatch(str(wanted).lower()):
            raise refusal("invalid input", "id must be a UUID v4")
        if str(wanted).lower() in taken:
            raise refusal("invalid input", f"conflict on insert of {kind}: the id is taken")
        return str(wanted).lower()

    def to_json(self) -> dict[str, Any]:
        return {
            "issues": [asdict(row) for row in self.issues.values()],
            "comments": [asdict(row) for row in self.comments.values()],
            "links": [asdict(row) for row in self.links.values()],
        }

    def load_json(self, saved: Mapping[str, Any]) -> None:
        """Take over what `to_json` gave."""
        self.issues = {row["id"]: Issue(**row) for row in saved["issues"]}
        self.comments = {row["id"]: Comment(**row) for row in saved["comments"]}
        self.links = {row["id"]: Link(**row) for row in saved["links"]}
