"""The verbs of both front ends.

Each is loaded when it is first used (PEP 562): a command that reads loads neither the agent nor the providers.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cmo.service.exports import ExportFile, ExportReport, export_job
    from cmo.service.health import Probe, probe_services
    from cmo.service.job_hand import (
        AFTER_THE_END,
        cancel_job,
        drop_message,
        pause_job,
        remove_job,
        retry_errors,
        say,
        set_job,
    )
    from cmo.service.jobs import (
        Overrides,
        PlanCard,
        iter_run_state,
        plan_card,
        plan_file,
        plan_goal,
        require_resumable,
        run_job,
        start_job,
    )
    from cmo.service.store import catch_up, clock_of, known_key, reader, resolve_job, summary, writer
    from cmo.service.templates import (
        TemplateFile,
        drafting_inputs,
        facts_for_templates,
        list_templates,
        render_samples,
        show_template,
    )
    from cmo.service.toolbelt import call_tool, tool_schemas

__all__ = [
    "AFTER_THE_END",
    "ExportFile",
    "ExportReport",
    "Overrides",
    "PlanCard",
    "Probe",
    "TemplateFile",
    "call_tool",
    "cancel_job",
    "catch_up",
    "clock_of",
    "drafting_inputs",
    "drop_message",
    "export_job",
    "facts_for_templates",
    "iter_run_state",
    "known_key",
    "list_templates",
    "pause_job",
    "plan_card",
    "plan_file",
    "plan_goal",
    "probe_services",
    "reader",
    "remove_job",
    "render_samples",
    "require_resumable",
    "resolve_job",
    "retry_errors",
    "run_job",
    "say",
    "set_job",
    "show_template",
    "start_job",
    "summary",
    "tool_schemas",
    "writer",
]

_EXPORTS = ("ExportFile", "ExportReport", "export_job")
_JOB_HAND = (
    "AFTER_THE_END", "cancel_job", "drop_message", "pause_job", "remove_job", "retry_errors", "say", "set_job",
)  # fmt: skip
_HEALTH = ("Probe", "probe_services")
_STORE = ("catch_up", "clock_of", "known_key", "reader", "resolve_job", "summary", "writer")
_TEMPLATES = (
    "TemplateFile", "drafting_inputs", "facts_for_templates", "list_templates", "render_samples", "show_template",
)  # fmt: skip
_TOOLBELT = ("call_tool", "tool_schemas")
_HOMES = {
    **dict.fromkeys(__all__, "jobs"),
    **dict.fromkeys(_EXPORTS, "exports"),
    **dict.fromkeys(_HEALTH, "health"),
    **dict.fromkeys(_JOB_HAND, "job_hand"),
    **dict.fromkeys(_STORE, "store"),
    **dict.fromkeys(_TEMPLATES, "templates"),
    **dict.fromkeys(_TOOLBELT, "toolbelt"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"cmo.service has no {name!r}")
    return getattr(import_module(f"cmo.service.{_HOMES[name]}"), name)
