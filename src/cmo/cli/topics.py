"""The texts of `cmo help TOPIC`. Lists of names come from the code they describe."""

from __future__ import annotations

from collections.abc import Callable

from cmo.cli.diagnostics import EXIT_CODES
from cmo.config import CREDENTIALS, SPECS


def text(topic: str) -> str:
    """The text of a topic of the registry."""
    texts: dict[str, Callable[[], str]] = {
        "exit-codes": _exit_codes,
        "environment": _environment,
        "formatting": lambda: _FORMATTING,
        "filters": lambda: _FILTERS,
        "keys": _keys,
        "accessibility": lambda: _ACCESSIBILITY,
        "safety": lambda: _SAFETY,
    }
    return texts[topic]()


def _exit_codes() -> str:
    rows = [f"  {code:>3}  {meaning}" for code, meaning in EXIT_CODES.items()]
    return "Exit codes\n\n" + "\n".join(rows) + "\n"


def _environment() -> str:
    places = [
        ("CMO_HOME", "Moves settings, data, logs and cache into one folder."),
        ("CMO_PROFILE", "As --profile."),
        ("CMO_CONFIG", "As --config."),
        ("CMO_SANDBOX", "1: as --sandbox."),
    ]
    keys = [(credential.env, f"Key: {credential.about}.") for credential in CREDENTIALS.values()]
    named = [(name, f"{spec.about} ({spec.key})") for spec in SPECS.values() for name in spec.env]
    terminal = [
        ("NO_COLOR", "Not empty: no colour."),
        ("FORCE_COLOR", "Not empty and not 0: colour on stderr even in a pipe."),
        ("PAGER", "Shows what is longer than the screen; empty or cat: none."),
    ]
    width = max(len(name) for name, _ in [*places, *keys, *named, *terminal])
    blocks = [("Places", places), ("Keys", keys), ("Settings", named), ("Terminal", terminal)]
    parts = ["Variables that are read. `.env` in the current folder fills only those that are not set."]
    parts += [f"{title}\n" + "\n".join(f"  {n:<{width}}  {about}" for n, about in rows) for title, rows in blocks]
    return "\n\n".join(parts) + "\n"


def _keys() -> str:
    known = CREDENTIALS.values()
    name, env = max(len(c.name) for c in known), max(len(c.env) for c in known)
    rows = "\n".join(f"  {c.name:<{name}}  {c.env:<{env}}  {c.about}" for c in known)
    return f"""Keys

{rows}

A key is looked for in the environment, the system's keyring, `.env` in the current folder, then cmo's
own file, which only you may read. `cmo auth set NAME` asks for it without showing it, or reads it from a pipe;
a key is never a flag's value, since those can be seen by other users. `cmo auth list` shows where each
comes from. Several GitHub tokens are separated by commas; GitHub's terms forbid pooling tokens to get
around its limits. The sandbox uses no keys.
"""


_FORMATTING = """Forms of output

Answers go to stdout, everything else to stderr, so that answers survive a pipe.

  terminal   an aligned table that fits the width, relative times, colour; columns for which there is no room
             are left out, and --fields names any of them
  pipe       tab-separated lines with a header, full values, ISO 8601 times, no colour; one thing is a line for
             each of its values, e.g. plan.icp.location<TAB>Berlin
  --json     one document {"schema": "cmo.jobs.list/1", "data": ..., "next": ...};
             run, watch and logs write one event a line; errors on stderr are
             {"error": {"code", "message", "hint", "exit"}}

--fields id,stage picks columns in all three forms. A schema's number only grows; a field is never removed within
a number. Colour is off when the stream is no terminal, NO_COLOR is set, TERM=dumb, or with --no-color; FORCE_COLOR
turns it on. --plain also leaves out signs and the pager. The pager is PAGER, else less -FIRX.
"""

_FILTERS = """The language of --where

  score>=80            also >, <, <=, = and score:80
  label:hot            hot, warm or cold
  state:accepted       accepted, held or rejected (who was merged: cmo leads why LOGIN)
  status:new           new, qualified, needs_info, disqualified, contacted,
                       meeting_booked, closed_won or closed_lost
  outcome:booked_demo  none, booked_demo, no_response, disqualified, closed_won
                       or closed_lost
  email:none           none, published, commit, imported or inbound
  mx:ok                ok, risky, invalid or unknown
  org:acme             part of the company's name
  repo:pytest          part of the name of a repository the person was seen on
  location:berlin      part of the place
  role:maintainer      maintainer or contributor
  flag:hold            only a commit address, on hold
  "free text"          the login or the profile contains it
  -label:cold          a dash in front: not

All parts have to hold. Example: cmo leads list --where 'score>=80 email:published -org:acme'

Drafts (cmo drafts, cmo rules) have their own fields:

  score>=80  label:hot  org:acme  email:published      as above
  state:pending        pending, later, approved, rejected or expired
  flag:claim           part of a flag; any, none, or block (cannot be approved as it is)
  step:first_touch     first_touch, follow_up_1, follow_up_2 or breakup
  variant:a            the A/B variant
  template:0123        the start of a template's version, or edited

Errors (cmo errors list) have theirs:

  state:needs          retrying, needs (you), skipped or dead
  stage:enrich         a stage
  tool:gmail           part of a tool or an operation
  code:limited         part of a code
  group:3f9a           the start of a group's key

The outbox (cmo outbox list) has its own:

  state:unknown        planned, claimed, confirmed, failed, unknown or held
  op:send              part of an operation, such as enrol or attio
  due<=15              minutes; or now, later
  rule:window          the gate's rule that said no
  inbox:sam            part of the address it leaves from
"""

_ACCESSIBILITY = """Access

--accessible (or ACCESSIBLE=1, or ui.accessible = true) never redraws in place, draws no boxes or bars, has words
for signs, numbers the choices of a question, and says every 30 s that work goes on. --plain, or ui.ascii = true,
replaces signs by words; --plain also leaves out colour. No state is shown by colour alone. --no-color and NO_COLOR
leave colour out. Everything that can be done in a full screen can be done with plain commands, and line by line:

  cmo watch            what changes, what stops sending, what waits for you, each with what to type
  cmo drafts review    one draft after the other
  cmo errors review    one group of failures after the other
  cmo outbox review    one row after the other: what is about to leave, what may have left
  cmo chat             talking with a job

The three reviews take a number, a word, the start of one, or the key of the full screen; ? lists them, Enter goes
on, u takes back, ! stops all sending, 0 leaves. The numbers are listed once, then only for ?.

The full screen, in a settings file; `cmo config check` names ids that nothing has:
  [ui]
  theme = "auto"        # cmo-dark, cmo-light, high-contrast, terminal (its own colours, words for signs)
  mouse = true
  keymap = "vim"        # plain: no letters for moving
  [ui.keys]             # action id (as the record of who did what has it) = keys
  "drafts.approve" = "f2"
"""

_SAFETY = """What cmo never does

It never sends without an approval by a person, never sends twice, and never contacts who asked not to be.
A new installation is draft-only: nothing leaves. mode.sending in a settings file is the ceiling of every job; a
variable can only lower it, and a job has to be allowed by itself as well.
Text from profiles, pages and files is data: it can instruct nobody. Keys are masked wherever something is
written, and are in no database, log or file of results. Nothing is reported to anybody: no telemetry, no update check.
An address that is known only from commits is on hold until you record a basis for using it.
"""
