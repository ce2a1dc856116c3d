"""How a sandbox is set up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cmo.sandbox.faults import FaultPlan
from cmo.sandbox.smtp_faults import SmtpFault


@dataclass(frozen=True, kw_only=True)
class SandboxSettings:
    """Everything that two equal sandboxes have in common."""

    anchor_at: datetime
    """Aware time that the world's data is relative to; usually the start of the clock."""
    seed: int = 7
    latency_s: float = 0.05
    """Round trip of every answer, waited for on the sandbox's clock."""
    core_limit: int = 5000
    """REST requests an hour and token."""
    graphql_limit: int = 5000
    """GraphQL points an hour and token."""
    search_limit: int = 30
    """REST searches a minute and token."""
    anonymous_limit: int = 60
    """REST requests an hour without a token."""
    concurrency_limit: int = 100
    rest_points_per_minute: int = 900
    graphql_points_per_minute: int = 2000
    cpu_s_per_minute: float = 90.0
    """Simulated server seconds in any 60 s, of which `graphql_cpu_s_per_minute` by GraphQL."""
    graphql_cpu_s_per_minute: float = 60.0
    secondary_wait_s: int = 60
    timeout_penalty_points: int = 10
    """Extra points for a query that ran into the ten-second limit; GitHub does not say how many."""
    token: str = "sandbox-token"
    """Accepted token, or several separated by commas."""
    scopes: tuple[str, ...] = ("read:user", "user:email")
    faults: FaultPlan | None = None
    smtp_faults: tuple[SmtpFault, ...] = ()

    @property
    def tokens(self) -> tuple[str, ...]:
        return tuple(token.strip() for token in self.token.split(",") if token.strip())
