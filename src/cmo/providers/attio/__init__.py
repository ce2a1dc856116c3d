"""Attio: people, lists and notes of the CRM."""

from cmo.providers.attio.client import Attio

__all__ = ["Attio"]
