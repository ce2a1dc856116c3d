"""What the tests of the folder share: a run without trouble by each way of asking, and a hand that starts jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import pytest

from cmo.domain.job import JobStatus
from cmo.graph.environment import harden
from cmo.sandbox import Books
from tests.e2e.driver import Api, Site, outside_of, sandbox
from tests.e2e.hand import Hand

harden()


@dataclass(frozen=True)
class Done:
    """A job that ran to its end without any trouble."""

    site: Site
    books: Books


Undisturbed = Callable[[Api], Done]


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """The small plan's job, run once by each way."""

    @cache
    def run(api: Api) -> Done:
        with sandbox() as running:
            site = Site(tmp_path_factory.mktemp(api), outside_of(running, api=api))
            assert site.run().status is JobStatus.FINISHED
        return Done(site, running.books)

    return run


@pytest.fixture(scope="session")
def hand() -> Iterator[Hand]:
    started = Hand()
    yield started
    started.close()
