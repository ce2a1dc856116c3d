"""Phrases that say how: ids, providers, channel, mode, first day, last stage."""

from __future__ import annotations

import re

from cmo.domain.grammar.dates import Day, in_words, read_day, weekday
from cmo.domain.grammar.rules_where import known_place
from cmo.domain.grammar.tokens import Kind, Sentence, word_list
from cmo.domain.grammar.understood import Choice, Question, Rule, Understood
from cmo.domain.grammar.vocabulary import (
    CHANNELS,
    CRMS,
    LANGUAGES,
    LIST_STOPS,
    MAILERS,
    NEGATIONS,
    ONLY,
    ROLES,
    STAGES,
)  # fmt: skip
from cmo.domain.job import Mode

_SEQUENCE_WORDS = frozenset(["seq", "sequence", "sequence_id", "seq_id", "sequence-id", "campaign", "campaign_id"])
_LIST_WORDS = frozenset(["list", "list_id", "list-id"])
_PEOPLE_LISTS = frozenset(word_list("prospects leads people contacts candidates maintainers contributors"))
"""What a list is called that is named right after its CRM: `Attio list prospects`."""
_ENDS = frozenset(["", ",", ";", ".", "and", "then"])
_ID_WORDS = frozenset(["id", "number", "no", "#", "=", ":", "named", "called", "=="])
_TOWARDS = frozenset(word_list("queue enroll enrol into in to onto use using via with on add start"))
_ID_CHARS = "[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}"


# --- ids and providers


def read_sequence_id(s: Sentence, i: int, u: Understood) -> int:
    """`seq=123`, `sequence id abc-1`, `queue sequence welcome`, `Instantly campaign 42`."""
    if s.low(i) not in _SEQUENCE_WORDS:
        return 0
    near = {s.raw(n) for n in range(max(0, i - 3), i)}
    sure = bool(near & (_TOWARDS | MAILERS.keys())) and not s.low(i).startswith("campaign")
    return _read_id(s, i, u, "sequence_id", sure=sure)


def read_list_id(s: Sentence, i: int, u: Understood) -> int:
    """`list=xyz`, `Attio list abc`, `add them to my list abc`; not `a list of people`."""
    if s.low(i) not in _LIST_WORDS:
        return 0
    if s.raw(i - 1) in CRMS and s.low(i + 1) in _PEOPLE_LISTS and s.raw(i + 2) in _ENDS:
        u.put("list_id", s.tokens[i + 1].text)
        return i + 2
    near = {s.raw(n) for n in range(max(0, i - 3), i)}
    return _read_id(s, i, u, "list_id", sure=bool(near & ({"to", "into", "onto", "in"} | CRMS.keys())))


def _read_id(s: Sentence, i: int, u: Understood, key: str, *, sure: bool) -> int:
    start = s.skip(i + 1, _ID_WORDS)
    announced = start > i + 1 or s.is_quote(start)
    if s.kind(start) is Kind.LITERAL and announced:
        u.leave(s, i, start + 1)
        u.note(key, f"“{s.tokens[start].text}” is not an id; {key} stays empty.")
        return start + 1
    found = _identifier(s, start)
    if found is None:
        return 0
    text, end = found
    mixed = any(c.isdigit() for c in text)
    is_word = text.lower() in LIST_STOPS or text.lower() in LANGUAGES or text.lower() in ROLES
    if not announced and (
        is_word or not (mixed or sure) or (mixed and key == "list_id" and not sure and text.isdigit())
    ):
        return 0
    u.put(key, text)
    return end


def _identifier(s: Sentence, i: int) -> tuple[str, int] | None:
    """The id at `i`, which may hold dashes and dots that the tokeniser took apart."""
    if s.is_quote(i):
        text = s.tokens[i].text
        return (text, i + 1) if re.fullmatch(r"\w[\w .:-]{0,99}", text) else None
    if s.kind(i) not in (Kind.WORD, Kind.NUMBER, Kind.DATE):
        return None
    run = s.span(i, s.run(i))
    found = re.match(_ID_CHARS, run)
    if found is None:
        return None
    text = found[0].rstrip(".:-_")
    end = i
    while end < len(s) and s.tokens[end].start < s.tokens[i].start + len(text):
        end += 1
    return text, end


def read_provider(s: Sentence, i: int, u: Understood) -> int:
    """`Instantly`, `via Smartlead`, `to Attio`."""
    word = s.low(i)
    if word in CRMS:
        u.put("crm", CRMS[word])
        return i + 1
    if word not in MAILERS:
        return 0
    towards = s.raw(i - 1) in (
        "queue",
        "via",
        "in",
        "to",
        "with",
        "through",
        "using",
        "on",
        "into",
        "by",
        "from",
        "for",
    )
    named = word == "instantly" and s.tokens[i].text[0].isupper() and i > 0
    if s.raw(i + 1) in ("address", "addresses") or not (towards or named or s.raw(i + 1) in _SEQUENCE_WORDS):
        return 0
    u.put("mailer", MAILERS[word])
    return i + 1


def read_channel(s: Sentence, i: int, u: Understood) -> int:
    """`via sms`, `by phone`, `channel=linkedin`, `text them`."""
    if end := s.phrase(i, "text them", "call them", "phone them"):
        u.put("channel", "sms" if s.low(i) == "text" else "call")
        return end
    if s.low(i) not in ("via", "by", "through", "over", "channel"):
        return 0
    start = s.skip(i + 1, ["=", ":", "is", "the"])
    if s.low(start) not in CHANNELS:
        return 0
    u.put("channel", CHANNELS[s.low(start)])
    return start + 1


# --- mode

SEND_WORDS = frozenset(
    word_list(
        "send sends sending sent email emails emailing emailed mail mails mailing mailed contact contacts contacting"
        " contacted message messages messaging reach outreach leave leaves"
    )
)
_FORBID = NEGATIONS - {"exclude", "excluding", "except", "non", "neither", "nor"}
_BETWEEN = frozenset(
    word_list(
        "to be anything any actually ever please is are gets should must will them of out really yet just the mails do"
        " does want let anybody anyone it this get going"
    )
)
_OBJECTS = frozenset(
    word_list(
        "anything them it any mail mails email emails message messages yet now out nothing this that the to anyone"
        " anybody everyone people at all actual real please for out"
    )
)
_DRY = (
    "dry run", "dry-run", "dryrun", "dry_run", "dry runs", "dry mode", "simulation", "simulate", "trial run",
    "test run", "rehearsal", "rehearse", "research only", "preview only",
)  # fmt: skip
_LIST_ONLY = (
    "just a list", "only a list", "just the list", "only the list", "list only", "export only", "only export",
    "just export", "csv only", "just a csv", "only a csv", "just the csv", "just the export", "only the csv",
)  # fmt: skip
_DRAFT = (
    "draft only", "drafts only", "draft-only", "draft_only", "only draft", "only drafts", "just draft", "just drafts",
    "draft mode", "draft first", "draft them", "write drafts", "prepare drafts", "draft emails", "draft the emails",
    "create drafts", "drafts first", "draft an email", "draft a mail", "draft mails", "draft", "drafts",
)  # fmt: skip
_SEND = (
    "send allowed", "send-allowed", "send_allowed", "auto-send", "autosend", "send automatically", "send them",
    "send it", "send everything", "send the emails", "send emails", "send the mails", "send out", "send", "sends",
    "sending", "email them", "mail them", "contact them", "message them", "reach out", "email everyone",
    "contact everyone", "blast",
)  # fmt: skip
_STAYS_DRY = "It stays a dry run: nothing is sent."


def read_no_sending(s: Sentence, i: int, u: Understood) -> int:
    """`don't send`, `nothing is sent`, `without contacting anyone`, `don't send before monday`."""
    if s.low(i) in SEND_WORDS and s.low(i + 1) in ("nothing", "no", "none", "nobody", "zero"):
        return _take_no_sending(s, i, s.skip(i + 2, _OBJECTS | {"one"}), u)
    start = s.phrase(i, "do not", "does not", "must not", "should not", "will not", *_FORBID)
    if not start:
        return 0
    verb = s.skip(start, _BETWEEN)
    if verb - start > 4 or s.low(verb) not in SEND_WORDS or s.raw(verb + 1) in ("address", "addresses"):
        return 0
    end = verb + 1
    if s.low(end) in ("before", "until", "till"):
        return _read_not_before(s, end, u)
    if by_hand := s.phrase(
        end, "without my approval", "without approval", "without approvals", "without me", "unapproved"
    ):
        u.values.setdefault("mode", Mode.DRAFT_ONLY)
        return by_hand
    return _take_no_sending(s, i, s.skip(end, _OBJECTS), u)


def _take_no_sending(s: Sentence, i: int, end: int, u: Understood) -> int:
    _go_dry(u)
    place = known_place(s, s.skip(end + 1, ["the"]), after_cue=True) if s.low(end) in ("in", "from") else None
    if place:
        u.leave(s, end, place[1])
        _doubt(u, f"“{s.span(i, place[1])}” may forbid all sending, or only some of it.")
        return place[1]
    if _goes_on(s, end) or s.raw(end - 1) == "to":
        _doubt(u, f"“{s.span(i, min(end + 2, len(s)))}” may forbid all sending, or only some of it.")
    else:
        u.note("mode", f"“{s.span(i, end)}” read as a dry run: nothing is sent, synced or filed.")
    return end


def _goes_on(s: Sentence, i: int) -> bool:
    """The sentence goes on about the sending: `more than 20`, `twice`, `on weekends`."""
    word = s.low(i)
    return word in (
        "more",
        "twice",
        "on",
        "duplicates",
        "too",
        "to",
        "from",
        "if",
        "unless",
        "again",
        "without",
        "over",
    )


def _read_not_before(s: Sentence, i: int, u: Understood) -> int:
    start = s.skip(i + 1, ["the", "on"])
    if day := read_day(s, start, u.today):
        take_first_day(s, start, day, u)
        return day[1]
    if s.low(start) in ("i", "we", "approval", "approved", "my", "reviewed", "review"):
        u.values.setdefault("mode", Mode.DRAFT_ONLY)
        return s.skip(
            start, ["i", "we", "approval", "approved", "approve", "my", "have", "reviewed", "review", "say", "so"]
        )
    _go_dry(u)
    _doubt(u, "Sending is put off to a day that was not understood.")
    return i + 1


def read_dry_run(s: Sentence, i: int, u: Understood) -> int:
    """`dry run only`, `just a list`; negated (`not a dry run`) it stays dry and asks."""
    end = s.phrase(i, *_DRY, *_LIST_ONLY)
    if not end:
        return 0
    _go_dry(u)
    off = s.skip(end, ["=", ":", "is", "?"])
    is_off = s.low(off) in ("false", "off", "no", "0") and off > end
    negation = _negation(s, i)
    if is_off or negation is not None:
        u.flags.add("negated_dry_run")
        _doubt(u, "The dry run is negated, but nothing says outright what to do instead.")
        s.take(i if negation is None else negation, i)
        end = off + 1 if is_off else end
    return s.skip(end, ONLY | {"mode", "first", "=", "true", "on"})


def _negation(s: Sentence, i: int) -> int | None:
    """Where the negation of the phrase at `i` stands; None where there is none."""
    for n in range(i - 1, max(-1, i - 5), -1):
        if not s.low(n) or s.low(n) in (",", ".", ";", "!", "(", "—"):
            return None
        if s.low(n) in NEGATIONS or s.low(n) in ("instead", "rather"):
            return n
    return None


def read_mode(s: Sentence, i: int, u: Understood) -> int:
    """`mode=draft_only`, `drafts only`, and requests to send, which words never grant."""
    start = s.skip(i, ["mode", "=", ":", "is", "to"]) if s.low(i) == "mode" else i
    if end := s.phrase(start, *_DRAFT):
        u.values.setdefault("mode", Mode.DRAFT_ONLY)
        return end
    if end := s.phrase(start, *_SEND):
        if s.low(end) in ("me", "us") or s.phrase(end, "the list", "the csv", "a list", "a csv", "results"):
            return end
        u.flags.add("send")
        return s.skip(end, _OBJECTS)
    return 0


def _go_dry(u: Understood) -> None:
    u.values["mode"] = Mode.DRY_RUN


def _doubt(u: Understood, why: str) -> None:
    u.ask(
        Question(
            key="mode",
            text=f"{why} Dry run, or drafts that wait for your approval?",
            assumption=_STAYS_DRY,
            choices=(
                Choice(label="dry run"),
                Choice(label="drafts only", changes={"mode": Mode.DRAFT_ONLY.value}),
            ),
        )
    )


# --- first day and last stage

_START = (
    "starting on", "starting from", "starting", "start on", "start from", "start", "starts on", "starts", "begin on",
    "begin", "beginning", "from", "on", "not before", "no earlier than", "not earlier than", "wait until", "start_on",
    "start date", "launch on", "launch", "kick off on", "kick off", "as of", "send on", "send from", "sending from",
    "begin sending", "start sending",
)  # fmt: skip
_DEADLINES = frozenset(["before", "by", "until", "till", "since", "after", "to", "-", "–", "created"])


def read_first_day(s: Sentence, i: int, u: Understood) -> int:
    """`starting monday`, `from 2026-12-01`, `on 3 December`, `tomorrow`."""
    cue = s.phrase(i, *_START)
    start = s.skip(cue or i, ["=", ":", "on", "from", "of", "sending"]) if cue else i
    is_bare = s.kind(i) is Kind.DATE or s.phrase(i, "tomorrow", "next week", "next month", "the day after tomorrow")
    if not cue and (not is_bare or s.raw(i - 1) in _DEADLINES):
        return 0
    day = read_day(s, start, u.today)
    if day is None and cue and s.low(start) == "in":
        start += 1
        day = read_day(s, start, u.today)
    if day is None:
        return 0
    if day[0].on is None and not day[0].problem and s.low(i) == "on":
        return 0
    take_first_day(s, start, day, u)
    return day[1]


def take_first_day(s: Sentence, start: int, found: tuple[Day, int], u: Understood) -> None:
    """Record a day as the first on which anything may leave."""
    day, end = found
    if day.problem:
        u.leave(s, start, end)
        u.note("start_on", f"{day.problem}; no first day is set.")
    elif day.on is None:
        u.note("start_on", "The start is at once.")
    elif day.on < u.today:
        u.note("start_on", f"{day.on} is in the past: the start is at once.")
    else:
        u.put("start_on", day.on)
        if day.choices:
            _ask_which_day(s.span(start, end), day, u)
        elif day.words:
            u.note("start_on", f"“{day.words}” read as {weekday(day.on)}, {day.on}.")


def _ask_which_day(words: str, day: Day, u: Understood) -> None:
    later, sooner = day.choices
    u.ask(
        Question(
            key="start_on",
            text=f"“{words}” can be {in_words(later)} or {in_words(sooner)}. Which one?",
            assumption=f"“{words}” read as {later}, the later of its two readings.",
            choices=tuple(
                Choice(label=str(d), changes={} if d == later else {"start_on": str(d)}) for d in day.choices
            ),
        )
    )


def read_last_stage(s: Sentence, i: int, u: Understood) -> int:
    """`until drafts`, `stop after scoring`."""
    cue = s.phrase(i, "until", "stop after", "stop at", "only until", "up to and including", "as far as")
    start = s.skip(cue, ["the", "stage", "=", ":"]) if cue else i
    if not cue or s.low(start) not in STAGES:
        return 0
    u.put("until", STAGES[s.low(start)])
    return s.skip(start + 1, ["stage"])


ID_RULES: tuple[Rule, ...] = (read_sequence_id, read_list_id)
HOW_RULES: tuple[Rule, ...] = (
    read_no_sending, read_dry_run, read_last_stage, read_first_day, read_mode, read_provider, read_channel,
)  # fmt: skip
