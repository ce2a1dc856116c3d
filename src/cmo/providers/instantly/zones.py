"""Time zones of Instantly's schedules: a closed list, in which most people's own zone is missing."""

from __future__ import annotations

from datetime import date

from cmo.providers.sequencer.schedules import have_same_hours

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


def nearest_zone(iana: str, on: date) -> str | None:
    """The zone of Instantly's list whose clocks agree with `iana` in every hour of the year from `on`.

    One of the same continent where there is any. None: no zone of the list agrees, or `iana` is no zone.
    """
    if iana in ZONES:
        return iana
    continent = iana.partition("/")[0]
    nearest_first = sorted(ZONES, key=lambda zone: zone.partition("/")[0] != continent)
    return next((zone for zone in nearest_first if have_same_hours(iana, zone, on)), None)
