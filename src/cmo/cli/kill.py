"""`cmo kill`: the kill switch."""

from __future__ import annotations

from typing import Annotated

import typer

from cmo.cli.diagnostics import DONE, UNREACHABLE, UNWRITABLE
from cmo.cli.errors import NeedsPerson, UsageProblem
from cmo.cli.options import DryRun
from cmo.cli.session import Session, session
from cmo.cli.terminal import safe_line
from cmo.errors import PolicyRefused
from cmo.service import kill as verbs
from cmo.service.audit import record_dry


def kill(
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept on the record.")] = "",
    status: Annotated[bool, typer.Option("--status", help="Only say whether it is on.")] = False,
    drill: Annotated[bool, typer.Option("--drill", help="Rehearse: measure, stop nothing.")] = False,
    release: Annotated[bool, typer.Option("--release", help="Let sending go on; asks for a phrase.")] = False,
    dry_run: DryRun = False,
) -> int:
    """Stop all sending.

    Every job, at once, without a question. Then campaigns at providers are paused and read back, and a receipt says
    what had left already. While the store cannot be written, a file beside it stops all processes. Exit code 69 when a
    campaign could not be confirmed paused, 73 when neither the store nor the file could be written.
    """
    here = session()
    if sum((status, drill, release)) > 1:
        raise UsageProblem("--status, --drill and --release exclude each other.", hint="cmo kill --status")
    if status:
        return _status(here)
    if release:
        return _release(here, reason, dry_run=dry_run)
    return stop_sending(here, reason, drill=drill or dry_run)


def stop_sending(here: Session, reason: str, *, drill: bool = False) -> int:
    """Stop all sending at once, and say what came of it; returns the exit code."""
    receipt = verbs.kill(here.settings, reason, drill=drill, tell=here.say.note)
    here.out.document("cmo.kill/1", _document(receipt), text=_told(receipt))
    if not receipt.is_drill and not receipt.is_stopped:
        here.say.warn(verbs.NOT_STOPPED, verbs.MEND)
        return UNWRITABLE
    if not receipt.is_drill:
        here.say.hint('Let it go on: cmo kill --release --reason "…"')
    return DONE if receipt.is_confirmed else UNREACHABLE


def _status(here: Session) -> int:
    found = verbs.kill_status(here.settings)
    data = {"on": found is not None, **(found.model_dump(mode="json", exclude={"name", "until"}) if found else {})}
    shown = "Sending is not stopped." if found is None else f"ALL SENDING STOPPED by {safe_line(found.by)}"
    text = [shown]
    if found is not None:
        text = [f"{shown}, {found.at.astimezone():%Y-%m-%d %H:%M}: {safe_line(found.reason)}"]
    here.out.document("cmo.kill.status/1", data, text=text)
    return DONE


def _release(here: Session, reason: str, *, dry_run: bool) -> int:
    if not reason.strip():
        raise UsageProblem("Releasing needs a reason.", hint='cmo kill --release --reason "bounces checked"')
    if not here.ask.allowed:
        raise NeedsPerson("Only a person on a terminal can release the kill switch.", hint="Run it in a terminal.")
    if dry_run:
        record_dry(here.settings, "kill.release", "switch:kill")
        here.say.note("Would release the kill switch. Nothing was changed.")
        return DONE
    if here.ask.line(f"Mail will leave again. Type “{verbs.PHRASE}”:", flag="a terminal") != verbs.PHRASE:
        raise PolicyRefused("That is not the phrase: the kill switch stays on.", hint="cmo kill --status")
    changed = verbs.release(here.settings, reason)
    here.say.note("Released. Mail may leave again." if changed else "The kill switch was not on.")
    if here.settings.sandbox:
        here.say.note("The sandbox's campaigns send again; real ones would stay paused until you resume them there.")
    else:
        here.say.hint("Campaigns at providers stay paused: resume them there.")
    here.out.document("cmo.kill.release/1", {"on": False, "changed": changed}, text=[])
    return DONE


def _document(receipt: verbs.KillReceipt) -> dict[str, object]:
    return {**receipt.model_dump(mode="json"), "stopped": receipt.is_stopped, "confirmed": receipt.is_confirmed}


def _told(receipt: verbs.KillReceipt) -> list[str]:
    obeyed = "still calling" if receipt.obeyed_after_s is None else f"nobody calls any more, {receipt.obeyed_after_s} s"
    switch = "not thrown (drill)" if receipt.is_drill else _written(receipt)
    rows = [
        f"Receipt, {receipt.stored_at.astimezone():%Y-%m-%d %H:%M:%S}",
        f"  Switch     {switch}",
        *(f"             {safe_line(words)}" for words in receipt.trouble),
    ]
    if not receipt.is_read:
        return [
            *rows,
            "  Not known  who still calls, which campaigns there are and what left: the store cannot be read.",
            "             Open each provider, and pause every campaign there.",
        ]
    rows.append(f"  Processes  {obeyed}" + (f" ({receipt.in_flight} rows)" if receipt.in_flight else ""))
    for campaign in receipt.campaigns:
        state = campaign.state.replace("_", " ")
        when = f"pausing would take about {2 * campaign.took_s:.1f} s" if receipt.is_drill else f"{campaign.after_s} s"
        rows.append(
            f"  Campaign   {campaign.provider} {safe_line(campaign.sequence_id)}: {state}, {when}."
            f" {safe_line(campaign.detail)}"
        )
        rows += [f"             {safe_line(campaign.by_hand)}"] if campaign.by_hand else []
    if not receipt.campaigns:
        rows.append("  Campaigns  nobody was handed to a provider's campaign")
    for operation, states in receipt.left.items():
        rows.append(f"  Left       {operation}: " + ", ".join(f"{n} {state}" for state, n in states.items()))
    if receipt.last_left:
        rows.append(f"             newest: {', '.join(map(str, receipt.last_left))} (cmo outbox list)")
    return rows


def _written(receipt: verbs.KillReceipt) -> str:
    """Which parts of the switch hold, and since when."""
    parts = {"beside the store": receipt.flagged_after_s, "stored": receipt.stored_after_s}
    return ", ".join(f"{name} {f'after {when} s' if when is not None else 'NOT'}" for name, when in parts.items())
