"""Reads profiles: a hundred people for a point, each kept on its own for a week.

With a classic token that has neither `user:email` nor `read:user`, GraphQL refuses the whole document that asks for
addresses. Then the address comes by REST, which shows it to any token: one request a person, free where unchanged.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from datetime import timedelta
from urllib.parse import quote

from pydantic import ValidationError

from cmo.domain.base import Frozen
from cmo.domain.lead import ItemFailure, PersonProfile
from cmo.errors import ProviderUnavailable
from cmo.providers.github.answers import GraphAnswer, GraphError, GraphQLMissing, ScopesMissing, TooHeavy
from cmo.providers.github.batches import work_off
from cmo.providers.github.limiter import MAX_IN_FLIGHT
from cmo.providers.github.limits import Kind, is_blocked
from cmo.providers.github.parse import (
    Malformed,
    as_map,
    parse_email,
    parse_login,
    parse_profile,
    parse_rest_profile,
)
from cmo.providers.github.queries import MAX_IDS, points, profiles_document
from cmo.providers.github.rest import Rest
from cmo.providers.github.wire import Wire
from cmo.providers.ports import CachedAnswer, PersonKey

OPERATION = "read profiles"
WITH_COUNTS = 33
"""Calls of at most so many people also ask whom they follow and what they own: three connections each, still one
point. In larger calls these counts stay None."""
MAX_FAILURES = 3
"""Of one person in GraphQL, before REST is asked."""
FRESH_FOR = timedelta(days=7)
GONE_FOR = timedelta(days=1)
"""How long a person who could not be had is not asked for again."""
_EMAIL_SCOPES = frozenset({"user", "user:email", "read:user"})


class Known(Frozen):
    """What a look-up found; what the cache holds."""

    profile: PersonProfile | None = None
    lacks_email: bool = False
    """The address was not asked for and has to come by REST."""
    code: str = ""
    """Why there is no profile, as in `ItemFailure`."""
    message: str = ""


NOT_FOUND = Known(code="not_found", message="deleted, suspended, or never there")
BLOCKED = Known(code="blocked", message="GitHub does not show this account")
UNAVAILABLE = Known(code="unavailable", message="GitHub fails over this account, and only over it")
MALFORMED = Known(code="malformed", message="the answer cannot be read")
NOBODY = Known(code="not_a_person", message="not a person's account")
OTHER_KINDS: Mapping[str, Known] = {
    "Organization": Known(code="organisation", message="an organisation, not a person"),
    "Bot": Known(code="bot", message="a bot, not a person"),
}


class People:
    """Looks people up; remembers whether GraphQL shows addresses to these tokens."""

    def __init__(self, wire: Wire, rest: Rest) -> None:
        self._wire = wire
        self._rest = rest
        self._email_was_refused = False

    async def fetch(self, people: Sequence[PersonKey]) -> tuple[tuple[PersonProfile, ...], tuple[ItemFailure, ...]]:
        """The profiles of `people`, in the order given, and those that could not be had.

        One point for each hundred that are not in the cache; without the scope for addresses, also one REST request
        for each of them.

        Raises:
            RateLimited, ProviderUnavailable: what was read until then is kept and not asked for again.
            AuthRejected, ProviderRejected.
        """
        known = await _LookUp(self, self._wire, self._rest, people).run()
        profiles: list[PersonProfile] = []
        failures: list[ItemFailure] = []
        for person in people:
            profile = known[_name(person)].profile
            failure = _failure(person, known[_name(person)])
            if profile is not None and failure is None:
                profiles.append(profile)
            elif failure is not None:
                failures.append(failure)
        return tuple(profiles), tuple(failures)

    def shows_email(self) -> bool:
        """Whether a document may ask for addresses."""
        scopes = [token.scopes for token in self._wire.tokens if token.scopes is not None]
        return not self._email_was_refused and all(scope & _EMAIL_SCOPES for scope in scopes)

    def email_was_refused(self) -> None:
        """GitHub refused a document because it asked for addresses: no other one will."""
        self._email_was_refused = True


class _LookUp:
    """One call of `fetch`."""

    def __init__(self, people: People, wire: Wire, rest: Rest, wanted: Sequence[PersonKey]) -> None:
        self._people = people
        self._wire = wire
        self._rest = rest
        self._wanted = {_name(person): person for person in wanted}
        self._with_counts = len(self._wanted) <= WITH_COUNTS
        self._known: dict[str, Known] = {}
        self._queue: deque[list[PersonKey]] = deque()
        self._failures: Counter[str] = Counter()

    async def run(self) -> dict[str, Known]:
        """What is known of each, by name."""
        self._recall()
        missing = [person for name, person in self._wanted.items() if name not in self._known]
        self._queue.extend(missing[i : i + MAX_IDS] for i in range(0, len(missing), MAX_IDS))
        await work_off(self._read_next, workers=MAX_IN_FLIGHT)
        bare = deque(person for name, person in self._wanted.items() if self._known[name].lacks_email)
        await work_off(lambda: self._add_email(bare), workers=MAX_IN_FLIGHT)
        return self._known

    async def _read_next(self) -> bool:
        """Look the next of the queue up; False when there is none."""
        if not self._queue:
            return False
        chunk = self._queue.popleft()
        with_email = self._people.shows_email()
        try:
            answer = await self._ask(chunk, with_email=with_email)
        except ScopesMissing:
            if not with_email:
                raise
            self._people.email_was_refused()
            self._queue.append(chunk)
        except ProviderUnavailable as exc:
            if not isinstance(exc, TooHeavy) and not await self._wire.is_up():
                raise
            if len(chunk) == 1:
                await self._read_by_rest(chunk)
            else:
                self._queue.extend((chunk[: len(chunk) // 2], chunk[len(chunk) // 2 :]))
        except GraphQLMissing:
            await self._read_by_rest(chunk)
        else:
            await self._take_in(chunk, answer, with_email=with_email)
        return True

    async def _ask(self, chunk: Sequence[PersonKey], *, with_email: bool) -> GraphAnswer:
        document, variables = profiles_document(
            [person.user_id for person in chunk if person.user_id],
            [person.login for person in chunk if not person.user_id],
            email=with_email,
            counts=self._with_counts,
        )
        cost = points(len(chunk) * (3 if self._with_counts else 1))
        return await self._wire.graphql(document, variables, operation=OPERATION, cost=cost)

    async def _take_in(self, chunk: Sequence[PersonKey], answer: GraphAnswer, *, with_email: bool) -> None:
        """Keep what `answer` brought, and ask again for what GitHub did not get to."""
        nodes = answer.data.get("nodes")
        by_id = nodes if isinstance(nodes, list) else []
        found: dict[str, Known] = {}
        again: list[PersonKey] = []
        ids, logins = 0, 0
        for person in chunk:
            if person.user_id:
                node, errors = (by_id[ids] if ids < len(by_id) else None), answer.errors_at("nodes", ids)
                ids += 1
            else:
                node, errors = answer.data.get(f"u{logins}"), answer.errors_at(f"u{logins}")
                logins += 1
            outcome = self._read_node(node, errors, starved=answer.shrink, with_email=with_email)
            if outcome is None:
                again.append(person)
            else:
                found[_name(person)] = outcome
        self._keep(found)
        await self._try_again(again)

    async def _try_again(self, people: Sequence[PersonKey]) -> None:
        self._failures.update(_name(person) for person in people)
        stubborn = [person for person in people if self._failures[_name(person)] >= MAX_FAILURES]
        rest = [person for person in people if self._failures[_name(person)] < MAX_FAILURES]
        half = (len(rest) + 1) // 2
        self._queue.extend(part for part in (rest[:half], rest[half:]) if part)
        await self._read_by_rest(stubborn)

    def _read_node(
        self, node: object, errors: Sequence[GraphError], *, starved: bool, with_email: bool
    ) -> Known | None:
        """What a node says; None where asking again may help."""
        if any(is_blocked(error.message) for error in errors):
            return BLOCKED
        if any(error.type in ("NOT_FOUND", "FORBIDDEN") for error in errors):
            return NOT_FOUND
        if errors or (node is None and starved):
            return None
        if node is None:
            return NOT_FOUND
        try:
            kind = as_map(node, "user").get("__typename")
            if kind != "User":
                return OTHER_KINDS.get(str(kind), NOBODY)
            return Known(profile=parse_profile(node, fetched_at=self._wire.clock.now()), lacks_email=not with_email)
        except Malformed:
            return MALFORMED

    async def _read_by_rest(self, people: Sequence[PersonKey]) -> None:
        for person in people:
            try:
                answer = await self._rest.get(f"/users/{quote(person.login, safe='')}", operation=OPERATION)
            except ProviderUnavailable:
                if not await self._wire.is_up():
                    raise
                self._known[_name(person)] = UNAVAILABLE  # not kept: another call tries again
                continue
            self._keep({_name(person): self._read_rest(answer.kind, answer.value)})

    def _read_rest(self, kind: Kind, value: object) -> Known:
        if kind is not Kind.OK:
            return NOT_FOUND if kind is Kind.NOT_FOUND else BLOCKED
        try:
            account = as_map(value, "user").get("type", "User")
            if account != "User":
                return OTHER_KINDS.get(str(account), NOBODY)
            return Known(profile=parse_rest_profile(value, fetched_at=self._wire.clock.now()))
        except Malformed:
            return MALFORMED

    async def _add_email(self, bare: deque[PersonKey]) -> bool:
        """Complete the next profile with its address; False when none is left."""
        if not bare:
            return False
        person = bare.popleft()
        profile = self._known[_name(person)].profile
        if profile is not None:
            answer = await self._rest.get(f"/users/{quote(profile.login, safe='')}", operation=OPERATION)
            email = parse_email(answer.value.get("email")) if isinstance(answer.value, dict) else ""
            self._keep({_name(person): Known(profile=profile.model_copy(update={"email": email or None}))})
        return True

    def _recall(self) -> None:
        """Take what the cache holds and is not stale; refuse at once what no request can find."""
        keys = {key: name for name, person in self._wanted.items() for key in _keys(person)}
        now = self._wire.clock.now()
        for key, answer in self._wire.cache.get(list(keys)).items():
            person = self._wanted[keys[key]]
            try:
                known = Known.model_validate_json(answer.body)
            except ValidationError:
                continue  # of another version: read anew
            is_other = known.profile and person.user_id and known.profile.user_id != person.user_id
            if not is_other and now - answer.fetched_at < (FRESH_FOR if known.profile else GONE_FOR):
                self._known[keys[key]] = known
        self._wire.meter.add("cache_hits", len(self._known))
        for name, person in self._wanted.items():
            if person.login.endswith("[bot]"):
                self._known[name] = OTHER_KINDS["Bot"]
            elif parse_login(person.login) is None and not person.user_id:
                self._known[name] = NOT_FOUND

    def _keep(self, found: Mapping[str, Known]) -> None:
        """Remember outcomes, and put them into the cache under every name the person goes by."""
        self._known.update(found)
        now = self._wire.clock.now()
        answers: dict[str, CachedAnswer] = {}
        for name, known in found.items():
            answer = CachedAnswer(body=known.model_dump_json(), fetched_at=now)
            names = {_key(name)}
            if known.profile is not None:
                names |= {_key(known.profile.login.lower()), _key(known.profile.user_id or name)}
            answers.update(dict.fromkeys(names, answer))
        if answers:
            self._wire.cache.put(answers)


def _failure(person: PersonKey, known: Known) -> ItemFailure | None:
    """Why `person` has no profile, or None. An account that was renamed is found by its id, under its new login."""
    profile = known.profile
    if profile is None:
        return ItemFailure(item=person.login, code=known.code, message=known.message)
    if _differ(person.user_id, profile.user_id):
        return ItemFailure(item=person.login, code="renamed", message="the login now belongs to another account")
    return None


def _differ(asked: str | None, told: str | None) -> bool:
    """Two node ids of one form that are not the same; GitHub has an old and a new form for each account."""
    return bool(asked and told and asked != told and asked.startswith("U_") == told.startswith("U_"))


def _name(person: PersonKey) -> str:
    return person.user_id or person.login.lower()


def _keys(person: PersonKey) -> list[str]:
    return [_key(person.user_id), _key(person.login.lower())] if person.user_id else [_key(person.login.lower())]


def _key(name: str) -> str:
    return f"github:profile:1:{name}"
