"""From what is on record about a lead to the facts a mail may rest on. Nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from cmo.domain.countries import country_of
from cmo.domain.draft import Fact, LeadToDraft, Personalisation, RefFact
from cmo.domain.lead import EmailClass
from cmo.domain.text import clean_line
from cmo.domain.zones import zone_of
from cmo.drafting.facts import make_fact, neutral
from cmo.drafting.names import first_name

FRESH = timedelta(days=30)
"""How recent activity must be to be a reason to write now."""
_REPO = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}")
_TOPIC = re.compile(r"[a-z0-9][a-z0-9-]{0,49}")
_LANGUAGE = re.compile(r"[A-Za-z][A-Za-z0-9+# .-]{0,29}")
_COMMIT_PAGE = re.compile(r"https://[^/\s]+/([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+)/commit/[0-9a-f]+")
_RELEASED = re.compile(r"published ([0-9]+) releases?")
_MERGED = re.compile(r"merged ([0-9]+) pull requests?")
_KEEPS = ("owns the repository", "named in CODEOWNERS")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


class _Found(NamedTuple):
    """A phrase and the work it is about."""

    text: str
    ref: RefFact


def personalise(lead: LeadToDraft) -> Personalisation:
    """The signals, snippets and facts of one lead, each fact with its source and the time it was seen."""
    refs = [ref for ref in lead.refs if _REPO.fullmatch(ref.repo)]
    name = clean_line(lead.name, limit=100)
    facts = _facts(lead, refs, greeting=first_name(name, login=lead.login))
    texts = {fact.name: fact.text for fact in facts}
    country = country_of(lead.location, email=lead.email)
    return Personalisation(
        login=lead.login,
        name=neutral(name),
        first_name=texts.get("name", ""),
        best_email=lead.email,
        email_class=lead.email_class,
        company=neutral(lead.company, limit=100),
        country=country,
        time_zone=zone_of(lead.location, country),
        maintainer_of=tuple(ref.repo for ref in refs if _maintains(ref)),
        topics=tuple(dict.fromkeys(topic for ref in refs for topic in _topics(ref)))[:10],
        primary_language=texts.get("language", ""),
        activity_90d_commits=sum(ref.contributions for ref in refs if ref.signal == "commits"),
        followers=lead.followers,
        why_now=texts.get("why_now", ""),
        hook=texts.get("hook", ""),
        facts=facts,
    )


def _facts(lead: LeadToDraft, refs: Sequence[RefFact], *, greeting: str) -> tuple[Fact, ...]:
    found: dict[str, _Found] = _work(refs[0], refs, as_of=lead.as_of) if refs else {}
    made = [make_fact("name", greeting, source_url=lead.profile_url, seen_at=lead.profile_seen_at)]
    made += [
        make_fact(name, text, source_url=ref.url, seen_at=ref.seen_at) for name, (text, ref) in found.items() if text
    ]
    return (*(fact for fact in made if fact), _email_source(lead))


def _work(top: RefFact, refs: Sequence[RefFact], *, as_of: datetime) -> dict[str, _Found]:
    """What is known of the person's work, by the names of facts."""
    found = {"works_on": _Found(top.repo, top), "activity": _Found(_activity(top), top)}
    found["language"] = _Found(top.language if _LANGUAGE.fullmatch(top.language) else "", top)
    found["topics"] = _Found(_listed(_topics(top)[:3]), top)
    if top.last_at is not None and as_of - FRESH <= top.last_at <= as_of:
        found["why_now"] = found["activity"]
    if kept := next((ref for ref in refs if _maintains(ref)), None):
        found["maintainer_of"] = _Found(kept.repo, kept)
    if releases := _first(refs, _released):
        found["releases"] = releases
    if merges := _first(refs, _merged):
        found["merges"] = merges
    deeds = [deed for deed in (releases, merges) if deed]
    told = {deed.ref.repo for deed in deeds}
    hooks = [*deeds, *(_Found(_part(ref), ref) for ref in refs if ref.repo not in told)]
    return found | dict(zip(("hook", "hook_2", "hook_3"), hooks, strict=False))


def _first(refs: Sequence[RefFact], read: Callable[[RefFact], str]) -> _Found | None:
    return next((_Found(text, ref) for ref in refs if (text := read(ref))), None)


def _released(ref: RefFact) -> str:
    count = _counted(ref, _RELEASED)
    return f"published {_plural(count, 'release')} of {ref.repo}" if count else ""


def _merged(ref: RefFact) -> str:
    count = _counted(ref, _MERGED)
    return f"merged {_plural(count, 'pull request')} in {ref.repo}" if count else ""


def _counted(ref: RefFact, phrase: re.Pattern[str]) -> int:
    return next((int(found[1]) for text in ref.evidence if (found := phrase.fullmatch(text))), 0)


def _maintains(ref: RefFact) -> bool:
    """Whether the record shows somebody who keeps a repository; many commits alone do not."""
    return bool(_released(ref) or _merged(ref) or any(text in _KEEPS for text in ref.evidence))


def _part(ref: RefFact) -> str:
    if _maintains(ref):
        return f"maintain {ref.repo}"
    if not ref.contributions:
        return f"work on {ref.repo}"
    if ref.signal == "commits":
        return f"made {_plural(ref.contributions, 'commit')} to {ref.repo}"
    return f"had {_plural(ref.contributions, 'pull request')} merged in {ref.repo}"


def _activity(ref: RefFact) -> str:
    """Says no window: a job's may have been widened while it ran."""
    if not ref.contributions:
        return ""
    noun = "commit" if ref.signal == "commits" else "merged pull request"
    counted = f"{_plural(ref.contributions, noun)} to {ref.repo}"
    if ref.last_at is None:
        return counted
    return f"{counted}, {'the latest ' if ref.contributions > 1 else ''}on {_day(ref.last_at)}"


def _topics(ref: RefFact) -> list[str]:
    return [topic for topic in ref.topics if _TOPIC.fullmatch(topic)]


def _email_source(lead: LeadToDraft) -> Fact:
    """Where the address came from; always there, since a first mail must say it."""
    made = make_fact("email_source", _told(lead), source_url=lead.source_url, seen_at=lead.email_seen_at)
    plain = "a list that was given to us"  # only an imported source is in others' words
    return made or Fact(
        name="email_source", text=plain, source_url=clean_line(lead.source_url), seen_at=lead.email_seen_at
    )


def _told(lead: LeadToDraft) -> str:
    match lead.email_class:
        case EmailClass.PUBLISHED:
            return "your public GitHub profile" if lead.source_url == lead.profile_url else "a page where it is public"
        case EmailClass.COMMIT:
            page = _COMMIT_PAGE.fullmatch(lead.source_url)
            return f"a public commit to {page[1]}" if page else "a public commit"
        case EmailClass.IMPORTED:
            return f"a list with this stated source: {clean_line(lead.source_url, limit=150)}"
        case EmailClass.INBOUND:
            return "the mail you sent us"


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words[:-1]) + " and " + words[-1] if len(words) > 1 else "".join(words)


def _day(moment: datetime) -> str:
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"
