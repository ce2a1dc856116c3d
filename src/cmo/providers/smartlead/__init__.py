"""Smartlead, the sending service: API v1."""

from cmo.providers.smartlead.client import OPERATIONS, Smartlead

__all__ = ["OPERATIONS", "Smartlead"]
