"""The table of commands; `cmo.cli.registry` answers questions about it."""

from __future__ import annotations

from dataclasses import dataclass


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
        ("leads show LOGIN", "leads show LOGIN --job last --json"),
        (4,),
    ),
    Entry(
        "leads why",
        "Explain a score and a decision, or where an address is from.",
        "leads",
        "why",
        "data",
        ("leads why LOGIN", "leads why @LOGIN --job last"),
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
