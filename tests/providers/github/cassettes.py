"""Recorded exchanges: how they are made, and how a client plays them back.

There is no GitHub where the tests run, so they are recorded against the sandbox and say so; its people are invented.
To record anew, after a change of what we send: `python -m tests.providers.github.cassettes`.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import vcr
import yaml

from cmo.clock import ScaledClock
from cmo.config.secrets import Secret
from cmo.domain.lead import RepoRef
from cmo.errors import RateLimited
from cmo.providers.github import GitHub
from cmo.providers.ports import Meter, PersonKey, RepoQuery, ResponseCache
from cmo.sandbox import Sandbox, SandboxSettings, start_sandbox
from tests.fakes.cache import FakeCache

FOLDER = Path(__file__).parents[3] / "cassettes" / "github"
START = datetime(2026, 11, 17, 9, tzinfo=UTC)
SINCE = START - timedelta(days=90)
HOST = "https://api.github.com"
NOTE = "# Recorded against cmo's sandbox (seed 7), not against GitHub: people and addresses are invented.\n"
HEADERS = re.compile(r"x-ratelimit-.*|content-type|etag|last-modified|link|location|retry-after|x-oauth-scopes", re.I)
"""Those of an answer that the client reads."""
QUERY = RepoQuery(language="python", topic="pytest", stars_low=100, stars_high=2000)


class Noted:
    """YAML with a note on where it comes from."""

    @staticmethod
    def serialize(cassette: dict[str, Any]) -> str:
        return NOTE + str(yaml.safe_dump(cassette, allow_unicode=True, width=120))

    @staticmethod
    def deserialize(text: str) -> Any:
        return yaml.safe_load(text)


def player(name: str, *, record: Sandbox | None = None) -> Any:
    """A context in which the requests of cassette `name` are answered, or recorded from a sandbox."""

    def github_instead(request: Any) -> Any:
        if record is not None:
            request.uri = request.uri.replace(record.github_url, HOST)
        return request

    def as_github_says_it(response: dict[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in response["headers"].items() if HEADERS.fullmatch(name)}
        text = response["body"]["string"]
        if record is not None:
            text = text.replace(record.github_url.encode(), HOST.encode())
        return {**response, "headers": kept, "body": {"string": text}}

    tape = vcr.VCR(
        record_mode="none" if record is None else "all",
        match_on=["method", "scheme", "host", "port", "path", "query", "body"],
        filter_headers=["authorization", "user-agent", "accept-encoding", "connection", "host"],
        before_record_request=github_instead,
        before_record_response=as_github_says_it,
    )
    tape.register_serializer("noted", Noted)
    return tape.use_cassette(str(FOLDER / f"{name}.yaml"), serializer="noted")


def client(cache: ResponseCache, *, sandbox: Sandbox | None = None) -> GitHub:
    """A client of GitHub as cassettes play it, or of the sandbox they are recorded from."""
    return GitHub(
        [Secret("sandbox-token")],
        clock=ScaledClock(START, speed=20_000.0),
        cache=cache,
        meter=Meter(),
        rng=random.Random(7),
        rest_url=HOST if sandbox is None else sandbox.github_url,
        graphql_url=f"{HOST if sandbox is None else sandbox.github_url}/graphql",
    )


async def search(github: GitHub) -> list[str]:
    """Two pages of a search."""
    first = await github.search_repos(QUERY, cursor=None, limit=3)
    more = await github.search_repos(QUERY, cursor=first.cursor, limit=2)
    return [repo.full_name for repo in (*first.repos, *more.repos)]


async def histories(github: GitHub) -> list[dict[str, Any]]:
    """The histories of a few repositories, and of one that is not there."""
    page = await github.search_repos(QUERY, cursor=None, limit=3)
    refs = [RepoRef(id=repo.id, full_name=repo.full_name) for repo in page.repos]
    refs.append(RepoRef(id="R_kgDOAAAAAA", full_name="gone/gone"))
    activities = await github.fetch_activity(refs, since=SINCE)
    return [activity.model_dump(mode="json", exclude={"fetched_at"}) for activity in activities]


async def profiles(github: GitHub) -> list[dict[str, Any]]:
    """Profiles by login: a person, a bot, nobody."""
    page = await github.search_repos(QUERY, cursor=None, limit=3)
    logins = [repo.owner for repo in page.repos]
    keys = [PersonKey(login=login) for login in [*logins, "dependabot[bot]", "nobody-has-this-login"]]
    found, failures = await github.fetch_profiles(keys)
    return [entry.model_dump(mode="json", exclude={"fetched_at"}) for entry in (*found, *failures)]


async def unchanged(github: GitHub) -> list[object]:
    """One REST path twice: the second time nothing has changed."""
    page = await github.search_repos(QUERY, cursor=None, limit=1)
    path = f"/users/{page.repos[0].owner}"
    return [(await github.get(path)).value for _ in range(2)]


async def limited(github: GitHub) -> str:
    """A search after the last point."""
    await github.search_repos(QUERY, cursor=None, limit=1)
    try:
        await github.search_repos(RepoQuery(topic="ci"), cursor=None, limit=1)
    except RateLimited as exc:
        return exc.resource
    return ""


SCENES: dict[str, Callable[[GitHub], Awaitable[Any]]] = {
    scene.__name__: scene for scene in (search, histories, profiles, unchanged, limited)
}


def play(name: str, *, sandbox: Sandbox | None = None) -> tuple[Any, Any]:
    """What the scene `name` gives, and its cassette."""

    async def act() -> Any:
        async with client(FakeCache(), sandbox=sandbox) as github:
            return await SCENES[name](github)

    with player(name, record=sandbox) as cassette:
        return asyncio.run(act()), cassette


def main() -> None:
    """Record every scene, and what it gave."""
    for name in SCENES:
        (FOLDER / f"{name}.yaml").unlink(missing_ok=True)
        settings = SandboxSettings(anchor_at=START, graphql_limit=1 if name == "limited" else 5000)
        sandbox = start_sandbox(settings, clock=ScaledClock(START, speed=20_000.0))
        try:
            given, _ = play(name, sandbox=sandbox)
        finally:
            sandbox.stop()
        text = json.dumps(given, indent=1, ensure_ascii=False).replace(sandbox.github_url, HOST)
        (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
