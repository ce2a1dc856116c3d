"""What holds for every sentence and every plan."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from cmo.domain.goal import MAX_GOAL, Reading, parse_follow_up, parse_goal, render_plan
from cmo.domain.grammar.items import as_topic
from cmo.domain.grammar.numbers import read_number
from cmo.domain.grammar.rules_where import as_place
from cmo.domain.grammar.tokens import Sentence, lex, word_list
from cmo.domain.grammar.vocabulary import FILLERS, LANGUAGES, NEGATIONS, ROLES, STAGES, TOPICS
from cmo.domain.job import Caps, Icp, Mode, Plan, Role, Stage, StarsRange
from cmo.errors import GoalUnclear
from tests.domain.test_goal_corpus import CORPUS

TODAY = date(2026, 11, 20)

SENTENCES = [str(param.values[0]) for param in CORPUS]
WORDS = sorted(
    {word for sentence in SENTENCES for word in sentence.split(" ")}
    | set(FILLERS)
    | set(NEGATIONS)
    | {*LANGUAGES, *TOPICS, *ROLES, *STAGES}
)
MARKS = [",", ";", ":", "=", "-", "..", "(", ")", '"', "“", "'", "#", "$", "€", "%", "/", "@", "\n", "é", "🦀", "日本"]
salad = st.lists(st.one_of(st.sampled_from(WORDS), st.sampled_from(MARKS), st.text(max_size=6)), max_size=40)


def read(text: str) -> Reading | None:
    """The reading, or None where the goal is refused with a way out."""
    try:
        return parse_goal(text, today=TODAY)
    except GoalUnclear as refusal:
        if not refusal.hint:
            raise
        return None


def bare(plan: Plan) -> Plan:
    return plan.model_copy(update={"goal": "", "assumptions": ()})


@given(st.text(max_size=400))
def test_any_text_is_a_plan_or_a_polite_refusal(text: str) -> None:
    reading = read(text)
    if reading is not None:
        assert reading.plan.mode is not Mode.SEND_ALLOWED
        assert Plan.model_validate(reading.plan.model_dump()) == reading.plan


@given(salad)
def test_any_mix_of_known_words_gives_a_valid_plan_that_does_not_send(words: list[str]) -> None:
    reading = read(" ".join(words)[:MAX_GOAL])
    if reading is not None:
        assert reading.plan.mode is not Mode.SEND_ALLOWED
        assert Plan.model_validate(reading.plan.model_dump()) == reading.plan
        assert {question.assumption for question in reading.questions} <= set(reading.assumptions)


@given(st.sampled_from(SENTENCES), st.integers(0, 200), st.text(max_size=8))
def test_a_sentence_with_a_stain_is_still_read(sentence: str, at: int, stain: str) -> None:
    reading = read(sentence[:at] + stain + sentence[at:])
    assert reading is None or reading.plan.mode is not Mode.SEND_ALLOWED


@given(st.sampled_from(SENTENCES))
def test_reading_the_cleaned_goal_again_changes_nothing(sentence: str) -> None:
    once = parse_goal(sentence, today=TODAY)
    assert parse_goal(once.plan.goal, today=TODAY) == once


@given(salad, st.sampled_from(["dry run", "don't send", "do not send", "without sending", "send nothing"]))
def test_words_around_it_never_undo_a_dry_run(words: list[str], dry: str) -> None:
    filling = [word for word in words if '"' not in word and "“" not in word and "'" not in word and "`" not in word]
    before = " ".join(filling)[:900]
    plan = parse_goal(f"{before} , {dry} , 20 python devs", today=TODAY).plan
    assert plan.mode is Mode.DRY_RUN


@given(st.text(max_size=300))
def test_every_visible_character_belongs_to_one_token(text: str) -> None:
    tokens = lex(text)
    covered = [i for token in tokens for i in range(token.start, token.end)]
    assert covered == sorted(set(covered))
    assert all(text[i].isspace() for i in set(range(len(text))) - set(covered))


@given(salad)
def test_any_remark_changes_the_plan_to_a_valid_one_no_looser(words: list[str]) -> None:
    order = list(Mode)
    for mode in Mode:
        plan = Plan(goal="", mode=mode)
        result = parse_follow_up(" ".join(words), plan)
        assert result.effect
        if result.plan is not None:
            assert Plan.model_validate(result.plan.model_dump()) == result.plan
            assert order.index(result.plan.mode) <= order.index(mode)
            fixed = ("goal", "channel", "mailer", "sequence_id", "crm", "list_id", "start_on", "until")
            assert all(getattr(result.plan, name) == getattr(plan, name) for name in fixed)


# --- counts in every spelling

SMALL = word_list(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
)
TENS = word_list("- - twenty thirty forty fifty sixty seventy eighty ninety")


def spelled(number: int, *, dash: str, joint: str) -> str:
    """`number` in English words, up to 999,999,999."""
    for scale, name in ((1_000_000, "million"), (1000, "thousand"), (100, "hundred")):
        if number >= scale:
            head = f"{spelled(number // scale, dash=dash, joint=joint)} {name}"
            rest = number % scale
            link = f" {joint} " if joint and rest < 100 else " "
            return head if not rest else head + link + spelled(rest, dash=dash, joint=joint)
    if number < 20:
        return SMALL[number]
    return TENS[number // 10] if number % 10 == 0 else f"{TENS[number // 10]}{dash}{SMALL[number % 10]}"


def value_of(text: str) -> Fraction | None:
    s = Sentence(text)
    found = read_number(s, 0)
    return found[0].value if found and found[1] == len(s) else None


@given(st.integers(1, 999_999_999), st.sampled_from(["-", " "]), st.sampled_from(["and", ""]))
def test_a_count_reads_the_same_in_words(number: int, dash: str, joint: str) -> None:
    assert value_of(spelled(number, dash=dash, joint=joint)) == number


@given(st.integers(0, 10_000_000))
def test_a_count_reads_the_same_in_digits(number: int) -> None:
    for text in (f"{number}", f"{number:,}", f"{number:_}", f"{number:,}".replace(",", " ")):
        assert value_of(text) == number


@given(st.integers(1, 99_999))
def test_a_count_reads_the_same_with_a_unit(thousands: int) -> None:
    for text in (f"{thousands}k", f"{thousands}K", f"{thousands} thousand", f"{thousands / 1000:.3f}M"):
        assert value_of(text) == thousands * 1000


@given(st.integers(1, 10_000_000))
def test_a_target_survives_every_way_to_write_it(number: int) -> None:
    for text in (f"find {number} python devs", f"{number:,} python devs", f"python devs, target {number}"):
        assert parse_goal(text, today=TODAY).plan.target == number


# --- a plan as a sentence

topic = st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,6}){0,2}", fullmatch=True).filter(
    lambda text: as_topic(text, exact=True) == text
)
ident = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,20}", fullmatch=True)
keyword = st.from_regex(r"[a-zà-ž0-9][a-zà-ž0-9 :.+#-]{0,20}[a-z0-9]", fullmatch=True).map(
    lambda text: " ".join(text.split())
)
place = st.from_regex(r"[A-ZÀ-Ý][a-zà-ÿ]{1,9}([ -][A-Z][a-z]{1,9})?(, [A-Z][a-z]{2,9})?", fullmatch=True).filter(
    lambda text: as_place(text) == text
)
stars = st.tuples(st.integers(0, 10_000_000), st.integers(0, 10_000_000)).map(
    lambda ends: StarsRange(low=min(ends), high=max(ends))
)


def several(items: st.SearchStrategy[str], most: int = 4) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(items, max_size=most, unique=True).map(tuple)


icps = st.builds(
    Icp,
    keywords=several(keyword),
    languages=several(st.sampled_from(sorted(set(LANGUAGES.values())))),
    stars_range=stars,
    activity_days=st.integers(1, 3650),
    topics=several(topic),
    location=st.none() | place,
    roles=st.sampled_from([(), (Role.MAINTAINER,), (Role.CONTRIBUTOR,)]),
    exclude=several(topic),
)
caps = st.builds(
    Caps,
    max_steps=st.integers(1, 100_000),
    max_repos=st.integers(1, 1_000_000),
    max_people=st.integers(1, 1_000_000),
    max_tool_calls=st.integers(1, 1_000_000),
    top_authors_per_repo=st.integers(1, 100),
    checkpoint_every=st.integers(1, 100_000),
    budget_usd=st.none() | st.integers(0, 1_000_000).map(lambda cents: cents / 100),
)
plans = st.builds(
    Plan,
    goal=st.just(""),
    target=st.integers(1, 10_000_000),
    icp=icps,
    caps=caps,
    mode=st.sampled_from([Mode.DRY_RUN, Mode.DRAFT_ONLY]),
    channel=st.sampled_from(["email", "sms", "call", "linkedin"]),
    mailer=st.sampled_from([None, "instantly", "smartlead", "smtp", "gmail", "maildir"]),
    sequence_id=st.none() | ident,
    crm=st.sampled_from([None, "attio", "hubspot"]),
    list_id=st.none() | ident,
    start_on=st.none() | st.integers(0, 3000).map(lambda days: TODAY + timedelta(days=days)),
    until=st.none() | st.sampled_from(list(Stage)),
)


@given(plans, plans)
def test_a_plan_written_as_a_sentence_reads_back_as_the_same_plan(plan: Plan, defaults: Plan) -> None:
    asked = {*plan.icp.languages, *plan.icp.topics}
    assume(not any({item, LANGUAGES.get(item, item)} & asked for item in plan.icp.exclude))
    usual: dict[str, Any] = {"mode": Mode.DRAFT_ONLY, "start_on": None, "until": None, "mailer": None, "crm": None}
    usual |= {"sequence_id": None, "list_id": None}
    caps_without_money = defaults.caps.model_copy(update={"budget_usd": None})
    icp_without_words = defaults.icp.model_copy(update={"keywords": (), "exclude": ()})
    defaults = defaults.model_copy(update={**usual, "caps": caps_without_money, "icp": icp_without_words})
    sentence = render_plan(plan)
    if len(sentence) <= MAX_GOAL:
        reading = parse_goal(sentence, today=TODAY, defaults=defaults)
        assert bare(reading.plan) == bare(plan)
        assert reading.unread == ()
        assert reading.questions == ()
