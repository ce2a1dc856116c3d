"""Zones that Instantly's schedules know."""

from __future__ import annotations

from datetime import date

import pytest

from cmo.providers.instantly.zones import ZONES, nearest_zone
from cmo.providers.sequencer.schedules import have_same_hours
from tests.contracts.files import contract, needs_contracts

TODAY = date(2026, 11, 20)


@pytest.mark.parametrize(
    ("iana", "member"),
    [
        ("America/New_York", "America/Detroit"),
        ("Europe/London", "Europe/Isle_of_Man"),
        ("Europe/Berlin", "Europe/Belgrade"),
        ("Asia/Tokyo", "Asia/Dili"),
        ("UTC", "America/Danmarkshavn"),
        ("Asia/Kolkata", "Asia/Kolkata"),
    ],
)
def test_a_zone_is_mapped_to_one_with_the_same_hours(iana: str, member: str) -> None:
    assert nearest_zone(iana, TODAY) == member
    assert have_same_hours(iana, member, TODAY)


@pytest.mark.parametrize("iana", ["Pacific/Marquesas", "Mars/Olympus", "", "../../etc/passwd", "Europe"])
def test_a_zone_with_hours_of_its_own_has_no_member(iana: str) -> None:
    assert nearest_zone(iana, TODAY) is None


def test_hours_that_agree_only_in_winter_do_not_agree() -> None:
    assert not have_same_hours("Europe/London", "Africa/Abidjan", TODAY)


@needs_contracts
def test_the_list_is_the_vendors() -> None:
    campaign = contract("instantly.openapi.json")["components"]["schemas"]["Campaign"]["properties"]
    schedules = campaign["campaign_schedule"]["properties"]
    assert list(ZONES) == schedules["schedules"]["items"]["properties"]["timezone"]["enum"]
    assert len(ZONES) == 102
