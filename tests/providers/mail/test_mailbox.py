from __future__ import annotations

from collections.abc import Iterator

import pytest

from cmo.errors import ConfigError
from cmo.providers.mail.mailbox import prepare, require_guard
from tests.providers.mail.letters import letter_of


@pytest.fixture
def broken_guard(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Python on which mails that are read back look like any other."""
    require_guard.cache_clear()
    with monkeypatch.context() as patched:
        patched.setattr("cmo.providers.mail.mime.check_mail", lambda mail, letter: None)
        yield
    require_guard.cache_clear()


def test_no_mail_leaves_where_the_guard_does_not_work(broken_guard: None) -> None:
    for _ in range(2):
        with pytest.raises(ConfigError, match="No mail leaves"):
            prepare(letter_of(), inbox="ann@sender.example")
