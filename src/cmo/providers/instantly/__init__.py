"""Instantly, the sending service: API v2."""

from cmo.providers.instantly.client import OPERATIONS, Instantly

__all__ = ["OPERATIONS", "Instantly"]
