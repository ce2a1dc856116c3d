"""What the services hold at the end of a campaign, compared with the ledger and with what was approved."""

from __future__ import annotations

import email
import email.policy
import html
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from cmo.domain.letters import SEQUENCE_MAILERS
from cmo.domain.outward import CrmItem, TicketItem, Withdrawal
from cmo.store.db import Connection
from tests.delivery.campaigns import Running

MAIL = "mail"


class Held(NamedTuple):
    """One thing that a service's books hold: what it is, whose, and its words where they were approved or ours."""

    kind: str
    whose: str
    words: str = ""


@dataclass(frozen=True)
class Comparison:
    """The ledger against the books."""

    problems: tuple[str, ...]
    """Lost, doubled, confirmed and not there, or other words than were approved; empty where all is well."""
    confirmed: int
    listed: int
    """Rows that did not get there, or may not have: each has a reason that the operator sees."""


def compare(run: Running, conn: Connection) -> Comparison:
    """Look at the books once everything is quiet."""
    books = Counter(held_by(run))
    wanted = list(_wanted(conn))
    known = {held for _, held in wanted}
    problems = [f"no row for the mail to {row['email']}" for row in conn.execute(_WITHOUT_ROW)]
    problems += [f"{held.kind} of {held.whose} is in no row" for held in books if held not in known]
    confirmed = listed = 0
    for row, held in wanted:
        told, count = f"{row['operation']} to {held.whose} ({row['state']}, {row['why']})", books[held]
        if count > 1:
            problems.append(f"doubled: {told}")
        if row["state"] == "confirmed":
            confirmed += 1
            if count == 0 and not row["is_withdrawn"]:
                problems.append(f"lost: {told}")
            continue
        listed += 1
        if not row["why"]:
            problems.append(f"not told why: {told}")
        if row["state"] != "unknown" and count:
            problems.append(f"there, and the ledger does not know: {told}")
        if row["state"] == "claimed" or (row["state"] == "unknown" and not row["is_held"]):
            problems.append(f"never settled: {told}")
    return Comparison(tuple(problems), confirmed, listed)


_WITHOUT_ROW = (
    "SELECT email FROM drafts d WHERE state = 'approved' AND NOT EXISTS (SELECT 1 FROM outbox WHERE draft_id = d.id)"
)
_ROWS = (
    "SELECT o.operation, o.state, o.is_held, o.payload, d.email, d.subject, d.body, COALESCE(o.reason, (SELECT message"
    " FROM decisions WHERE outbox_id = o.id AND rule <> 'unknown' ORDER BY at_s DESC LIMIT 1)) AS why,"
    " EXISTS (SELECT 1 FROM outbox w WHERE w.after_id = o.id AND w.operation LIKE '%.withdraw') AS is_withdrawn"
    " FROM outbox o LEFT JOIN drafts d ON d.id = o.draft_id ORDER BY o.id"
)


def _wanted(conn: Connection) -> Iterator[tuple[Any, Held]]:
    """Each row of the ledger, and what the books hold once it has happened; mail in the words of its draft."""
    for row in conn.execute(_ROWS):
        kind = row["operation"].partition(".")[2]
        if row["subject"] is not None:
            yield row, Held(MAIL, row["email"], f"{row['subject']}\n\n{row['body']}")
        elif kind == "withdraw":
            yield row, Held("left", Withdrawal.model_validate_json(row["payload"]).email)
        elif kind == "issue":
            ticket = TicketItem.model_validate_json(row["payload"])
            yield row, Held("issue", ticket.id, ticket.title)
        else:
            item = CrmItem.model_validate_json(row["payload"])
            words = f"{item.title}\n{item.text}" if kind == "note" else ""
            whose = item.company_domain if kind == "company" else item.email
            yield row, Held("person" if kind == "contact" else kind, whose, words)


def held_by(run: Running) -> list[Held]:
    """Everything the services hold of the campaign."""
    vendors = run.services.vendors
    found = [Held(MAIL, *mail) for mail in _mails(run)]
    if run.campaign.mailer in SEQUENCE_MAILERS:
        people = vendors[run.campaign.mailer].floor.people
        found += [Held("left", person.email) for person in people if person.is_gone]
    if "attio" in vendors:
        books = vendors["attio"].books
        owners = {key: row["emails"][0] for key, row in books.people.items()}
        found += [Held("person", address) for address in owners.values()]
        found += [Held("entry", owners[entry["parent_record_id"]]) for entry in books.entries.values()]
        found += [
            Held("note", owners[note["parent_record_id"]], f"{note['title']}\n{note['content_plaintext']}")
            for note in books.notes
        ]
    if "hubspot" in vendors:
        books = vendors["hubspot"].books
        owners = {key: row["properties"]["email"] for key, row in books.objects["contacts"].items()}
        found += [Held("person", address) for address in owners.values()]
        found += [Held("company", row["properties"]["domain"]) for row in books.objects["companies"].values()]
        found += [
            Held("link", owners[key]) for company in books.objects["companies"]
            for key in books.linked("companies", company, "contacts")
        ]  # fmt: skip
        for key, note in books.objects["notes"].items():
            words = html.unescape(note["properties"]["hs_note_body"].replace("<br>", "\n")).replace("\n\n", "\n", 1)
            found += [Held("note", owners[owner], words) for owner in books.linked("notes", key, "contacts")]
    if "linear" in vendors:
        found += [Held("issue", issue.id, issue.title) for issue in vendors["linear"].issues]
    return found


def _mails(run: Running) -> list[tuple[str, str]]:
    """Recipient and words of every mail that went out."""
    match run.campaign.mailer:
        case "instantly" | "smartlead" as name:
            twin = run.services.vendors[name]
            for _ in range(24):  # its own working hours come around
                run.clock.advance(4 * 3_600)
                twin.advance(run.clock.now())
            return [(mail.to_email, f"{mail.subject}\n\n{mail.body}") for mail in twin.sent]
        case "gmail":
            raw = [mail.content for mail in run.services.vendors["gmail"].sent]
        case "smtp":
            raw = [mail.data for mail in run.services.mail.received]
        case _:
            raw = [path.read_bytes() for path in sorted((run.settings.paths.data_dir / "outgoing").glob("new/*"))]
    return [_words(mail) for mail in raw]


def _words(mail: bytes) -> tuple[str, str]:
    parsed = email.message_from_bytes(mail, policy=email.policy.default)
    (recipient,) = parsed["To"].addresses
    return recipient.addr_spec, f"{parsed['Subject']}\n\n{parsed.get_content().replace(chr(13), '')}"
