"""The free-text half of people: what they say about themselves."""

from __future__ import annotations

from cmo.sandbox.accounts import Person, Profile
from cmo.sandbox.dice import Dice
from cmo.sandbox.hostile import HOSTILE, OBFUSCATED, OPT_OUT_BIOS
from cmo.sandbox.people import DAY_S, Population
from cmo.sandbox.vocabulary import JOBS


def make_profile(population: Population, person: Person) -> Profile:
    """The profile of `person`, the same on every call."""
    dice = Dice(population.seed, "profile", person.index)
    followers = 0 if person.machine else int(dice.log_normal(24, 1.6))
    site = f"https://{population.personal_domain(person.index).name}"
    twitter = person.login.replace("-", "_")[:15] if dice.chance(0.22) and not person.machine else None
    socials = [("twitter", f"https://twitter.com/{twitter}")] if twitter else []
    if dice.chance(0.12):
        socials.append(("linkedin", f"https://www.linkedin.com/in/{person.login}-sandbox"))
    if dice.chance(0.08):
        socials.append(("mastodon", f"https://mastodon.example/@{person.login}"))
    return Profile(
        bio=_bio(population, person, dice),
        company=_company(population, person, dice),
        location=_location(person, dice),
        website=_hostile(person, dice) or (site if dice.chance(0.35) and not person.machine else ""),
        twitter=twitter,
        hireable=True if dice.chance(0.15) else None,
        followers=followers,
        following=int(dice.log_normal(12, 1.4)),
        gists=int(dice.log_normal(4, 1.2)),
        updated_at=population.anchor_at - int(dice.log_normal(20, 1.2) * DAY_S),
        socials=tuple(socials),
    )


def _hostile(person: Person, dice: Dice) -> str:
    return dice.pick(HOSTILE) if person.hostile and dice.chance(0.6) else ""


def _bio(population: Population, person: Person, dice: Dice) -> str | None:
    if person.machine:
        return "Automated releases and housekeeping."
    if person.opted_out:
        return f"{dice.pick(JOBS)}. {dice.pick(OPT_OUT_BIOS)}"
    attack = _hostile(person, dice)
    if attack:
        return attack
    if dice.chance(0.03):
        named = population.named(person.index)
        domain = population.personal_domain(person.index).name.partition(".")[0]
        return f"{dice.pick(JOBS)} · " + dice.pick(OBFUSCATED).format(local=named.first, domain=domain)
    return dice.pick(JOBS) if dice.chance(0.55) else None


def _company(population: Population, person: Person, dice: Dice) -> str | None:
    attack = _hostile(person, dice)
    if attack:
        return attack
    if person.employer is None or person.machine:
        return "Freelance" if dice.chance(0.04) and not person.machine else None
    org = population.orgs[person.employer]
    return (
        dice.pick((f"@{org.login}", org.name, org.name, f"{org.name} ", org.name.upper()))
        if dice.chance(0.85)
        else None
    )


def _location(person: Person, dice: Dice) -> str | None:
    attack = _hostile(person, dice)
    if attack:
        return attack
    if person.machine or dice.chance(0.33):
        return None
    city = dice.pick(person.country.cities)
    country = person.country.name
    return dice.pick(
        (f"{city}, {country}", f"{city}, {country}", city, country, f"{city} ({person.country.code})", "Earth")
    )
