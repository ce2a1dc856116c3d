"""The operator's templates: where they are kept, which are in force, and how they read for real leads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cmo.config import Settings
from cmo.domain.draft import Rendered
from cmo.drafting.facts import FACTS
from cmo.drafting.inputs import DraftingInputs
from cmo.drafting.render import render_lead, with_sameness
from cmo.drafting.templates import MAX_BYTES, SUFFIX, Template, TemplateBroken, TemplateSet, check_template, step_of
from cmo.errors import ToolInputInvalid
from cmo.service.store import clock_of, reader, resolve_job
from cmo.store.drafting_pages import leads_to_draft

FOLDER = "templates"


@dataclass(frozen=True)
class TemplateFile:
    """One template, as lists show it."""

    name: str
    is_own: bool
    """The operator's; else built-in."""
    version: str
    path: Path
    """Where the operator's own copy is, or would go."""
    text: str
    problem: str = ""
    """Why nothing can be rendered with it; empty when all is well."""
    fix: str = ""


def templates_folder(settings: Settings) -> Path:
    return settings.paths.config_dir / FOLDER


def drafting_inputs(settings: Settings) -> DraftingInputs:
    """What drafts are written with: sender and pitch from the settings, templates from the operator's folder.

    Raises:
        TemplateBroken: a file cannot be read.
    """
    return DraftingInputs(
        sender=settings.sender(),
        pitch=settings.pitch(),
        templates=_own_texts(templates_folder(settings)),
        prohibited=settings.prohibited,
    )


def list_templates(settings: Settings) -> list[TemplateFile]:
    """Every template in force, in the order of the sequence, then files of the operator that have no place.

    Raises:
        TemplateBroken: a file cannot be read.
    """
    folder = templates_folder(settings)
    return [_described(template, folder) for template in TemplateSet(_own_texts(folder)).in_force()]


def facts_for_templates() -> dict[str, str]:
    """What a template may cite: name -> how it reads."""
    return {name: kind.about for name, kind in FACTS.items()}


def show_template(settings: Settings, name: str) -> TemplateFile:
    """The template called `name`, with or without its suffix.

    Raises:
        ToolInputInvalid: there is none.
        TemplateBroken: a file cannot be read.
    """
    return _described(_find(settings, name), templates_folder(settings))


def render_samples(settings: Settings, job: str | None, name: str, k: int) -> list[Rendered]:
    """Drafts of the first `k` accepted leads of a job with one template; nothing is stored.

    Args:
        job: As `resolve_job` takes it.
    Raises:
        JobNotFound
        ToolInputInvalid: there is no such template.
        TemplateBroken: it cannot be used.
    """
    template = _find(settings, name)
    check_template(template)
    step, inputs = step_of(template), drafting_inputs(settings)
    with reader(settings) as conn:
        as_of = clock_of(settings).now()
        leads, _ = leads_to_draft(conn, resolve_job(conn, job), after=0, limit=k, as_of=as_of, again=True)
    return list(with_sameness([render_lead(lead, step, template, inputs) for lead in leads]))


def _find(settings: Settings, name: str) -> Template:
    templates = TemplateSet(_own_texts(templates_folder(settings))).in_force()
    wanted = name.removesuffix(SUFFIX) + SUFFIX
    found = next(
        (template for template in templates if template.name in (wanted, wanted.replace(SUFFIX, ".a.j2"))), None
    )
    if found is None:
        known = ", ".join(template.name.removesuffix(SUFFIX) for template in templates)
        raise ToolInputInvalid(f"There is no template `{name[:60]}`.", hint=f"There are: {known}")
    return found


def _described(template: Template, folder: Path) -> TemplateFile:
    problem = fix = ""
    try:
        check_template(template)
    except TemplateBroken as broken:
        problem, fix = broken.message, broken.hint
    return TemplateFile(
        template.name, template.is_own, template.version, folder / template.name, template.text, problem, fix
    )


def _own_texts(folder: Path) -> dict[str, str]:
    return {path.name: _read(path) for path in sorted(folder.glob(f"*{SUFFIX}"))}


def _read(path: Path) -> str:
    """The text; of a file that is too long only so much that it is found to be."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            return file.read(MAX_BYTES + 1)
    except (OSError, UnicodeDecodeError) as exc:
        raise TemplateBroken(
            f"Cannot read {path}: {exc}.",
            hint="Save it as UTF-8 text, or remove it to use the built-in one.",
            details={"file": path.name, "line": 1},
        ) from exc
