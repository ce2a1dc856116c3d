"""The REST endpoints: which path gives what, paged and redirected as GitHub does."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from cmo.sandbox.accounts import Account, Org, Person
from cmo.sandbox.github_common import Blob, language_bytes
from cmo.sandbox.history import Commit, Identity
from cmo.sandbox.limits import Resource
from cmo.sandbox.moments import parse_iso
from cmo.sandbox.repos import Repo
from cmo.sandbox.rest_render import Renderer, anonymous_contributor
from cmo.sandbox.search import MAX_RESULTS, SearchIndex, SearchRefused, parse_query
from cmo.sandbox.wire import Request, Response
from cmo.sandbox.world import World

DOCS = "https://docs.github.com/rest"
MAX_PER_PAGE = 100
BASE_S = 0.03
ITEM_S = 0.0004
SEARCH_S = 0.12

T = TypeVar("T")
BucketReader = Callable[[Resource], dict[str, int]]


@dataclass
class Answer:
    """A response and what the gateway must know about it."""

    response: Response
    server_s: float = BASE_S
    cacheable: bool = True
    """Whether GitHub sends an ETag for it."""
    modified_at: int | None = None


class Stop(Exception):
    """Ends the handling of a request with this response."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


@dataclass(frozen=True)
class Call:
    """One request as the handlers see it."""

    request: Request
    scopes: tuple[str, ...]
    buckets: BucketReader

    @property
    def query(self) -> dict[str, str]:
        return self.request.query


class RestEndpoint:
    """Answers GET requests about one world."""

    def __init__(self, world: World, index: SearchIndex, *, base_url: str) -> None:
        self._world = world
        self._index = index
        self._base = base_url
        self._render = Renderer(world, base_url)
        self._repo_parts: dict[str, Callable[[Call, Repo], Answer]] = {
            "": lambda _call, repo: _ok(self._render.full_repo(repo), modified_at=repo.updated_at),
            "/contributors": self._contributors,
            "/commits": self._commits,
            "/readme": self._readme,
            "/releases": self._releases,
            "/languages": lambda _call, repo: _ok(dict(language_bytes(repo))),
            "/topics": lambda _call, repo: _ok({"names": list(repo.topics)}),
        }
        self._user_parts: dict[str, Callable[[Call, Account], Answer]] = {
            "": self._user,
            "/social_accounts": self._social_accounts,
            "/orgs": self._user_orgs,
            "/repos": self._user_repos,
        }

    def answer(self, request: Request, scopes: tuple[str, ...], buckets: BucketReader) -> Answer:
        """The answer to one request; never raises for what a client may send."""
        if request.method not in ("GET", "HEAD"):
            return Answer(problem(404, "Not Found"))
        try:
            return self._route(Call(request, scopes, buckets))
        except Stop as stop:
            return Answer(stop.response)
        except SearchRefused as refused:
            errors = [{"message": refused.message, "resource": "Search", "field": "q", "code": refused.code}]
            return Answer(problem(422, "Validation Failed", errors=errors), cacheable=False)

    def _route(self, call: Call) -> Answer:
        path = call.request.path
        fixed: dict[str, Callable[[Call], Answer]] = {
            "/search/repositories": self._search_repositories,
            "/search/users": self._search_users,
            "/user": self._viewer,
            "/rate_limit": self._rate_limit,
            "/versions": lambda _call: _ok(["2026-03-10", "2022-11-28"]),
            "/meta": lambda _call: _ok({"verifiable_password_authentication": False, "web": ["192.0.2.1/32"]}),
        }
        if path in fixed:
            return fixed[path](call)
        if found := re.fullmatch(r"/repos/([^/]+)/([^/]+)(/.*)?", path):
            return self._repo_part(call, self._repo_by_name(call, found[1], found[2], found[3] or ""), found[3] or "")
        if found := re.fullmatch(r"/repositories/(\d+)(/.*)?", path):
            return self._repo_part(call, _available(self._world.find_repo_by_id(int(found[1]))), found[2] or "")
        if found := re.fullmatch(r"/users/([^/]+)(/.*)?", path):
            return self._user_part(call, self._world.population.find_account(found[1]), found[2] or "")
        if found := re.fullmatch(r"/user/(\d+)(/.*)?", path):
            return self._user_part(call, self._world.population.find_by_id(int(found[1])), found[2] or "")
        if found := re.fullmatch(r"/orgs/([^/]+)(/repos)?", path):
            account = self._world.population.find_account(found[1])
            if isinstance(account, Org):
                return self._user_repos(call, account) if found[2] else _ok(self._render.full_org(account))
        raise Stop(problem(404, "Not Found"))

    def _repo_by_name(self, call: Call, owner: str, name: str, part: str) -> Repo:
        repo = self._world.find_repo(f"{owner}/{name}")
        moved = None if repo else self._world.find_renamed_repo(f"{owner}/{name}")
        if moved is not None:
            query = f"?{urlencode(call.query)}" if call.query else ""
            url = f"{self._base}/repositories/{moved.repo_id}{part}{query}"
            body = {"message": "Moved Permanently", "url": url, "documentation_url": DOCS}
            raise Stop(Response.json(301, body, {"Location": url}))
        return _available(repo)

    def _repo_part(self, call: Call, repo: Repo, part: str) -> Answer:
        if part in self._repo_parts:
            return self._repo_parts[part](call, repo)
        if part.startswith("/contents/"):
            return self._file(repo, part.removeprefix("/contents/"))
        if found := re.fullmatch(r"/commits/([0-9a-f]{7,40})", part):
            commit = self._world.history(repo).find(found[1])
            if commit is not None:
                return _ok(self._render.commit(commit), modified_at=commit.at)
        raise Stop(problem(404, "Not Found"))

    def _user_part(self, call: Call, account: Account | None, part: str) -> Answer:
        if account is None or part not in self._user_parts or (isinstance(account, Person) and account.deleted):
            raise Stop(problem(404, "Not Found"))
        return self._user_parts[part](call, account)

    def _search_repositories(self, call: Call) -> Answer:
        found = self._index.repos(_query_of(call))
        return self._search_page(call, found, lambda repo: self._render.repo(repo, stale=True))

    def _search_users(self, call: Call) -> Answer:
        return self._search_page(call, self._index.users(_query_of(call)), self._render.simple_user)

    def _search_page(self, call: Call, found: Sequence[T], render: Callable[[T], dict[str, Any]]) -> Answer:
        per_page, page = _paging(call)
        if (page - 1) * per_page >= MAX_RESULTS:
            raise Stop(problem(422, "Only the first 1000 search results are available"))
        shown = found[:MAX_RESULTS]
        items = shown[(page - 1) * per_page : page * per_page]
        body = {
            "total_count": len(found),
            "incomplete_results": False,
            "items": [render(item) | {"score": 1.0} for item in items],
        }
        response = Response.json(200, body, self._link(call, call.request.path, len(shown)))
        return Answer(response, SEARCH_S + ITEM_S * len(items), cacheable=False)

    def _contributors(self, call: Call, repo: Repo) -> Answer:
        if repo.heavy:
            text = "The history or contributor list is too large to list contributors for this repository via the API."
            raise Stop(problem(403, text))
        if repo.empty:
            raise Stop(Response(204))
        counts = _contributions(self._world.history(repo).commits())
        if call.query.get("anon") not in ("1", "true"):
            counts = [(who, count) for who, count in counts if who.account is not None]
        return self._page(call, repo, "/contributors", counts, lambda entry: self._contributor(*entry))

    def _contributor(self, who: Identity, count: int) -> dict[str, Any]:
        if who.account is None:
            return anonymous_contributor(who.name, who.email, count)
        return self._render.simple_user(who.account) | {"contributions": count}

    def _commits(self, call: Call, repo: Repo) -> Answer:
        if repo.empty:
            raise Stop(problem(409, "Git Repository is empty."))
        history = self._world.history(repo)
        commits = list(history.commits(since=_time(call, "since"), until=_time(call, "until")))
        sha = call.query.get("sha", repo.default_branch)
        if sha != repo.default_branch:
            head = history.find(sha)
            if head is None:
                raise Stop(problem(404, "Not Found"))
            commits = [commit for commit in commits if commit.at <= head.at]
        author = call.query.get("author", "").lower()
        if author:
            commits = [commit for commit in commits if _is_by(commit, author)]
        answer = self._page(call, repo, "/commits", commits, self._render.commit)
        answer.modified_at = commits[0].at if commits else None
        return answer

    def _readme(self, _call: Call, repo: Repo) -> Answer:
        return self._file(repo, "README.md")

    def _file(self, repo: Repo, path: str) -> Answer:
        text = self._world.files(repo).get(path)
        if text is None:
            raise Stop(problem(404, "Not Found"))
        return _ok(self._render.content(Blob(repo, path, text)), modified_at=repo.pushed_at)

    def _releases(self, call: Call, repo: Repo) -> Answer:
        return self._page(call, repo, "/releases", self._world.releases(repo), self._render.release)

    def _user(self, _call: Call, account: Account) -> Answer:
        modified_at = self._world.profile(account).updated_at if isinstance(account, Person) else None
        return _ok(self._render.public_user(account), modified_at=modified_at)

    def _viewer(self, call: Call) -> Answer:
        if "authorization" not in call.request.headers:
            raise Stop(problem(401, "Requires authentication"))
        return _ok(self._render.private_user(self._world.population.person(0)))

    def _social_accounts(self, call: Call, account: Account) -> Answer:
        socials = self._world.profile(account).socials if isinstance(account, Person) else ()
        return self._user_page(
            call, account, "/social_accounts", socials, lambda entry: {"provider": entry[0], "url": entry[1]}
        )

    def _user_orgs(self, call: Call, account: Account) -> Answer:
        orgs = self._world.orgs_of(account) if isinstance(account, Person) else ()
        return self._user_page(call, account, "/orgs", orgs, self._render.simple_org)

    def _user_repos(self, call: Call, account: Account) -> Answer:
        repos = self._world.repos_of(account) if isinstance(account, (Person, Org)) else ()
        return self._user_page(call, account, "/repos", repos, self._render.repo)

    def _rate_limit(self, call: Call) -> Answer:
        resources = {str(kind): call.buckets(kind) for kind in (Resource.CORE, Resource.SEARCH, Resource.GRAPHQL)}
        body: dict[str, Any] = {"resources": resources}
        if call.request.headers.get("x-github-api-version") != "2026-03-10":
            body["rate"] = resources["core"]
        return Answer(Response.json(200, body), 0.005, cacheable=False)

    def _page(
        self, call: Call, repo: Repo, part: str, items: Sequence[T], render: Callable[[T], dict[str, Any]]
    ) -> Answer:
        return self._slice(call, f"/repositories/{repo.repo_id}{part}", items, render)

    def _user_page(
        self, call: Call, account: Account, part: str, items: Sequence[T], render: Callable[[T], dict[str, Any]]
    ) -> Answer:
        return self._slice(call, f"/user/{account.account_id}{part}", items, render)

    def _slice(self, call: Call, path: str, items: Sequence[T], render: Callable[[T], dict[str, Any]]) -> Answer:
        per_page, page = _paging(call)
        shown = items[(page - 1) * per_page : page * per_page]
        response = Response.json(200, [render(item) for item in shown], self._link(call, path, len(items)))
        return Answer(response, BASE_S + ITEM_S * len(shown))

    def _link(self, call: Call, path: str, count: int) -> dict[str, str]:
        """The `Link` header: numeric paths, as GitHub's are; none where one page holds everything."""
        per_page, page = _paging(call)
        last = max(1, -(-count // per_page))
        pages = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
        if page >= last:
            del pages["next"], pages["last"]
        if page <= 1:
            del pages["prev"], pages["first"]
        links = [
            f'<{self._base}{path}?{urlencode({**call.query, "page": number})}>; rel="{name}"'
            for name, number in pages.items()
        ]
        return {"Link": ", ".join(links)} if links else {}


def problem(status: int, message: str, **more: Any) -> Response:
    """An error body as GitHub writes them."""
    return Response.json(status, {"message": message, **more, "documentation_url": DOCS, "status": str(status)})


def _ok(content: Any, *, modified_at: int | None = None) -> Answer:
    return Answer(Response.json(200, content), modified_at=modified_at)


def _available(repo: Repo | None) -> Repo:
    if repo is None or repo.deleted:
        raise Stop(problem(404, "Not Found"))
    if repo.blocked:
        notice = "https://github.com/github/dmca/blob/master/sandbox.md"
        block = {"reason": "dmca", "created_at": "2024-01-01T00:00:00Z", "html_url": notice}
        raise Stop(problem(451, "Repository access blocked", block=block))
    return repo


def _query_of(call: Call) -> Any:
    return parse_query(call.query.get("q", ""), sort=call.query.get("sort", ""), order=call.query.get("order", "desc"))


def _paging(call: Call) -> tuple[int, int]:
    """`per_page` and `page`; nonsense falls back to the defaults, as on GitHub."""
    sizes = [call.query.get("per_page", "30"), call.query.get("page", "1")]
    per_page, page = (int(text) if text.isdecimal() else 0 for text in sizes)
    return min(MAX_PER_PAGE, per_page or 30), page or 1


def _time(call: Call, name: str) -> int | None:
    text = call.query.get(name)
    if text is None:
        return None
    try:
        return parse_iso(text.replace(" ", "+"))
    except ValueError as error:
        raise Stop(problem(422, "Validation Failed", errors=[{"field": name, "code": "invalid"}])) from error


def _is_by(commit: Commit, author: str) -> bool:
    """Whether `author`, a login or an address, wrote it, as far as GitHub knows."""
    account = commit.by.account
    return commit.by.email.lower() == author or (account is not None and account.login.lower() == author)


def _contributions(commits: Any) -> list[tuple[Identity, int]]:
    """One entry an account, or an address where no account is known; most commits first."""
    counts: Counter[str] = Counter()
    who: dict[str, Identity] = {}
    for commit in commits:
        key = commit.by.account.login if commit.by.account else commit.by.email
        counts[key] += 1
        who.setdefault(key, commit.by)
    return [(who[key], count) for key, count in counts.most_common()]
