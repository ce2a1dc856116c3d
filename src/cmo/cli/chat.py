"""`cmo chat`: talking with a job line by line, for slow links and screen readers; a goal starts one."""

from __future__ import annotations

import select
from dataclasses import dataclass
from typing import Annotated, TextIO

import typer

from cmo import service
from cmo.cli import jobview
from cmo.cli.asking import opened_job, short_ref
from cmo.cli.diagnostics import DONE
from cmo.cli.errors import Left, NeedsPerson, UsageProblem
from cmo.cli.requests import grant
from cmo.cli.session import Session, session
from cmo.cli.steer import tell_said
from cmo.domain import event as ev
from cmo.domain import event_words
from cmo.domain.text import counted
from cmo.errors import CmoError, JobNotFound
from cmo.service import requests as verbs
from cmo.service import steering
from cmo.store import events, views
from cmo.store.request_views import open_requests

_TOLD = (
    ev.MessageQueued, ev.MessageDropped, ev.FollowUpRead, ev.SettingsChanged, ev.SearchWidened,
    ev.RequestAsked, ev.RequestAllowed, ev.RequestDenied, ev.PermissionRevoked,
    ev.StepPlanned, ev.StepFinished, ev.StepRefused, ev.PlannerTroubled,
    ev.JobStarted, ev.JobPaused, ev.JobWaiting, ev.JobWaitEnded, ev.JobFinished, ev.JobFailed, ev.JobCancelled,
)  # fmt: skip
"""What belongs to the conversation; single pages and people do not."""
_LOOKED_THROUGH, _SHOWN_FIRST = 200, 20
_LOOK_S = 1.0
_HOW = "/later TEXT: after its stage   /drop N: take back   /quit: leave, the job goes on"
_ANSWERS = "/allow ID   /allow ID --for-job   /deny ID REASON"


def chat(
    job: Annotated[
        str | None,
        typer.Option("--job", metavar="JOB", help="Default: the running job; without one, a line is a goal."),
    ] = None,
) -> int:
    """Talk with a job, line by line.

    What you type is read at its next step, and what came of it is told as it happens. Where no job runs, a line is a
    goal: the plan is shown, and with your yes it works in the background. Leaving ends no job.
    """
    here = session()
    talk = _Talk(here, is_named=job is not None)
    if job is not None:
        with opened_job(here, job) as (_, job_id):
            talk.follow(job_id)
    else:
        talk.find()
    talk.greet()
    while (words := talk.typed()) is not None:
        try:
            if not talk.take(words):
                break
        except NeedsPerson:
            raise
        except Left as error:
            here.say.note(error.message)
        except CmoError as error:  # a mistake in a line must not end the conversation
            here.say.warn(error.message, error.hint)
    talk.news()
    return DONE


@dataclass
class _Talk:
    """One sitting."""

    here: Session
    is_named: bool
    """The operator chose the job."""
    job_id: str | None = None
    ref: str = ""
    seen: int = 0
    """The last event that was told."""

    def find(self) -> None:
        """Follow the job that runs, if one does."""
        try:
            with opened_job(self.here, None) as (conn, job_id):
                is_running = service.summary(self.here.settings, conn, job_id).state == "running"
        except JobNotFound as error:
            if error.details.get("candidates"):
                raise
            return
        if is_running:
            self.follow(job_id)

    def follow(self, job_id: str) -> None:
        """Talk with this job from now on; what was said last is told first."""
        self.job_id = job_id
        with service.reader(self.here.settings) as conn:
            self.ref = short_ref(conn, job_id)
            self.here.say.tag = jobview.tags(views.get_job(conn, job_id))
            found = events.latest(conn, job_id, limit=_LOOKED_THROUGH, run_only=True)
        for item in [item for item in found if isinstance(item.event, _TOLD)][-_SHOWN_FIRST:]:
            self._tell(item)
        self.seen = found[-1].seq if found else 0

    def greet(self) -> None:
        if self.job_id is None:
            self.here.say.note("No job runs. Type a goal, e.g. find 200 python maintainers active 90 days")
        else:
            with service.reader(self.here.settings) as conn:
                state = service.summary(self.here.settings, conn, self.job_id).state
            self.here.say.note(f"{self.job_id} is {state}. Type what it should do, e.g. skip crypto repos")
        self.here.say.hint(_HOW)
        waiting = self._waiting()
        if waiting:
            verb = "waits" if len(waiting) == 1 else "wait"
            self.here.say.note(f"{counted(len(waiting), 'request')} of the job {verb} for you: {', '.join(waiting)}")
            self.here.say.hint(_ANSWERS)

    def _waiting(self) -> list[str]:
        """Ids of the requests that nobody answered."""
        if self.job_id is None:
            return []
        with service.reader(self.here.settings) as conn:
            return [request.id for request in open_requests(conn, self.job_id)]

    def typed(self) -> str | None:
        """The next line, or None at the end; meanwhile what happens is told."""
        stdin, asks = self.here.world.stdin, self.here.ask.allowed
        self.news()
        if asks:
            self._prompt()
            while not _is_ready(stdin):
                if self.news():
                    self._prompt()
        line = stdin.readline()
        return line.strip() if line else None

    def news(self) -> bool:
        """Tell what happened since the last time; whether anything did."""
        if self.job_id is None:
            return False
        with service.reader(self.here.settings) as conn:
            found = list(events.iter_events(conn, self.job_id, after_seq=self.seen, run_only=True))
            is_over = views.get_job(conn, self.job_id).status.is_over
        told = [
            item
            for item in found
            if isinstance(item.event, _TOLD)
            and not (isinstance(item.event, ev.MessageQueued) and item.event.by == self.here.settings.actor)
        ]
        for item in told:
            self._tell(item)
        if any(isinstance(item.event, ev.RequestAsked) for item in told):
            self.here.say.hint(_ANSWERS)
        self.seen = found[-1].seq if found else self.seen
        if is_over and not self.is_named:
            self.here.say.hint(f"It is over: cmo status {self.ref}. The next line is a goal.")
            self.job_id = None
        return bool(told)

    def take(self, words: str) -> bool:
        """Do what a line says; False to leave."""
        head, _, rest = words.partition(" ")
        match head:
            case "":
                return True
            case "/quit":
                return False
            case "/drop":
                self._drop(rest.strip())
            case "/allow":
                self._allow(rest.split())
            case "/deny":
                self._deny(*rest.strip().partition(" ")[::2])
            case "/later":
                self._say(rest, later=True)
            case _ if head.startswith("/"):
                raise UsageProblem(f"There is no {head} here.", hint=_HOW)
            case _:
                self._say(words, later=False)
        return True

    def _say(self, words: str, *, later: bool) -> None:
        if self.job_id is not None:
            tell_said(self.here, steering.tell(self.here.settings, self.job_id, words, later=later), words, self.ref)
        elif later:
            raise UsageProblem("No job runs that could read it later.", hint="Type a goal to start one.")
        else:
            self._start(words)

    def _start(self, goal: str) -> None:
        from cmo.cli import driving, runs
        from cmo.service import Overrides

        job = runs.agreed_job(self.here, goal, Overrides(), yes=False)
        driving.hand_over(self.here, job)
        self.follow(job.id)

    def _drop(self, number: str) -> None:
        if self.job_id is None or not (number.isascii() and number.isdecimal()):
            raise UsageProblem("Which message? Its number was told when it was queued.", hint="/drop 3")
        if service.drop_message(self.here.settings, self.job_id, int(number[:9])):
            self.here.say.note(f"Message {number} was taken back.")
        else:
            self.here.say.warn(f"Message {number} is not waiting.", "What was read stays; say the opposite.")

    def _allow(self, words: list[str]) -> None:
        """A person says yes: the request is shown, then asked about once more."""
        if len(words) not in (1, 2) or words[1:] not in ([], ["--for-job"]):
            raise UsageProblem("Which request? Its id was told when it was asked.", hint=_ANSWERS)
        request, _ = verbs.get_open(self.here.settings, words[0])
        grant(self.here, request, for_job=len(words) == 2, yes=False)

    def _deny(self, id_: str, reason: str) -> None:
        if not id_ or not reason.strip():
            raise UsageProblem("Which request, and why not?", hint=_ANSWERS)
        self.here.say.note(verbs.deny(self.here.settings, id_, reason))

    def _tell(self, item: ev.Recorded) -> None:
        text = event_words.sentence(item.event)
        data = {"schema": "cmo.chat/1", "kind": item.event.kind, "seq": item.seq, "at": item.at.isoformat(),
                "job_id": item.job_id, "text": text}  # fmt: skip
        self.here.out.event(data, f"{item.at.astimezone():%H:%M:%S}  {text}")

    def _prompt(self) -> None:
        self.here.world.stderr.write("> ")
        self.here.world.stderr.flush()


def _is_ready(stdin: TextIO) -> bool:
    """Whether a line was typed; waits a second for one. What is no terminal is read as it comes."""
    try:
        return bool(select.select([stdin], [], [], _LOOK_S)[0])
    except (OSError, ValueError, TypeError):
        return True
