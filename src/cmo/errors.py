"""Every error cmo raises on purpose, and who acts next.

CmoError
├── ConfigError              settings or credentials: fix and rerun
│   └── JobFileError         names file, line, key and the nearest known key
├── GoalUnclear              the sentence cannot become a plan: say it differently
├── ProviderError            provider, operation, status
│   ├── RateLimited          Transient: wait `retry_after_s`, then try again
│   │   └── Standstill       nothing is taken until a person changes something there
│   │       ├── PlanFull
│   │       └── CampaignHolds
│   ├── ProviderUnavailable  Transient: the service or the network is down
│   ├── AuthRejected         Terminal: the credential was refused
│   ├── ProviderRejected     Terminal: the request was refused
│   └── ContractBroken       Terminal: the answer is not what the contract says
├── ToolError
│   ├── ToolInputInvalid     the planner may correct the call and try again
│   └── ToolFailed           the planner sees it and goes another way
├── PolicyRefused            a rule says no: recorded, not raised past the executor
│   ├── Suppressed
│   ├── QuotaReached
│   ├── BudgetReached
│   └── ApprovalMissing
├── StoreError
│   ├── SchemaTooNew         the store was written by a newer cmo
│   ├── MigrationFailed
│   ├── StoreBusy            another process holds the store
│   └── StoreDamaged         the file is not a whole database
├── OutputUnwritable         disk full, folder read-only
└── JobError
    ├── JobNotFound
    ├── JobLeased            another live process runs it: by whom, until when
    ├── WorkerEnded          a worker in the background ended at once: with which exit code
    ├── JobNotResumable
    └── RequestNotOpen       there is none of that name, or it was answered, or nothing waits for its answer

Parents say who acts next; the markers `Transient` and `Terminal` say whether to retry. Exit codes are mapped once,
in `cmo.cli.diagnostics`.
"""

from __future__ import annotations

from typing import Any


class CmoError(Exception):
    """An expected failure, told to the person in one sentence and a way out."""

    code = "error"
    """Stable word for scripts (`--json` errors)."""

    def __init__(self, message: str, *, hint: str = "", details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        """What the person can do, ideally a command to type."""
        self.details = details or {}
        """JSON-safe facts; never a secret."""


class Transient:
    """Marker: the same call may work later."""


class Terminal:
    """Marker: the same call will fail again."""


class ConfigError(CmoError):
    code = "config"


class JobFileError(ConfigError):
    """A job file that cannot be used; `details` has `file`, `line`, `key` and, if any is near, `nearest`."""

    code = "job_file"


class GoalUnclear(CmoError):
    code = "goal_unclear"


class ProviderError(CmoError):
    code = "provider"

    def __init__(
        self,
        message: str,
        *,
        provider: str,
        operation: str,
        status: int | None = None,
        hint: str = "",
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message, hint=hint, details=details)
        self.provider = provider
        self.operation = operation
        self.status = status
        """HTTP status, or None where no answer arrived."""


class RateLimited(ProviderError, Transient):
    """The provider asks us to wait; no request may be made to it before `retry_after_s` have passed."""

    code = "rate_limited"

    def __init__(
        self,
        message: str,
        *,
        provider: str,
        operation: str,
        retry_after_s: float,
        resource: str = "",
        status: int | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, provider=provider, operation=operation, status=status, hint=hint)
        self.retry_after_s = retry_after_s
        self.resource = resource
        """The bucket that is empty, such as `graphql` or `core`; `secondary` for abuse limits."""


class Standstill(RateLimited):
    """Nothing is taken until a person changes something at the provider; the next calls would end the same."""

    code = "standstill"


class PlanFull(Standstill):
    """The plan at the provider holds no more."""

    code = "lead_limit"


class CampaignHolds(Standstill):
    """The campaign at the provider does not send now, so it would only hold what it is handed."""

    code = "campaign_holds"


class ProviderUnavailable(ProviderError, Transient):
    code = "provider_unavailable"


class AuthRejected(ProviderError, Terminal):
    code = "auth_rejected"


class ProviderRejected(ProviderError, Terminal):
    code = "provider_rejected"

    @property
    def is_for_content(self) -> bool:
        """Whether it was refused for what is in it, of which one bad item may be the reason."""
        return self.status in (400, 413, 422)


class ContractBroken(ProviderError, Terminal):
    code = "contract_broken"


class ToolError(CmoError):
    code = "tool"


class ToolInputInvalid(ToolError):
    code = "tool_input_invalid"


class ToolFailed(ToolError):
    code = "tool_failed"


class PolicyRefused(CmoError):
    code = "refused"


class Suppressed(PolicyRefused):
    code = "suppressed"


class QuotaReached(PolicyRefused):
    code = "quota_reached"


class BudgetReached(PolicyRefused):
    code = "budget_reached"


class ApprovalMissing(PolicyRefused):
    code = "approval_missing"


class StoreError(CmoError):
    code = "store"


class SchemaTooNew(StoreError):
    code = "schema_too_new"


class MigrationFailed(StoreError):
    code = "migration_failed"


class StoreBusy(StoreError):
    code = "store_busy"


class StoreDamaged(StoreError):
    code = "store_damaged"


class OutputUnwritable(CmoError):
    code = "output_unwritable"


class JobError(CmoError):
    code = "job"


class JobNotFound(JobError):
    code = "job_not_found"


class JobLeased(JobError):
    code = "job_leased"


class JobNotResumable(JobError):
    code = "job_not_resumable"


class RequestNotOpen(JobError):
    code = "request_not_open"


class WorkerEnded(JobError):
    """`details` has its `exit` code."""

    code = "worker_ended"
