"""A model of Smartlead, API v1."""

from cmo.sandbox.vendors.smartlead.api import BASE_PATH, SmartleadTwin
from cmo.sandbox.vendors.smartlead.rows import ACTIVE_ID, API_KEY, ELSEWHERE, PAUSED_ID, UNSUBSCRIBED, WRONG_ID, Form

__all__ = [
    "ACTIVE_ID",
    "API_KEY",
    "BASE_PATH",
    "ELSEWHERE",
    "PAUSED_ID",
    "UNSUBSCRIBED",
    "WRONG_ID",
    "Form",
    "SmartleadTwin",
]
