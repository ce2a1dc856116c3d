"""`cmo leads suppress`: who must never be contacted."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cmo.cli.asking import agree
from cmo.cli.diagnostics import BAD_DATA, DONE
from cmo.cli.errors import NothingMatched, UsageProblem
from cmo.cli.options import DryRun, Fields, Yes
from cmo.cli.output import Column
from cmo.cli.session import Session, session
from cmo.cli.terminal import safe_line
from cmo.cli.withdrawals import still_in_data, take_out, tell_would_withdraw
from cmo.domain.suppression import SuppressionKind
from cmo.domain.text import counted
from cmo.service import suppress as verbs
from cmo.service.audit import record_dry

_SHOWN_BAD = 5


class Kind(StrEnum):
    EMAIL = "email"
    DOMAIN = "domain"
    LOGIN = "login"
    ACCOUNT = "account"


def suppress(
    target: Annotated[str | None, typer.Argument(metavar="[TARGET]", help="Address, domain, login or company.")] = None,
    kind: Annotated[Kind | None, typer.Option("--kind", help="What TARGET is, where it could be several.")] = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept with it.")] = "",
    import_: Annotated[Path | None, typer.Option("--import", metavar="FILE.csv", help="Take all of a file.")] = None,
    export: Annotated[str | None, typer.Option("--export", metavar="FILE", help="Write all; - is stdout.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="List all.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Lift what an operator added by hand; asks.")] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    fields: Fields = None,
) -> int:
    """Never contact somebody.

    Holds at once, for every job, whatever is approved or planned: matched across case, plus tags, subdomains and
    spellings. A file names columns email, domain, login or account, or kind and value. No import lifts anything, and
    an objection can never be lifted.
    """
    here = session()
    asked = [name for name, given in (("TARGET", target), ("--import", import_), ("--export", export),
                                      ("--list", list_)) if given]  # fmt: skip
    if len(asked) != 1 or (remove and target is None):
        raise UsageProblem(
            f"One of TARGET, --import, --export and --list is needed{', not ' + ' and '.join(asked) if asked else ''}.",
            hint='cmo leads suppress ana@ana.example --reason "asked us to stop"',
        )
    if import_ is not None:
        return _import(here, here.folder / import_, reason, dry_run=dry_run)
    if export is not None:
        return _export(here, export, dry_run=dry_run)
    if target is None:
        return _list(here, fields)
    whom = verbs.read_target(target, SuppressionKind(kind.value) if kind else None)
    return _remove(here, whom, reason, yes, dry_run) if remove else _add(here, whom, reason, dry_run)


def _add(here: Session, whom: verbs.Target, reason: str, dry_run: bool) -> int:
    shown = f"{whom.kind} {safe_line(whom.value)}"
    if dry_run:
        record_dry(here.settings, "leads.suppress", verbs.token_of(here.settings, whom))
        here.say.note(f"Would suppress {shown}. Nothing was changed.")
        tell_would_withdraw(here, [(whom.kind, whom.value)])
        return DONE
    is_new = verbs.suppress(here.settings, whom, reason=reason)
    here.say.note(f"Suppressed {shown}: nothing leaves for it any more." if is_new else f"{shown} was suppressed.")
    withdrawn = take_out(here)
    if whom.kind is SuppressionKind.EMAIL:
        here.say.hint("Erase them as well: cmo forget EMAIL")
    data = {
        "kind": whom.kind.value,
        "value": whom.value,
        "state": "suppressed",
        "new": is_new,
        "withdrawn": withdrawn.done,
        "still_in": still_in_data(withdrawn.left),
    }
    here.out.document("cmo.leads.suppress/1", data, text=[])
    return DONE


def _remove(here: Session, whom: verbs.Target, reason: str, yes: bool, dry_run: bool) -> int:
    shown = f"{whom.kind} {safe_line(whom.value)}"
    if dry_run:
        record_dry(here.settings, "leads.unsuppress", verbs.token_of(here.settings, whom))
        here.say.note(f"Would lift {shown}, if an operator added it by hand. Nothing was changed.")
        return DONE
    agree(here, f"Lift the suppression of {shown}? They may be written to again.", yes=yes)
    if not verbs.unsuppress(here.settings, whom, reason=reason):
        raise NothingMatched(f"{shown} is not suppressed.", hint="cmo leads suppress --list")
    here.say.note(f"Lifted: {shown}.")
    other = verbs.find_other(here.settings, whom)
    if other is not None:
        why = f"{other.kind} {safe_line(other.value)}" if other.kind is not SuppressionKind.HASH else "they were erased"
        here.say.warn(
            f"They must still not be contacted: {why} ({safe_line(other.reason)}, {safe_line(other.source)})."
        )
    data = {"kind": whom.kind.value, "value": whom.value, "state": "removed", "new": False}
    here.out.document("cmo.leads.suppress/1", data, text=[])
    return DONE


def _import(here: Session, path: Path, reason: str, *, dry_run: bool) -> int:
    done = verbs.import_suppressed(here.settings, path, reason=reason, dry_run=dry_run)
    if dry_run:
        record_dry(here.settings, "leads.suppress", "file:import")
    words = "Would take" if dry_run else "Took"
    here.say.note(f"{words} {done.new} new from {path.name}; {done.known} were suppressed already.")
    for bad in done.bad[:_SHOWN_BAD]:
        here.say.warn(f"row {bad.row}, {bad.column or 'whole row'}: {bad.reason}")
    if done.bad:
        where = f" All are named in {done.bad_file}." if done.bad_file else ""
        here.say.note(f"{len(done.bad)} rows were left out.{where}")
    withdrawn = None if dry_run else take_out(here)
    data = {
        "new": done.new,
        "known": done.known,
        "bad": [row.model_dump() for row in done.bad],
        "bad_file": str(done.bad_file) if done.bad_file else None,
        "dry_run": dry_run,
        "withdrawn": withdrawn.done if withdrawn else 0,
        "still_in": still_in_data(withdrawn.left if withdrawn else ()),
    }
    here.out.document("cmo.leads.suppress.import/1", data, text=[])
    return BAD_DATA if done.bad else DONE


def _export(here: Session, to: str, *, dry_run: bool) -> int:
    path = None if to == "-" else here.folder / to
    done = verbs.export_suppressed(here.settings, path, dry_run=dry_run)
    if dry_run:
        here.say.note(f"Would write {counted(done.rows, 'row')} to {path or 'standard output'}. Nothing was written.")
        return DONE
    if path is None:
        here.out.text(done.text)
    else:
        here.say.note(f"Wrote {counted(done.rows, 'row')}.")
        here.out.text(str(path))
    if done.left_out:
        here.say.note(
            f"Left out: {done.left_out} hashes of erased people. They are made with this installation's key and match"
            " nobody elsewhere."
        )
    return DONE


def _list(here: Session, fields: str | None) -> int:
    rows = [entry.model_dump() for entry in verbs.list_suppressed(here.settings)]
    columns = [
        Column("kind"),
        Column("value", least=20),
        Column("reason", least=16),
        Column("source", least=10),
        Column("added_at", head="added", show=lambda row: here.out.when(row["added_at"])),
    ]
    here.out.table("cmo.leads.suppress.list/1", columns, rows, fields=fields, total=len(rows))
    if not rows:
        here.say.note("Nobody is suppressed.")
    return DONE
