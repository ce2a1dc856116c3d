"""What each event does to rows: one arm per kind, nothing else changes rows of a job."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, assert_never

from cmo.domain import event as ev
from cmo.domain.address import parent_domains
from cmo.domain.exclusion import is_excluded
from cmo.domain.job import Icp, JobStatus, Plan, Stage
from cmo.domain.lead import ActivityState, EmailClass, MxState, Repo
from cmo.domain.plan_changes import with_changes
from cmo.domain.requests import number
from cmo.domain.suppression import Suppression, SuppressionKind, email_domain, email_key
from cmo.domain.triage import group_key
from cmo.ids import short_hash
from cmo.store.apply_drafts import apply_draft
from cmo.store.apply_leads import apply_said
from cmo.store.db import Connection
from cmo.store.groups import hold_set_aside
from cmo.store.progress import LEADS_VERSION
from cmo.store.retry import FAILED_REPO, make_failures_pending
from cmo.store.searches import add_search, narrow_searches
from cmo.store.suppressions import find_entry, record_suppressions


def apply(conn: Connection, job_id: str, at: datetime, event: ev.Event) -> None:
    """Change the rows that `event` is about. Runs inside the transaction that stores it."""
    _Applier(conn, job_id, at.isoformat()).apply(event)


class _Applier:
    def __init__(self, conn: Connection, job_id: str, at: str) -> None:
        self._conn = conn
        self._job = job_id
        self._at = at

    def apply(self, event: ev.Event) -> None:
        match event:
            case ev.JobStarted() | ev.JobPaused() | ev.JobFinished() | ev.JobFailed() | ev.JobCancelled():
                self._life_cycle(event)
            case ev.JobWaiting() | ev.JobWaitEnded():
                self._waiting(event)
            case ev.StageEntered():
                self._set_job(stage=event.stage)
            case ev.StepPlanned() | ev.StepFinished() | ev.StepRefused() | ev.PlannerTroubled() | ev.PageFinished():
                self._step(event)
            case ev.SearchWidened() | ev.FollowUpRead() | ev.SettingsChanged():
                self._plan_changed(event)
            case ev.RequestAllowed():
                self._change_plan(event.changes)
                self._reopen(event)
            case ev.RequestAsked() | ev.RequestDenied() | ev.PermissionRevoked():
                pass  # `store.requests` reads the log
            case ev.MessageQueued() | ev.MessageDropped():
                self._message(event)
            case ev.FailuresRetried():
                make_failures_pending(self._conn, self._job, event.groups, event.items)
            case ev.CheckpointWritten():
                self._run(
                    "INSERT INTO checkpoints (job_id, path, batch, row_count, upto, written_at, leads_version)"
                    f" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ({LEADS_VERSION})) ON CONFLICT (job_id, path) DO UPDATE SET"
                    " row_count = excluded.row_count, upto = excluded.upto, written_at = excluded.written_at,"
                    " leads_version = excluded.leads_version",
                    event.path, event.batch, event.rows, event.upto, self._at,
                )  # fmt: skip
            case ev.RepoFound() | ev.RepoRead():
                self._repo(event)
            case ev.CandidateFound():
                self._candidate_found(event)
            case ev.CandidateDropped():
                self._run(
                    "INSERT INTO drops (job_id, login_key, login, from_repo, reason, detail) VALUES (?, ?, ?, ?, ?, ?)"
                    " ON CONFLICT (job_id, login_key) DO NOTHING",
                    event.login.lower(), event.login, event.from_repo, event.reason, event.detail,
                )  # fmt: skip
            case ev.PersonEnriched():
                self._set_candidate(event.profile.login, profile=event.profile.model_dump_json())
            case ev.PersonOptedOut():
                self._opted_out(event)
                self._leads_changed()
            case ev.EmailFound() | ev.EmailMissing() | ev.EmailVerified():
                self._email(event)
            case ev.LeadScored():
                self._lead_scored(event)
                self._leads_changed()
            case ev.PeopleMerged():
                self._merged(event)
                self._leads_changed()
            case ev.DraftRendered() | ev.DraftEdited() | ev.DraftsDecided() | ev.DraftsUndone():
                apply_draft(self._conn, self._job, self._at, event)
            case ev.LeadOutcomeSet() | ev.LeadStatusSet() | ev.LeadNoted():
                apply_said(self._conn, self._job, self._at, event)
            case ev.WritesSettled():
                self._count_all(event.usage)
            case ev.ItemFailed():
                self._item_failed(event)
            case _:
                assert_never(event)

    def _run(self, sql: str, *values: Any) -> None:
        """Execute `sql`, whose first placeholder is the job."""
        self._conn.execute(sql, (self._job, *values))

    def _set_job(self, **columns: Any) -> None:
        names = ", ".join(f"{name} = ?" for name in columns)
        self._conn.execute(f"UPDATE jobs SET {names} WHERE id = ?", (*columns.values(), self._job))

    def _set_candidate(self, login: str, **columns: Any) -> None:
        names = ", ".join(f"{name} = ?" for name in columns)
        self._conn.execute(
            f"UPDATE candidates SET {names} WHERE job_id = ? AND login_key = ?",
            (*columns.values(), self._job, login.lower()),
        )

    def _leads_changed(self) -> None:
        self._conn.execute("UPDATE jobs SET leads_version = leads_version + 1 WHERE id = ?", (self._job,))

    def _count(self, name: str, increment: int) -> None:
        self._run(
            "INSERT INTO counters (job_id, name, value) VALUES (?, ?, ?)"
            " ON CONFLICT (job_id, name) DO UPDATE SET value = counters.value + excluded.value",
            name, increment,
        )  # fmt: skip

    def _count_all(self, increments: Mapping[str, int]) -> None:
        for name, increment in increments.items():
            if increment:
                self._count(name, increment)

    def _life_cycle(
        self, event: ev.JobStarted | ev.JobPaused | ev.JobFinished | ev.JobFailed | ev.JobCancelled
    ) -> None:
        """An ended job stays ended. A start obeys a pause asked of the run before; a cancel stays asked."""
        match event:
            case ev.JobStarted():
                self._conn.execute(
                    "UPDATE jobs SET control = CASE control WHEN 'pause' THEN NULL ELSE control END WHERE id = ?",
                    (self._job,),
                )
                self._set_status(JobStatus.RUNNING, ended_reason=None)
            case ev.JobPaused():
                self._set_status(JobStatus.PAUSED, control=None, ended_reason=event.message)
            case ev.JobFinished():
                self._set_status(
                    JobStatus.FINISHED, stage=Stage.DONE, control=None, ended_reason=event.shortfall,
                    summary=event.summary,
                )  # fmt: skip
            case ev.JobFailed():
                self._set_status(JobStatus.FAILED, control=None, ended_reason=event.message)
            case ev.JobCancelled():
                self._set_status(JobStatus.CANCELLED, control=None, ended_reason=f"cancelled by {event.by}")

    def _set_status(self, status: JobStatus, **columns: Any) -> None:
        row = self._conn.execute("SELECT status FROM jobs WHERE id = ?", (self._job,)).fetchone()
        if not JobStatus(row["status"]).is_over:
            self._set_job(status=status, wait_until=None, wait_reason=None, **columns)

    def _waiting(self, event: ev.JobWaiting | ev.JobWaitEnded) -> None:
        match event:
            case ev.JobWaiting():
                reason = f"{event.provider} limit ({event.resource})"
                self._set_job(wait_until=event.until.isoformat(), wait_reason=reason)
                self._count("waits", 1)
            case ev.JobWaitEnded():
                self._set_job(wait_until=None, wait_reason=None)

    def _step(
        self, event: ev.StepPlanned | ev.StepFinished | ev.StepRefused | ev.PlannerTroubled | ev.PageFinished
    ) -> None:
        match event:
            case ev.StepPlanned():
                self._run(
                    "INSERT INTO steps (job_id, n, tool, args, planner, why, state, started_at)"
                    " VALUES (?, ?, ?, ?, ?, ?, 'running', ?)",
                    event.step, event.tool, json.dumps(event.args, sort_keys=True), event.planner, event.why, self._at,
                )  # fmt: skip
                self._count_all({"steps": 1, **event.usage})
            case ev.StepFinished():
                self._end_step(event.step, "finished", event.result)
            case ev.StepRefused():
                self._run(
                    "INSERT INTO steps (job_id, n, tool, args, planner, why, state, started_at)"
                    " VALUES (?, ?, ?, '{}', 'rails', ?, 'refused', ?) ON CONFLICT (job_id, n) DO NOTHING",
                    event.step, event.tool, event.missing, self._at,
                )  # fmt: skip
                self._end_step(event.step, "refused", {"missing": event.missing})
                self._count_all({"refused": 1, **event.usage})
            case ev.PlannerTroubled():
                self._count("planner_troubles", 1)
            case ev.PageFinished():
                self._count_all({**event.usage, f"failed_{event.tool}": event.failed})
                self._run(
                    "INSERT INTO calls (job_id, step, page, state, epoch, processed, failed, cursor, tally, claimed_at,"
                    " finished_at) VALUES (?1, ?2, ?3, 'finished', 0, ?4, ?5, ?6, ?7, ?8, ?8) ON CONFLICT (job_id,"
                    " step, page) DO UPDATE SET state = 'finished', processed = excluded.processed,"
                    " failed = excluded.failed, cursor = excluded.cursor, tally = excluded.tally,"
                    " finished_at = excluded.finished_at",
                    event.step, event.page, event.processed, event.failed,
                    json.dumps(event.cursor) if event.cursor else None, json.dumps(event.usage, sort_keys=True),
                    self._at,
                )  # fmt: skip
                if event.tool == "search_github_repos":
                    self._search_moved(event.cursor)

    def _end_step(self, step: int, state: str, result: dict[str, Any]) -> None:
        self._run(
            "UPDATE steps SET state = ?2, result = ?3, finished_at = ?4 WHERE job_id = ?1 AND n = ?5",
            state, json.dumps(result, sort_keys=True), self._at, step,
        )  # fmt: skip

    def _search_moved(self, cursor: dict[str, Any] | None) -> None:
        self._run(
            "UPDATE searches SET cursor = ?2, is_exhausted = ?3 WHERE job_id = ?1 AND n ="
            " (SELECT MIN(n) FROM searches WHERE job_id = ?1 AND is_exhausted = 0)",
            json.dumps(cursor) if cursor else None, int(cursor is None),
        )  # fmt: skip

    def _plan_changed(self, event: ev.SearchWidened | ev.FollowUpRead | ev.SettingsChanged) -> None:
        if isinstance(event, ev.FollowUpRead):
            self._run(
                "UPDATE messages SET state = 'read', step = ?3, effect = ?4 WHERE job_id = ?1 AND n = ?2",
                event.message_id, event.step, event.effect,
            )  # fmt: skip
        if event.changes:
            self._change_plan(event.changes)
        if event.search is not None:
            add_search(self._conn, self._job, Icp.model_validate(event.search))
        if isinstance(event, ev.SearchWidened):
            self._count("widenings", 1)

    def _change_plan(self, changes: Mapping[str, Any]) -> None:
        row = self._conn.execute("SELECT plan FROM jobs WHERE id = ?", (self._job,)).fetchone()
        plan = with_changes(Plan.model_validate_json(row["plan"]), changes)
        self._set_job(plan=plan.model_dump_json())
        narrow_searches(self._conn, self._job, plan.icp)
        self._leave_out(plan.icp.exclude)

    def _reopen(self, event: ev.RequestAllowed) -> None:
        """A job that ended short of its goal may go on; it waits for `cmo resume`."""
        self._conn.execute(
            "UPDATE jobs SET status = ?, ended_reason = ? WHERE id = ? AND status = ? AND ended_reason IS NOT NULL",
            (JobStatus.PAUSED, f"{event.setting} is {number(event.value)} now", self._job, JobStatus.FINISHED),
        )

    def _leave_out(self, words: tuple[str, ...]) -> None:
        """Found repositories that are not wanted any more are not read."""
        rows = self._conn.execute("SELECT id, doc FROM repos WHERE job_id = ? AND state = 'unread'", (self._job,))
        unwanted = [row["id"] for row in rows.fetchall() if is_excluded(Repo.model_validate_json(row["doc"]), words)]
        for repo_id in unwanted:
            self._run("UPDATE repos SET state = 'excluded' WHERE job_id = ? AND id = ?", repo_id)

    def _message(self, event: ev.MessageQueued | ev.MessageDropped) -> None:
        match event:
            case ev.MessageQueued():
                self._run(
                    "INSERT INTO messages (job_id, n, by_whom, text, is_later, state, queued_at, queued_stage)"
                    " SELECT id, (SELECT COALESCE(MAX(n), 0) + 1 FROM messages WHERE job_id = ?1), ?2, ?3, ?4,"
                    " 'queued', ?5, stage FROM jobs WHERE id = ?1",
                    event.by, event.text, int(event.later), self._at,
                )  # fmt: skip
            case ev.MessageDropped():
                self._run(
                    "UPDATE messages SET state = 'dropped' WHERE job_id = ? AND n = ? AND state = 'queued'",
                    event.message_id,
                )

    def _repo(self, event: ev.RepoFound | ev.RepoRead) -> None:
        match event:
            case ev.RepoFound():
                repo = event.repo
                self._run(
                    "INSERT INTO repos (job_id, id, n, full_name, query, state, doc) SELECT ?1, ?2,"
                    " (SELECT COALESCE(MAX(n), 0) + 1 FROM repos WHERE job_id = ?1), ?3, ?4, 'unread', ?5"
                    " WHERE true ON CONFLICT (job_id, id) DO NOTHING",
                    repo.id, repo.full_name, event.query, repo.model_dump_json(exclude_none=True),
                )  # fmt: skip
            case ev.RepoRead():
                self._run(
                    "UPDATE repos SET state = ?2, people = ?3 WHERE job_id = ?1 AND id = ?4",
                    ActivityState(event.state), event.people, event.repo_id,
                )  # fmt: skip

    def _candidate_found(self, event: ev.CandidateFound) -> None:
        ref, key = event.ref, event.ref.login.lower()
        self._run(
            "INSERT INTO candidate_repos (job_id, login_key, repo_id, contributions, ref) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (job_id, login_key, repo_id) DO UPDATE SET contributions = excluded.contributions,"
            " ref = excluded.ref",
            key, ref.repo_id, ref.contributions, ref.model_dump_json(exclude_none=True),
        )  # fmt: skip
        self._run(
            "INSERT INTO candidates (job_id, login_key, n, login, user_id, person_id, state, contributions, role)"
            " SELECT ?1, ?2, (SELECT COALESCE(MAX(n), 0) + 1 FROM candidates WHERE job_id = ?1), ?3, ?4, ?5,"
            " 'found', 0, ?6 WHERE true ON CONFLICT (job_id, login_key) DO NOTHING",
            key, ref.login, ref.user_id, self._person_of(f"login:{key}", "seen on GitHub"), ref.role,
        )  # fmt: skip
        self._run(
            "UPDATE candidates SET contributions ="
            " (SELECT SUM(contributions) FROM candidate_repos WHERE job_id = ?1 AND login_key = ?2),"
            " role = CASE WHEN ?3 = 'maintainer' THEN 'maintainer' ELSE role END,"
            " user_id = COALESCE(user_id, ?4) WHERE job_id = ?1 AND login_key = ?2",
            key, ref.role, ref.user_id,
        )  # fmt: skip

    def _person_of(self, key: str, evidence: str) -> str:
        row = self._conn.execute("SELECT person_id FROM identities WHERE key = ?", (key,)).fetchone()
        if row is not None:
            return str(row["person_id"])
        person = "p-" + short_hash(key)
        self._conn.execute(
            "INSERT INTO identities (key, person_id, job_id, evidence, added_at) VALUES (?, ?, ?, ?, ?)",
            (key, person, self._job, evidence, self._at),
        )
        return person

    def _opted_out(self, event: ev.PersonOptedOut) -> None:
        reason = f"asks not to be contacted: “{event.words}”"
        self._set_candidate(event.login, state="rejected", reason=reason)
        keys = [(SuppressionKind.LOGIN, event.login.lower())]
        if event.email:
            keys.append((SuppressionKind.EMAIL, email_key(event.email)))
        at = datetime.fromisoformat(self._at)
        record_suppressions(
            self._conn,
            [
                Suppression(kind=kind, value=value, reason=reason, source=event.source_url, added_at=at)
                for kind, value in keys
            ],
        )

    def _email(self, event: ev.EmailFound | ev.EmailMissing | ev.EmailVerified) -> None:
        match event:
            case ev.EmailFound():
                email, key = event.email, event.login.lower()
                self._run(
                    "INSERT INTO emails (job_id, login_key, email, email_key, domains, email_class, rank, source_url,"
                    " seen_at, evidence) SELECT ?1, ?2, ?3, ?4, ?5, ?6,"
                    " (SELECT COUNT(*) FROM emails WHERE job_id = ?1 AND login_key = ?2), ?7, ?8, ?9"
                    " WHERE true ON CONFLICT (job_id, login_key, email) DO NOTHING",
                    key, email.email, email_key(email.email),
                    json.dumps(parent_domains(email_domain(email.email))), email.email_class, email.source_url,
                    email.seen_at.isoformat(), email.evidence,
                )  # fmt: skip
                self._set_candidate(event.login, email_state="found")
                self._suppress_again(SuppressionKind.EMAIL, email_key(email.email))
            case ev.EmailMissing():
                self._set_candidate(event.login, email_state="missing", reason=event.reason)
            case ev.EmailVerified():
                verdict = event.verdict
                self._conn.execute(
                    "INSERT INTO verdicts (email, state, reason, flags, checked_at, tries) VALUES (?, ?, ?, ?, ?, 1)"
                    " ON CONFLICT (email) DO UPDATE SET state = excluded.state, reason = excluded.reason,"
                    " flags = excluded.flags, checked_at = excluded.checked_at,"
                    " tries = CASE verdicts.state WHEN 'unknown' THEN verdicts.tries + 1 ELSE 1 END",
                    (verdict.email, verdict.state, verdict.reason, json.dumps(verdict.flags),
                     verdict.checked_at.isoformat()),
                )  # fmt: skip
                if verdict.state is not MxState.UNKNOWN:
                    self._run("DELETE FROM failures WHERE job_id = ? AND tool = 'mx_check' AND item = ?", verdict.email)

    def _lead_scored(self, event: ev.LeadScored) -> None:
        self._set_candidate(
            event.login,
            state="accepted" if event.accepted else "rejected",
            reason=event.decision,
            score=event.score.value,
            score_doc=event.score.model_dump_json(),
            scored_at=self._at,
        )
        self._run("UPDATE drafts SET score = ?3 WHERE job_id = ?1 AND login_key = ?2", event.login.lower(),
                  event.score.value)  # fmt: skip
        if not event.accepted or event.email is None:
            self._run("DELETE FROM leads WHERE job_id = ? AND login_key = ?", event.login.lower())
            return
        self._run(
            "INSERT INTO leads (job_id, number, login_key, email, email_class, held, stage, score, label) SELECT ?1,"
            " (SELECT COALESCE(MAX(number), 0) + 1 FROM leads WHERE job_id = ?1), ?2, ?3, ?4, ?5, 'scored', ?6, ?7"
            " WHERE true ON CONFLICT (job_id, login_key) DO UPDATE SET email = excluded.email,"
            " email_class = excluded.email_class, held = excluded.held, score = excluded.score,"
            " label = excluded.label",
            event.login.lower(), event.email.email, event.email.email_class,
            int(event.email.email_class is EmailClass.COMMIT), event.score.value, event.score.label,
        )  # fmt: skip

    def _merged(self, event: ev.PeopleMerged) -> None:
        kept, merged = event.kept.lower(), event.merged.lower()
        self._run("DELETE FROM leads WHERE job_id = ? AND login_key = ?", merged)
        self._run(
            "UPDATE candidates SET state = 'merged', merged_into = ?2, reason = ?3"
            " WHERE job_id = ?1 AND login_key = ?4",
            kept, f"the same person as {event.kept}: {event.evidence}", merged,
        )  # fmt: skip
        self._conn.execute(
            "INSERT INTO merges (kept, merged, job_id, evidence, merged_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (kept, merged) DO NOTHING",
            (self._person_of(f"login:{kept}", ""), self._person_of(f"login:{merged}", ""), self._job, event.evidence,
             self._at),
        )  # fmt: skip
        for login in (kept, merged):
            self._suppress_again(SuppressionKind.LOGIN, login)

    def _suppress_again(self, kind: SuppressionKind, value: str) -> None:
        """Where this name is suppressed already, so are the names that were just found to be of the same person."""
        entry = find_entry(self._conn, kind, value)
        if entry is not None:
            record_suppressions(self._conn, [entry])

    def _item_failed(self, event: ev.ItemFailed) -> None:
        failure = event.failure
        key = group_key(event.stage, event.tool, failure.message or failure.code, failure.status)
        row = self._conn.execute(
            "INSERT INTO failures (job_id, tool, item, stage, group_key, code, message, status, tries, first_at,"
            " last_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?9, 1, ?8, ?8) ON CONFLICT (job_id, tool, item)"
            " DO UPDATE SET stage = excluded.stage, group_key = excluded.group_key, code = excluded.code,"
            " message = excluded.message, status = excluded.status, tries = failures.tries + 1,"
            " last_at = excluded.last_at RETURNING mark",
            (
                self._job, event.tool, failure.item, event.stage, key, failure.code, failure.message, self._at,
                failure.status,
            ),
        ).fetchone()  # fmt: skip
        if row["mark"] is not None and failure.item.startswith("outbox:"):
            hold_set_aside(self._conn, [int(failure.item[7:])], row["mark"], at=datetime.fromisoformat(self._at))
        if event.tool == "extract_people":
            self._run(
                "UPDATE repos SET state = ?2 WHERE job_id = ?1 AND full_name = ?3 AND state = 'unread'",
                FAILED_REPO, failure.item,
            )  # fmt: skip
        elif event.tool == "enrich_github_user":
            self._set_candidate(failure.item, state="rejected", reason=failure.message)
