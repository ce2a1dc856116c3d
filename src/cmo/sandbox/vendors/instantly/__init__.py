"""A model of Instantly, API v2."""

from cmo.sandbox.vendors.instantly.api import InstantlyTwin
from cmo.sandbox.vendors.instantly.rows import ACTIVE_ID, API_KEY, ELSEWHERE, PAUSED_ID, UNSUBSCRIBED, WRONG_ID

__all__ = ["ACTIVE_ID", "API_KEY", "ELSEWHERE", "PAUSED_ID", "UNSUBSCRIBED", "WRONG_ID", "InstantlyTwin"]
