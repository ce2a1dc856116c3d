"""The errors cmo knows, and what to say about each. The first entry that fits is used.

Texts may hold {service}, {provider}, {key} (of the group), {count} and {wait} (`41 wait`).
"""

from __future__ import annotations

from cmo.domain.base import Frozen

SERVICES = {
    "github": "GitHub",
    "dns": "DNS",
    "instantly": "Instantly",
    "smartlead": "Smartlead",
    "attio": "Attio",
    "hubspot": "HubSpot",
    "linear": "Linear",
    "gmail": "Gmail",
    "smtp": "the mail server",
    "maildir": "the mail folder",
}
"""Provider -> what people call it."""


class Known(Frozen):
    """One kind of error. Conditions that are empty hold for every failure."""

    name: str
    codes: frozenset[str] = frozenset()
    statuses: frozenset[int] = frozenset()
    providers: frozenset[str] = frozenset()
    stages: frozenset[str] = frozenset()
    is_write: bool | None = None
    words: str = ""
    """A pattern to be found in the message, in any case."""
    means: str
    did: str
    can_do: tuple[str, ...]
    """What to do, each with a command to type."""


RETRY = "retry now: cmo errors retry {key}"
SKIP = "leave them out: cmo errors skip {key}"
SHOW = "see all of them: cmo errors show {key}"
DEAD = "give them up: cmo errors deadletter --group {key}"
NEW_KEY = "give another key: cmo auth set {provider}"
TEST_KEY = "try the key: cmo auth test {provider}"
WAITS = "{service} asks for a pause. {wait}; nothing is lost."
PAUSES = "Sends nothing to it before the pause is over, then goes on by itself."


def _limit(provider: str, means: str, *can_do: str) -> Known:
    """How one provider tells that its limit is reached."""
    return Known(
        name=f"limit_{provider}",
        codes=frozenset({"rate_limited", "limited"}),
        providers=frozenset({provider}),
        means=f"{means} {{wait}}; nothing is lost.",
        did=PAUSES,
        can_do=(*can_do, RETRY),
    )


LIMITS = (
    _limit("github", "GitHub slows this token down.", "add a token: cmo auth set github --add"),
    _limit("instantly", "Instantly takes 100 calls a second and 6,000 a minute from a workspace, and that is used up."),
    _limit("smartlead", "Smartlead takes about 60 calls a minute, and they are used up."),
    _limit("attio", "Attio takes 25 writes a second, and that is used up."),
    _limit("hubspot", "HubSpot's ten-second or daily limit is used up.", "see which: cmo limits show"),
    _limit("linear", "Linear takes 2,500 requests an hour from a user, and they are used up."),
    _limit("gmail", "Gmail takes about 60 mails a minute and a number a day, and one of the two is used up.",
           "send fewer a day: cmo limits show"),
    _limit("smtp", "The mail server takes no more for now.", "send fewer a day: cmo limits show"),
)  # fmt: skip

KEYS = (
    Known(
        name="google_login_over",
        codes=frozenset({"auth_rejected"}),
        providers=frozenset({"gmail"}),
        words="withdrawn or has run out",
        means="Google's login is over: it was withdrawn, the password is new, or it was not used for long. {wait}.",
        did="Stopped asking {service}, and keeps what waits.",
        can_do=("log in again at Google, then: cmo auth set google_refresh", TEST_KEY, RETRY),
    ),
    Known(
        name="google_login_lacks_rights",
        codes=frozenset({"auth_rejected"}),
        providers=frozenset({"gmail"}),
        words="lacks the right",
        means="The login at Google may not write drafts and search mail. {wait}.",
        did="Stopped asking {service}, and keeps what waits.",
        can_do=(
            "log in again, allowing gmail.compose and gmail.readonly: cmo auth set google_refresh",
            TEST_KEY,
            RETRY,
        ),
    ),
    Known(
        name="key_rejected",
        codes=frozenset({"auth_rejected"}),
        means="{service} refused the key: it is wrong, expired or withdrawn. {wait}.",
        did="Stopped asking {service}, and keeps what waits.",
        can_do=(NEW_KEY, TEST_KEY, RETRY),
    ),
    Known(
        name="key_lacks_rights",
        codes=frozenset({"forbidden"}),
        means="{service} knows the key, but it may not do this.",
        did="Left {count} undone; they would be refused again.",
        can_do=("see what the key may do: cmo auth test {provider}", NEW_KEY, RETRY),
    ),
    Known(
        name="campaign_holds",
        codes=frozenset({"campaign_holds"}),
        means="The campaign at {service} does not send now, so it would only hold what it is handed.",
        did="Keeps {count} here.",
        can_do=("once it sends again: cmo errors retry {key}", SKIP),
    ),
    Known(
        name="plan_full",
        codes=frozenset({"usage_limit", "lead_limit"}),
        means="The plan at {service} is full: it takes no more until something is removed or the plan is changed.",
        did="Left {count} undone.",
        can_do=("once there is room: cmo errors retry {key}", SKIP),
    ),
)

MAIL = (
    Known(
        name="policy_block",
        codes=frozenset({"policy_block"}),
        means="Mail from this inbox is refused, by policy (5.7.x) or for a limit: it is about us, not about them.",
        did="Paused the inbox and keeps the {count} people; a bounce of this kind suppresses nobody.",
        can_do=("check SPF, DKIM and DMARC: cmo doctor", "once that is settled: cmo resume --sending", RETRY),
    ),
    Known(
        name="hard_bounce",
        codes=frozenset({"hard_bounce", "bounced"}),
        means="There is no such mailbox. Writing there again harms the sender's standing.",
        did="Suppressed the addresses at the first bounce.",
        can_do=(SHOW, "stop if there are many: cmo pause last --sending"),
    ),
    Known(
        name="no_mail_domain",
        codes=frozenset({"no_mail_domain"}),
        means="The domain takes no mail at all, or does not exist.",
        did="Suppressed the addresses at the first bounce.",
        can_do=(SHOW,),
    ),
    Known(
        name="soft_bounce",
        codes=frozenset({"soft_bounce"}),
        means="The mailbox is full or takes no mail for now.",
        did="Tries again later, with longer pauses; after three in 72 hours the address rests as long.",
        can_do=(RETRY, SKIP),
    ),
    Known(
        name="mail_later",
        codes=frozenset({"try_later"}),
        means="The mail server put it off (4xx), as many do with senders they do not know. {wait}; nothing is lost.",
        did="Tries again later, with longer pauses.",
        can_do=(RETRY, "send fewer a day: cmo limits show"),
    ),
    Known(
        name="mail_refused",
        codes=frozenset({"rejected"}),
        providers=frozenset({"smtp"}),
        means="The mail server refused the mail for good (5xx).",
        did="Will not send the same mail again.",
        can_do=(SHOW, "check the sender: cmo doctor", SKIP),
    ),
    Known(
        name="mail_cut_short",
        codes=frozenset({"timeout", "reset", "contract_broken"}),
        providers=frozenset({"smtp"}),
        words="nothing was taken",
        means="The connection to the mail server failed before a mail was complete. {wait}; nothing is lost.",
        did="Tries again later, with longer pauses.",
        can_do=("try the server: cmo auth test smtp", RETRY),
    ),
    Known(
        name="blind",
        codes=frozenset({"blind", "timeout", "reset", "contract_broken", "interrupted", "no_receipt"}),
        providers=frozenset({"smtp"}),
        means="The connection was lost after the mail had left, and {service} cannot be asked whether it took it.",
        did="Holds {count} for you: a second mail would be worse than none.",
        can_do=("look into the Sent folder, then: cmo outbox list", SKIP),
    ),
    Known(
        name="unsafe_mail",
        codes=frozenset({"unsafe_mail"}),
        means="Built as a mail, the text would read differently from what was approved, or reach somebody else.",
        did="Sent nothing.",
        can_do=("write it anew: cmo drafts redo", SHOW),
    ),
    Known(
        name="wrong_sender",
        codes=frozenset({"wrong_sender"}),
        means="The mail was approved for another sender than this mailbox.",
        did="Sent nothing.",
        can_do=("see who sends: cmo config show", "approve it anew: cmo drafts review"),
    ),
    Known(
        name="message_id_replaced",
        codes=frozenset({"message_id_replaced"}),
        means="{service} gave the mail another Message-ID than ours.",
        did="Counts it as sent.",
        can_do=(SHOW,),
    ),
)

RECIPIENTS = (
    Known(
        name="blocklisted",
        codes=frozenset({"blocklisted"}),
        means="{service} keeps these addresses or domains on its block list.",
        did="Sent nothing to them, and keeps the addresses out here too.",
        can_do=(SHOW, "see who is kept out: cmo leads suppress --list", SKIP),
    ),
    Known(
        name="unsubscribed",
        codes=frozenset({"unsubscribed"}),
        means="These people asked {service} for no more mail.",
        did="Sent nothing to them, and keeps them out here too. A stop wins over everything.",
        can_do=("see who is kept out: cmo leads suppress --list",),
    ),
    Known(
        name="duplicate",
        codes=frozenset({"duplicate", "in_other_campaign"}),
        means="{service} has these already, from another campaign or another hand.",
        did="Sent nothing, so that nobody is written to twice.",
        can_do=(SHOW, SKIP),
    ),
    Known(
        name="invalid_address",
        codes=frozenset({"invalid_email"}),
        means="{service} takes these for no mail addresses.",
        did="Sent nothing to them.",
        can_do=("see where they come from: cmo errors show {key}", SKIP),
    ),
    Known(
        name="ambiguous",
        codes=frozenset({"ambiguous", "several", "multiple_match_results"}),
        means="Several records at {service} fit, and choosing the wrong one would be a mistake that stays.",
        did="Changed nothing; each waits for you.",
        can_do=(SHOW, "after merging them there: cmo errors retry {key}", SKIP),
    ),
)

CRM = (
    Known(
        name="crm_field",
        codes=frozenset({"value_not_found", "missing_value", "validation_type"}),
        means="{service} has no such field or option, or asks for a field that cmo does not fill.",
        did="Left {count} undone; what is there stays as it is.",
        can_do=("read which: cmo errors show {key}", "after a change there: cmo errors retry {key}", SKIP),
    ),
    Known(
        name="crm_merging",
        codes=frozenset({"merge_in_progress", "too_early", "conflict"}),
        means="Somebody else is changing the same records at {service}, or it does not show the newest ones yet.",
        did="Tries again later, and looks first.",
        can_do=(RETRY, SHOW),
    ),
    Known(
        name="crm_record_gone",
        codes=frozenset({"record_missing"}),
        means="The record that it hangs on is no longer at {service}; it may have been merged or deleted.",
        did="Made nothing that hangs in the air.",
        can_do=("compare: cmo reconcile", SHOW, SKIP),
    ),
    Known(
        name="crm_too_large",
        codes=frozenset({"too_large"}),
        means="The text is longer than {service} takes.",
        did="Left {count} undone.",
        can_do=(SHOW, SKIP),
    ),
)

WRITES = (
    Known(
        name="unknown_after_answer_lost",
        codes=frozenset(
            (
                "timeout",
                "reset",
                "server_error",
                "contract_broken",
                "no_receipt",
                "draft_gone",
                "interrupted",
                "unknown",
            )
        ),
        is_write=True,
        means="The answer was lost or unclear: {service} may have done it or not.",
        did="Repeats nothing blindly: waits until late effects are over, looks it up, and only then decides.",
        can_do=("see what was found: cmo outbox list", SHOW),
    ),
    Known(
        name="refused",
        codes=frozenset({"rejected", "provider_rejected", "too_long"}),
        is_write=True,
        means="{service} refused what was written and would refuse it again.",
        did="Left {count} undone.",
        can_do=("read its words: cmo errors show {key}", "after a change: cmo errors retry {key}", DEAD),
    ),
    Known(
        name="disk",
        codes=frozenset({"disk_full", "unwritable"}),
        means="The disk is full, or the folder cannot be written to.",
        did="Wrote nothing that is half done.",
        can_do=("see how much is left: cmo doctor", RETRY),
    ),
)

READS = (
    Known(
        name="dns_servfail",
        providers=frozenset({"dns"}),
        words=r"servfail|refused|lame",
        means="The domain's name servers fail (SERVFAIL), so nobody knows whether mail would arrive.",
        did="Holds {count} back: unknown is not a yes.",
        can_do=(RETRY, SKIP),
    ),
    Known(
        name="dns_silent",
        providers=frozenset({"dns"}),
        means="The name servers did not answer in time or not sensibly.",
        did="Holds {count} back: unknown is not a yes.",
        can_do=("check this network: cmo doctor", RETRY, SKIP),
    ),
    Known(
        name="limit",
        codes=frozenset({"rate_limited", "limited"}),
        means=WAITS,
        did=PAUSES,
        can_do=(RETRY,),
    ),
    Known(
        name="limit_by_status",
        statuses=frozenset({429}),
        means=WAITS,
        did=PAUSES,
        can_do=(RETRY,),
    ),
    Known(
        name="unreachable",
        codes=frozenset({"provider_unavailable", "unavailable", "timeout", "reset", "server_error"}),
        means="{service} did not answer, or with an error of its own. {wait}; nothing is lost.",
        did="Tries again with longer pauses.",
        can_do=("check the network and the service: cmo doctor", RETRY),
    ),
    Known(
        name="contract_broken",
        codes=frozenset({"contract_broken", "malformed", "missing"}),
        means="{service} answered in a form that cmo does not know.",
        did="Took nothing from the answer.",
        can_do=("see the answer: cmo errors show {key}", RETRY, SKIP),
    ),
    Known(
        name="gone",
        codes=frozenset({"not_found", "renamed", "blocked", "bot", "organisation", "not_a_person"}),
        providers=frozenset({"github"}),
        means="The account is gone, renamed, blocked, or no person.",
        did="Left {count} out; the others go on.",
        can_do=(SHOW,),
    ),
)

DRAFTS = (
    Known(
        name="template",
        codes=frozenset({"template", "template_error", "undefined"}),
        means="The template asks for something that these people do not have, or is malformed.",
        did="Drafted nothing from it.",
        can_do=("find the place: cmo templates test", RETRY),
    ),
    Known(
        name="draft_check",
        stages=frozenset({"draft"}),
        means="The text did not pass the checks that every draft has to pass.",
        did="Keeps it out of review.",
        can_do=("see why: cmo errors show {key}", "write it anew: cmo drafts redo", SKIP),
    ),
)

KNOWN: tuple[Known, ...] = (*LIMITS, *KEYS, *MAIL, *RECIPIENTS, *CRM, *WRITES, *READS, *DRAFTS)
