"""Write the job's people to HubSpot: the contact, and a note on each confirmed mail."""

from __future__ import annotations

from cmo.tools.outgoing import SyncPlanned, sync_tool

NAME = "sync_hubspot"


class SyncHubspotPlanned(SyncPlanned):
    """Write the job's people to HubSpot: the contact, and a note on each confirmed mail.

    Nothing is written in DRAFT_ONLY or dry runs; writing it again changes nothing. Call it after sending.
    """


TOOL = sync_tool(NAME, SyncHubspotPlanned)
