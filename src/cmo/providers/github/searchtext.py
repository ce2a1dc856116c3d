"""A repository query in GitHub's search syntax: checked, quoted, and open only where slices go.

Source: https://docs.github.com/en/search-github/searching-on-github/searching-for-repositories
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from cmo.domain.text import clean_line
from cmo.errors import ProviderRejected
from cmo.providers.github.slices import Slice
from cmo.providers.ports import RepoQuery

MAX_CHARS = 256
"""GitHub's limit on what is not a qualifier."""
MAX_OPERATORS = 5
_OPERATORS = frozenset({"AND", "OR", "NOT"})
_TOKEN = re.compile(r'[^\s"]*"[^"]*"|\S+')
_QUALIFIER = re.compile(r"-?(?P<key>[A-Za-z][A-Za-z-]*):(?P<value>\S.*)")
_LANGUAGE = re.compile(r"[\w .+#'()*!/-]{1,60}")
_TOPIC = re.compile(r"[a-z0-9][a-z0-9-]{0,49}")
_STARS = re.compile(r"(?P<low>\d+|\*)\.\.(?P<high>\d+|\*)|(?P<sign>[<>]=?)?(?P<number>\d+)")


@dataclass(frozen=True)
class SearchText:
    """A query without its range of stars, and that range."""

    head: str
    """Our qualifiers."""
    tail: str
    """The caller's own words; last, so that nothing of ours can be read as part of them."""
    whole: Slice
    can_slice_dates: bool

    def of(self, part: Slice, *, sort: bool = True) -> str:
        """The query for `part`; `sort` as a qualifier is how GraphQL is told the order."""
        words = [self.head, part.qualifiers(), "sort:stars-desc" if sort else "", self.tail]
        return " ".join(word for word in words if word)


def search_text(query: RepoQuery) -> SearchText:
    """`query` as text that means what it says, whatever is in it.

    Raises:
        ProviderRejected: too long, too many operators, or a language or topic that cannot be one.
    """
    tokens = _tokens(query.text)
    keys = {match["key"].lower() for token in tokens if (match := _QUALIFIER.fullmatch(token))}
    whole = Slice(stars_low=query.stars_low or 0, stars_high=query.stars_high)
    kept = []
    for token in tokens:
        narrowed = _narrowed(whole, token)
        if narrowed is not None:
            whole = narrowed
        elif not token.lower().startswith("sort:"):
            kept.append(token)
    head = [_language(query.language), _topic(query.topic, "topic:")]
    head += [_topic(topic, "-topic:") for topic in query.exclude_topics]
    if "pushed" not in keys:
        head.append(_pushed(query.pushed_after, query.pushed_before))
    head += [f"{key}:false" for key in ("archived", "fork") if key not in keys]
    return SearchText(
        head=" ".join(part for part in head if part),
        tail=" ".join(_trimmed(kept)),
        whole=whole,
        can_slice_dates="created" not in keys,
    )


def _tokens(text: str) -> list[str]:
    """The words of `text`, quoted ones whole; a quote or bracket without its partner is dropped."""
    cleaned = clean_line(text, limit=2000)
    if cleaned.count('"') % 2:
        before, _, after = cleaned.rpartition('"')
        cleaned = before + after
    if cleaned.count("(") != cleaned.count(")"):
        cleaned = cleaned.replace("(", " ").replace(")", " ")
    return _TOKEN.findall(cleaned)


def _trimmed(tokens: list[str]) -> list[str]:
    """`tokens` without operators that would join ours, and within GitHub's limits."""
    while tokens and tokens[0] in ("AND", "OR"):
        tokens = tokens[1:]
    while tokens and tokens[-1] in _OPERATORS:
        tokens = tokens[:-1]
    words = " ".join(token for token in tokens if token not in _OPERATORS and not _QUALIFIER.fullmatch(token))
    if len(words) > MAX_CHARS:
        raise _refused(f"the search words are longer than {MAX_CHARS} characters", "Use fewer words.")
    if sum(token in _OPERATORS for token in tokens) > MAX_OPERATORS:
        raise _refused(f"more than {MAX_OPERATORS} of AND, OR, NOT", "Use several searches.")
    return tokens


def _narrowed(whole: Slice, token: str) -> Slice | None:
    """`whole` within the range that a `stars:` token gives; None where it gives none."""
    key, _, value = token.partition(":")
    match = _STARS.fullmatch(value) if key.lower() == "stars" else None
    if match is None:
        return None
    if match["number"] is None:
        low = 0 if match["low"] == "*" else int(match["low"])
        high = None if match["high"] == "*" else int(match["high"])
    else:
        number, sign = int(match["number"]), match["sign"] or "="
        low = {">": number + 1, ">=": number, "=": number}.get(sign, 0)
        high = {"<": number - 1, "<=": number, "=": number}.get(sign)
    ends = [end for end in (whole.stars_high, high) if end is not None]
    return whole.model_copy(update={"stars_low": max(whole.stars_low, low), "stars_high": min(ends) if ends else None})


def _pushed(after: datetime | None, before: datetime | None) -> str:
    if after is None:
        return "" if before is None else f"pushed:<={before:%Y-%m-%d}"
    return f"pushed:>={after:%Y-%m-%d}" if before is None else f"pushed:{after:%Y-%m-%d}..{before:%Y-%m-%d}"


def _language(language: str | None) -> str:
    if language is None:
        return ""
    cleaned = clean_line(language.replace('"', ""), limit=60)
    if not _LANGUAGE.fullmatch(cleaned):
        raise _refused(f"`{cleaned}` is no language", "Use a name as GitHub spells it, such as python or c++.")
    return f"language:{cleaned}" if re.fullmatch(r"[\w.+#-]+", cleaned) else f'language:"{cleaned}"'


def _topic(topic: str | None, key: str) -> str:
    if topic is None:
        return ""
    cleaned = "-".join(clean_line(topic.replace('"', ""), limit=60).lower().split())
    if not _TOPIC.fullmatch(cleaned):
        raise _refused(f"`{cleaned}` is no topic", "Topics are lower-case letters, digits and hyphens.")
    return key + cleaned


def _refused(what: str, hint: str) -> ProviderRejected:
    operation = "search repositories"
    return ProviderRejected(f"github: {operation}: {what}", provider="github", operation=operation, hint=hint)
