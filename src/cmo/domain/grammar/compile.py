"""From what was understood to a plan: defaults for what the sentence does not say, and a sentence for each of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cmo.domain.base import Frozen
from cmo.domain.grammar.dates import MONTHS, WEEKDAYS
from cmo.domain.grammar.items import as_keyword, as_topic
from cmo.domain.grammar.rules_how import SEND_WORDS
from cmo.domain.grammar.understood import BOUNDS, Choice, Question, Understood
from cmo.domain.grammar.vocabulary import FOREIGN_WORDS, IMPLIED_LANGUAGES, LANGUAGES, NEGATIONS, NO_SUBJECT, ONLY
from cmo.domain.job import Caps, Icp, Mode, Plan, StarsRange

LOCKED = (
    "Sending stays locked: words never turn it on. The job ends with drafts that wait for your approval; "
    "`cmo jobs set JOB mode=send_allowed` lets approved ones leave."
)
_MODES = (Mode.DRY_RUN, Mode.DRAFT_ONLY, Mode.SEND_ALLOWED)


def compile_plan(
    u: Understood, goal: str, unknown: tuple[str, ...], defaults: Plan, settled: frozenset[str]
) -> tuple[Plan, tuple[Question, ...], tuple[str, ...]]:
    """The plan, the questions about it, and all assumptions in it (those of the questions included)."""
    icp = _icp(u, defaults.icp)
    mode = _mode(u, defaults.mode)
    caps = {key.removeprefix("caps."): value for key, value in u.values.items() if key.startswith("caps.")}
    single = {key: u.values[key] for key in _PLAIN_FIELDS if key in u.values}
    plan = defaults.model_copy(
        update={"goal": goal, "icp": icp, "mode": mode, "caps": Caps(**{**dict(defaults.caps), **caps}), **single}
    )
    plan = plan.model_copy(update={"icp": _ask_about_contradictions(u, plan.icp)})
    _assume_defaults(u, plan)
    _ask_about_unknown(u, unknown, plan.icp)
    questions = tuple(q for q in u.questions if not _is_settled(q.key, settled))
    notes = [text for key, text in u.notes if not _is_settled(key, settled)]
    return plan, questions, tuple(dict.fromkeys([*(q.assumption for q in questions), *notes]))


_PLAIN_FIELDS = ("target", "channel", "mailer", "crm", "sequence_id", "list_id", "start_on", "until")


def _is_settled(key: str, settled: frozenset[str]) -> bool:
    return key in settled or (key == "stars" and "icp.stars_range" in settled)


def _icp(u: Understood, defaults: Icp) -> Icp:
    values: dict[str, Any] = {
        key.removeprefix("icp."): tuple(items) for key, items in u.lists.items() if key.startswith("icp.")
    }
    values |= {key.removeprefix("icp."): value for key, value in u.values.items() if key.startswith("icp.")}
    if "icp.topics" not in u.lists and u.lists.get("icp.keywords"):
        values["topics"] = ()
        u.note("icp.topics", "No topic is asked of the repositories, since the keywords choose them.")
    if "icp.languages" not in u.lists:
        values |= _implied_languages(u, values.get("topics", ()))
    if "any_language" in u.flags:
        values["languages"] = ()
    if "icp.topics" not in u.lists and "topics" not in values and defaults.topics == Icp().topics:
        values["topics"] = _usual_topics(values.get("languages", defaults.languages))
    if "anywhere" in u.flags:
        values["location"] = None
    if stars := _stars(u, defaults.stars_range):
        values["stars_range"] = stars
    return defaults.model_copy(update=values)


def _usual_topics(languages: tuple[str, ...]) -> tuple[str, ...]:
    """The default topics without those of another language: no pytest for rust."""

    def suits(topic: str) -> bool:
        of = IMPLIED_LANGUAGES.get(topic, ())
        return not of or not languages or bool(set(of) & set(languages))

    return tuple(topic for topic in Icp().topics if suits(topic))


def _ask_about_contradictions(u: Understood, icp: Icp) -> Icp:
    """`icp` without the exclusions that the sentence also asks for: what is asked for wins, and that is a question."""
    asked = {name: key for key in ("icp.languages", "icp.topics") for name in u.lists.get(key, ())}
    exclude = tuple(item for item in icp.exclude if item not in asked and LANGUAGES.get(item, item) not in asked)
    for item in u.lists.get("icp.exclude", ()):
        name = item if item in asked else LANGUAGES.get(item, item)
        if name not in asked:
            continue
        key = asked[name]
        others = [word for word in u.lists[key] if word != name]
        u.ask(
            Question(
                key=key,
                text=f"The sentence asks for {name} and rules it out. Which one?",
                assumption=f"“{name}” is asked for and ruled out: it is searched for.",
                choices=(
                    Choice(label=f"search for {name}"),
                    Choice(label=f"leave {name} out", changes={key: others, "icp.exclude": [*exclude, item]}),
                ),
            )
        )
    return icp.model_copy(update={"exclude": exclude})


def _implied_languages(u: Understood, topics: tuple[str, ...]) -> dict[str, Any]:
    implied = [language for topic in topics for language in IMPLIED_LANGUAGES.get(topic, ())]
    if not implied or "any_language" in u.flags:
        return {}
    languages = tuple(dict.fromkeys(implied))
    u.note("icp.languages", f"Language: {' or '.join(languages)}, as the topics suggest.")
    return {"languages": languages}


def _stars(u: Understood, defaults: StarsRange) -> StarsRange | None:
    low, high = u.values.get("stars.low"), u.values.get("stars.high")
    if low is None and high is None:
        return None
    if high is None:
        high = BOUNDS["stars.high"][1]
        u.note("stars", f"Stars: {low:,} or more, without an upper limit.")
    if low is None:
        low = defaults.low if defaults.low < high else 0
        u.note("stars", f"Stars: {low:,} or more, {'the usual floor' if low else 'without a floor'}.")
    if low > high:
        low, high = high, low
        u.note("stars", f"Stars: the limits are crossed; read as {low:,} to {high:,}.")
    return StarsRange(low=low, high=high)


def _mode(u: Understood, ceiling: Mode) -> Mode:
    """The stricter of what the words and the defaults say; words never go beyond draft-only."""
    said = u.values.get("mode", Mode.DRAFT_ONLY)
    mode = _MODES[min(_MODES.index(said), _MODES.index(ceiling))]
    if "send" in u.flags:
        u.note("mode", "It stays a dry run: nothing is sent." if mode is Mode.DRY_RUN else LOCKED)
    elif mode is not said and "mode" in u.values:
        u.note("mode", "It stays a dry run, as your settings say.")
    return mode


def _assume_defaults(u: Understood, plan: Plan) -> None:
    """Say which defaults fill what the sentence leaves open, and what a named role means."""
    icp, named = plan.icp, u.named()
    if "target" not in named:
        u.note("target", f"No number named: {plan.target:,} good leads.")
    if "icp.languages" not in named and not any(key == "icp.languages" for key, _ in u.notes):
        u.note("icp.languages", f"No language named: {' or '.join(icp.languages) or 'any'}.")
    if "icp.topics" not in named and not any(key == "icp.topics" for key, _ in u.notes):
        u.note("icp.topics", f"No topics named: {', '.join(icp.topics) or 'any'}.")
    if "icp.stars_range" not in named:
        u.note("stars", f"No stars named: {icp.stars_range.low:,} to {icp.stars_range.high:,}.")
    if "icp.activity_days" not in named:
        u.note("icp.activity_days", f"Active: in the last {icp.activity_days} days.")
    if not icp.roles and "prefers_maintainer" in u.flags and "prefers_contributor" not in u.flags:
        u.note("icp.roles", "Maintainers are preferred by the score; contributors who score high enough count too. "
                            "Say “only maintainers” to leave them out.")  # fmt: skip
    if not icp.roles and "prefers_contributor" in u.flags and "prefers_maintainer" not in u.flags:
        u.note(
            "icp.roles", "Contributors and maintainers both count. Say “only contributors” to leave maintainers out."
        )


_ASKABLE = 4
_NO_NAMES = {"ignore"} | NO_SUBJECT | FOREIGN_WORDS | NEGATIONS | ONLY | WEEKDAYS.keys() | MONTHS.keys() | SEND_WORDS


def _ask_about_unknown(u: Understood, unknown: tuple[str, ...], icp: Icp) -> None:
    """Offer to search for a few words that mean nothing to the grammar; of others only say that they are left out."""
    if not unknown:
        return
    shown = ", ".join(f"“{word}”" for word in unknown[:12]) + (", …" if len(unknown) > 12 else "")
    ignored = f"Not understood and left out: {shown}."
    words = [word for text in unknown for word in text.split()]
    searchable = all(word.isalpha() and word.casefold() not in _NO_NAMES for word in words)
    topics = [topic for word in unknown if (topic := as_topic(word))]
    if len(unknown) > _ASKABLE or not searchable or not topics:
        u.note("unread", ignored)
        return
    question = f"What to do with {shown}?"
    if not {"icp.topics", "icp.keywords"} & u.lists.keys():
        question = f"Is {shown} what to search for?"
        ignored = f"{ignored.removesuffix('.')}; the estimate is for {_searched(icp)}."
    named_topics = icp.topics if "icp.topics" in u.lists else ()
    keywords = [word for text in unknown if (word := as_keyword(text))]
    u.ask(
        Question(
            key="unread",
            text=question,
            assumption=ignored,
            choices=(
                Choice(label="leave out"),
                Choice(label=f"topic {', '.join(topics)}", changes={"icp.topics": [*named_topics, *topics]}),
                Choice(label=f"keyword {', '.join(keywords)}", changes={"icp.keywords": [*icp.keywords, *keywords]}),
            ),
        )
    )


def _searched(icp: Icp) -> str:
    """`python and the topics ci, testing`."""
    return f"{' or '.join(icp.languages) or 'any language'} and the topics {', '.join(icp.topics) or 'any'}"


def changed(plan: Plan, changes: Mapping[str, Any], defaults: Plan) -> Plan:
    """`plan` with fields set by dotted name; None empties an optional field and puts any other back to `defaults`.

    Values are plain (ISO dates, lists); they are checked like any plan.
    """
    tree = plan.model_dump(mode="json")
    usual = defaults.model_dump(mode="json")
    for key, value in changes.items():
        group, _, name = key.rpartition(".")
        branch, default = (tree[group], usual[group]) if group else (tree, usual)
        branch[name] = value if value is not None or _is_optional(group, name) else default[name]
    return Plan.model_validate(tree)


def _is_optional(group: str, name: str) -> bool:
    models: dict[str, type[Frozen]] = {"icp": Icp, "caps": Caps}
    return models.get(group, Plan).model_fields[name].default is None
