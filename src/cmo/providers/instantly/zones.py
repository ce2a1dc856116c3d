"""Time zones of Instantly's schedules: a closed list, in which most people's own zone is missing."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_NAMES = """
    Etc/GMT+12 Etc/GMT+11 Etc/GMT+10 America/Anchorage America/Dawson America/Creston America/Chihuahua America/Boise
    America/Belize America/Chicago America/Bahia_Banderas America/Regina America/Bogota America/Detroit
    America/Indiana/Marengo America/Caracas America/Asuncion America/Glace_Bay America/Campo_Grande America/Anguilla
    America/Santiago America/St_Johns America/Sao_Paulo America/Argentina/La_Rioja America/Araguaina America/Godthab
    America/Montevideo America/Bahia America/Noronha America/Scoresbysund Atlantic/Cape_Verde Africa/Casablanca
    America/Danmarkshavn Europe/Isle_of_Man Atlantic/Canary Africa/Abidjan Arctic/Longyearbyen Europe/Belgrade
    Africa/Ceuta Europe/Sarajevo Africa/Algiers Africa/Windhoek Asia/Nicosia Asia/Beirut Africa/Cairo Asia/Damascus
    Europe/Bucharest Africa/Blantyre Europe/Helsinki Europe/Istanbul Asia/Jerusalem Africa/Tripoli Asia/Amman
    Asia/Baghdad Europe/Kaliningrad Asia/Aden Africa/Addis_Ababa Europe/Kirov Europe/Astrakhan Asia/Tehran Asia/Dubai
    Asia/Baku Indian/Mahe Asia/Tbilisi Asia/Yerevan Asia/Kabul Antarctica/Mawson Asia/Yekaterinburg Asia/Karachi
    Asia/Kolkata Asia/Colombo Asia/Kathmandu Antarctica/Vostok Asia/Dhaka Asia/Rangoon Antarctica/Davis
    Asia/Novokuznetsk Asia/Hong_Kong Asia/Krasnoyarsk Asia/Brunei Australia/Perth Asia/Taipei Asia/Choibalsan
    Asia/Irkutsk Asia/Dili Asia/Pyongyang Australia/Adelaide Australia/Darwin Australia/Brisbane Australia/Melbourne
    Antarctica/DumontDUrville Australia/Currie Asia/Chita Antarctica/Macquarie Asia/Sakhalin Pacific/Auckland
    Etc/GMT-12 Pacific/Fiji Asia/Anadyr Asia/Kamchatka Etc/GMT-13 Pacific/Apia
"""
ZONES = tuple(_NAMES.split())
"""Source: contracts/instantly.md, Enumerations (`timezone`); in the vendor's order."""
_HOURS_AHEAD = 366 * 24


def nearest_zone(iana: str, on: date) -> str | None:
    """The zone of Instantly's list whose clocks agree with `iana` in every hour of the year from `on`.

    One of the same continent where there is any. None: no zone of the list agrees, or `iana` is no zone.
    """
    if iana in ZONES:
        return iana
    continent = iana.partition("/")[0]
    nearest_first = sorted(ZONES, key=lambda zone: zone.partition("/")[0] != continent)
    return next((zone for zone in nearest_first if have_same_hours(iana, zone, on)), None)


def have_same_hours(first: str, second: str, on: date) -> bool:
    """Whether the clocks of two zones agree in every hour of the year from `on`; False where either is no zone."""
    if first == second:
        return True
    one, other = _zone(first), _zone(second)
    if one is None or other is None:
        return False
    start = datetime.combine(on, time(), UTC)
    hours = (start + timedelta(hours=hour) for hour in range(_HOURS_AHEAD))
    return all(at.astimezone(one).utcoffset() == at.astimezone(other).utcoffset() for at in hours)


def _zone(iana: str) -> ZoneInfo | None:
    """None too where this machine's zone data lacks an old name, or the name is no path."""
    try:
        return ZoneInfo(iana)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
