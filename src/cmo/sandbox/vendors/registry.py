"""Which services the sandbox offers, and the variables that point clients at them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cmo.sandbox.vendors.door import Vendor
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


OFFERS: Mapping[str, Offer] = {}
"""Name -> the service."""
