"""The built-in outside world: a seeded GitHub and DNS that answer over real sockets on loopback.

It knows the outside's contracts, not our clients: nothing here is imported by them, and nothing of theirs is used here.
"""

from cmo.sandbox.books import Books, Totals
from cmo.sandbox.faults import FaultKind, FaultPlan, FaultRule
from cmo.sandbox.server import Sandbox, start_sandbox
from cmo.sandbox.settings import SandboxSettings
from cmo.sandbox.world import World

__all__ = [
    "Books",
    "FaultKind",
    "FaultPlan",
    "FaultRule",
    "Sandbox",
    "SandboxSettings",
    "Totals",
    "World",
    "start_sandbox",
]
