"""`cmo forget`: erase a person."""

from __future__ import annotations

from typing import Annotated

import typer

from cmo.cli.diagnostics import DONE
from cmo.cli.errors import Left
from cmo.cli.options import DryRun, Yes
from cmo.cli.session import session
from cmo.cli.terminal import safe_line
from cmo.cli.withdrawals import still_in_data, tell_withdrawn, tell_would_withdraw
from cmo.service import forget as verbs
from cmo.service.audit import record_dry


def forget(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="An address of theirs.")],
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Erase a person.

    From the store, its log, logs, files, reports, what was exported and the outgoing mail folder; the ledger keeps
    that something left, not to whom. A keyed hash keeps them suppressed. It cannot be taken back. Interrupted, it is
    finished by asking again.
    """
    here = session()
    person = verbs.look_up(here.settings, email)
    known = [*person.logins, *person.addresses[1:]]
    also = f" Known as: {', '.join(map(safe_line, dict.fromkeys(known)))}." if known else " No row of theirs is stored."
    here.say.note(f"Everything about {safe_line(email)} will be erased, for good.{also}")
    if dry_run:
        record_dry(here.settings, "person.forget", f"person:{verbs.token_of(here.settings, email)}")
        here.say.note("Would erase them. Nothing was changed.")
        tell_would_withdraw(here, person.names())
        return DONE
    if not yes and here.ask.line("Type the address to erase them:", flag="--yes").lower() != email.strip().lower():
        raise Left("Nothing was changed.")
    done = verbs.forget(here.settings, email)
    here.say.note(f"Erased: {sum(done.rows.values())} rows, {len(done.files)} files. They stay suppressed.")
    for path in done.left:
        here.say.warn(f"{path} still names them: it is a backup or a file of yours.", "Remove it by hand.")
    for home in done.unread:
        here.say.note(f"Not looked into: {home}. It has a store of its own: --profile, --sandbox.")
    if done.repositories:
        names = ", ".join(map(safe_line, done.repositories))
        here.say.note(f"Their login stays as the owner of what is public: {names}.")
    tell_withdrawn(here, done.withdrawn)
    here.say.hint("Copies of exported files, what stdout was sent to, and the CRM are yours to clean.")
    data = {
        "person": done.token,
        "rows": done.rows,
        "files": [str(path) for path in done.files],
        "left": [str(path) for path in done.left],
        "not_looked_into": [str(path) for path in done.unread],
        "repositories": len(done.repositories),
        "withdrawn": done.withdrawn.done,
        "still_in": still_in_data(done.withdrawn.left),
    }
    here.out.document("cmo.forget/1", data, text=[])
    return DONE
