"""Failures in groups: which belong together, what one means, what can be done, and when there are too many at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from cmo.domain.base import Frozen
from cmo.domain.known_errors import KNOWN, SERVICES, Known
from cmo.domain.text import clean_line
from cmo.ids import short_hash

KEY_DIGITS = 8
LONGEST_MESSAGE = 400
"""Characters that count; messages are cut shorter than this where they are made."""

_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*"
_DAY = r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*"
_DATE = re.compile(rf"(?:\b{_DAY},? +)?(?:\b\d{{1,2}} +{_MONTH}|\b{_MONTH} +\d{{1,2}}\b)(?:,? +\d{{4}})?")
_DURATION = re.compile(
    r"(?<![\w.-])\d[\d.,]* *(?:ms|milliseconds?|s|secs?|seconds?|min|mins|minutes?|h|hours?|d|days?)(?![\w-])(?!\.\w)"
)
_QUOTES = "()[]{}<>\"'`“”’«».,;:!?=…"
_HOST = re.compile(r"(?:[\w-]+\.)+[a-z]{2,}(?::\d+)?")
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
"""A mail server's reason (RFC 3463): it says what happened, not to whom."""
_RUN = re.compile(r"<n>(?:[ ,:;–-]+(?:and +)?<n>)+")


class ErrorGroup(Frozen):
    """Failures that belong together."""

    key: str
    """From `group_key`."""
    stage: str
    tool: str
    """A tool (`mx_check`), or an operation of a provider (`gmail.send`)."""
    code: str
    message: str
    """Of one of them, as it was told."""
    status: int | None = None
    """HTTP or SMTP."""
    count: int
    tries: int = 0
    """Most that any of them has had."""
    most_tries: int | None = None
    next_try_at: datetime | None = None
    """None where nothing happens by itself."""
    is_of_ended_job: bool = False

    @property
    def provider(self) -> str:
        """Whose failure it is: the provider of an operation, else the service that the tool asks."""
        name, dot, _ = self.tool.partition(".")
        return name if dot else _SERVICE_OF_TOOL.get(self.tool, "")

    @property
    def is_write(self) -> bool:
        """Whether something was to change outside."""
        return "." in self.tool

    @property
    def can_be_retried(self) -> bool:
        """A job that is over takes nothing up again; its writes still leave."""
        return self.is_write or not self.is_of_ended_job


class Explanation(Frozen):
    """A group of failures in the words of the Errors screen."""

    means: str
    did: str
    """What cmo did about it, and when it goes on."""
    can_do: tuple[str, ...]
    """Each ends in a command to type."""


_SERVICE_OF_TOOL = {
    "search_github_repos": "github",
    "extract_people": "github",
    "find_commit_emails": "github",
    "enrich_github_user": "github",
    "mx_check": "dns",
}


_RETRIES = "cmo errors retry"
NEW_JOB = "the job is over; look again in a new one: cmo run"
UNKNOWN_CAN_DO: tuple[str, ...] = (
    "see all of them: cmo errors show {key}",
    "try again: cmo errors retry {key}",
    "leave them out: cmo errors skip {key}",
)


def normalise(message: str) -> str:
    """`message` without what differs from one failure to the next: numbers, ids, addresses, hosts, paths, times.

    Idempotent. A mail server's enhanced code (`5.7.1`) stays.
    """
    text = clean_line(clean_line(message, limit=LONGEST_MESSAGE).lower(), limit=LONGEST_MESSAGE)
    text = _DURATION.sub("<n>", _DATE.sub("<n>", text))
    text = _RUN.sub("<n>", " ".join(_plain(word) for word in text.split()))
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 1].rpartition(" ")[0]


def _plain(word: str) -> str:
    """One word, or what stands for its kind, within the punctuation around it."""
    core = word.strip(_QUOTES)
    if not core:
        return word
    before, _, after = word.partition(core)
    return f"{before}{_kind(core)}{after}"


def _kind(core: str) -> str:
    if "://" in core:
        return "<url>"
    if "@" in core:
        return "<address>"
    if "/" in core:
        return "<path>"
    if _HOST.fullmatch(core):
        return "<host>"
    if _ENHANCED.fullmatch(core):
        return core
    return "<n>" if any(char.isdigit() for char in core) else core


def group_key(stage: str, tool: str, message: str, status: int | None = None) -> str:
    """8 hex digits: the same for failures of one kind."""
    return short_hash(stage, tool, normalise(message), "" if status is None else str(status))[:KEY_DIGITS]


def explain(group: ErrorGroup) -> Explanation:
    """What a group means, what was done, what can be done; an unknown error shows its own words first."""
    known = next((entry for entry in KNOWN if _fits(entry, group)), None)
    values = {
        "service": SERVICES.get(group.provider, group.provider or "the service"),
        "provider": group.provider,
        "key": group.key,
        "count": f"{group.count:,}",
        "wait": "1 waits" if group.count == 1 else f"{group.count:,} wait",
    }
    if known is None:
        means = f"{clean_line(group.message) or 'It failed without a word'} ({group.code or 'no code'})"
        did, can_do = "Kept the failure with its words.", UNKNOWN_CAN_DO
    else:
        means, did, can_do = known.means.format(**values), known.did.format(**values), known.can_do
    if not group.can_be_retried:
        can_do = (*(line for line in can_do if _RETRIES not in line), NEW_JOB)
    return Explanation(
        means=means[:1].upper() + means[1:],
        did=" ".join(filter(None, (did, _progress(group)))),
        can_do=tuple(line.format(**values) for line in can_do),
    )


def _fits(known: Known, group: ErrorGroup) -> bool:
    return (
        (not known.codes or group.code in known.codes)
        and (not known.statuses or group.status in known.statuses)
        and (not known.providers or group.provider in known.providers)
        and (not known.stages or group.stage in known.stages)
        and (known.is_write is None or known.is_write is group.is_write)
        and (not known.words or re.search(known.words, group.message, re.I) is not None)
    )


def _progress(group: ErrorGroup) -> str:
    if group.next_try_at is not None:
        attempt = f", attempt {group.tries + 1}" if group.tries else ""
        of = f" of {group.most_tries}" if attempt and group.most_tries else ""
        return f"Next try {group.next_try_at:%H:%M:%S}{attempt}{of}."
    if group.tries > 1:
        return f"Tried {group.tries} times."
    return ""


def is_spike(times: Sequence[datetime], *, now: datetime, at_least: int, within: timedelta) -> bool:
    """Whether at least `at_least` of `times`, in any order, are younger than `within`.

    Times after `now` count too: a clock that was set back hides nothing.
    """
    return sum(now - at < within for at in times) >= at_least
