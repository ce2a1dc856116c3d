"""Hand approved mail to Smartlead, as variables of the job's sequence."""

from __future__ import annotations

from cmo.tools.outgoing import SendPlanned, send_tool

NAME = "send_smartlead"


class SendSmartleadPlanned(SendPlanned):
    """Hand approved mail to Smartlead, as variables of the job's sequence.

    Only drafts that a person approved leave, each at most once, within every quota. Call it when drafts are approved.
    """


TOOL = send_tool(NAME, SendSmartleadPlanned)
