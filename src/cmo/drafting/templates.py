"""Templates: what they may hold, the built-in ones, and the operator's own over them.

A template is plain text: `Subject: …`, an empty line, the body. It may say `{{ fact('x') }}`, `{% if has('x') %}` and
the fields of `sender` and `pitch`, and nothing else: no loop, no inclusion, no arithmetic. So every mistake is found,
with its line, before anything is rendered, and rendering takes time in proportion to the text.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from cmo.domain.draft import Pitch, Sender, Step
from cmo.domain.text import clean_text
from cmo.drafting.facts import FACTS, without_marks
from cmo.errors import ToolError

if TYPE_CHECKING:
    from jinja2 import nodes
    from jinja2.sandbox import SandboxedEnvironment

SUFFIX = ".j2"
VARIANTS = ("a", "b")
MAX_BYTES = 20_000
_SUBJECT = "Subject: "
_TAG_ALONE = re.compile(r"^[ \t]*(\{%(?:(?!%\})[^\n])*%\})[ \t]*\n", re.MULTILINE)
"""A tag that is alone on its line: the line break behind it is not the mail's."""
_FIELDS: Mapping[str, tuple[str, ...]] = {"sender": tuple(Sender.model_fields), "pitch": tuple(Pitch.model_fields)}
_FILTERS: Mapping[str, Callable[[object], str]] = {
    "lower": lambda value: str(value).lower(),
    "upper": lambda value: str(value).upper(),
    "trim": lambda value: str(value).strip(),
}


class TemplateBroken(ToolError):
    """A template of the operator cannot be used; `details` has `file` and `line`."""

    code = "template_broken"


@dataclass(frozen=True)
class Template:
    """One template file."""

    name: str
    """`first_touch.a.j2`."""
    text: str
    is_own: bool = False
    """The operator's; else built-in."""

    @property
    def version(self) -> str:
        """12 hex digits of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]

    @property
    def variant(self) -> str:
        return self.name.split(".")[1]


class MarkedText(NamedTuple):
    """A rendered text in which facts are still marks."""

    subject: str
    body: str


@dataclass(frozen=True)
class TemplateSet:
    """The operator's templates over the built-in ones."""

    own: Mapping[str, str]
    """File name -> text."""

    def variants(self, step: Step) -> tuple[Template, ...]:
        """The templates of a step, by variant: the operator's where there is one, else the built-in ones.

        Raises:
            TemplateBroken: one of the operator's cannot be used.
        """
        names = [template_name(step, variant) for variant in VARIANTS]
        own = [Template(name, self.own[name], is_own=True) for name in names if name in self.own]
        for template in own:
            check_template(template)
        return tuple(own) or tuple(Template(name, text) for name in names if (text := built_in().get(name)))

    def in_force(self) -> tuple[Template, ...]:
        """Every template that is used, in the order of the sequence, then the operator's files that no step uses.

        None of them is checked.
        """
        steps = [(step, [template_name(step, variant) for variant in VARIANTS]) for step in Step]
        known = {name for _, names in steps for name in names}
        found = []
        for _, names in steps:
            own = [Template(name, self.own[name], is_own=True) for name in names if name in self.own]
            found += own or [Template(name, built_in()[name]) for name in names if name in built_in()]
        return (*found, *(Template(name, text, is_own=True) for name, text in self.own.items() if name not in known))


def template_name(step: Step, variant: str) -> str:
    return f"{step}.{variant}{SUFFIX}"


def step_of(template: Template) -> Step:
    """Which mail a template is for.

    Raises:
        TemplateBroken: its name says none.
    """
    _require_known_name(template)
    return Step(template.name.split(".")[0])


@cache
def built_in() -> Mapping[str, str]:
    """The templates that come with cmo: file name -> text."""
    folder = files("cmo.drafting").joinpath("templates")
    return {
        file.name: file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name.endswith(SUFFIX)
    }  # fmt: skip


def check_template(template: Template) -> None:
    """Find every mistake that `text` could be rendered with.

    Raises:
        TemplateBroken: names the file, the line and the fix.
    """
    _compiled(template)


def render_template(
    template: Template, *, fact: Callable[[str], str], has: Callable[[str], bool], values: Mapping[str, object]
) -> MarkedText:
    """The mail that `template` gives; deterministic.

    Args:
        fact: The mark of a fact.
        values: `sender` and `pitch`, each a mapping of its fields.
    Raises:
        TemplateBroken
    """
    subject, body = (code.render(fact=fact, has=has, **values) for code in _compiled(template))
    return MarkedText(" ".join(subject.split()), _tidy(body))


@lru_cache(maxsize=64)
def _compiled(template: Template) -> tuple[_Code, _Code]:
    """Subject and body, ready to render."""
    _require_known_name(template)
    if len(template.text.encode()) > MAX_BYTES:
        raise _broken(template, 1, f"it has more than {MAX_BYTES:,} bytes", "Shorten it; a mail has about 100 words.")
    text = clean_text(template.text, limit=MAX_BYTES)
    if without_marks(text) != text:
        raise _broken(template, 1, "it holds private-use characters", "Take them out; they stand for facts here.")
    first, _, rest = text.partition("\n")
    if not first.startswith(_SUBJECT) or template.text[:1].isspace():
        raise _broken(template, 1, "the first line is no subject", "Begin the file with: Subject: what it is about")
    if not rest.startswith("\n"):
        raise _broken(template, 2, "no empty line follows the subject", "Leave line 2 empty; the body starts below.")
    return _compile(template, first.removeprefix(_SUBJECT)), _compile(template, "\n" + rest)


def _require_known_name(template: Template) -> None:
    known = [template_name(step, variant) for step in Step for variant in VARIANTS]
    if template.name not in known:
        raise _broken(template, 1, "no step has a template of that name", f"Call it one of: {', '.join(known)}")


class _Code(NamedTuple):
    """One compiled part of a template."""

    render: Callable[..., str]


def _compile(template: Template, source: str) -> _Code:
    """`source`, whose line 1 is the file's line 1."""
    from jinja2 import Template as Jinja
    from jinja2 import TemplateSyntaxError

    env = _environment()
    source = _TAG_ALONE.sub(r"\1{#\n#}", source)  # a comment, so that lines keep their numbers
    try:
        _refuse_all_but_the_allowed(template, env.parse(source))
        code = env.compile(source, template.name, template.name)
    except TemplateSyntaxError as exc:
        raise _broken(template, exc.lineno, f"{exc.message}", "Write {{ fact('x') }} or {% if has('x') %}…") from exc
    except (RecursionError, ValueError, MemoryError, SyntaxError) as exc:  # from the lexer and the Python compiler
        raise _broken(template, 1, "it is nested too deeply or holds a huge number", "Simplify it.") from exc
    return _Code(Jinja.from_code(env, code, {}).render)


@cache
def _environment() -> SandboxedEnvironment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    env = SandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,
    )
    env.filters = dict(_FILTERS)
    env.tests = {}
    env.globals = {}
    return env


def _refuse_all_but_the_allowed(template: Template, tree: nodes.Node) -> None:
    from jinja2 import nodes

    for node in tree.iter_child_nodes():
        if problem := _problem_with(node):
            raise _broken(template, node.lineno, *problem)
        if not isinstance(node, nodes.Call | nodes.Getattr):  # what these hold was looked at
            _refuse_all_but_the_allowed(template, node)


def _problem_with(node: nodes.Node) -> tuple[str, str] | None:
    """What is wrong with a part of a template, and the fix; None where it may stand."""
    from jinja2 import nodes

    match node:
        case nodes.Call(
            node=nodes.Name(name="fact" | "has"),
            args=[nodes.Const(value=str(name))],
            kwargs=[],
            dyn_args=None,
            dyn_kwargs=None,
        ):
            return _unknown(name, list(FACTS), what="fact")
        case nodes.Getattr(node=nodes.Name(name=owner), attr=field) if owner in _FIELDS:
            return _unknown(f"{owner}.{field}", [f"{owner}.{known}" for known in _FIELDS[owner]])
        case nodes.Name(name=name):
            alone = (f"`{name}` cannot stand alone", "e.g. fact('hook'), has('hook'), sender.name, pitch.offer")
            return _unknown(name, ["fact", "has", *_FIELDS]) or alone
        case nodes.Filter(name=name, args=[], kwargs=[], dyn_args=None, dyn_kwargs=None):
            return _unknown(name, list(_FILTERS), what="filter")
        case nodes.CondExpr(expr2=None):
            return "an `if` inside {{ }} has no `else`", "Add: else ''"
        case nodes.Const(value=str()) | nodes.CondExpr() | nodes.Concat() | nodes.Not() | nodes.And() | nodes.Or():
            return None
        case nodes.Output() | nodes.TemplateData() | nodes.If():
            return None
        case _:
            allowed = "Use only fact('x'), has('x'), sender.…, pitch.… and {% if %}."
            return f"`{type(node).__name__.lower()}` is not allowed in a template", allowed


def _unknown(name: str, known: list[str], *, what: str = "name") -> tuple[str, str] | None:
    if name in known:
        return None
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean `{near[0]}`?" if near else f"Known: {', '.join(known)}"
    return f"there is no {what} `{name[:60]}`", hint


def _broken(template: Template, line: int, problem: str, fix: str) -> TemplateBroken:
    return TemplateBroken(
        f"{template.name}, line {line}: {problem}.", hint=fix, details={"file": template.name, "line": line}
    )


def _tidy(body: str) -> str:
    """Paragraphs parted by one empty line, no blanks at line ends, one line break at the end."""
    lines: list[str] = []
    for line in (" ".join(row.split()) for row in body.splitlines()):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).strip("\n") + "\n"
