"""Resolvers of people, organisations and bots."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cmo.sandbox.accounts import Org, Person
from cmo.sandbox.activity import PullRequest
from cmo.sandbox.dice import Dice
from cmo.sandbox.github_common import avatar_url, html_url
from cmo.sandbox.graphql_context import PROFILE_S, context_of, failure
from cmo.sandbox.graphql_paging import paginate
from cmo.sandbox.moments import iso, parse_iso
from cmo.sandbox.node_ids import node_id
from cmo.sandbox.people import DAY_S, HUMANS
from cmo.sandbox.repos import Repo

Resolvers = dict[str, Callable[..., Any]]
SHOWN_FOLLOWERS = 100
PROVIDERS = {"twitter": "TWITTER", "linkedin": "LINKEDIN", "mastodon": "MASTODON"}


def _repositories(owner: Person | Org, info: Any, **args: Any) -> dict[str, Any]:
    repos: Sequence[Repo] = context_of(info).world.repos_of(owner)
    for key, read in (("isArchived", "archived"), ("isFork", "fork")):
        if args.get(key) is not None:
            repos = [repo for repo in repos if getattr(repo, read) == args[key]]
    if args.get("privacy") == "PRIVATE":
        repos = ()
    return paginate(_ordered_repos(repos, args.get("orderBy")), args)


def _ordered_repos(repos: Sequence[Repo], order: dict[str, str] | None) -> Sequence[Repo]:
    if order is None:
        return sorted(repos, key=lambda repo: repo.created_at)
    keys: dict[str, Callable[[Repo], Any]] = {
        "CREATED_AT": lambda repo: repo.created_at,
        "NAME": lambda repo: repo.name,
        "PUSHED_AT": lambda repo: repo.pushed_at,
        "STARGAZERS": lambda repo: repo.stars,
        "UPDATED_AT": lambda repo: repo.updated_at,
    }
    return sorted(repos, key=keys[order["field"]], reverse=order["direction"] == "DESC")


def _owned_repository(owner: Person | Org, info: Any, name: str, **_args: Any) -> Repo | None:
    repo = context_of(info).world.find_repo(f"{owner.login}/{name}")
    return None if repo is None or repo.deleted or repo.blocked else repo


def _profile_text(name: str) -> Callable[..., Any]:
    def read(person: Person, info: Any) -> Any:
        return getattr(context_of(info).world.profile(person), name)

    return read


def _user_database_id(person: Person, info: Any) -> int:
    """Asked for with almost every profile, so it carries the cost of reading one."""
    context_of(info).work(PROFILE_S)
    return person.account_id


def _followers(key: str, factor: int) -> Callable[..., dict[str, Any]]:
    def resolve(person: Person, info: Any, **args: Any) -> dict[str, Any]:
        world = context_of(info).world
        count = getattr(world.profile(person), key)
        shown = [
            world.population.person((person.index * 31 + place * factor) % HUMANS)
            for place in range(1, min(count, SHOWN_FOLLOWERS) + 1)
        ]
        return paginate([other for other in shown if not other.deleted], args, total=count)

    return resolve


def _organizations(person: Person, info: Any, **args: Any) -> dict[str, Any]:
    return paginate(context_of(info).world.orgs_of(person), args)


def _social_accounts(person: Person, info: Any, **args: Any) -> dict[str, Any]:
    socials = context_of(info).world.profile(person).socials
    accounts = [{"displayName": person.login, "provider": PROVIDERS[kind], "url": url} for kind, url in socials]
    return paginate(accounts, args)


def _contributed_to(person: Person, info: Any, **args: Any) -> dict[str, Any]:
    return paginate(context_of(info).world.repos_worked_on(person), args)


def _pull_requests_by(person: Person, info: Any, **args: Any) -> dict[str, Any]:
    world = context_of(info).world
    pulls = [
        pull for repo in world.repos_worked_on(person) for pull in world.pull_requests(repo) if pull.author is person
    ]
    return paginate(ordered_pulls(pulls, args), args)


def ordered_pulls(pulls: Sequence[PullRequest], args: dict[str, Any]) -> Sequence[PullRequest]:
    """Those in the asked-for states (all the world's are merged), oldest first unless `orderBy` says otherwise."""
    if args.get("states") and "MERGED" not in args["states"]:
        return ()
    order = args.get("orderBy") or {"field": "CREATED_AT", "direction": "ASC"}
    descending = order["direction"] == "DESC"
    if order["field"] == "UPDATED_AT":
        return sorted(pulls, key=lambda pull: pull.merged_at, reverse=descending)
    return sorted(pulls, key=lambda pull: pull.created_at, reverse=descending)


def _contributions(person: Person, info: Any, **args: Any) -> dict[str, Any]:
    """Counts of a year scaled to the asked-for span; not tied to the commits that histories show."""
    world = context_of(info).world
    now = int(world.anchor_at.timestamp())
    ended = parse_iso(args["to"]) if args.get("to") else now
    started = parse_iso(args["from"]) if args.get("from") else ended - 365 * DAY_S
    if ended - started > 366 * DAY_S:
        raise failure("UNPROCESSABLE", "The total time spanned by 'from' and 'to' must not exceed 1 year")
    dice = Dice(world.seed, "contributions", person.index)
    share = max(0.0, (ended - started) / (365 * DAY_S))
    commits, issues, pulls, reviews = (int(dice.log_normal(median, 1.1) * share) for median in (140, 9, 30, 18))
    return {
        "totalCommitContributions": commits,
        "totalIssueContributions": issues,
        "totalPullRequestContributions": pulls,
        "totalPullRequestReviewContributions": reviews,
        "totalRepositoriesWithContributedCommits": min(commits, 1 + commits // 60),
        "restrictedContributionsCount": 0,
        "hasAnyContributions": commits + issues + pulls + reviews > 0,
        "contributionCalendar": {"totalContributions": commits + issues + pulls + reviews},
        "startedAt": iso(started),
        "endedAt": iso(ended),
        "user": person,
    }


def _members(org: Org, info: Any, **args: Any) -> dict[str, Any]:
    return paginate(context_of(info).world.members_of(org), args)


def constant(value: Any) -> Callable[..., Any]:
    """A resolver that always gives `value`."""
    return lambda _source, _info, **_args: value


_COMMON: Resolvers = {
    "id": lambda account, _info: node_id(account),
    "login": lambda account, _info: account.login,
    "databaseId": lambda account, _info: account.account_id,
    "avatarUrl": lambda account, _info, **_args: avatar_url(account),
    "url": lambda account, _info: html_url(account),
    "resourcePath": lambda account, _info: f"/{account.login}",
}
_OWNER: Resolvers = {
    "repositories": _repositories,
    "repository": _owned_repository,
    "createdAt": lambda account, _info: iso(account.created_at),
    "name": lambda account, _info: account.name,
}
_USER_FLAGS = (
    "isSiteAdmin",
    "isViewer",
    "isEmployee",
    "isBountyHunter",
    "isCampusExpert",
    "isDeveloperProgramMember",
    "isGitHubStar",
    "hasSponsorsListing",
)


ACCOUNT_RESOLVERS: dict[str, Resolvers] = {
    "User": {
        **_COMMON,
        **_OWNER,
        **{flag: constant(False) for flag in _USER_FLAGS},
        "databaseId": _user_database_id,
        "email": lambda person, _info: person.profile_email,
        "bio": _profile_text("bio"),
        "company": _profile_text("company"),
        "location": _profile_text("location"),
        "twitterUsername": _profile_text("twitter"),
        "websiteUrl": lambda person, info: context_of(info).world.profile(person).website or None,
        "isHireable": lambda person, info: bool(context_of(info).world.profile(person).hireable),
        "updatedAt": lambda person, info: iso(context_of(info).world.profile(person).updated_at),
        "followers": _followers("followers", 17),
        "following": _followers("following", 29),
        "organizations": _organizations,
        "socialAccounts": _social_accounts,
        "repositoriesContributedTo": _contributed_to,
        "pullRequests": _pull_requests_by,
        "contributionsCollection": _contributions,
        "gists": lambda person, info, **args: paginate((), args, total=context_of(info).world.profile(person).gists),
        "pronouns": constant(None),
        "status": constant(None),
    },
    "Organization": {
        **_COMMON,
        **_OWNER,
        "description": lambda org, _info: org.description,
        "email": lambda org, _info: f"hello@{org.domain.name}",
        "isVerified": lambda org, _info: org.verified,
        "location": lambda org, _info: org.location,
        "websiteUrl": lambda org, _info: org.website,
        "updatedAt": lambda org, _info: iso(org.created_at),
        "twitterUsername": constant(None),
        "membersWithRole": _members,
    },
    "Bot": {
        **_COMMON,
        "login": lambda bot, _info: bot.login.removesuffix("[bot]"),
        "createdAt": constant("2018-04-20T00:00:00Z"),
        "updatedAt": constant("2018-04-20T00:00:00Z"),
    },
}
