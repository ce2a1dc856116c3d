"""The GraphQL we send to Linear. Each is checked against the contract's schema by the tests."""

from __future__ import annotations

ISSUE_CREATE = """
mutation IssueCreate($input: IssueCreateInput!) {
  issueCreate(input: $input) { success issue { id identifier url } }
}
"""
COMMENT_CREATE = """
mutation CommentCreate($input: CommentCreateInput!) {
  commentCreate(input: $input) { success comment { id url } }
}
"""
LINK_CREATE = """
mutation LinkCreate($input: AttachmentCreateInput!) {
  attachmentCreate(input: $input) { success attachment { id url } }
}
"""

ISSUES_BY_IDS = """
query IssuesByIds($ids: [ID!]!) {
  issues(filter: { id: { in: $ids } }, first: 50, includeArchived: true) { nodes { id identifier url } }
}
"""
"""Unlike `issue(id:)`, which answers an error, this is an empty list where nothing is there."""
COMMENTS_BY_IDS = """
query CommentsByIds($ids: [ID!]!) {
  comments(filter: { id: { in: $ids } }, first: 50, includeArchived: true) { nodes { id url } }
}
"""
LINKS_BY_URL = """
query LinksByUrl($url: String!, $after: String) {
  attachmentsForURL(url: $url, first: 50, after: $after, includeArchived: true) {
    nodes { id url issue { id identifier } }
    pageInfo { hasNextPage endCursor }
  }
}
"""

TEAMS = """
query Teams($filter: TeamFilter) {
  viewer { id }
  teams(filter: $filter, first: 1) { nodes { id key name } }
}
"""
