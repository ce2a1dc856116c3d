"""Whether there is an address, who put it where it was found, and whether its domain takes mail."""

from __future__ import annotations

from cmo.domain.job import Icp
from cmo.domain.lead import EmailClass, LeadFacts, MxState
from cmo.scoring.feature import Reading

_BY_CLASS = {
    EmailClass.INBOUND: (1.0, "wrote to us first"),
    EmailClass.PUBLISHED: (1.0, "publishes an address"),
    EmailClass.IMPORTED: (0.8, "an imported address"),
    EmailClass.COMMIT: (0.5, "an address known from commits only"),
}
_BY_STATE = {
    MxState.OK: (1.0, "its domain takes mail"),
    MxState.RISKY: (0.3, "mail there is risky"),
    MxState.UNKNOWN: (0.3, "its domain could not be checked"),
    MxState.INVALID: (0.0, "its domain takes no mail"),
}


def read(facts: LeadFacts, icp: Icp) -> Reading:
    """The class of the address, less where its domain is doubtful."""
    if facts.email is None:
        return Reading(0.0, "no usable address")
    base, origin = _BY_CLASS[facts.email.email_class]
    factor, domain = _BY_STATE[facts.mx.state] if facts.mx is not None else (0.3, "not yet checked")
    return Reading(base * factor, f"{origin}; {domain}")
