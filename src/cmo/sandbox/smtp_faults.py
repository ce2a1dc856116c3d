"""Troubles of a mail server on demand: at which point of the dialogue, and how; fixed by a seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cmo.sandbox.dice import Dice

SmtpPoint = Literal["connect", "banner", "ehlo", "auth", "mail", "rcpt", "data", "content", "dot", "after_dot", "quit"]
"""`connect`: before a byte is said; `content`: in the middle of the text; `dot`: the text is complete and not yet
taken; `after_dot`: it is taken and not yet acknowledged. The others: instead of the reply to that command."""

SmtpWay = Literal[
    "drop", "drop_after_accepting", "timeout", "timeout_after_accepting", "4xx", "5xx", "421", "slow", "garbage"
]
"""`drop` ends the connection, `timeout` says nothing until the client leaves; the mail is taken before that at `dot`
with `..._after_accepting` and always at `after_dot`. An error at `after_dot` follows the 250 and ends the connection;
one at `content` comes too early and ends it too, as `421` does anywhere. `slow` is the right answer, `seconds` late;
`garbage` is none."""


@dataclass(frozen=True, kw_only=True)
class SmtpFault:
    """When one kind of trouble is played: by `share` of the times its point is passed, or at the `nth` (from 1)."""

    point: SmtpPoint
    way: SmtpWay
    nth: tuple[int, ...] = ()
    share: float = 0.0
    most: int | None = None
    """Played at most this often."""
    seconds: float = 20.0


class SmtpFaultPlayer:
    """Decides at each point. A share is drawn from who is written to and how often, not from the order of arrival."""

    def __init__(self, faults: Sequence[SmtpFault] = (), *, seed: int = 7) -> None:
        self._faults = tuple(faults)
        self._seed = seed
        self._seen: Counter[str] = Counter()
        self._passed: Counter[int] = Counter()
        self._played: Counter[int] = Counter()

    def pick(self, point: SmtpPoint, content: str = "") -> SmtpFault | None:
        """The trouble to play at `point` for `content`, counted as played."""
        key = f"{point}|{content}"
        self._seen[key] += 1
        for number, fault in enumerate(self._faults):
            if fault.point == point and self._strikes(number, fault, key):
                self._played[number] += 1
                return fault
        return None

    def _strikes(self, number: int, fault: SmtpFault, key: str) -> bool:
        self._passed[number] += 1
        if fault.most is not None and self._played[number] >= fault.most:
            return False
        if self._passed[number] in fault.nth:
            return True
        return fault.share > 0 and Dice(self._seed, number, key, self._seen[key]).chance(fault.share)

    def to_json(self) -> dict[str, Any]:
        return {
            "seen": dict(self._seen),
            "passed": {str(number): count for number, count in self._passed.items()},
            "played": {str(number): count for number, count in self._played.items()},
        }

    def load_json(self, saved: Mapping[str, Any]) -> None:
        """Go on where `to_json` stopped."""
        self._seen = Counter(saved["seen"])
        self._passed = Counter({int(number): count for number, count in saved["passed"].items()})
        self._played = Counter({int(number): count for number, count in saved["played"].items()})
