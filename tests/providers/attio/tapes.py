"""Recorded exchanges of a CRM: made against the sandbox, which they say, and played back by the client's tests."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import vcr
import yaml

NOTE = "# Recorded against cmo's sandbox (seed 7), not against the service: people and addresses are invented.\n"
KEPT_HEADERS = re.compile(r"content-type|retry-after|x-hubspot-ratelimit-daily-remaining", re.I)
"""Those of an answer that the clients read."""


class Noted:
    """YAML with a note on where it comes from."""

    @staticmethod
    def serialize(cassette: dict[str, Any]) -> str:
        return NOTE + str(yaml.safe_dump(cassette, allow_unicode=True, width=120))

    @staticmethod
    def deserialize(text: str) -> Any:
        return yaml.safe_load(text)


def player(path: Path, *, host: str, record_from: str | None = None) -> Any:
    """A context in which requests to `host` are answered from the cassette at `path`.

    Args:
        record_from: Base URL of a sandbox; then what it answers is recorded as if `host` had.
    """

    def service_instead(request: Any) -> Any:
        if record_from is not None:
            request.uri = request.uri.replace(record_from, host)
        return request

    def with_few_headers(response: dict[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in response["headers"].items() if KEPT_HEADERS.fullmatch(name)}
        return {**response, "headers": kept}

    tape = vcr.VCR(
        record_mode="none" if record_from is None else "all",
        match_on=["method", "scheme", "host", "port", "path", "query", "body"],
        filter_headers=["authorization", "user-agent", "accept-encoding", "connection", "host"],
        before_record_request=service_instead,
        before_record_response=with_few_headers,
    )
    tape.register_serializer("noted", Noted)
    return tape.use_cassette(str(path), serializer="noted")
