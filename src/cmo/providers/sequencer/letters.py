"""How approved text travels through a service that has no call for "send this mail": as variables of a person.

The campaign's only step holds the two variables and nothing else, so what leaves is what was approved. A service
expands what it finds in the variables once more, so text with anything to expand in it is refused, never escaped: what
was approved is not changed behind the operator's back.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from cmo.domain.outward import Letter, Receipt
from cmo.providers.receipts import refused

SUBJECT_VARIABLE = "cmo_subject"
BODY_VARIABLE = "cmo_body"
SUBJECT_TEMPLATE = f"{{{{{SUBJECT_VARIABLE}}}}}"
BODY_TEMPLATE = f"{{{{{BODY_VARIABLE}}}}}"

_EXPANDED = re.compile(
    r"""
      \{\{ | \}\}             # {{firstName}}, {{RANDOM|a|b}}
    | \{% | %\}               # Liquid
    | \{[^{}]*\|[^{}]*\}      # {a|b}
    | %%                      # %%x%%
    | (?<!\S)%[A-Za-z_]\w*%   # %x%; within a word it is a percent-encoded address
    """,
    re.VERBOSE,
)
_LOST_SPACE = re.compile(r"^ |(?<= ) ", re.MULTILINE)
"""Spaces that HTML would swallow."""
_BREAK_AND_SPACE = re.compile(r"<br\s*/?>|<p>|</p>|<div>|</div>|&nbsp;|\s+", re.IGNORECASE)


def variables(letter: Letter) -> dict[str, str]:
    """The approved text as variables: the subject as it is, the body as HTML that reads the same."""
    body = _LOST_SPACE.sub("&nbsp;", html.escape(letter.body, quote=False)).replace("\n", "<br/>")
    return {SUBJECT_VARIABLE: letter.subject, BODY_VARIABLE: body}


def has_same_text(letter: Letter, subject: object, body: object) -> bool:
    """Whether a service holds the text of `letter`; white space at its ends does not count."""
    ours = variables(letter)
    return (
        isinstance(subject, str)
        and isinstance(body, str)
        and subject.strip() == ours[SUBJECT_VARIABLE].strip()
        and body.strip() == ours[BODY_VARIABLE].strip()
    )


def unfit(letters: Iterable[Letter]) -> dict[str, Receipt]:
    """Refusals for letters that must not be handed over, by key: text that would be expanded, an address twice."""
    refusals: dict[str, Receipt] = {}
    seen: set[str] = set()
    for letter in letters:
        if part := _expanded_part(letter):
            refusals[letter.key] = refused(
                letter, "merge_tag", f"the {part} holds a merge tag or spintax, which would be expanded again"
            )
        elif address(letter) in seen:
            refusals[letter.key] = refused(letter, "duplicate", "another letter of the same call has this address")
        seen.add(address(letter))
    return refusals


def address(letter: Letter) -> str:
    """The address as services compare it."""
    return letter.to_email.strip().casefold()


def step_problems(number: int, subject: str, body: str) -> list[str]:
    """What a step adds to the approved text, one sentence each."""
    problems = []
    if subject.strip() != SUBJECT_TEMPLATE:
        problems.append(f"The subject of step {number} is not the approved one: make it exactly {SUBJECT_TEMPLATE}")
    if _BREAK_AND_SPACE.sub("", body) != BODY_TEMPLATE:
        problems.append(f"The body of step {number} is not the approved text: make it exactly {BODY_TEMPLATE}")
    return problems


def _expanded_part(letter: Letter) -> str:
    """The first part with anything to expand in it, also behind HTML entities; empty for none."""
    parts = {
        "subject": letter.subject,
        "body": letter.body,
        "name": f"{letter.to_name}\n{letter.first_name}\n{letter.last_name}",
        "company": letter.company,
        "address": letter.to_email,
    }
    for name, text in parts.items():
        if _EXPANDED.search(text) or _EXPANDED.search(html.unescape(text)):
            return name
    return ""
