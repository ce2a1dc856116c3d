"""`cmo auth`: keep, list, test and remove keys."""

from __future__ import annotations

from typing import Annotated

import typer

from cmo.cli.diagnostics import CONFIG, DONE, UNREACHABLE
from cmo.cli.errors import NothingMatched, UsageProblem
from cmo.cli.options import DryRun, Fields
from cmo.cli.output import Column, Row
from cmo.cli.registry import suggest
from cmo.cli.session import Session, session
from cmo.config import CREDENTIALS, Secret, SecretStore, inspect

Name = Annotated[str, typer.Argument(metavar="NAME", help=f"One of {', '.join(CREDENTIALS)}.")]
_LONGEST = 10_000


def keep(name: Name) -> int:
    """Keep a key.

    On a terminal the key is asked for and not shown while you type; else it is read from standard input. It is never
    taken from the command line, where other users could see it.
    """
    here = session()
    _known(name)
    store = _store(here)
    secret = _read_key(here, name)
    found = store.keep(name, secret)
    where = "the system's keyring" if found.layer == "keyring" else f"{found.source}, which only you may read"
    here.say.note(f"Kept the key for {name} in {where}.")
    winner = store.places(name)[0]
    if winner.layer != found.layer:
        here.say.warn(f"{winner.source} holds another key for {name} and wins.", f"Unset it: unset {winner.source}")
    here.say.hint(f"Try it: cmo auth test {name}")
    return DONE


def list_keys(fields: Fields = None) -> int:
    """List keys."""
    here = session()
    store = _store(here)
    columns = [
        Column("name"),
        Column("state", tone=lambda row: "ok" if row["state"] == "set" else "dim"),
        Column("from"),
        Column("ends"),
        Column("about", least=20),
        Column("variable", extra=True),
        Column("hidden", extra=True),
    ]
    rows = [_row(store, name) for name in CREDENTIALS]
    here.out.table("cmo.auth.list/1", columns, rows, fields=fields)
    if store.closed:
        here.say.note("The sandbox uses no keys.")
    else:
        here.say.hint("Keep one: cmo auth set NAME   Try them: cmo auth test")
    return DONE


def try_keys(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Default: every key there is.")] = None,
    fields: Fields = None,
) -> int:
    """Test keys.

    Exit code 78 when a key is refused or missing, 69 when the provider cannot be reached.
    """
    here = session()
    if name is not None:
        _known(name)
        _store(here).get(name)
    from cmo.cli.probes import probe_keys

    results = probe_keys(here.settings, [name] if name else list(CREDENTIALS), skip_missing=name is None)
    columns = [
        Column("name"),
        Column("state", tone=lambda row: {"ok": "ok", "fail": "error", "warn": "warn"}.get(row["state"], "dim")),
        Column("message", least=30),
        Column("fix", least=20),
    ]
    here.out.table("cmo.auth.test/1", columns, [r.as_row("name") for r in results], fields=fields)
    failing = [result for result in results if result.state == "fail"]
    if not failing:
        return DONE
    return UNREACHABLE if all(result.unreachable for result in failing) else CONFIG


def remove(name: Name, dry_run: DryRun = False) -> int:
    """Remove a key.

    The environment and `.env` are yours: a key there is named, not touched.
    """
    here = session()
    _known(name)
    store = _store(here)
    kept = [found for found in store.places(name) if found.layer in ("keyring", "file")]
    if not kept:
        raise NothingMatched(f"There is no key for {name} to remove.", hint="cmo auth list")
    gone = tuple(found.layer for found in kept) if dry_run else store.drop(name)
    here.say.note(f"{'Would remove' if dry_run else 'Removed'} the key for {name} from: {', '.join(gone)}.")
    for found in store.places(name):
        if found.layer in ("environment", ".env"):
            here.say.warn(f"{found.source} still holds a key for {name}.", "Remove it there as well.")
    return DONE


def _known(name: str) -> None:
    if name not in CREDENTIALS:
        near = suggest(name, tuple(CREDENTIALS))
        looks_like_key = len(name) > 20
        said = "That looks like a key" if looks_like_key else f"There is no key called {name!r}"
        hint = f"Did you mean {near}?" if near else f"Names: {', '.join(CREDENTIALS)}"
        if looks_like_key:
            hint = "Never type a key on the command line. Replace it at the provider, then: cmo auth set github"
        raise UsageProblem(f"{said}.", hint=hint)


def _store(here: Session) -> SecretStore:
    """The keys, also where another setting is wrong."""
    return inspect(here.sources)[0].secrets


def _read_key(here: Session, name: str) -> Secret:
    credential = CREDENTIALS[name]
    if here.world.stdin.isatty():
        here.say.note(f"{credential.env}: {credential.about}. From: {credential.where}.")
        typed = here.ask.secret(f"Key for {name} (not shown):", flag=f"a pipe: cat FILE | cmo auth set {name}")
    else:
        typed = here.world.stdin.read(_LONGEST + 1).strip()
    if not typed:
        raise UsageProblem("No key was given.", hint=f"cat FILE | cmo auth set {name}")
    if len(typed) > _LONGEST or any(not char.isprintable() or char == " " for char in typed):
        raise UsageProblem(
            "That is no key: it has spaces or control characters.", hint="Give the key alone, on one line."
        )
    return Secret(typed)


def _row(store: SecretStore, name: str) -> Row:
    credential = CREDENTIALS[name]
    places = store.places(name)
    first = places[0] if places else None
    return {
        "name": name,
        "state": "none" if first is None else "set",
        "from": "" if first is None else (first.source if first.layer == "environment" else first.layer),
        "ends": "" if first is None or not first.secret.tail else f"…{first.secret.tail}",
        "about": credential.about,
        "variable": credential.env,
        "hidden": ", ".join(item.layer for item in places[1:]),
    }
