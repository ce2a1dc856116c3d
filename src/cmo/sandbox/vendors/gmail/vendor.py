"""Gmail's paths: tokens, limits, validation."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from cmo.sandbox.vendors.gmail.mailbox import ADDRESS, BadMail, Mail, Mailbox
from cmo.sandbox.wire import Request, Response

ROOT = "/gmail/v1/users/me/"
TOKEN_PATH = "/token"
ACCESS_TOKEN = "ya29.sandbox-0"
CLIENT_ID = "sandbox.apps.example"
CLIENT_SECRET = "sandbox-client-secret"
REFRESH_TOKEN = "1//sandbox-refresh-token"
UNITS_PER_MINUTE = 6000
EXPIRES_S = 3599

_UNITS = {
    "profile": 1,
    "messages": 5,
    "drafts": 5,
    "threads": 10,
    "drafts.create": 10,
    "drafts.update": 15,
    "send": 100,
}
_LIST_PARAMS = frozenset({"q", "maxResults", "pageToken", "includeSpamTrash"})


class GmailVendor:
    """One mailbox. `ACCESS_TOKEN` opens it, or the token that `REFRESH_TOKEN` is exchanged for."""

    name = "gmail"

    def __init__(
        self,
        *,
        seed: int = 7,
        address: str = ADDRESS,
        keeps_message_ids: bool = True,
        search_lag_s: float = 0.0,
        units_per_minute: int = UNITS_PER_MINUTE,
    ) -> None:
        """
        Args:
            keeps_message_ids: False for an account in which Gmail replaces the Message-ID on sending.
            search_lag_s: How long search does not find what is new.
        """
        self._box = Mailbox(seed, address, keeps_message_ids, search_lag_s)
        self._units_per_minute = units_per_minute
        self._used: list[tuple[float, int]] = []
        self._token_number = 0
        self._is_revoked = False

    @property
    def sent(self) -> tuple[Mail, ...]:
        """Every sent message, oldest first."""
        return tuple(mail for mail in self._box.messages.values() if "SENT" in mail.labels)

    @property
    def drafts(self) -> tuple[Mail, ...]:
        return tuple(self._box.drafts.values())

    def expire_token(self) -> None:
        """From now on the access token is refused, and the next one must be asked for."""
        self._token_number += 1

    def revoke(self) -> None:
        """The operator withdraws the login: neither token works any more."""
        self.expire_token()
        self._is_revoked = True

    def write_draft(self, raw: str, now: datetime) -> None:
        """As a person does it."""
        self._box.put_draft({"raw": raw}, now)

    def send_mail(self, raw: str, now: datetime) -> None:
        """As a person does it."""
        self._box.send({"raw": raw}, now)

    def trash(self, message_id: str) -> None:
        """As a person does it."""
        mail = self._box.messages[message_id]
        mail.labels = (*mail.labels, "TRASH")

    def answer(self, request: Request, now: datetime) -> Response:
        """As `Vendor.answer`."""
        if request.path == TOKEN_PATH:
            return self._give_token(request)
        if request.headers.get("authorization") != f"Bearer {self._token}" or self._is_revoked:
            return error(401, "UNAUTHENTICATED", "authError", "Request had invalid authentication credentials.")
        if not request.path.startswith(ROOT):
            return error(404, "NOT_FOUND", "notFound", "Not Found")
        try:
            return self._route(request, request.path.removeprefix(ROOT), now)
        except BadMail as problem:
            return error(400, "INVALID_ARGUMENT", "invalidArgument", str(problem))

    def limited(self, now: datetime) -> Response:
        """As `Vendor.limited`: without a time to wait."""
        return error(429, "RESOURCE_EXHAUSTED", "rateLimitExceeded", "Too many concurrent requests for user")

    def ok_with_error(self, request: Request) -> Response | None:
        """As `Vendor.ok_with_error`: Gmail never does that."""
        return None

    def to_json(self) -> dict[str, Any]:
        return {**self._box.to_json(), "token_number": self._token_number, "is_revoked": self._is_revoked}

    def load_json(self, saved: Mapping[str, Any]) -> None:
        """As `Vendor.load_json`; the minute's units start anew."""
        self._box.load_json(saved)
        self._token_number = saved["token_number"]
        self._is_revoked = saved["is_revoked"]

    @property
    def _token(self) -> str:
        return f"ya29.sandbox-{self._token_number}"

    def _give_token(self, request: Request) -> Response:
        given = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        if request.method != "POST" or given.get("grant_type") != "refresh_token":
            return Response.json(400, {"error": "unsupported_grant_type"})
        if (given.get("client_id"), given.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return Response.json(401, {"error": "invalid_client"})
        if given.get("refresh_token") != REFRESH_TOKEN or self._is_revoked:
            return Response.json(400, {"error": "invalid_grant", "error_description": "Token has been revoked."})
        scope = "https://www.googleapis.com/auth/gmail.compose https://www.googleapis.com/auth/gmail.readonly"
        told = {"access_token": self._token, "expires_in": EXPIRES_S, "scope": scope, "token_type": "Bearer"}
        return Response.json(200, told)

    def _route(self, request: Request, path: str, now: datetime) -> Response:
        for method, pattern, cost, params, handle in self._routes:
            found = re.fullmatch(pattern, path)
            if found and request.method == method:
                if unknown := set(request.query) - params:
                    raise BadMail(f'Invalid JSON payload received. Unknown name "{min(unknown)}": Cannot bind query')
                if not self._has_units(_UNITS[cost], now):
                    message = "User-rate limit exceeded."
                    return error(403, "PERMISSION_DENIED", "userRateLimitExceeded", message)
                return handle(request, now, *found.groups())
        return error(404, "NOT_FOUND", "notFound", "Not Found")

    @property
    def _routes(self) -> tuple[tuple[str, str, str, frozenset[str], Callable[..., Response]], ...]:
        nothing: frozenset[str] = frozenset()
        formats = frozenset({"format", "metadataHeaders"})
        return (
            ("GET", "profile", "profile", nothing, self._profile),
            ("GET", "messages", "messages", _LIST_PARAMS | {"labelIds"}, self._list_messages),
            ("GET", "messages/([^/]+)", "messages", formats, self._get_message),
            ("POST", "messages/send", "send", nothing, self._send),
            ("GET", "threads", "threads", _LIST_PARAMS | {"labelIds"}, self._list_threads),
            ("GET", "threads/([^/]+)", "threads", formats, self._get_thread),
            ("GET", "drafts", "drafts", _LIST_PARAMS, self._list_drafts),
            ("POST", "drafts", "drafts.create", nothing, self._put_draft),
            ("POST", "drafts/send", "send", nothing, self._send_draft),
            ("PUT", "drafts/([^/]+)", "drafts.update", nothing, self._put_draft),
            ("DELETE", "drafts/([^/]+)", "drafts.create", nothing, self._delete_draft),
        )

    def _has_units(self, cost: int, now: datetime) -> bool:
        self._used = [(at, units) for at, units in self._used if now.timestamp() - at < 60]
        if sum(units for _, units in self._used) + cost > self._units_per_minute:
            return False
        self._used.append((now.timestamp(), cost))
        return True

    def _profile(self, request: Request, now: datetime) -> Response:
        threads = {mail.thread_id for mail in self._box.messages.values()}
        told = {"messagesTotal": len(self._box.messages), "threadsTotal": len(threads)}
        return Response.json(200, {"emailAddress": self._box.address, "historyId": str(self._box.made), **told})

    def _list_messages(self, request: Request, now: datetime) -> Response:
        rows = [{"id": mail.id, "threadId": mail.thread_id} for mail in self._search(request, now)]
        return _list("messages", rows)

    def _list_threads(self, request: Request, now: datetime) -> Response:
        ids = dict.fromkeys(mail.thread_id for mail in self._search(request, now))
        return _list("threads", [{"id": key, "snippet": "", "historyId": str(self._box.made)} for key in ids])

    def _search(self, request: Request, now: datetime) -> list[Mail]:
        asked = request.query
        with_trash = asked.get("includeSpamTrash") == "true"
        return self._box.search(asked.get("q", ""), now, label=asked.get("labelIds", ""), with_trash=with_trash)

    def _get_message(self, request: Request, now: datetime, message_id: str) -> Response:
        mail = self._box.messages.get(message_id)
        return _not_found() if mail is None else Response.json(200, self._shown(mail, request))

    def _get_thread(self, request: Request, now: datetime, thread_id: str) -> Response:
        mails = [mail for mail in self._box.messages.values() if mail.thread_id == thread_id]
        told = {"id": thread_id, "messages": [self._shown(mail, request) for mail in mails]}
        return Response.json(200, told) if mails else _not_found()

    def _shown(self, mail: Mail, request: Request) -> dict[str, Any]:
        shape = request.query.get("format", "full")
        row = {**_brief(mail), "internalDate": f"{mail.at * 1000:.0f}", "historyId": str(self._box.made)}
        if shape == "raw":
            return {**row, "raw": mail.raw}
        if shape == "minimal":
            return row
        headers = [{"name": name, "value": value} for name, value in mail.headers]
        return {**row, "payload": {"mimeType": "text/plain", "headers": headers}}

    def _send(self, request: Request, now: datetime) -> Response:
        return Response.json(200, _brief(self._box.send(_body(request, {"raw", "threadId"}), now)))

    def _list_drafts(self, request: Request, now: datetime) -> Response:
        ids = self._box.search_drafts(request.query.get("q", ""), now)
        return _list("drafts", [self._draft(draft_id) for draft_id in ids])

    def _put_draft(self, request: Request, now: datetime, draft_id: str = "") -> Response:
        if draft_id and draft_id not in self._box.drafts:
            return _not_found()
        message = _body(request, {"message"}).get("message")
        return Response.json(200, self._draft(self._box.put_draft(message, now, draft_id=draft_id)))

    def _send_draft(self, request: Request, now: datetime) -> Response:
        draft_id = _body(request, {"id"}).get("id")
        if draft_id not in self._box.drafts:
            return _not_found()
        return Response.json(200, _brief(self._box.send_draft(draft_id, now)))

    def _delete_draft(self, request: Request, now: datetime, draft_id: str) -> Response:
        return Response(204) if self._box.drafts.pop(draft_id, None) else _not_found()

    def _draft(self, draft_id: str) -> dict[str, Any]:
        return {"id": draft_id, "message": _brief(self._box.drafts[draft_id])}


def error(status: int, word: str, reason: str, message: str) -> Response:
    """Google's envelope."""
    entry = {"domain": "usageLimits" if "Limit" in reason else "global", "reason": reason, "message": message}
    return Response.json(status, {"error": {"code": status, "message": message, "status": word, "errors": [entry]}})


def _not_found() -> Response:
    return error(404, "NOT_FOUND", "notFound", "Requested entity was not found.")


def _brief(mail: Mail) -> dict[str, Any]:
    return {"id": mail.id, "threadId": mail.thread_id, "labelIds": list(mail.labels)}


def _list(name: str, rows: list[dict[str, Any]]) -> Response:
    """Without the list where it is empty."""
    return Response.json(200, {**({name: rows} if rows else {}), "resultSizeEstimate": len(rows)})


def _body(request: Request, allowed: set[str]) -> dict[str, Any]:
    try:
        body = json.loads(request.body)
    except ValueError as problem:
        raise BadMail("Invalid JSON payload received.") from problem
    if not isinstance(body, dict):
        raise BadMail("Invalid JSON payload received.")
    if unknown := set(body) - allowed:
        raise BadMail(f'Invalid JSON payload received. Unknown name "{min(unknown)}": Cannot find field.')
    return body
