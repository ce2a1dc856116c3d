"""What must not leave with a mail: text that a provider expands again, links and addresses that are not ours, and
other people's data."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cmo.domain.draft import Finding
from cmo.drafting.checks.context import CheckContext, Words
from cmo.drafting.checks.findings import block, warn

_MOST_LINKS = 2
_MERGE_TAG = re.compile(
    r"\{\{|\}\}|\{%|\{#|\$\{|\{[^{}\n]*\|[^{}\n]*\}|\{\w+\}|%%\w+%%|%\w+%|\[\[|\]\]|<%|%>|\*\|\w+\|\*"
)
"""Of Instantly, Smartlead (spintax too), and the services people move texts between."""
_URL = re.compile(r"(?:https?://|www\.)[^\s<>\"']+", re.IGNORECASE)
_BARE_DOMAIN = re.compile(
    r"(?<![\w@./-])(?:[a-z0-9-]{1,63}\.){1,4}(?:com|org|net|io|dev|app|ai|co|info|biz|xyz|site|online|link|click|top|example)\b(?:/\S*)?",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_HIDDEN_ADDRESS = re.compile(r"[\w.+-]+\s*[\[(]\s*at\s*[\])]\s*[\w-]+", re.IGNORECASE)
_PHONE = re.compile(r"(?<![\w/])(?:\+|\(|00)?\d(?:[\s()./-]{0,2}\d){8,14}(?!\w)")
_LOGIN = re.compile(r"(?<![\w.@/])@([A-Za-z0-9][A-Za-z0-9-]{1,38})\b(?!\.\w)")
_KEY = re.compile(r"\b(?:sk-|ghp_|gho_|github_pat_|xox[abp]-|AKIA)[A-Za-z0-9_-]{10,}")


def merge_tag(words: Words, context: CheckContext) -> Iterator[Finding]:
    """Nothing that a sending service would replace once more."""
    if found := _MERGE_TAG.search(f"{words.subject}\n{words.body}"):
        message = f"The sending service would replace `{found[0][:40]}` by something else. Take it out."
        yield block("merge_tag", "merge-tag", message)


def links(words: Words, context: CheckContext) -> Iterator[Finding]:
    """Few links, and only the pitch's and the evidence's."""
    text = f"{words.subject}\n{words.body}"
    ours = (context.pitch.link, *(fact.source_url for fact in context.person.facts))
    allowed = {_bare(url) for url in ours if url} | _own_domains(context)
    found = [url for url in map(_bare, _URL.findall(text)) if not _is_opt_out(url, context.sender.unsubscribe_url)]
    named = [_bare(domain) for domain in _BARE_DOMAIN.findall(_ADDRESS.sub(" ", _URL.sub(" ", words.own)))]
    for url in dict.fromkeys([*found, *named]):
        if url not in allowed:
            message = f"`{url[:80]}` is neither the link of your pitch (copy.link) nor evidence on record. Take it out."
            yield block("links", "link", message)
    if len(found) > _MOST_LINKS:
        yield warn("links", "links", f"{len(found)} links make a mail look like an advert. Keep at most {_MOST_LINKS}.")


def addresses(words: Words, context: CheckContext) -> Iterator[Finding]:
    """No mail address but the sender's."""
    sender = context.sender
    ours = {address.lower() for address in (sender.email, sender.reply_to, sender.unsubscribe_mailto)}
    text = f"{words.subject}\n{words.body}"
    strange = [found for found in _ADDRESS.findall(text) if found.lower().rstrip(".") not in ours]
    for found in dict.fromkeys([*strange, *_HIDDEN_ADDRESS.findall(text)]):
        yield block("personal_data", "address", f"`{found[:80]}` is not an address of the sender. Take it out.")


def personal_data(words: Words, context: CheckContext) -> Iterator[Finding]:
    """No phone number, no other person's login, nothing like a key."""
    text = _URL.sub(" ", words.own)
    if phone := _PHONE.search(text):
        yield block("personal_data", "phone", f"`{phone[0].strip()}` looks like a phone number. Take it out.")
    for login in dict.fromkeys(_LOGIN.findall(_ADDRESS.sub(" ", text))):
        if login.lower() != context.person.login.lower():
            yield block("personal_data", "login", f"`@{login}` is somebody else. Leave other people out of the mail.")
    if _KEY.search(text):
        yield block("personal_data", "secret", "The mail holds something that looks like a key. Take it out.")


def _own_domains(context: CheckContext) -> set[str]:
    """Domains that may be named without a link: the sender's and the pitch's."""
    host = re.sub(r"^https?://(?:www\.)?", "", context.pitch.link.lower()).partition("/")[0]
    return {host, context.sender.email.lower().rpartition("@")[2]} - {""}


def _is_opt_out(url: str, base: str) -> bool:
    stop = _bare(base)
    return bool(stop) and (url == stop or url.startswith((f"{stop}/", f"{stop}?")))


def _bare(url: str) -> str:
    return url.rstrip(".,;:!?)'\"”’").rstrip("/").lower()
