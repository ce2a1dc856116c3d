"""Hand approved mail to Instantly, as variables of the job's sequence."""

from __future__ import annotations

from cmo.tools.outgoing import SendPlanned, send_tool

NAME = "send_instantly"


class SendInstantlyPlanned(SendPlanned):
    """Hand approved mail to Instantly, as variables of the job's sequence.

    Only drafts that a person approved leave, each at most once, within every quota. Call it when drafts are approved.
    """


TOOL = send_tool(NAME, SendInstantlyPlanned)
