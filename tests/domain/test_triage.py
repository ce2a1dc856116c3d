"""Failures fall into groups by what happened, and each group says what it means and what to type."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmo.domain.known_errors import KNOWN, Known
from cmo.domain.triage import ErrorGroup, explain, group_key, is_spike, normalise

NOW = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
COMMANDS = {
    "errors show", "errors retry", "errors skip", "errors deadletter", "auth set", "auth test", "doctor",
    "limits show", "outbox list", "outbox hold", "drafts redo", "drafts review", "config show", "leads suppress",
    "templates test", "pause", "reconcile", "resume",
}  # fmt: skip

MEANING = ("github: refused", "DNS SERVFAIL for", "no answer within", "the server answered", "wrong team", "see")
WORDS = st.sampled_from(MEANING)
LETTERS = "abcdefghijklmnopqrstuvwxyz"
LABEL = st.text(LETTERS, min_size=2, max_size=8)
VARIABLE = {
    "number": st.integers(0, 10**12).map(str),
    "hex": st.integers(2**30, 2**60).map("{:x}0".format),
    "uuid": st.uuids().map(str),
    "address": st.builds("{}@{}.example".format, LABEL, LABEL),
    "quoted address": st.builds("<{}@{}.example>,".format, LABEL, LABEL),
    "host": st.builds("{}.{}.example".format, LABEL, LABEL),
    "time": st.times().map(lambda at: at.strftime("%H:%M:%S")),
    "stamp": st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(lambda at: at.isoformat() + "Z"),
    "mail date": st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(
        lambda at: at.strftime("%a, %d %b %Y %H:%M:%S")
    ),
    "duration": st.builds("{} {}".format, st.integers(1, 999), st.sampled_from(["s", "min", "h", "seconds", "days"])),
    "url": st.builds("https://{}.example/{}?page={}".format, LABEL, LABEL, st.integers()),
    "path": st.builds("/users/{}".format, LABEL),
    "node id": st.builds("R_kgDO{}9".format, LABEL),
}


@given(st.text(max_size=600))
def test_normalising_twice_is_normalising_once(message: str) -> None:
    assert normalise(normalise(message)) == normalise(message)


@given(
    st.lists(st.one_of(WORDS, *VARIABLE.values(), st.text(" <>n.,:@/0123…'", max_size=8)), max_size=60).map(" ".join)
)
def test_normalising_what_looks_like_a_message_twice_is_normalising_once(message: str) -> None:
    assert normalise(normalise(message)) == normalise(message)


@pytest.mark.parametrize("kind", VARIABLE)
@given(data=st.data())
def test_messages_that_differ_only_in_what_varies_share_a_group(kind: str, data: st.DataObject) -> None:
    front, back = data.draw(WORDS), data.draw(WORDS)
    one, other = (f"{front} {data.draw(VARIABLE[kind])} {back}" for _ in range(2))
    assert normalise(one) == normalise(other)
    assert group_key("mx", "mx_check", one) == group_key("mx", "mx_check", other)


@given(WORDS, WORDS)
def test_messages_that_say_something_else_do_not_share_a_group(one: str, other: str) -> None:
    assert (group_key("mx", "mx_check", one) == group_key("mx", "mx_check", other)) is (one == other)


@pytest.mark.parametrize(
    ("message", "normal"),
    [
        ("DNS SERVFAIL, org3.example", "dns servfail, <host>"),
        ("maint88  GET /users/maint88  403  14:02:07", "<n> get <path> <n>"),
        ("the server answered 550 to RCPT: 5.1.1 no such user", "the server answered <n> to rcpt: 5.1.1 no such user"),
        ("retry in 1 h 20 min", "retry in <n>"),
        ("issue 6294972d-6d73-4b94-850b-5954b6ae87be is taken", "issue <n> is taken"),
        ("linear: no connection to api.linear.example:443", "linear: no connection to <host>"),
        ("no team “CMO-12” (https://x.example/a/b).", "no team “<n>” (<url>)."),
        ("", ""),
    ],
)
def test_what_varies_is_taken_out(message: str, normal: str) -> None:
    assert normalise(message) == normal


def test_stage_tool_and_status_make_groups_of_their_own() -> None:
    keys = {
        group_key("send", "gmail.send", "refused"),
        group_key("sync", "gmail.send", "refused"),
        group_key("send", "smtp.send", "refused"),
        group_key("send", "gmail.send", "refused", 403),
        group_key("send", "gmail.send", "refused", 404),
    }
    assert len(keys) == 5
    assert all(re.fullmatch("[0-9a-f]{8}", key) for key in keys)


def _group(tool: str = "gmail.send", code: str = "", message: str = "it said no", **given: object) -> ErrorGroup:
    fields = {"key": "3f9a1c77", "stage": "send", "tool": tool, "code": code, "message": message, "count": 41}
    return ErrorGroup.model_validate({**fields, **given})


@pytest.mark.parametrize(
    ("tool", "code", "message", "stage", "name"),
    [
        ("enrich_github_user", "rate_limited", "secondary limit", "enrich", "limit_github"),
        ("instantly.enrol", "rate_limited", "", "send", "limit_instantly"),
        ("smartlead.enrol", "rate_limited", "", "send", "limit_smartlead"),
        ("attio.note", "rate_limited", "", "sync", "limit_attio"),
        ("hubspot.contact", "rate_limited", "", "sync", "limit_hubspot"),
        ("linear.issue", "rate_limited", "", "sync", "limit_linear"),
        ("gmail.send", "rate_limited", "", "send", "limit_gmail"),
        ("smtp.send", "rate_limited", "", "send", "limit_smtp"),
        ("other.thing", "rate_limited", "", "send", "limit"),
        ("hubspot.contact", "auth_rejected", "", "sync", "key_rejected"),
        ("linear.issue", "forbidden", "", "sync", "key_lacks_rights"),
        ("linear.issue", "usage_limit", "", "sync", "plan_full"),
        ("mx_check", "unknown", "SERVFAIL from every server of org3.example", "mx", "dns_servfail"),
        ("mx_check", "unknown", "no answer in time", "mx", "dns_silent"),
        ("instantly.enrol", "blocklisted", "", "send", "blocklisted"),
        ("instantly.enrol", "duplicate", "", "send", "duplicate"),
        ("instantly.enrol", "invalid_email", "", "send", "invalid_address"),
        ("smartlead.enrol", "unsubscribed", "", "send", "unsubscribed"),
        ("attio.person", "ambiguous", "", "sync", "ambiguous"),
        ("attio.entry", "multiple_match_results", "", "sync", "ambiguous"),
        ("attio.person", "value_not_found", "", "sync", "crm_field"),
        ("attio.person", "missing_value", "", "sync", "crm_field"),
        ("attio.person", "merge_in_progress", "", "sync", "crm_merging"),
        ("hubspot.company", "too_early", "", "sync", "crm_merging"),
        ("hubspot.contact", "conflict", "", "sync", "crm_merging"),
        ("attio.note", "record_missing", "", "sync", "crm_record_gone"),
        ("attio.note", "too_large", "", "sync", "crm_too_large"),
        ("gmail.send", "auth_rejected", "google: the login was withdrawn or has run out", "send", "google_login_over"),
        ("gmail.send", "auth_rejected", "the login lacks the right to do this", "send", "google_login_lacks_rights"),
        ("gmail.send", "auth_rejected", "the login was refused (HTTP 401)", "send", "key_rejected"),
        ("gmail.send", "timeout", "no answer within 20 s", "send", "unknown_after_answer_lost"),
        ("gmail.send", "interrupted", "", "send", "unknown_after_answer_lost"),
        ("gmail.send", "contract_broken", "", "send", "unknown_after_answer_lost"),
        ("smtp.send", "blind", "", "send", "blind"),
        ("smtp.send", "reset", "the connection was lost after the whole mail was sent", "send", "blind"),
        ("smtp.send", "timeout", "no answer came at RCPT: nothing was taken", "send", "mail_cut_short"),
        ("enrich_github_user", "timeout", "", "enrich", "unreachable"),
        ("enrich_github_user", "contract_broken", "", "enrich", "contract_broken"),
        ("enrich_github_user", "renamed", "", "enrich", "gone"),
        ("smtp.send", "policy_block", "550 5.7.26 not authenticated", "send", "policy_block"),
        ("smtp.send", "hard_bounce", "550 5.1.1", "send", "hard_bounce"),
        ("smtp.send", "no_mail_domain", "556 5.1.10", "send", "no_mail_domain"),
        ("smtp.send", "soft_bounce", "452 4.2.2", "send", "soft_bounce"),
        ("smtp.send", "try_later", "421", "send", "mail_later"),
        ("smtp.send", "rejected", "554", "send", "mail_refused"),
        ("gmail.send", "rejected", "", "send", "refused"),
        ("gmail.send", "unsafe_mail", "", "send", "unsafe_mail"),
        ("gmail.send", "wrong_sender", "", "send", "wrong_sender"),
        ("maildir.send", "disk_full", "", "send", "disk"),
        ("render_copy", "template_error", "'hook' is undefined", "draft", "template"),
        ("render_copy", "rate_limited", "the model is busy", "draft", "limit"),
        ("render_copy", "no_subject", "answer had no subject line", "draft", "draft_check"),
    ],
)
def test_a_known_error_is_explained(tool: str, code: str, message: str, stage: str, name: str) -> None:
    entry = _entry(name)
    told = explain(_group(tool, code, message, stage=stage))
    assert told.did.startswith(entry.did.split("{")[0])
    assert _spoken(told.means).startswith(_spoken(entry.means.split("{")[0]))
    assert len(told.can_do) == len(entry.can_do)


def _entry(name: str) -> Known:
    return next(entry for entry in KNOWN if entry.name == name)


def _spoken(text: str) -> str:
    return text[:1].lower() + text[1:]


def test_a_limit_reads_as_on_the_errors_screen() -> None:
    told = explain(
        _group(
            "enrich_github_user",
            "rate_limited",
            "GitHub 403: secondary limit",
            stage="enrich",
            status=403,
            tries=2,
            most_tries=8,
            next_try_at=NOW.replace(hour=14, minute=4, second=10),
        )
    )
    assert told.means == "GitHub slows this token down. 41 wait; nothing is lost."
    assert told.did.endswith("Next try 14:04:10, attempt 3 of 8.")
    assert told.can_do == ("add a token: cmo auth set github --add", "retry now: cmo errors retry 3f9a1c77")


def test_a_status_alone_is_enough_to_know_a_limit() -> None:
    assert "asks for a pause" in explain(_group("other.thing", "strange", status=429)).means


def test_an_unknown_error_shows_its_own_words_first() -> None:
    told = explain(_group("other.thing", "strange_code", "the\x1b[31m frob {0} was not\nquorbled", tries=3, count=1))
    assert told.means == "The[31m frob {0} was not quorbled (strange_code)"
    assert told.did == "Kept the failure with its words. Tried 3 times."
    assert "cmo errors show 3f9a1c77" in told.can_do[0]


def test_one_is_told_as_one() -> None:
    assert "1 waits" in explain(_group("gmail.send", "rate_limited", count=1)).means


@pytest.mark.parametrize("entry", KNOWN, ids=lambda entry: entry.name)
def test_every_text_can_be_filled_in_and_every_advice_ends_in_a_command(entry: Known) -> None:
    tool = f"{min(entry.providers, default='gmail')}.send"
    values = {"service": "Gmail", "provider": "gmail", "key": "3f9a1c77", "count": "41", "wait": "41 wait"}
    texts = [entry.means, entry.did, *entry.can_do]
    assert all("{" not in text.format(**values) for text in texts), tool
    for line in entry.can_do:
        command = line.rpartition("cmo ")[2].split()
        assert {" ".join(command[:2]), command[0]} & COMMANDS, line


def test_names_of_entries_are_unique_and_none_is_hidden_by_an_earlier_one() -> None:
    assert len({entry.name for entry in KNOWN}) == len(KNOWN)
    for number, entry in enumerate(KNOWN):
        same = [
            earlier.name
            for earlier in KNOWN[:number]
            if earlier.model_copy(update={"name": "", "means": "", "did": "", "can_do": ()})
            == entry.model_copy(update={"name": "", "means": "", "did": "", "can_do": ()})
        ]
        assert same == []


@pytest.mark.parametrize(
    ("ages_s", "spike"),
    [
        ([], False),
        ([1, 2, 3, 4], False),
        ([1, 2, 3, 4, 299], True),
        ([1, 2, 3, 4, 300], False),
        ([-60, 1, 2, 3, 4], True),
        ([299, 1, 4000, 3, 2, 4], True),
    ],
)
def test_a_spike_is_enough_failures_in_a_short_time(ages_s: list[int], spike: bool) -> None:
    times = [NOW - timedelta(seconds=age) for age in ages_s]
    assert is_spike(times, now=NOW, at_least=5, within=timedelta(minutes=5)) is spike
