"""A store in which every screen has something to show, and a tour through all that can be opened over it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

from cmo.domain import event as ev
from cmo.domain.job import Stage
from cmo.domain.lead import ItemFailure
from cmo.domain.requests import event_id, request_id
from cmo.store.commit import commit
from cmo.store.db import Connection
from cmo.store.requests import allow_request
from cmo.store.rules import add_rule
from cmo.tui.actions import SCREENS, Action, actions_of
from tests.fakes.campaign import Campaign, campaign, sandbox_settings
from tests.fakes.clock import NOON
from tests.service.test_sending import HOLD, sending_of
from tests.tui.screen import Seen

THERE = tuple(name for name in SCREENS if find_spec(f"cmo.tui.screens.{name}"))
"""The screens that are built."""
LEAVES = {"view.back", "view.escape", "view.suspend", "drafts.edit", "jobs.toggle", "jobs.resume", "jobs.pause"}
"""Actions that a tour does not try: they close what is seen, or start a program or a job."""
ONCE = {"view.zoom", "view.panel", "view.next_flag", "view.previous_flag", "export.write"}
"""Alike on every screen: a tour tries them on the first that has them."""
FAILURES = (
    ("enrich_github_user", Stage.ENRICH, "maint1", "rate_limited", "GitHub 403: secondary rate limit, wait 60 s"),
    ("enrich_github_user", Stage.ENRICH, "maint2", "rate_limited", "GitHub 403: secondary rate limit, wait 61 s"),
    ("mx_check", Stage.MX, "ana@org3.example", "dns", "SERVFAIL from the servers of org3.example"),
    ("render_copy", Stage.DRAFT, "maint4", "odd", "the answer had no subject"),
)

WENT_ON: tuple[ev.Event, ...] = (
    ev.StageEntered(stage=Stage.DISCOVER),
    ev.MessageQueued(by="operator:ana", text="Prefer projects that use GitHub Actions.", later=False),
    ev.FollowUpRead(message_id=1, step=1, effect="topics: testing -> testing, github-actions."),
    ev.StepPlanned(step=1, tool="search_github_repos", args={"topics": ["testing"]}, planner="rules", why="few people"),
    ev.StepFinished(step=1, tool="search_github_repos", stage=Stage.DISCOVER, result={"processed": 9, "failed": 1}),
    ev.StepRefused(step=2, tool="send_smtp", missing="an approval"),
    ev.StageEntered(stage=Stage.EXTRACT),
    ev.StepPlanned(step=3, tool="extract_people", args={"limit": 30}, planner="rules", why="nine repositories"),
    ev.MessageQueued(by="operator:bo", text="Be nice.", later=True),
    ev.JobPaused(reason="asked", message="Paused by bo."),
)
"""What the job did after it had all its drafts."""


def full_house(home: Path) -> Campaign:
    """In `home`: nine drafts, of which three are handed over, one is flagged and one blocked; failures; a rule; a
    job that went on, was told something and is paused; an inbox that is paused; somebody who must not be contacted,
    and somebody who has to wait.
    """
    home.mkdir()
    made = campaign(home, 9, approved=(7, 8, 9), settings=sandbox_settings(home), is_over=False)
    with sending_of(made) as sending:
        due_at = sending.now() + HOLD
        sending.hand_over(sending.preview(due_at=due_at), due_at=due_at, limited=False)
    conn = made.open()
    for n, (tool, stage, item, code, message) in enumerate(FAILURES):
        failure = ItemFailure(item=item, code=code, message=message)
        failed = ev.ItemFailed(tool=tool, stage=stage, failure=failure)
        commit(conn, made.job_id, [(f"{made.job_id}/f{n}", failed)], at=NOON + timedelta(minutes=n), epoch=None)
    for n, event in enumerate(WENT_ON):
        commit(conn, made.job_id, [(f"{made.job_id}/w{n}", event)], at=NOON + timedelta(seconds=n), epoch=None)
    with conn:
        conn.execute("INSERT INTO findings VALUES (1, 1, 'length', 'short', 'warn', 'The mail has few words.')")
        conn.execute(
            "INSERT INTO decisions VALUES (3, 'window', 'it is too early there', ?, NULL, 2)", (NOON.timestamp(),)
        )
        conn.execute("INSERT INTO holds VALUES ('account', 'org5.example', 'maint5 replied', 'reply', ?)", (f"{NOON}",))
        conn.execute("INSERT INTO drops VALUES (?, 'x', 'maint0', 'org1/proj1', 'bot', 'a bot')", (made.job_id,))
        conn.execute("INSERT INTO inboxes VALUES ('new@sandbox.example', 'maildir', 0, 0, 'three bounces', NULL)")
        conn.execute("INSERT INTO suppressions VALUES ('login', 'maint6', 'asked to stop', 'reply', ?)", (f"{NOON}",))
        conn.execute("UPDATE drafts SET flag = 'short' WHERE id = 1")
        conn.execute("UPDATE drafts SET flag = 'claim?', is_blocked = 1 WHERE id = 2")
    add_rule(conn, "clean-60", "score>=60", by="ana", at=NOON)
    conn.close()
    return made


def let_it_ask(made: Campaign) -> None:
    """Have the job go on, paused, and ask for four things, of which one is allowed for the job."""
    conn = made.open()
    conn.execute("UPDATE jobs SET status = 'paused'")
    ask_for(conn, made.job_id, "max_repos", 600, 900)
    ask_for(conn, made.job_id, "max_people", 3000, 4000)
    ask_for(conn, made.job_id, "max_steps", 40, 60)
    ask_for(conn, made.job_id, "max_tool_calls_per_kind.mx_check", 200, 300)
    allow_request(conn, request_id(made.job_id, "max_repos", 600), by="operator:ana", for_job=True, at=NOON)
    conn.close()


def ask_for(conn: Connection, job_id: str, setting: str, before: int, after: int, *, why: str = "") -> str:
    """The job asks for more of a cap; the request's id."""
    id_ = request_id(job_id, setting, before)
    asked = ev.RequestAsked(
        request=id_, step=1, setting=setting, before=before, asked=after,
        why=why or "40 good leads are missing; 600 repositories gave 160.", effect="about 1,900 more calls, 23 min",
    )  # fmt: skip
    commit(conn, job_id, [(event_id(job_id, asked), asked)], at=NOON, epoch=None)
    return id_


async def tour(seen: Seen) -> AsyncIterator[str]:
    """Every screen that is built, then what each of its keys opens; what is open everywhere is opened once.

    Yields:
        Where it is now: the screen, and the action that opened what is seen there or lies over it.
    """
    for name in THERE:
        await seen.go(name)
        yield name
        for action in tried_on(name):
            await seen.pilot.press(action.keys[0])
            if seen.is_asked or action.group == "view":
                await seen.settled()
                yield f"{name}, {action.id}"
            await seen.pilot.press("escape")
            if seen.is_asked or seen.app.page is None or name != seen.app.page.NAME:
                await seen.go(name)


def tried_on(name: str) -> list[Action]:
    """What a tour does on a screen; on the last one also what can be done everywhere."""
    here = (*actions_of(name), *(actions_of(None) if name == THERE[-1] else ()))
    before = {action.id for other in THERE[: THERE.index(name)] for action in actions_of(other)}
    return [action for action in here if is_safe(action) and not (action.id in ONCE and action.id in before)]


def is_safe(action: Action) -> bool:
    """Whether a tour may press its key: it starts no job or program and leaves nothing."""
    moves = "show(" in action.run
    return bool(action.keys) and action.id not in LEAVES and not moves and action.group != "kill"
