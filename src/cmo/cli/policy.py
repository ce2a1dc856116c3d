"""`cmo policy`: address policies, and what was allowed on the record."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from cmo.cli.asking import agree
from cmo.cli.diagnostics import DONE
from cmo.cli.errors import NeedsPerson, NothingMatched, UsageProblem
from cmo.cli.options import DryRun, Fields
from cmo.cli.output import Column, Row
from cmo.cli.session import session
from cmo.service import controls
from cmo.service.audit import record_dry


class Policy(StrEnum):
    COMMIT = "commit"
    UNKNOWN_COUNTRY = "unknown-country"


Kind = Annotated[Policy, typer.Argument(metavar="KIND", help="commit or unknown-country.")]
OneJob = Annotated[str | None, typer.Option("--job", metavar="JOB", help="For this job only. Default: every job.")]


def show(fields: Fields = None) -> int:
    """Show what is allowed."""
    here = session()
    bases = controls.show_limits(here.settings).stops.bases
    rows = []
    for kind, rule in controls.POLICIES.items():
        allowed = [basis for basis in bases if basis.kind == kind]
        rows += [_row(kind, rule, "allowed", **basis.model_dump(exclude={"kind"})) for basis in allowed]
        if not allowed:
            rows.append(_row(kind, rule, "hold"))
    columns = [
        Column("policy", least=15),
        Column("state", tone=lambda row: "warn" if row["state"] == "allowed" else "ok"),
        Column("scope"),
        Column("basis", least=20),
        Column("by"),
        Column("at", show=lambda row: here.out.when(row["at"])),
        Column("rule", extra=True),
    ]
    here.out.table("cmo.policy.show/1", columns, rows, fields=fields)
    here.say.hint('What a rule says, and lifting it: cmo policy allow commit --basis "…"')
    return DONE


def allow(
    kind: Kind,
    basis: Annotated[str, typer.Option("--basis", metavar="TEXT", help="Why you may; at least 10 characters.")],
    job: OneJob = None,
    dry_run: DryRun = False,
) -> int:
    """Record a basis.

    By a person on a terminal only: what the rule says is shown first, then asked.
    """
    here = session()
    if not here.ask.allowed:
        raise NeedsPerson("Only a person on a terminal can allow this.", hint="Run it in a terminal, without --json.")
    if len(basis.strip()) < controls.SHORTEST_BASIS:
        raise UsageProblem(f"A basis has at least {controls.SHORTEST_BASIS} characters.", hint="What allows you to?")
    here.say.note(controls.POLICIES[kind.value])
    where = f"job {job}" if job else "every job"
    if dry_run:
        record_dry(here.settings, "policy.allow", f"policy:{kind.value}")
        here.say.note(f"Would allow {kind.value} for {where}. Nothing was changed.")
        return DONE
    agree(here, f"Allow {kind.value} for {where}, on this basis?", yes=False)
    found = controls.allow(here.settings, kind.value, basis, job=job)
    here.say.note(f"Allowed for {where}; kept with your name. Take it back: cmo policy revoke {kind.value}")
    here.out.document("cmo.policy.allow/1", found.model_dump(mode="json"), text=[])
    return DONE


def revoke(kind: Kind, job: OneJob = None, dry_run: DryRun = False) -> int:
    """Take a permission back.

    Holds from the next mail on.
    """
    here = session()
    where = f"job {job}" if job else "every job"
    if dry_run:
        record_dry(here.settings, "policy.revoke", f"policy:{kind.value}")
        here.say.note(f"Would take back {kind.value} for {where}. Nothing was changed.")
        return DONE
    if not controls.revoke(here.settings, kind.value, job=job):
        raise NothingMatched(f"{kind.value} is not allowed for {where}.", hint="cmo policy show")
    here.say.note(f"Taken back: {kind.value} for {where}.")
    here.out.document("cmo.policy.revoke/1", {"kind": kind.value, "job": job, "state": "hold"}, text=[])
    return DONE


def _row(kind: str, rule: str, state: str, **basis: Any) -> Row:
    empty = dict.fromkeys(("scope", "basis", "by", "at"))
    return {"policy": kind, "state": state, "rule": rule, **empty, **basis}
