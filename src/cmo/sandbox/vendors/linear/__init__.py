"""Linear as the sandbox plays it: GraphQL over issues, comments and links."""

from __future__ import annotations

from cmo.sandbox.vendors.linear.rows import TEAM_ID, Comment, Issue, Link
from cmo.sandbox.vendors.linear.vendor import API_KEY, OAUTH_TOKEN, LinearVendor

__all__ = ["API_KEY", "OAUTH_TOKEN", "TEAM_ID", "Comment", "Issue", "LinearVendor", "Link"]
