"""Linear: issues, comments and links through its GraphQL API."""

from __future__ import annotations

from cmo.providers.linear.client import OPERATIONS, Linear
from cmo.providers.linear.parse import Team

__all__ = ["OPERATIONS", "Linear", "Team"]
