"""Open one Linear issue for the job and one below it for each group of errors."""

from __future__ import annotations

from cmo.tools.outgoing import SyncPlanned, sync_tool

NAME = "sync_linear"


class SyncLinearPlanned(SyncPlanned):
    """Open one Linear issue for the job and one below it for each group of errors.

    Nothing is written in DRAFT_ONLY or dry runs; writing it again changes nothing. Call it after sending.
    """


TOOL = sync_tool(NAME, SyncLinearPlanned)
