"""GitHub's search syntax over the world's repositories and users."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from cmo.sandbox.accounts import Org, Person
from cmo.sandbox.repos import Repo
from cmo.sandbox.world import World

MAX_RESULTS = 1000
MAX_QUERY_CHARS = 256
MAX_OPERATORS = 5

_TOKEN = re.compile(r'(-?)(?:([a-z][a-z-]*):)?("[^"]*"|\S+)', re.IGNORECASE)
_DAY_S = 86_400

RepoTest = Callable[[Repo], bool]
UserTest = Callable[[Person | Org], bool]


class SearchRefused(Exception):
    """The query cannot be run; the server answers 422 with `message` and `errors`."""

    def __init__(self, message: str, *, code: str = "invalid") -> None:
        super().__init__(message)
        self.message = message
        self.code = code


@dataclass(frozen=True)
class Qualifier:
    """`key:value`, or a free word where `key` is empty."""

    key: str
    value: str
    negated: bool


@dataclass(frozen=True)
class Query:
    qualifiers: tuple[Qualifier, ...]
    sort: str
    """`stars`, `forks`, `updated`, `followers`, `repositories`, `joined`, or empty for best match."""
    descending: bool

    def first(self, key: str) -> Qualifier | None:
        return next((part for part in self.qualifiers if part.key == key), None)


def parse_query(text: str, *, sort: str = "", order: str = "desc") -> Query:
    """Split `text` into qualifiers and words.

    Raises:
        SearchRefused: empty, too long, or too many operators.
    """
    if not text.strip():
        raise SearchRefused("Validation Failed", code="missing")
    qualifiers: list[Qualifier] = []
    negate_next, operators = False, 0
    for minus, key, raw in _TOKEN.findall(text):
        value = raw.strip('"')
        if not key and value in ("AND", "OR", "NOT"):
            operators += 1
            negate_next = value == "NOT"
            continue
        part = Qualifier(key.lower(), value, bool(minus) or negate_next)
        negate_next = False
        if part.key == "sort":
            sort, _, direction = part.value.partition("-")
            order = direction or "desc"
        else:
            qualifiers.append(part)
    words = " ".join(part.value for part in qualifiers if not part.key)
    if len(words) > MAX_QUERY_CHARS or operators > MAX_OPERATORS:
        raise SearchRefused("Validation Failed")
    return Query(tuple(qualifiers), sort, order != "asc")


class SearchIndex:
    """Answers searches; the last few hundred queries are remembered."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.repos = lru_cache(maxsize=512)(self._repos)
        self.users = lru_cache(maxsize=128)(self._users)

    def _repos(self, query: Query) -> tuple[Repo, ...]:
        """Every match, best first. The index lags: deleted and blocked repositories are still in it.

        Raises:
            SearchRefused: a qualifier's value makes no sense, or names an account that does not exist.
        """
        tests = [self._repo_test(part) for part in query.qualifiers if part.key not in ("fork", "in")]
        tests.append(_fork_test(query.first("fork")))
        found = [repo for repo in self._world.repos if all(test(repo) for test in tests)]
        return tuple(sorted(found, key=_repo_order(query.sort), reverse=query.descending))

    def _users(self, query: Query) -> tuple[Person | Org, ...]:
        """Every matching account, best first.

        Raises:
            SearchRefused: a qualifier's value makes no sense.
        """
        tests = [self._user_test(part) for part in query.qualifiers if part.key != "in"]
        population = self._world.population
        people = (population.person(index) for index in range(len(population)))
        accounts: list[Person | Org] = [*(person for person in people if not person.deleted), *population.orgs]
        found = [account for account in accounts if all(test(account) for test in tests)]
        return tuple(sorted(found, key=self._user_order(query.sort), reverse=query.descending))

    def _repo_test(self, part: Qualifier) -> RepoTest:
        test = self._positive_repo_test(part)
        return (lambda repo: not test(repo)) if part.negated else test

    def _positive_repo_test(self, part: Qualifier) -> RepoTest:
        value = part.value.lower()
        match part.key:
            case "":
                return lambda repo: value in f"{repo.name} {repo.description or ''} {' '.join(repo.topics)}".lower()
            case "language":
                return lambda repo: (repo.language or "").lower() == value
            case "topic":
                return lambda repo: value in repo.topics
            case "user" | "org":
                self._require_account(value)
                return lambda repo: repo.owner.login.lower() == value
            case "repo":
                return lambda repo: repo.full_name.lower() == value
            case "archived":
                return lambda repo: repo.archived == (value == "true")
            case "license":
                return lambda repo: repo.license is not None and repo.license[0] == value
            case "is":
                return lambda repo: value == "public"
            case _:
                return _range_test(part)

    def _require_account(self, login: str) -> None:
        if self._world.population.find_account(login) is None:
            raise SearchRefused(
                "The listed users and repositories cannot be searched either because the resources do not exist"
                " or you do not have permission to view them."
            )

    def _user_test(self, part: Qualifier) -> UserTest:
        test = self._positive_user_test(part)
        return (lambda account: not test(account)) if part.negated else test

    def _positive_user_test(self, part: Qualifier) -> UserTest:
        value = part.value.lower()
        match part.key:
            case "":
                return lambda account: value in f"{account.login} {account.name or ''}".lower()
            case "type":
                wanted = "Organization" if value.startswith("org") else "User"
                return lambda account: account.type == wanted
            case "location":
                return lambda account: value in self._location(account).lower()
            case "user" | "org":
                return lambda account: account.login.lower() == value
            case "language":
                return lambda account: any(
                    (repo.language or "").lower() == value for repo in self._world.repos_of(account)
                )
            case "followers" | "repos" | "created":
                inside = parse_range(part.value, dates=part.key == "created")
                return lambda account: inside(self._user_number(account, part.key))
            case _:
                raise SearchRefused("Validation Failed")

    def _location(self, account: Person | Org) -> str:
        return account.location if isinstance(account, Org) else self._world.profile(account).location or ""

    def _user_number(self, account: Person | Org, key: str) -> int:
        if key == "created":
            return account.created_at
        if key == "repos":
            return len(self._world.repos_of(account))
        return self._world.profile(account).followers if isinstance(account, Person) else 0

    def _user_order(self, sort: str) -> Callable[[Person | Org], tuple[int, str]]:
        key = {"joined": "created", "repositories": "repos"}.get(sort, "followers")
        return lambda account: (self._user_number(account, key), account.login)


def _fork_test(part: Qualifier | None) -> RepoTest:
    """Forks are left out unless they are asked for."""
    if part is None or part.value == "false":
        return lambda repo: not repo.fork
    return (lambda repo: repo.fork) if part.value == "only" else (lambda repo: True)


def _range_test(part: Qualifier) -> RepoTest:
    numbers: dict[str, Callable[[Repo], int]] = {
        "stars": lambda repo: repo.stars,
        "forks": lambda repo: repo.forks,
        "size": lambda repo: repo.size_kb,
        "topics": lambda repo: len(repo.topics),
        "created": lambda repo: repo.created_at,
        "pushed": lambda repo: repo.pushed_at,
        "updated": lambda repo: repo.updated_at,
    }
    read = numbers.get(part.key)
    if read is None:
        raise SearchRefused("Validation Failed")
    inside = parse_range(part.value, dates=part.key in ("created", "pushed", "updated"))
    return lambda repo: inside(read(repo))


def parse_range(text: str, *, dates: bool) -> Callable[[int], bool]:
    """A test for `5`, `>5`, `>=5`, `<5`, `<=5`, `5..9`, `*..9`, `5..*`, of numbers or of ISO dates.

    Raises:
        SearchRefused: neither.
    """
    low_of, high_of = (_day_start, _day_end) if dates else (_number, _number)
    sign = next((sign for sign in (">=", "<=", ">", "<") if text.startswith(sign)), "")
    if sign:
        low, high = low_of(text[len(sign) :]), high_of(text[len(sign) :])
        tests: dict[str, Callable[[int], bool]] = {
            ">=": lambda value: value >= low,
            "<=": lambda value: value <= high,
            ">": lambda value: value > high,
            "<": lambda value: value < low,
        }
        return tests[sign]
    first, dots, second = text.partition("..")
    bottom = None if first == "*" else low_of(first)
    top = None if second == "*" else high_of(second if dots else first)
    return lambda value: (bottom is None or value >= bottom) and (top is None or value <= top)


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise SearchRefused("Validation Failed") from error


def _day_start(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SearchRefused("Validation Failed") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _day_end(text: str) -> int:
    return _day_start(text) + (_DAY_S - 1 if len(text) == 10 else 0)


def _repo_order(sort: str) -> Callable[[Repo], tuple[int, int]]:
    match sort:
        case "stars":
            return lambda repo: (repo.stars, -repo.index)
        case "forks":
            return lambda repo: (repo.forks, -repo.index)
        case "updated":
            return lambda repo: (repo.updated_at, -repo.index)
        case _:
            return lambda repo: (repo.index * 7919 % 4099, repo.stars)
