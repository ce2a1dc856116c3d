"""Who of the authors in a history is a human, what they are to a repository, and which logins are one person.

A machine is recognised by weight of signals, never by one look-alike: Abbott, Talbot and Robotham are people. Two
points make a machine.

====  =================================================================================
 2    login ends in `[bot]`, or is a known machine's
 2    last word of the login is bot or robot (`acme-bot`), or the login is spelt `AcmeBot`
 1    `bot` elsewhere among the login's words (`bot-acme`), or glued to its end (`acmebot`)
 1    each word of the login that build systems use (`ci`, `runner`, `svc`, ...), two at most
 2    commit name is a known machine's or ends in `[bot]`; address is a known machine's
 1    commit name has the word bot, robot, ci, ...; counts only where the name is not just the login
 1    address such as ci@ or noreply@
 -1   `bot` is only glued on, and the commit name reads like a person's (`TalBot`, Sam Talbot)
====  =================================================================================
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from cmo.domain.address import AddressKind, classify, identity_key, is_automated_local, noreply_login
from cmo.domain.base import Frozen
from cmo.domain.job import Role
from cmo.domain.lead import RepoActivity
from cmo.domain.text import clean_line

_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,98}(\[bot\])?")
_MACHINE_FROM = 2
MAINTAINER_SHARE = 0.3
"""Share of a window's human commits from which somebody counts as a maintainer without other evidence ..."""
MAINTAINER_COMMITS = 10
"""... given at least this many commits."""
MOST_LOGINS_OF_ONE = 3
"""An address that more logins show is a shared mailbox, not one person."""


class CommitName(NamedTuple):
    """How somebody signed commits."""

    name: str
    email: str


def is_login(text: str) -> bool:
    """Whether `text` can be a GitHub login."""
    return _LOGIN.fullmatch(text) is not None


def machine_reason(login: str, signed: Sequence[CommitName] = ()) -> str | None:
    """Why the account of `login` is a machine's, in words, or None where it may be a person's."""
    points, reasons = _login_points(login)
    readings = [_signature_points(one, login=login) for one in signed]
    weight, words = max(readings, default=(0, []), key=lambda reading: reading[0])
    if _is_only_glued(login) and points and any(_reads_like_a_person(one.name) for one in signed):
        points -= 1
    if points + weight < _MACHINE_FROM:
        return None
    return "; ".join([*reasons, *words])


def is_machine_commit(signed: CommitName) -> bool:
    """Whether a machine made commits signed like that, whoever's account they are linked to."""
    return _signature_points(signed, login="")[0] >= _MACHINE_FROM


def _login_points(login: str) -> tuple[int, list[str]]:
    name = login.lower()
    if name.endswith("[bot]"):
        return 2, ["GitHub marks the account as a bot"]
    if name in _KNOWN_LOGINS:
        return 2, ["a known machine account"]
    words = [word for word in re.split(r"[-_]+", name) if word]
    points, reasons = 0, []
    if len(words) > 1 and words[-1] in _BOT_WORDS:
        points, reasons = 2, [f"the login ends in “{words[-1]}”"]
    elif len(words) > 1 and _BOT_WORDS & set(words):
        points, reasons = 1, ["the login has the word “bot”"]
    elif _is_only_glued(login):
        points, reasons = (2 if re.search(r"[a-z0-9]Bot$", login) else 1), ["the login ends in “bot”"]
    if len(words) > 1 and (found := [word for word in words if word in _BUILD_WORDS]):
        points += min(len(found), 2)
        reasons.append("the login has the words of a build system: " + ", ".join(found[:2]))
    return points, reasons


def _signature_points(signed: CommitName, *, login: str) -> tuple[int, list[str]]:
    points, reasons = 0, []
    name = " ".join(signed.name.lower().split())
    if name.endswith("[bot]") or name in _KNOWN_NAMES:
        points, reasons = 2, [f"commits are signed “{clean_line(signed.name, limit=40)}”"]
    elif _plain(name) != _plain(login) and _NAME_WORDS & set(re.split(r"[\W_]+", name)):
        points, reasons = 1, [f"commits are signed “{clean_line(signed.name, limit=40)}”"]
    weight = _address_points(signed.email)
    if weight:
        points += weight
        reasons.append("the commit address is a machine's")
    return points, reasons


def _address_points(email: str) -> int:
    if email in _KNOWN_EMAILS:
        return 2
    owner = noreply_login(email)
    if owner is not None:
        return 2 if owner.endswith("[bot]") or owner in _KNOWN_LOGINS else 0
    local = email.partition("@")[0]
    return int(is_automated_local(local) or classify(email) is AddressKind.NOREPLY)


def _is_only_glued(login: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9]+bot", login, re.IGNORECASE) is not None


def _reads_like_a_person(name: str) -> bool:
    words = [word for word in name.split() if word.replace("-", "").replace("'", "").replace(".", "").isalpha()]
    return len(words) >= 2 and not _NAME_WORDS & {word.lower() for word in words}


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.lower())


def role_of(
    login: str, activity: RepoActivity, *, owner: str, owner_is_org: bool, commits: int, human_commits: int
) -> tuple[Role, tuple[str, ...]]:
    """What `login` is to the repository, and the evidence for it.

    Maintainers own the repository, merge others' work, publish releases, are named in CODEOWNERS, or write at least
    30 % of the window's human commits (10 or more of them). Everybody else is a contributor.

    Args:
        commits: Those of `login` in the window.
        human_commits: Those of all people together.
    """
    key = login.lower()
    evidence = []
    if key == owner.lower() and not owner_is_org:
        evidence.append("owns the repository")
    if merged := _count_of(activity.mergers, key):
        evidence.append(f"merged {_plural(merged, 'pull request')}")
    if released := _count_of(activity.releasers, key):
        evidence.append(f"published {_plural(released, 'release')}")
    if key in {name.lstrip("@").lower() for name in activity.codeowners}:
        evidence.append("named in CODEOWNERS")
    share = commits / human_commits if human_commits else 0.0
    if commits >= MAINTAINER_COMMITS and share >= MAINTAINER_SHARE:
        evidence.append(f"wrote {share:.0%} of the commits".replace("%", " %"))
    return (Role.MAINTAINER if evidence else Role.CONTRIBUTOR), tuple(evidence)


def _count_of(counts: dict[str, int], key: str) -> int:
    return sum(count for name, count in counts.items() if name.lower() == key)


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


class AddressHolder(Frozen):
    """A login that shows an address by evidence: on its profile, or in commits GitHub links to it."""

    login: str
    email: str
    contributions: int
    accepted: bool = False
    """Already a lead of the job; kept before one that is not."""


class Merge(NamedTuple):
    """Two logins found to be one human."""

    kept: str
    merged: str
    evidence: str


def merge_candidates(holders: Sequence[AddressHolder]) -> list[Merge]:
    """Which logins are one human, since they show one mailbox; in order of the kept, then the merged login.

    Kept is the accepted one, else the one with most contributions, ties by login. Names, role addresses, machines'
    addresses, throw-away mailboxes and mailboxes that more than three logins show prove nothing.
    """
    by_login = {holder.login.lower(): holder for holder in sorted(holders, key=lambda h: (h.contributions, h.login))}
    human_of = {login: login for login in by_login}
    for logins in _shared_mailboxes(holders):
        humans = {human_of[login] for login in logins}
        target = min(humans)
        human_of = {login: target if human in humans else human for login, human in human_of.items()}
    groups: dict[str, list[AddressHolder]] = defaultdict(list)
    for login, human in human_of.items():
        groups[human].append(by_login[login])
    return sorted(merge for group in groups.values() for merge in _merges_of(group))


def _shared_mailboxes(holders: Iterable[AddressHolder]) -> list[Collection[str]]:
    shown_by: dict[str, set[str]] = defaultdict(set)
    for holder in holders:
        if classify(holder.email) is AddressKind.PERSONAL:
            shown_by[identity_key(holder.email)].add(holder.login.lower())
    return [logins for logins in shown_by.values() if 1 < len(logins) <= MOST_LOGINS_OF_ONE]


def _merges_of(group: Sequence[AddressHolder]) -> list[Merge]:
    best, *others = sorted(group, key=lambda h: (not h.accepted, -h.contributions, h.login.lower()))
    return [Merge(best.login, other.login, "both accounts show the same mailbox") for other in others]


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BOT_WORDS = _names("bot bots robot robots")
_BUILD_WORDS = _names(
    """ci cicd jenkins automation autobot auto deploy deployer deployment build builder releaser svc runner actions
    automerge nightly autoupdate updater renovate dependabot pipeline"""
)
_NAME_WORDS = _names("bot bots robot ci cicd automation automated autobot actions pipeline svc")
_KNOWN_LOGINS = _names(
    """actions-user allcontributors apps4scratch autofix-ci azure-pipelines bors buildbot circleci claude codecov
    codecov-commenter codecov-io coderabbitai codefactor-io conda-forge-admin copilot copilot-swe-agent copybara-service
    coveralls crowdin cursoragent deepsource-autofix dependabot dependabot-preview depfu devin-ai-integration fossabot
    gcf-owl-bot ghost github-actions github-advanced-security github-classroom github-merge-queue gitlocalize-app
    gitpod-io gitter-badger google-labs-jules googlebot greenkeeper hosted-weblate imgbot istio-testing jenkins
    k8s-ci-robot kodiakhq lgtm-com mergify mergify-merge-queue netlify openshift-merge-robot pre-commit-ci pyup-bot
    pytorchbot pytorchmergebot release-please renovate renovate-bot restyled-commits rust-highfive rust-timer rustbot
    scala-steward semantic-release-bot sentry-io sider-bot snyk-bot sonarcloud sourcery-ai stickler-ci sweep-ai
    traviscibot travis-ci transifex-integration vercel web-flow weblate whitesource-bolt-for-github"""
)
_KNOWN_NAMES = frozenset(
    {
        "all contributors", "allcontributors", "autofix-ci", "automation", "azure pipelines", "bot", "buildkite", "ci",
        "ci bot", "circle ci", "circleci", "codecov", "copilot", "crowdin", "crowdin bot", "cursor agent", "dependabot",
        "devin ai", "github", "github action", "github actions", "github-action", "github-actions", "gitlab ci",
        "google-labs-jules", "hosted weblate", "imgbot", "jenkins", "jenkins ci", "pre-commit ci", "pre-commit-ci",
        "pre-commit.ci", "release please", "release-please", "renovate", "renovate bot", "semantic-release",
        "semantic-release-bot", "snyk bot", "transifex", "travis ci", "travis-ci", "web-flow", "weblate",
    }
)  # fmt: skip
_KNOWN_EMAILS = _names(
    """action@github.com actions@github.com noreply@github.com noreply@anthropic.com cursoragent@cursor.com
    bot@renovateapp.com support@dependabot.com hosted@weblate.org builds@travis-ci.org travis@travis-ci.org"""
)
