"""Write the job's people to Attio: the record, the place on the list, a note on each confirmed mail."""

from __future__ import annotations

from cmo.tools.outgoing import SyncPlanned, sync_tool

NAME = "sync_attio"


class SyncAttioPlanned(SyncPlanned):
    """Write the job's people to Attio: the record, the place on the list, a note on each confirmed mail.

    Nothing is written in DRAFT_ONLY or dry runs; writing it again changes nothing. Call it after sending.
    """


TOOL = sync_tool(NAME, SyncAttioPlanned)
