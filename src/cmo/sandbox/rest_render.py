"""The world's objects in the JSON shapes of GitHub's REST API."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from cmo.sandbox.accounts import Account, Org, Person
from cmo.sandbox.activity import Release
from cmo.sandbox.github_common import WEB_COMMITTER, Blob, avatar_url, html_url, repo_url
from cmo.sandbox.history import Commit, Identity
from cmo.sandbox.moments import iso
from cmo.sandbox.node_ids import node_id, numbered_id
from cmo.sandbox.repos import Repo
from cmo.sandbox.world import World

_USER_LINKS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}
# fmt: off
_REPO_LINKS = {
    "archive_url": "/{archive_format}{/ref}", "assignees_url": "/assignees{/user}", "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}", "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}", "commits_url": "/commits{/sha}", "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}", "contributors_url": "/contributors", "deployments_url": "/deployments",
    "downloads_url": "/downloads", "events_url": "/events", "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}", "git_refs_url": "/git/refs{/sha}", "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks", "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}", "issues_url": "/issues{/number}", "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}", "languages_url": "/languages", "merges_url": "/merges",
    "milestones_url": "/milestones{/number}", "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}", "releases_url": "/releases{/id}", "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}", "subscribers_url": "/subscribers", "subscription_url": "/subscription",
    "tags_url": "/tags", "teams_url": "/teams", "trees_url": "/git/trees{/sha}",
}
# fmt: on


class Renderer:
    """Renders objects with links that lead back to the server at `base_url`."""

    def __init__(self, world: World, base_url: str) -> None:
        self._world = world
        self._base = base_url

    def simple_user(self, account: Account) -> dict[str, Any]:
        url = f"{self._base}/users/{account.login}"
        return {
            "login": account.login,
            "id": account.account_id,
            "node_id": node_id(account),
            "avatar_url": avatar_url(account),
            "gravatar_id": "",
            "url": url,
            "html_url": html_url(account),
            **{name: url + suffix for name, suffix in _USER_LINKS.items()},
            "type": account.type,
            "user_view_type": "public",
            "site_admin": False,
        }

    def public_user(self, account: Account) -> dict[str, Any]:
        """The answer of `/users/{username}`, for organisations and apps too."""
        simple = self.simple_user(account)
        if isinstance(account, Person):
            return simple | self._profile(account)
        org = account if isinstance(account, Org) else None
        return simple | {
            "name": org.name if org else account.login,
            "company": None,
            "blog": org.website if org else "",
            "location": org.location if org else None,
            "email": f"hello@{org.domain.name}" if org else None,
            "hireable": None,
            "bio": org.description if org else None,
            "twitter_username": None,
            "public_repos": len(self._world.repos_of(org)) if org else 0,
            "public_gists": 0,
            "followers": 0,
            "following": 0,
            "created_at": iso(org.created_at) if org else "2018-04-20T00:00:00Z",
            "updated_at": iso(org.created_at) if org else "2018-04-20T00:00:00Z",
        }

    def private_user(self, person: Person) -> dict[str, Any]:
        """The answer of `/user`: the token's own account."""
        return self.public_user(person) | {
            "user_view_type": "private",
            "private_gists": 0,
            "total_private_repos": 0,
            "owned_private_repos": 0,
            "disk_usage": 0,
            "collaborators": 0,
            "two_factor_authentication": True,
        }

    def simple_org(self, org: Org) -> dict[str, Any]:
        url = f"{self._base}/orgs/{org.login}"
        return {
            "login": org.login,
            "id": org.account_id,
            "node_id": node_id(org),
            "url": url,
            "repos_url": f"{url}/repos",
            "events_url": f"{url}/events",
            "hooks_url": f"{url}/hooks",
            "issues_url": f"{url}/issues",
            "members_url": f"{url}/members{{/member}}",
            "public_members_url": f"{url}/public_members{{/member}}",
            "avatar_url": avatar_url(org),
            "description": org.description,
        }

    def full_org(self, org: Org) -> dict[str, Any]:
        return self.simple_org(org) | {
            "name": org.name,
            "blog": org.website,
            "location": org.location,
            "email": f"hello@{org.domain.name}",
            "is_verified": org.verified,
            "has_organization_projects": True,
            "has_repository_projects": True,
            "public_repos": len(self._world.repos_of(org)),
            "public_gists": 0,
            "followers": 0,
            "following": 0,
            "html_url": html_url(org),
            "type": "Organization",
            "created_at": iso(org.created_at),
            "updated_at": iso(org.created_at),
            "archived_at": None,
        }

    def repo(self, repo: Repo, *, stale: bool = False) -> dict[str, Any]:
        """A minimal repository; `stale` shows the name that the search index still has."""
        full_name = repo.listed_name if stale else repo.full_name
        url = f"{self._base}/repos/{full_name}"
        page = f"https://github.com/{full_name}"
        key, name, spdx = repo.license or ("", "", "")
        return {
            "id": repo.repo_id,
            "node_id": node_id(repo),
            "name": full_name.partition("/")[2],
            "full_name": full_name,
            "private": False,
            "owner": self.simple_user(repo.owner),
            "html_url": page,
            "description": repo.description,
            "fork": repo.fork,
            "url": url,
            **{link: url + suffix for link, suffix in _REPO_LINKS.items()},
            "created_at": iso(repo.created_at),
            "updated_at": iso(repo.updated_at),
            "pushed_at": iso(repo.pushed_at),
            "git_url": f"git://github.com/{full_name}.git",
            "ssh_url": f"git@github.com:{full_name}.git",
            "clone_url": f"{page}.git",
            "svn_url": page,
            "homepage": repo.homepage,
            "size": repo.size_kb,
            "stargazers_count": repo.stars,
            "watchers_count": repo.stars,
            "language": repo.language,
            "has_issues": True,
            "has_projects": True,
            "has_wiki": True,
            "has_pages": False,
            "has_discussions": repo.stars > 500,
            "has_downloads": True,
            "forks_count": repo.forks,
            "mirror_url": None,
            "archived": repo.archived,
            "disabled": False,
            "open_issues_count": repo.open_issues,
            "license": {"key": key, "name": name, "spdx_id": spdx, "url": None, "node_id": f"L_{key}"} if key else None,
            "topics": list(repo.topics),
            "visibility": "public",
            "forks": repo.forks,
            "open_issues": repo.open_issues,
            "watchers": repo.stars,
            "default_branch": repo.default_branch,
        }

    def full_repo(self, repo: Repo) -> dict[str, Any]:
        return self.repo(repo) | {"subscribers_count": repo.stars // 40, "network_count": repo.forks}

    def commit(self, commit: Commit) -> dict[str, Any]:
        url = f"{self._base}/repos/{commit.repo.full_name}"
        page = f"{repo_url(commit.repo)}/commit/{commit.oid}"
        committer = WEB_COMMITTER if commit.web else commit.by
        return {
            "sha": commit.oid,
            "node_id": node_id(commit),
            "commit": {
                "author": _git_user(commit.by, commit.at),
                "committer": _git_user(committer, commit.at),
                "message": commit.message,
                "tree": {"sha": commit.oid[::-1], "url": f"{url}/git/trees/{commit.oid[::-1]}"},
                "url": f"{url}/git/commits/{commit.oid}",
                "comment_count": 0,
                "verification": _verification(commit),
            },
            "url": f"{url}/commits/{commit.oid}",
            "html_url": page,
            "comments_url": f"{url}/commits/{commit.oid}/comments",
            "author": self._commit_account(commit, commit.by),
            "committer": self.simple_user(WEB_COMMITTER.author)
            if commit.web
            else self._commit_account(commit, commit.by),
            "parents": [],
        }

    def _commit_account(self, commit: Commit, identity: Identity) -> dict[str, Any] | None:
        """Usually null where the address is unknown; GitHub sometimes writes an empty object instead."""
        if identity.account is not None:
            return self.simple_user(identity.account)
        return {} if commit.oid.startswith("0") else None

    def release(self, release: Release) -> dict[str, Any]:
        url = f"{self._base}/repos/{release.repo.full_name}"
        return {
            "url": f"{url}/releases/{release.release_id}",
            "html_url": f"{repo_url(release.repo)}/releases/tag/{release.tag}",
            "assets_url": f"{url}/releases/{release.release_id}/assets",
            "upload_url": f"{url}/releases/{release.release_id}/assets{{?name,label}}",
            "tarball_url": f"{url}/tarball/{release.tag}",
            "zipball_url": f"{url}/zipball/{release.tag}",
            "id": release.release_id,
            "node_id": numbered_id("RE", release.release_id),
            "tag_name": release.tag,
            "target_commitish": release.repo.default_branch,
            "name": release.name,
            "body": "",
            "draft": False,
            "prerelease": False,
            "created_at": iso(release.published_at),
            "published_at": iso(release.published_at),
            "author": self.simple_user(release.author),
            "assets": [],
        }

    def content(self, blob: Blob) -> dict[str, Any]:
        """A file, its text in base64 in lines of 60 as GitHub sends it."""
        raw = blob.text.encode()
        packed = base64.b64encode(raw).decode()
        url = f"{self._base}/repos/{blob.repo.full_name}"
        self_url = f"{url}/contents/{blob.path}?ref={blob.repo.default_branch}"
        git_url = f"{url}/git/blobs/{blob.oid}"
        page = f"{repo_url(blob.repo)}/blob/{blob.repo.default_branch}/{blob.path}"
        return {
            "type": "file",
            "name": blob.path.rpartition("/")[2],
            "path": blob.path,
            "sha": blob.oid,
            "size": len(raw),
            "url": self_url,
            "html_url": page,
            "git_url": git_url,
            "download_url": f"https://raw.githubusercontent.com/{blob.repo.full_name}/{blob.repo.default_branch}/{blob.path}",
            "content": "".join(f"{packed[start : start + 60]}\n" for start in range(0, len(packed), 60)),
            "encoding": "base64",
            "_links": {"self": self_url, "git": git_url, "html": page},
        }

    def _profile(self, person: Person) -> dict[str, Any]:
        profile = self._world.profile(person)
        return {
            "name": person.name,
            "company": profile.company,
            "blog": profile.website,
            "location": profile.location,
            "email": person.profile_email or None,
            "hireable": profile.hireable,
            "bio": profile.bio,
            "twitter_username": profile.twitter,
            "public_repos": len(self._world.repos_of(person)),
            "public_gists": profile.gists,
            "followers": profile.followers,
            "following": profile.following,
            "created_at": iso(person.created_at),
            "updated_at": iso(profile.updated_at),
        }


def anonymous_contributor(name: str, email: str, contributions: int) -> dict[str, Any]:
    return {"type": "Anonymous", "name": name, "email": email, "contributions": contributions}


def _git_user(identity: Identity, at: int) -> dict[str, str]:
    return {"name": identity.name, "email": identity.email, "date": iso(at)}


def _verification(commit: Commit) -> dict[str, Any]:
    """Web commits are signed by GitHub; the signature is most of what a page of commits weighs."""
    if not commit.web:
        return {"verified": False, "reason": "unsigned", "payload": None, "signature": None, "verified_at": None}
    body = base64.b64encode(hashlib.sha512(commit.oid.encode()).digest() * 8).decode()
    signature = f"-----BEGIN PGP SIGNATURE-----\n\n{body}\n-----END PGP SIGNATURE-----\n"
    payload = f"tree {commit.oid[::-1]}\nauthor {commit.by.name} <{commit.by.email}> {commit.at} +0000\n"
    return {
        "verified": True,
        "reason": "valid",
        "payload": payload,
        "signature": signature,
        "verified_at": iso(commit.at),
    }
