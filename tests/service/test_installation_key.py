"""Without the key that the erased are recognised by nothing leaves and nobody is collected; reading goes on."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from cmo import service
from cmo.config import Settings
from cmo.config.installation import BYTES, FILE
from cmo.domain.suppression import SuppressionKind
from cmo.errors import CmoError, ConfigError
from cmo.service import controls, suppress
from cmo.service.audit import AuditFilter, verify_audit
from cmo.service.forget import forget
from cmo.service.store import known_key
from cmo.service.whynot import why_not
from cmo.store.suppressions import find_entry
from cmo.store.views import list_jobs
from tests.fakes.campaign import Campaign, campaign
from tests.service.test_controls import settings_in
from tests.service.test_sending import send_all, sending_of

ERASED = "maint1@org1.example"


def lose(settings: Settings) -> None:
    (settings.paths.data_dir / FILE).unlink()


def swap(settings: Settings) -> None:
    (settings.paths.data_dir / FILE).write_bytes(secrets.token_bytes(BYTES))


def spoil(settings: Settings) -> None:
    (settings.paths.data_dir / FILE).write_bytes(b"half")


@pytest.fixture(params=[lose, swap, spoil])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Campaign:
    """Somebody was erased, then the key went."""
    found = campaign(tmp_path)
    forget(found.settings, ERASED)
    damage: Callable[[Settings], None] = request.param
    damage(found.settings)
    return found


def test_nothing_is_sent_without_the_key_that_the_erased_are_known_by(made: Campaign) -> None:
    key = made.settings.paths.data_dir / FILE
    before = key.read_bytes() if key.exists() else None

    with pytest.raises(ConfigError, match=r"installation\.key") as caught, sending_of(made) as sending:
        send_all(sending)

    assert caught.value.hint.startswith("Restore it from a backup")
    assert made.mails == []
    assert (key.read_bytes() if key.exists() else None) == before


@pytest.mark.parametrize(
    "verb",
    [
        lambda made: forget(made.settings, "maint2@org2.example"),
        lambda made: service.run_job(made.settings, made.job_id, listen=lambda: None),
        lambda made: controls.show_person_limits(made.settings, ERASED),
    ],
    ids=["forget", "run", "limits"],
)
def test_nothing_else_that_needs_the_key_works(made: Campaign, verb: Callable[[Campaign], object]) -> None:
    with pytest.raises(ConfigError, match=r"installation\.key"):
        verb(made)


def test_reading_goes_on(made: Campaign) -> None:
    with service.reader(made.settings) as conn:
        assert [job.id for job in list_jobs(conn)] == [made.job_id]
    assert verify_audit(made.settings).broken is None
    assert controls.show_limits(made.settings).stops.suppressions
    found = why_not(made.settings, made.job_id, short="0000", found=made.found)
    assert found.first is not None
    assert "installation.key" in found.first.message


def test_whoever_objects_is_suppressed_all_the_same(made: Campaign) -> None:
    assert suppress.suppress(made.settings, suppress.read_target("maint2@org2.example"), reason="asked")

    with service.writer(made.settings) as conn:
        assert find_entry(conn, SuppressionKind.EMAIL, "maint2@org2.example")
    assert AuditFilter(action="leads.").rows(made.settings)[0].object == "person:no-key"


def test_with_the_file_restored_everything_works_again(tmp_path: Path) -> None:
    made = campaign(tmp_path)
    forget(made.settings, ERASED)
    key = made.settings.paths.data_dir / FILE
    kept = key.read_bytes()
    lose(made.settings)
    with pytest.raises(ConfigError), sending_of(made) as sending:
        send_all(sending)

    key.write_bytes(kept)
    with sending_of(made) as sending:
        send_all(sending)
    assert len(made.mails) == 2


def test_a_store_opened_from_another_home_is_refused(tmp_path: Path) -> None:
    made = campaign(tmp_path / "one")
    other = settings_in(tmp_path / "two", {"STATE_DB_URL": f"sqlite:///{made.settings.paths.db}"})
    suppress.suppress(other, suppress.read_target("x@y.example"), reason="makes no key of its own")

    assert not (tmp_path / "two" / FILE).exists()
    with service.writer(other) as conn, pytest.raises(CmoError, match="missing"):
        known_key(other, conn)


def test_an_older_store_with_erased_people_and_no_key_is_refused(tmp_path: Path) -> None:
    made = campaign(tmp_path)
    forget(made.settings, ERASED)
    with service.writer(made.settings) as conn:
        conn.execute("DELETE FROM installation")
    lose(made.settings)

    with pytest.raises(ConfigError, match="missing"), sending_of(made) as sending:
        send_all(sending)


def test_looking_makes_no_key(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with service.writer(settings) as conn:
        assert known_key(settings, conn) is None
    assert not (tmp_path / FILE).exists()
