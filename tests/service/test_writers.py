"""Keys and places reach the clients that write to the outside."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cmo.domain.outward import Probe
from cmo.errors import ConfigError
from cmo.providers.ports import Meter
from cmo.sandbox.vendors import instantly, smartlead
from cmo.sandbox.vendors.gmail import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from cmo.sandbox.vendors.instantly import InstantlyTwin
from cmo.sandbox.vendors.smartlead import SmartleadTwin
from cmo.service.writers import open_mailer
from tests.fakes.campaign import Campaign, settings_in
from tests.fakes.clock import StillClock
from tests.fakes.doors import open_door
from tests.providers.gmail.rig import INBOX, Rig, gmail_at_sandbox

LOGIN = {"GOOGLE_REFRESH_TOKEN": REFRESH_TOKEN, "GOOGLE_CLIENT_SECRET": CLIENT_SECRET, "GOOGLE_CLIENT_ID": CLIENT_ID}


def probed(home: Path, rig: Rig, **env: str) -> Probe:
    settings = settings_in(home, GMAIL_API_URL=rig.url, GOOGLE_TOKEN_URL=f"{rig.url}/token", **env)

    async def ask() -> Probe:
        async with open_mailer(settings, Campaign(settings, "").found, "gmail", Meter()) as mailer:
            return await mailer.probe()

    return asyncio.run(ask())


def test_gmail_is_opened_with_a_login_that_lasts(tmp_path: Path) -> None:
    with gmail_at_sandbox() as rig:
        told = probed(tmp_path, rig, **LOGIN, GOOGLE_ACCESS_TOKEN="run out")
    assert (told.state, INBOX in told.detail) == ("ok", True)


def test_a_withdrawn_login_says_which_key_to_set_again(tmp_path: Path) -> None:
    with gmail_at_sandbox() as rig:
        told = probed(tmp_path, rig, **LOGIN | {"GOOGLE_REFRESH_TOKEN": "withdrawn"})
    assert (told.state, told.fix) == ("fail", "Log in again: cmo auth set google_refresh")


@pytest.mark.parametrize(
    ("missing", "fix"),
    [
        ("GOOGLE_CLIENT_ID", "cmo config set google.client_id ID"),
        ("GOOGLE_CLIENT_SECRET", "cmo auth set google_secret   (or set GOOGLE_CLIENT_SECRET)"),
    ],
)
def test_half_a_login_for_gmail_says_which_half_is_missing(tmp_path: Path, missing: str, fix: str) -> None:
    with gmail_at_sandbox() as rig, pytest.raises(ConfigError) as caught:
        probed(tmp_path, rig, **{name: value for name, value in LOGIN.items() if name != missing})
    assert caught.value.hint == fix


@pytest.mark.parametrize(
    ("name", "twin", "campaign_id", "path"),
    [
        ("instantly", InstantlyTwin(), instantly.ACTIVE_ID, ""),
        ("smartlead", SmartleadTwin(), smartlead.ACTIVE_ID, smartlead.BASE_PATH),
    ],
)
def test_campaigns_are_held_to_the_operators_zone_and_hours(
    tmp_path: Path, name: str, twin: Any, campaign_id: str, path: str
) -> None:
    keys = {f"{each.upper()}_API_KEY": f"sandbox-{each}-key" for each in ("instantly", "smartlead")}

    def problems(home: Path, **env: str) -> tuple[str, ...]:
        settings = settings_in(home, **keys, **{f"{name.upper()}_BASE_URL": f"{opened.url}{path}"}, **env)

        async def ask() -> tuple[str, ...]:
            async with open_mailer(settings, Campaign(settings, "").found, name, Meter()) as mailer:
                return (await mailer.sequence(campaign_id)).problems

        return asyncio.run(ask())

    with open_door(twin, clock=StillClock()) as opened:
        assert problems(tmp_path / "right") == ()
        [zone] = problems(tmp_path / "far", CMO_TIME_ZONE="Asia/Tokyo", CMO_SENDER_TIME_ZONE="Asia/Tokyo")
        [hours] = problems(tmp_path / "short", CMO_SENDING_HOURS="9..17")
    assert "you work in Asia/Tokyo" in zone
    assert "keep it between 09:00 and 17:00" in hours
