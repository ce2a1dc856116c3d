"""Which services the sandbox offers, and the variables that point clients at them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cmo.sandbox.vendors import attio, gmail, hubspot, instantly, linear, smartlead
from cmo.sandbox.vendors.attio import AttioVendor
from cmo.sandbox.vendors.door import Vendor
from cmo.sandbox.vendors.gmail import GmailVendor
from cmo.sandbox.vendors.hubspot import HubSpotVendor
from cmo.sandbox.vendors.instantly import InstantlyTwin
from cmo.sandbox.vendors.linear import LinearVendor
from cmo.sandbox.vendors.smartlead import SmartleadTwin
from cmo.sandbox.world import World


@dataclass(frozen=True)
class Offer:
    """One service of the sandbox."""

    make: Callable[[World], Vendor]
    url_variable: str
    """Gets the base URL: scheme, host, port and `path`."""
    path: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    """What else clients need: keys and ids that the service accepts."""


OFFERS: Mapping[str, Offer] = {
    "instantly": Offer(
        lambda world: InstantlyTwin(seed=world.seed),
        "INSTANTLY_BASE_URL",
        variables={"INSTANTLY_API_KEY": instantly.API_KEY},
    ),
    "smartlead": Offer(
        lambda world: SmartleadTwin(),
        "SMARTLEAD_BASE_URL",
        path="/api/v1",
        variables={"SMARTLEAD_API_KEY": smartlead.API_KEY},
    ),
    "gmail": Offer(
        lambda world: GmailVendor(seed=world.seed),
        "GMAIL_API_URL",
        variables={"GOOGLE_ACCESS_TOKEN": gmail.ACCESS_TOKEN},
    ),
    "attio": Offer(
        lambda world: AttioVendor(seed=world.seed), "ATTIO_BASE_URL", variables={"ATTIO_API_KEY": attio.API_KEY}
    ),
    "hubspot": Offer(
        lambda world: HubSpotVendor(seed=world.seed),
        "HUBSPOT_BASE_URL",
        variables={"HUBSPOT_ACCESS_TOKEN": hubspot.ACCESS_TOKEN},
    ),
    "linear": Offer(
        lambda world: LinearVendor(seed=world.seed),
        "LINEAR_API_URL",
        path="/graphql",
        variables={"LINEAR_API_KEY": linear.API_KEY, "CMO_LINEAR_TEAM": linear.TEAM_ID},
    ),
}
"""Name -> the service."""
