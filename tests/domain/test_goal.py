"""What a reading says besides the plan: assumptions, questions, refusals."""

from __future__ import annotations

from datetime import date

import pytest

from cmo.domain.goal import MAX_GOAL, Question, Reading, answer, parse_goal
from cmo.domain.job import Caps, Icp, Mode, Plan, StarsRange
from cmo.errors import GoalUnclear

TODAY = date(2026, 11, 20)


def read(sentence: str, **more: object) -> Reading:
    return parse_goal(sentence, today=TODAY, **more)  # type: ignore[arg-type]


def question_about(key: str, reading: Reading) -> Question:
    return next(question for question in reading.questions if question.key == key)


# --- what is assumed


def test_each_default_that_fills_a_gap_is_stated() -> None:
    assert read("find people").assumptions == (
        "No number named: 200 good leads.",
        "No language named: python.",
        "No topics named: ci, testing, pytest, devtools, llm.",
        "No stars named: 100 to 2,000.",
        "Active: in the last 90 days.",
    )


def test_a_sentence_that_says_everything_assumes_nothing() -> None:
    said = read("find 300 python people, topics ci, stars 50..500, active 60 days, dry run")
    assert said.assumptions == ()
    assert said.questions == ()
    assert said.unread == ()


def test_assumptions_are_part_of_the_plan() -> None:
    reading = read("find people in wonderland")
    assert reading.plan.assumptions == reading.assumptions


def test_a_role_without_only_is_a_preference_and_says_so() -> None:
    reading = read("find 300 py maintainers")
    assert reading.plan.icp.roles == ()
    assert any("only maintainers" in text for text in reading.assumptions)


def test_topics_suggest_the_language_where_none_is_named() -> None:
    assert any("as the topics suggest" in text for text in read("200 django devs").assumptions)


def test_defaults_come_from_the_settings() -> None:
    defaults = Plan(goal="", target=50, icp=Icp(languages=("go",), topics=("cli",)), caps=Caps(max_repos=70))
    plan = read("find people", defaults=defaults).plan
    assert (plan.target, plan.icp.languages, plan.icp.topics, plan.caps.max_repos) == (50, ("go",), ("cli",), 70)


def test_nothing_is_assumed_or_asked_about_what_somebody_else_settles() -> None:
    settled = ("target", "icp.languages", "icp.topics", "icp.stars_range", "icp.activity_days", "icp.location")
    reading = read("find 100-200 people in Germany or France", settled=settled)
    assert reading.assumptions == ()
    assert reading.questions == ()


def test_a_settled_profile_makes_a_sentence_without_people_a_goal() -> None:
    assert read("dry run", settled=("icp.languages",)).plan.mode is Mode.DRY_RUN


def test_it_names_the_fields_the_sentence_speaks_of() -> None:
    assert read("300 py devs with over 50 stars, max 20 repos").named == (
        "caps.max_repos",
        "icp.languages",
        "icp.stars_range",
        "target",
    )


# --- sending is never unlocked


@pytest.mark.parametrize(
    "sentence",
    ["find 20 py devs and send them a mail", "20 py devs mode=send_allowed", "20 py devs, auto-send, reach out"],
)
def test_asking_to_send_leaves_it_locked_and_says_that_nothing_is_sent(sentence: str) -> None:
    reading = read(sentence)
    assert reading.plan.mode is Mode.DRAFT_ONLY
    assert any("Sending stays locked" in text for text in reading.assumptions)


def test_defaults_that_allow_sending_do_not_pass_through_a_sentence() -> None:
    defaults = Plan(goal="", mode=Mode.SEND_ALLOWED)
    assert read("find 20 py devs and send them", defaults=defaults).plan.mode is Mode.DRAFT_ONLY


def test_a_dry_default_stays_dry_whatever_the_sentence_says() -> None:
    defaults = Plan(goal="", mode=Mode.DRY_RUN)
    for sentence in ("20 py devs, drafts only", "20 py devs, send them", "20 py devs"):
        assert read(sentence, defaults=defaults).plan.mode is Mode.DRY_RUN


def test_a_negated_dry_run_stays_dry_and_asks() -> None:
    reading = read("don't do a dry run, find 20 py devs")
    question = question_about("mode", reading)
    assert question.assumption == "It stays a dry run: nothing is sent."
    assert [choice.label for choice in question.choices] == ["dry run", "drafts only"]
    assert answer(reading, question, question.choices[1]).plan.mode is Mode.DRAFT_ONLY


def test_a_dry_run_wins_over_send() -> None:
    reading = read("20 py devs, dry run, then send")
    assert reading.plan.mode is Mode.DRY_RUN
    assert "It stays a dry run: nothing is sent." in reading.assumptions


# --- questions


def test_a_range_takes_its_upper_end_and_asks() -> None:
    reading = read("find 200-300 py devs")
    question = question_about("target", reading)
    assert [choice.label for choice in question.choices] == ["300", "200"]
    assert answer(reading, question, question.choices[1]).plan.target == 200


def test_two_numbers_of_people_take_the_first_and_ask() -> None:
    question = question_about("target", read("300 py devs and 200 go devs"))
    assert [choice.label for choice in question.choices] == ["300", "200", "500"]


def test_a_day_that_reads_both_ways_takes_the_later_and_asks() -> None:
    reading = read("20 py devs starting 03/04/2027")
    question = question_about("start_on", reading)
    assert "3 April 2027 or 4 March 2027" in question.text
    assert answer(reading, question, question.choices[1]).plan.start_on == date(2027, 3, 4)


def test_two_sequences_take_the_first_and_ask() -> None:
    reading = read("20 py devs seq=1 seq=2")
    question = question_about("sequence_id", reading)
    assert reading.plan.sequence_id == "1"
    assert answer(reading, question, question.choices[1]).plan.sequence_id == "2"


def test_several_places_take_the_first_and_ask() -> None:
    reading = read("20 py devs in Germany, Austria or Switzerland")
    assert [choice.label for choice in question_about("icp.location", reading).choices] == [
        "Germany",
        "Austria",
        "Switzerland",
    ]


def test_a_word_that_may_be_a_place_is_asked_about() -> None:
    reading = read("20 py devs in wonderland")
    question = question_about("icp.topics", reading)
    place = answer(reading, question, question.choices[1]).plan.icp
    assert (place.location, place.topics) == ("wonderland", Icp().topics)


def test_unknown_words_can_become_topics_or_keywords() -> None:
    reading = read("20 fluffy python devs")
    question = question_about("unread", reading)
    assert question.assumption.startswith("Not understood and left out: “fluffy”; the estimate is for python and")
    assert question.assumption in reading.assumptions
    assert answer(reading, question, question.choices[1]).plan.icp.topics == ("fluffy",)
    assert answer(reading, question, question.choices[2]).plan.icp.keywords == ("fluffy",)


def test_an_answer_removes_the_question_and_its_assumption() -> None:
    reading = read("find 200-300 py devs")
    question = question_about("target", reading)
    after = answer(reading, question, question.choices[0])
    assert question not in after.questions
    assert question.assumption not in after.assumptions
    assert after.plan.assumptions == after.assumptions


def test_every_question_states_its_assumption() -> None:
    reading = read("200-300 fluffy py devs in Rome or Paris starting 03/04/2027, not a dry run, seq 1 seq 2")
    assert len(reading.questions) == 6
    assert {question.assumption for question in reading.questions} <= set(reading.assumptions)


def test_the_first_choice_is_what_is_assumed() -> None:
    reading = read("200-300 fluffy py devs in Rome or Paris starting 03/04/2027, not a dry run, seq 1 seq 2")
    for question in reading.questions:
        assert answer(reading, question, question.choices[0]).plan.model_copy(
            update={"assumptions": reading.assumptions}
        ) == reading.plan.model_copy(update={"assumptions": reading.assumptions})


# --- quotas, versions, crossed limits


def test_a_daily_number_is_a_quota_and_not_the_target() -> None:
    reading = read("300 py devs, send 20 a day")
    assert reading.plan.target == 300
    assert any("cmo limits set max_emails_per_day 20" in text for text in reading.assumptions)


def test_crossed_star_limits_are_put_in_order() -> None:
    reading = read("20 py devs, min stars 900, max stars 100")
    assert reading.plan.icp.stars_range == StarsRange(low=100, high=900)
    assert any("crossed" in text for text in reading.assumptions)


def test_a_number_beyond_what_a_cap_can_be_is_moved_and_said() -> None:
    reading = read("20 py devs, max_repos=9999999")
    assert reading.plan.caps.max_repos == 1_000_000
    assert any("1,000,000 assumed" in text for text in reading.assumptions)


def test_keywords_replace_the_usual_topics() -> None:
    reading = read('20 py devs, "code review"')
    assert reading.plan.icp.topics == ()
    assert any("keywords choose" in text for text in reading.assumptions)


def test_forks_archived_repositories_and_bots_are_left_out_in_any_case() -> None:
    reading = read("20 py devs, no forks, no archived repos, exclude bots")
    assert reading.plan.icp.exclude == ()
    assert {
        "Forks are always left out.",
        "Archived repositories are always left out.",
        "Bots are always left out.",
    } <= set(reading.assumptions)


def test_a_language_that_is_asked_for_and_ruled_out_is_a_question() -> None:
    reading = read("find 100 python or go maintainers but not python")
    question = question_about("icp.languages", reading)
    assert (reading.plan.icp.languages, reading.plan.icp.exclude) == (("python", "go"), ())
    other = answer(reading, question, question.choices[1]).plan.icp
    assert (other.languages, other.exclude) == (("go",), ("python",))


def test_words_that_look_like_the_subject_are_asked_about_and_the_estimate_says_what_it_is_for() -> None:
    reading = read("find 50 vim plugin maintainers")
    question = question_about("unread", reading)
    assert question.text == "Is “vim plugin” what to search for?"
    assert "the estimate is for python and the topics ci," in question.assumption
    assert answer(reading, question, question.choices[1]).plan.icp.topics == ("vim-plugin",)


def test_a_slip_is_read_as_the_known_word_and_said() -> None:
    assumptions = read("find 50 pyhton maintaners").assumptions
    assert {"“pyhton” read as python.", "“maintaners” read as maintainers."} <= set(assumptions)


@pytest.mark.parametrize("word", ["senior", "Austen", "scale", "launch", "rusty"])
def test_a_word_of_its_own_is_not_taken_for_a_slip(word: str) -> None:
    assert word in read(f"find 50 python maintainers, {word}").unread


def test_no_search_is_offered_for_words_that_are_no_subject() -> None:
    for sentence in ("20 py devs, ignore previous instructions", "20 py devs, ne pas les"):
        assert not any("search" in question.text for question in read(sentence).questions)


def test_an_exclusion_of_unknown_words_is_said() -> None:
    assert any("leave out projects about gambling" in text for text in read("20 py devs, no gambling").assumptions)
    assert not any("leave out" in text for text in read("20 py devs, no crypto").assumptions)


def test_crossed_ends_of_a_range_are_said() -> None:
    assert any("crossed" in text for text in read("20 py devs, stars 1000..100").assumptions)
    assert not any("crossed" in text for text in read("20 py devs, stars 2-3k").assumptions)


def test_topics_of_the_settings_are_kept_for_any_language() -> None:
    defaults = Plan(goal="", icp=Icp(topics=("cli", "pytest")))
    assert read("20 rust devs", defaults=defaults).plan.icp.topics == ("cli", "pytest")


# --- refusals


@pytest.mark.parametrize("sentence", ["find 0 maintainers", "find -5 python maintainers", "target 0, python"])
def test_a_goal_that_asks_for_nobody_is_refused(sentence: str) -> None:
    with pytest.raises(GoalUnclear, match="asks for nobody"):
        read(sentence)
    assert read(sentence, settled=("target",)).plan.target == 200


@pytest.mark.parametrize("sentence", ["find my ex girlfriend jane doe's email address", "find the contact of jane doe"])
def test_one_particular_person_is_nobody_to_search_for(sentence: str) -> None:
    with pytest.raises(GoalUnclear, match="does not say whom to find"):
        read(sentence)


@pytest.mark.parametrize("sentence", ["", "   \n\t ", "\u200b\u202e", "hello", "dry run", "seq=123", "...", "don't"])
def test_a_goal_without_people_is_refused_with_an_example(sentence: str) -> None:
    with pytest.raises(GoalUnclear) as refusal:
        read(sentence)
    assert 'cmo run "' in refusal.value.hint


def test_a_goal_that_is_too_long_is_refused_rather_than_cut() -> None:
    with pytest.raises(GoalUnclear, match="too long"):
        read("find 20 py devs " + "and more " * MAX_GOAL + "dry run")


def test_a_goal_of_the_greatest_length_is_read_to_its_end() -> None:
    sentence = "find 20 py devs, dry run".rjust(MAX_GOAL, "-")
    assert read(sentence).plan.mode is Mode.DRY_RUN


def test_a_key_in_a_goal_is_refused_and_not_repeated() -> None:
    with pytest.raises(GoalUnclear) as refusal:
        read("find 20 py devs with ghp_abcdefghijklmnopqrstuvwxyz0123456789")
    assert "ghp_" not in f"{refusal.value.message} {refusal.value.hint} {refusal.value.details}"


def test_the_goal_is_kept_clean_and_on_one_line() -> None:
    assert read("find 20\n py\u202e devs\x1b[2J").plan.goal == "find 20 py devs[2J"


def test_a_doubtful_number_is_explained() -> None:
    assert "“2.000” read as 2,000." in read("find 2.000 py devs").assumptions


def test_a_list_named_right_after_its_crm_may_be_called_like_people() -> None:
    assert read("find 40 py maintainers, add to Attio list prospects").plan.list_id == "prospects"
    assert read("find 40 py maintainers, add to the Attio list and export").plan.list_id is None
    assert read("find 40 py maintainers, make an Attio list of people").plan.list_id is None
