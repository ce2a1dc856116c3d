"""Every command: its name, one-line help, module, group, examples and exit codes.

Root help, completion of names, `cmo help` and the list in README all come from here and import no command module.
`python -m cmo.cli.registry README.md` refreshes the list between the `<!-- commands -->` markers.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

GROUPS: dict[str, str] = {
    "start": "Start",
    "work": "Work",
    "look": "Look",
    "data": "People and files",
    "setup": "Set up",
}
"""Group -> its heading, in the order of the help."""

NOUNS: dict[str, str] = {
    "jobs": "List, show, change or remove jobs.",
    "leads": "List people, show one, explain a score.",
    "config": "Show and change settings.",
    "auth": "Keep, list, test or remove keys.",
    "limits": "Show quotas, caps and what is left.",
}
"""Commands that only hold others -> one-line help."""

TOPICS: dict[str, str] = {
    "exit-codes": "What each exit code means.",
    "environment": "Variables that are read.",
    "formatting": "Forms of output, colour, pager, fields.",
    "filters": "The language of --where.",
    "keys": "Where keys are kept and looked for.",
    "accessibility": "Screen readers, slow lines, no colour.",
    "safety": "What cmo never does.",
}
"""`cmo help TOPIC`."""

ALWAYS = (1, 2, 78)
"""Exit codes that every command may return besides its own."""


@dataclass(frozen=True)
class Entry:
    """One command."""

    path: str
    """What is typed after `cmo`, e.g. `jobs list`; empty for the bare command."""
    about: str
    """One line, the same in help and README."""
    module: str
    """The module below `cmo.cli` whose function runs it."""
    function: str
    group: str
    examples: tuple[str, str]
    """What a person types, without `cmo`."""
    codes: tuple[int, ...] = ()
    """Exit codes besides 0 and `ALWAYS`."""

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(self.path.split())


COMMANDS: tuple[Entry, ...] = (
    Entry(
        "init",
        "Answer a few questions and be ready.",
        "setup",
        "init",
        "start",
        ("init", "init --operator sebastian --no-input"),
        (5,),
    ),
    Entry(
        "demo",
        "Make an offline sandbox with one finished job.",
        "setup",
        "demo",
        "start",
        ("demo --fast", "demo --reset"),
    ),
    Entry(
        "plan",
        "Show how a goal is understood, what it costs, whether it fits.",
        "plans",
        "plan",
        "start",
        ('plan "find 2k py maintainers active 90 days"', "plan job.yaml --json"),
    ),
    Entry(
        "run",
        "Plan a goal, ask, and work until it is met.",
        "runs",
        "run",
        "start",
        ('run "find 500 py maintainers" --yes', "run job.yaml --max-repos 200 --detach --yes"),
        (3, 5, 69, 75, 77),
    ),
    Entry(
        "resume",
        "Continue a job from its last checkpoint.",
        "runs",
        "resume",
        "work",
        ("resume", "resume 140211 --detach"),
        (3, 4, 69, 75, 77),
    ),
    Entry(
        "pause",
        "Finish the step, save, and stop.",
        "steer",
        "pause",
        "work",
        ("pause", "pause 140211"),
        (4,),
    ),
    Entry(
        "cancel",
        "End a job for good; what it found stays.",
        "steer",
        "cancel",
        "work",
        ("cancel 140211", "cancel last --yes"),
        (4, 5),
    ),
    Entry(
        "say",
        "Tell a job something; it is read at the next step.",
        "steer",
        "say",
        "work",
        ('say last "skip crypto repos"', 'echo "prefer pytest plugins" | cmo say last -'),
        (4,),
    ),
    Entry(
        "status",
        "One look at a job: stages, waits, budgets, errors.",
        "looks",
        "status",
        "look",
        ("status", "status 140211 --json"),
        (4,),
    ),
    Entry(
        "watch",
        "Follow a job live without touching it.",
        "looks",
        "watch",
        "look",
        ("watch", "watch last --exit-status && cmo export last --to out"),
        (3, 4, 75),
    ),
    Entry(
        "logs",
        "Show what a job did, event by event.",
        "looks",
        "logs",
        "look",
        ("logs last --stage enrich --since 10m", "logs last --follow --json"),
        (4,),
    ),
    Entry(
        "jobs list", "List jobs, newest first.", "jobs", "list_jobs", "look", ("jobs list", "jobs list --state paused")
    ),
    Entry(
        "jobs show",
        "Show a job: its plan, progress and, with --state, all it knows.",
        "jobs",
        "show",
        "look",
        ("jobs show last", "jobs show 140211 --state --json"),
        (4,),
    ),
    Entry(
        "jobs set",
        "Change a job's settings from its next step on.",
        "jobs",
        "change",
        "work",
        ("jobs set last max_repos=800", "jobs set last mode=dry_run --dry-run"),
        (4, 77),
    ),
    Entry(
        "jobs rm",
        "Remove a job, its rows and its files.",
        "jobs",
        "remove",
        "work",
        ("jobs rm 140211", "jobs rm last --yes"),
        (4, 5),
    ),
    Entry(
        "leads list",
        "List people a job scored, best first.",
        "leads",
        "list_leads",
        "data",
        ('leads list --where "score>=80 email:published"', "leads list --limit 20 --fields login,score --json"),
        (4,),
    ),
    Entry(
        "leads show",
        "Show one person: profile, address, evidence.",
        "leads",
        "show",
        "data",
        ("leads show maint35", "leads show maint35 --job last --json"),
        (4,),
    ),
    Entry(
        "leads why",
        "Explain a score and a decision, or where an address is from.",
        "leads",
        "why",
        "data",
        ("leads why maint35", "leads why ana@org35.example"),
        (4,),
    ),
    Entry("tools", "List the tools and their schemas.", "tools", "list_tools", "data", ("tools", "tools --json")),
    Entry(
        "tool",
        "Run one tool by hand: JSON in, JSON out.",
        "tools",
        "call",
        "data",
        ('tool mx_check \'{"emails": ["ana@example.org"]}\'', "tool extract_people - < call.json"),
        (65, 69, 75),
    ),
    Entry(
        "export",
        "Write a job's people to CSV, JSON or NDJSON files.",
        "export",
        "export",
        "data",
        ("export last --to out", "export last --what leads,people --dry-run"),
        (4, 73),
    ),
    Entry(
        "config show",
        "Show all settings; with --origin where each comes from.",
        "settings",
        "show",
        "setup",
        ("config show --origin", "config show --json"),
    ),
    Entry(
        "config get",
        "Print one setting.",
        "settings",
        "get",
        "setup",
        ("config get caps.max_steps", "config get operator.name --json"),
    ),
    Entry(
        "config set",
        "Change one setting in the user file, or with --project in cmo.toml.",
        "settings",
        "change",
        "setup",
        ("config set caps.max_repos 800", "config set run.languages python,rust --project"),
        (73,),
    ),
    Entry(
        "config edit",
        "Open the settings file in your editor.",
        "settings",
        "edit",
        "setup",
        ("config edit", "config edit --project"),
        (5,),
    ),
    Entry(
        "config path",
        "Print where settings and data are kept.",
        "settings",
        "path",
        "setup",
        ("config path", "config path --json"),
    ),
    Entry(
        "config check",
        "Name every unknown, wrong or hidden setting.",
        "settings",
        "check",
        "setup",
        ("config check", "config check --json"),
        (65,),
    ),
    Entry(
        "auth set",
        "Keep a key in the system's keyring, else in an owner-only file.",
        "auth",
        "keep",
        "setup",
        ("auth set github", "cat token.txt | cmo auth set openai"),
        (5,),
    ),
    Entry(
        "auth list",
        "List keys: where each comes from, its last characters.",
        "auth",
        "list_keys",
        "setup",
        ("auth list", "auth list --json"),
    ),
    Entry(
        "auth test",
        "Make one harmless call with a key.",
        "auth",
        "try_keys",
        "setup",
        ("auth test github", "auth test --json"),
        (69,),
    ),
    Entry(
        "auth rm",
        "Remove a key from the keyring and the file.",
        "auth",
        "remove",
        "setup",
        ("auth rm github", "auth rm openai --dry-run"),
        (4,),
    ),
    Entry(
        "doctor",
        "Check everything cmo needs; change nothing.",
        "health",
        "doctor",
        "setup",
        ("doctor", "doctor --offline --json"),
        (3,),
    ),
    Entry(
        "limits show",
        "Show quotas, caps and what is left.",
        "health",
        "limits",
        "setup",
        ("limits show", "limits show --json"),
    ),
    Entry(
        "completion",
        "Print the completion script for bash, zsh or fish.",
        "help",
        "completion",
        "setup",
        ("completion zsh > _cmo", 'eval "$(cmo completion bash)"'),
    ),
    Entry("help", "Explain a command or a topic.", "help", "help_", "setup", ("help run", "help exit-codes")),
)

BARE = Entry(
    "",
    "Where am I: mode, jobs, what waits, what to type next.",
    "looks",
    "bare",
    "start",
    ("", "--json"),
)
"""`cmo` alone."""

_BY_PATH = {entry.path: entry for entry in COMMANDS}


def find(path: str) -> Entry | None:
    """The command typed as `path`."""
    return _BY_PATH.get(path)


def below(noun: str) -> tuple[Entry, ...]:
    """The commands of a noun, e.g. those of `jobs`."""
    return tuple(entry for entry in COMMANDS if len(entry.words) == 2 and entry.words[0] == noun)


def top_names() -> tuple[str, ...]:
    """What may follow `cmo`, in the order of the help."""
    return tuple(dict.fromkeys(entry.words[0] for entry in COMMANDS))


def about(name: str) -> str:
    """The one-line help of a top-level name."""
    return NOUNS[name] if name in NOUNS else _BY_PATH[name].about


def group_of(name: str) -> str:
    """The group of a top-level name; a noun sits where its first command does."""
    return next(entry.group for entry in COMMANDS if entry.words[0] == name)


def suggest(word: str, names: tuple[str, ...]) -> str | None:
    """The one name that `word` was probably meant to be."""
    near = get_close_matches(word.lower(), names, 1, 0.6)
    return near[0] if near else None


MARKERS = ("<!-- commands -->", "<!-- /commands -->")


def readme_block() -> str:
    """The list of commands as README carries it, markers included."""
    rows = [f"| `cmo` | {BARE.about} |"]
    for group in GROUPS:
        rows += [f"| `cmo {entry.path}` | {entry.about} |" for entry in COMMANDS if entry.group == group]
    return "\n".join([MARKERS[0], "| command | what it does |", "| --- | --- |", *rows, MARKERS[1]])


def refreshed(text: str) -> str:
    """`text` (README) with its list of commands renewed.

    Raises:
        ValueError: the markers are not there.
    """
    start, end = (text.find(marker) for marker in MARKERS)
    if start < 0 or end < start:
        raise ValueError(f"the markers {MARKERS[0]} and {MARKERS[1]} are not there")
    return text[:start] + readme_block() + text[end + len(MARKERS[1]) :]


if __name__ == "__main__":
    import sys
    from pathlib import Path

    for name in sys.argv[1:]:
        Path(name).write_text(refreshed(Path(name).read_text(encoding="utf-8")), encoding="utf-8")
