"""What a run leaves in the job's folder: the snapshot of its state, and the log of its run events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Protocol

from cmo.config.secrets import mask_addresses, redact
from cmo.domain.event import Recorded
from cmo.graph.state import SCHEMA_VERSION
from cmo.store.db import Connection
from cmo.store.events import tail
from cmo.store.snapshot import iter_state_json

_LOG_CHUNK = 500


class Folder(Protocol):
    """Where a job's snapshot and log go."""

    def write_snapshot(self, chunks: Iterable[str]) -> None: ...
    def append_log(self, lines: Sequence[str]) -> None: ...
    def last_logged(self) -> str: ...


def write_snapshot(conn: Connection, job_id: str, folder: Folder) -> None:
    """Replace the snapshot by the state as it is now."""
    folder.write_snapshot(iter_state_json(conn, job_id, schema_version=SCHEMA_VERSION))


def extend_log(conn: Connection, job_id: str, folder: Folder) -> None:
    """Add the run events that the log does not have yet, without secrets and addresses."""
    seq = _last_seq(folder.last_logged())
    while chunk := tail(conn, job_id, after_seq=seq, run_only=True, limit=_LOG_CHUNK):
        folder.append_log([_line(recorded) for recorded in chunk])
        seq = chunk[-1].seq


def _line(recorded: Recorded) -> str:
    body = recorded.event.model_dump(mode="json", exclude_none=True)
    record = {"seq": recorded.seq, "at": recorded.at.isoformat(), "job_id": recorded.job_id, **body}
    return mask_addresses(redact(json.dumps(record)))


def _last_seq(line: str) -> int:
    try:
        return int(json.loads(line)["seq"])
    except (ValueError, KeyError, TypeError):
        return 0
