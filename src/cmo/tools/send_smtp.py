"""Send approved mail from a mailbox of one's own (SMTP, Gmail, or files in a Maildir)."""

from __future__ import annotations

from cmo.tools.outgoing import SendPlanned, send_tool

NAME = "send_smtp"


class SendSmtpPlanned(SendPlanned):
    """Send approved mail from a mailbox of one's own (SMTP, Gmail, or files in a Maildir).

    Only drafts that a person approved leave, each at most once, within every quota. Call it when drafts are approved.
    """


TOOL = send_tool(NAME, SendSmtpPlanned)
