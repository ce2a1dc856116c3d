"""Troubles on the way that leave a write in doubt, and the word that each is told by."""

from __future__ import annotations

import socket

from cmo.sandbox.faults import FaultKind

LONG_S = 5.0
SHORT_S = 0.3
"""For answers that never come."""
TOLD_AS_UNKNOWN = {
    FaultKind.RESET_BEFORE: "reset",
    FaultKind.RESET_AFTER: "reset",
    FaultKind.TIMEOUT_AFTER: "timeout",
    FaultKind.ERROR_AFTER: "server_error",
    FaultKind.SERVER_ERROR: "server_error",
    FaultKind.BAD_GATEWAY: "server_error",
    FaultKind.UNAVAILABLE: "server_error",
    FaultKind.TRUNCATED_BODY: "reset",
    FaultKind.MALFORMED_JSON: "contract_broken",
}
"""Fault -> the code of the receipt, which is UNKNOWN."""


def patience_s(*kinds: FaultKind) -> float:
    """How long to wait for an answer: short where none will come."""
    return SHORT_S if FaultKind.TIMEOUT_AFTER in kinds else LONG_S


def nobody() -> str:
    """An address on this machine where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"
