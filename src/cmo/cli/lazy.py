"""Command groups that know their commands from the registry and import a module only when it is invoked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from cmo.cli import flags, registry
from cmo.cli.commands import BARE
from cmo.cli.diagnostics import EXIT_CODES
from cmo.cli.entry import Entry
from cmo.cli.errors import UsageProblem

if TYPE_CHECKING:
    from typer._click.core import Command, Context
    from typer._click.formatting import HelpFormatter
    from typer._click.shell_completion import CompletionItem

P = TypeVar("P")
_NAMES = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class LeafCommand(TyperCommand):
    """A command whose help ends with its examples and exit codes."""

    entry: Entry

    def get_help_option(self, ctx: Context) -> TyperOption | None:
        return _read_as_it_is(super().get_help_option(ctx))

    def format_epilog(self, ctx: Context, formatter: HelpFormatter) -> None:
        with formatter.section("Examples"):
            for example in self.entry.examples:
                formatter.write(f"  {typed(example)}\n")
        with formatter.section("Exit codes"):
            formatter.write_dl(
                [(str(code), EXIT_CODES[code]) for code in sorted({0, *self.entry.codes, *registry.ALWAYS})]
            )
        formatter.write("\nGlobal flags go anywhere: cmo --help lists them.\n")


class NounGroup(TyperGroup):
    """The root, or a noun such as `jobs`: names come from the registry."""

    def __init__(self, noun: str = "") -> None:
        super().__init__(
            name=noun or "cmo",
            help=registry.NOUNS[noun] if noun else None,
            context_settings=dict(_NAMES),
            options_metavar=None,
            subcommand_metavar="COMMAND",
            invoke_without_command=True,
            callback=self._bare,
            rich_markup_mode=None,
        )
        self.noun = noun

    def get_help_option(self, ctx: Context) -> TyperOption | None:
        return _read_as_it_is(super().get_help_option(ctx))

    def list_commands(self, ctx: Context) -> list[str]:
        return list(self._names())

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        if not self.noun and cmd_name in registry.NOUNS:
            return NounGroup(cmd_name)
        entry = registry.find(f"{self.noun} {cmd_name}".strip())
        return None if entry is None else load(entry)

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        name = args[0]
        command = self.get_command(ctx, name)
        if command is None and not ctx.resilient_parsing:
            raise self._unknown(name, args[1:])
        return (name if command else None), command, args[1:]

    def shell_complete(self, ctx: Context, incomplete: str) -> list[CompletionItem]:
        from typer._click.shell_completion import CompletionItem

        if incomplete.startswith("-"):
            return [CompletionItem(name) for name in flags.names() if name.startswith(incomplete)]
        return [
            CompletionItem(name, help=about) for name, about in self._names().items() if name.startswith(incomplete)
        ]

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        rest = [word for word in flags.split(args)[1] if not word.startswith("-")]  # completion: nothing was read yet
        ctx._protected_args, ctx.args = rest[:1], rest[1:]
        return ctx.args

    def format_help_text(self, ctx: Context, formatter: HelpFormatter) -> None:
        text = self.help or "Outbound campaigns for developer-facing companies. Nothing leaves without a person."
        formatter.write(f"\n  {text}\n")

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        if self.noun:
            with formatter.section("Commands"):
                formatter.write_dl([(name, about) for name, about in self._names().items()])
            return
        for group, heading in registry.GROUPS.items():
            rows = [(name, about) for name, about in self._names().items() if registry.group_of(name) == group]
            with formatter.section(heading):
                formatter.write_dl(rows)
        with formatter.section("Global flags, in any position"):
            formatter.write_dl(list(flags.HELP))

    def format_epilog(self, ctx: Context, formatter: HelpFormatter) -> None:
        if self.noun:
            examples = [entry.examples[0] for entry in registry.below(self.noun)][:2]
        else:
            examples = ["demo", 'run "find 500 py maintainers active 90 days" --sandbox']
        with formatter.section("Examples"):
            for example in examples:
                formatter.write(f"  {typed(example)}\n")
        if not self.noun:
            formatter.write("\ncmo help COMMAND explains a command; topics: " + ", ".join(registry.TOPICS) + "\n")

    def _names(self) -> dict[str, str]:
        if self.noun:
            return {entry.words[1]: entry.about for entry in registry.below(self.noun)}
        return {name: registry.about(name) for name in registry.top_names()}

    def _bare(self) -> int | None:
        """Without a command: the root says where one is, a noun says what is missing."""
        ctx = typer_context()
        if ctx is None or ctx.invoked_subcommand is not None:
            return None
        if self.noun:
            raise UsageProblem(
                f"cmo {self.noun} needs a command.", hint=f"One of: {', '.join(self._names())}. cmo help {self.noun}"
            )
        run: Callable[[], int] = getattr(import_module(f"cmo.cli.{BARE.module}"), BARE.function)
        return run()

    def _unknown(self, name: str, rest: Sequence[str]) -> UsageProblem:
        where = f"cmo {self.noun}".strip()
        if not self.noun and " " in name.strip():
            return UsageProblem(f"{name!r} is not a command.", hint=f'Did you mean: cmo run "{name}"')
        near = registry.suggest(name, tuple(self._names()))
        hint = f"Did you mean: {where} {near}" if near else f"{where} --help lists the commands."
        return UsageProblem(f"There is no command {name!r} in {where}.", hint=hint)


def typer_context() -> Context | None:
    """The context of the running command."""
    from typer._click.globals import get_current_context

    return get_current_context(silent=True)


def unparsed(command: Command, name: str, parent: Context | None = None) -> Context:
    """A context in which `command` can explain itself; parsing, even of nothing, would load pydantic (0.07 s)."""
    return command.context_class(command, info_name=name, parent=parent, **command.context_settings)


def load(entry: Entry) -> Command:
    """The command of an entry; imports its module."""
    function: Callable[..., Any] = getattr(import_module(f"cmo.cli.{entry.module}"), entry.function)
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(entry.words[-1], cls=LeafCommand, help=_help(entry, function), context_settings=dict(_NAMES))(function)
    command = typer.main.get_command(app)
    assert isinstance(command, LeafCommand)
    command.entry = entry
    for param in command.params:
        _read_as_it_is(param)
    return command


class _AsItIs:
    """Takes text and flags as they are. Typer's own way loads pydantic (0.07 s), which `config` does not need."""

    def __init__(self, *, is_list: bool) -> None:
        self._is_list = is_list

    def coerce(self, value: Any, param: object, ctx: object) -> Any:
        return list(value) if self._is_list and value is not None else value


def _read_as_it_is(param: P) -> P:
    """`param`, told to take its value as it is where it is text, a list of texts, or a flag."""
    it: Any = param
    if it is not None:
        annotation = it.type_descriptor.annotation
        if annotation in (str, list[str]) or (annotation is bool and it.is_flag):
            it._runtime_param = _AsItIs(is_list=annotation == list[str])
    return param


def _help(entry: Entry, function: Callable[..., Any]) -> str:
    """The one-line help, then what the function's docstring adds after its first paragraph."""
    more = (function.__doc__ or "").partition("\n\n")[2]
    return f"{entry.about}\n\n{more}" if more.strip() else entry.about


def typed(example: str) -> str:
    """An example as it is typed; one that is a whole pipe stays as it is."""
    return example if "cmo " in example and not example.startswith(registry.top_names()) else f"cmo {example}".strip()
