"""From the record to facts: each with its source, none invented."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmo.domain.draft import LeadToDraft
from cmo.drafting.facts import FACTS, make_fact
from cmo.drafting.personalise import personalise
from cmo.sandbox.hostile import HOSTILE
from tests.drafting.people import NOW, lead_factory, ref_factory


def facts(lead: LeadToDraft | None = None, **changes: Any) -> dict[str, str]:
    return {fact.name: fact.text for fact in personalise(lead or lead_factory(**changes)).facts}


def test_a_maintainer_has_every_fact_that_the_record_gives() -> None:
    assert facts(refs=(ref_factory(), ref_factory("org/two", evidence=("owns the repository",)))) == {
        "name": "Ana",
        "works_on": "org/proj",
        "maintainer_of": "org/proj",
        "activity": "41 commits to org/proj, the latest on 12 November 2026",
        "why_now": "41 commits to org/proj, the latest on 12 November 2026",
        "language": "Python",
        "topics": "ci and testing",
        "releases": "published 3 releases of org/proj",
        "merges": "merged 12 pull requests in org/proj",
        "hook": "published 3 releases of org/proj",
        "hook_2": "merged 12 pull requests in org/proj",
        "hook_3": "maintain org/two",
        "email_source": "your public GitHub profile",
    }


def test_every_fact_made_is_one_that_templates_know() -> None:
    assert set(facts()) <= set(FACTS)


def test_a_fact_names_the_page_it_is_from_and_when_it_was_seen() -> None:
    by_name = {fact.name: fact for fact in personalise(lead_factory()).facts}
    assert by_name["activity"].source_url == "https://github.com/org/proj"
    assert by_name["activity"].seen_at == NOW - timedelta(hours=3)
    assert by_name["name"].source_url == "https://github.com/ana"


def test_many_commits_alone_make_nobody_a_maintainer() -> None:
    found = facts(refs=(ref_factory(evidence=("wrote 40 % of the commits",)),))
    assert "maintainer_of" not in found
    assert found["hook"] == "made 41 commits to org/proj"


def test_old_work_is_no_reason_to_write_now() -> None:
    assert "why_now" not in facts(refs=(ref_factory(last_at=NOW - timedelta(days=31)),))


def test_one_merged_pull_request_reads_as_one() -> None:
    found = facts(refs=(ref_factory(signal="pull_requests", contributions=1, evidence=()),))
    assert found["activity"] == "1 merged pull request to org/proj, on 12 November 2026"


@pytest.mark.parametrize(
    ("email_class", "source_url", "told"),
    [
        ("published", "https://github.com/ana", "your public GitHub profile"),
        ("published", "https://ana.example", "a page where it is public"),
        ("commit", "https://github.com/org/proj/commit/" + "c" * 40, "a public commit to org/proj"),
        ("commit", "https://github.com/x", "a public commit"),
        ("imported", "PyCon 2026 booth", "a list with this stated source: PyCon 2026 booth"),
        ("imported", "{{secret}}", "a list that was given to us"),
        ("inbound", "mail", "the mail you sent us"),
    ],
)
def test_the_source_of_the_address_is_told_in_words(email_class: str, source_url: str, told: str) -> None:
    assert facts(email_class=email_class, source_url=source_url)["email_source"] == told


def test_a_lead_without_any_record_has_no_fact_but_the_source_of_the_address() -> None:
    person = personalise(lead_factory(name="", refs=()))
    assert [fact.name for fact in person.facts] == ["email_source"]
    assert (person.hook, person.why_now, person.maintainer_of) == ("", "", ())


@pytest.mark.parametrize("text", ["{{firstName}}", "{a|b}", "%%email%%", "[[x]]", "${7*7}", "=?utf-8?q?x?=", "<b>", ""])
def test_text_that_somebody_would_expand_is_no_fact(text: str) -> None:
    assert make_fact("name", text, source_url="https://x.example", seen_at=NOW) is None


@given(st.text(max_size=80) | st.sampled_from(HOSTILE), st.text(max_size=40) | st.sampled_from(HOSTILE))
def test_no_text_of_a_profile_brings_syntax_into_the_payload(name: str, other: str) -> None:
    ref = ref_factory(language=other, topics=(other,), evidence=(other,))
    person = personalise(lead_factory(name=name, company=other, refs=(ref,)))
    told = [person.name, person.company, *(fact.text for fact in person.facts), *person.topics]
    assert not any(sign in text for text in told for sign in "{}[]<>|%\n\ue000")
