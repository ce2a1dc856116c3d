"""What the REST and the GraphQL API show alike: pages, pictures, files, languages."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from cmo.sandbox.accounts import Account, Bot
from cmo.sandbox.history import Commit, Identity
from cmo.sandbox.repos import Repo
from cmo.sandbox.world import World

WEB_COMMITTER = Identity("GitHub", "noreply@github.com", None, Bot("web-flow", 19864447))


class Blob(NamedTuple):
    """A text file of the default branch."""

    repo: Repo
    path: str
    text: str

    @property
    def oid(self) -> str:
        raw = self.text.encode()
        return hashlib.sha1(b"blob %d\x00" % len(raw) + raw, usedforsecurity=False).hexdigest()


def avatar_url(account: Account) -> str:
    return f"https://avatars.githubusercontent.com/u/{account.account_id}?v=4"


def html_url(account: Account) -> str:
    """The page a person would open; an app's lives elsewhere."""
    if isinstance(account, Bot):
        return f"https://github.com/apps/{account.login.removesuffix('[bot]')}"
    return f"https://github.com/{account.login}"


def repo_url(repo: Repo) -> str:
    return f"https://github.com/{repo.full_name}"


def head_of(world: World, repo: Repo) -> Commit | None:
    """The newest commit of the default branch; None where there is none."""
    return next(world.history(repo).commits(), None)


def language_bytes(repo: Repo) -> list[tuple[str, int]]:
    """Languages by size, largest first."""
    if repo.language is None or repo.empty:
        return []
    total = repo.size_kb * 600
    others = [name for name in ("Makefile", "Dockerfile", "Shell") if name != repo.language]
    return [
        (repo.language, total),
        *((name, max(40, total // (30 * (place + 1)))) for place, name in enumerate(others)),
    ]
