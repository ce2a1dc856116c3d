"""HubSpot: contacts, companies, deals and notes of the CRM."""

from cmo.providers.hubspot.client import HubSpot

__all__ = ["HubSpot"]
