"""After `forget` no byte of the address is left, wherever it was, and the person stays suppressed."""

from __future__ import annotations

import base64
import json
import os
import quopri
import signal
import subprocess
import sys
import unicodedata
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import get_args
from urllib.parse import quote

import pytest

from cmo import service
from cmo.clock import SystemClock
from cmo.config import Settings
from cmo.config.installation import make_secret
from cmo.domain import event as ev
from cmo.domain.job import Mode, Stage
from cmo.domain.lead import ItemFailure
from cmo.domain.outcome import Outcome
from cmo.domain.outward import Inbox
from cmo.domain.policy import Limits
from cmo.domain.suppression import Suppression, SuppressionKind
from cmo.errors import JobLeased, ToolInputInvalid
from cmo.providers.ports import CachedAnswer
from cmo.service import forget as verbs
from cmo.service import suppress
from cmo.service.audit import AuditFilter, verify_audit
from cmo.service.exports import Format, export_job
from cmo.store.cache import write_answers
from cmo.store.commit import commit
from cmo.store.db import Connection, transaction
from cmo.store.gate import ASKED, SendGate
from cmo.store.journal import this_process
from cmo.store.packing import unpack
from cmo.store.people_views import iter_leads
from cmo.store.persons import Recipient
from cmo.store.progress import progress
from cmo.store.suppressions import find_suppressed, recognise_erased, record_suppressions
from cmo.store.switches import hold
from cmo.store.why_views import lead_why
from tests.fakes.drafts import lead_events, rendered_factory, store_with_drafts
from tests.fakes.ledger import ledger_row
from tests.fakes.outside import NOW
from tests.service.test_controls import settings_in

ADDRESS, LOGIN = "maint1@org1.example", "maint1"
OTHER = "maint2@org2.example"
NOTE = "Her dog is called Rexford."


@dataclass(frozen=True)
class Home:
    """A home in which two people left every trace that there is."""

    settings: Settings
    job_id: str

    def files(self) -> Iterator[Path]:
        return (path for path in self.settings.paths.data_dir.rglob("*") if path.is_file())

    def stored_texts(self) -> Iterator[str]:
        """Every value of the store, unpacked."""
        with service.writer(self.settings) as conn:
            tables = [row["name"] for row in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in tables:
                for row in conn.execute(f"SELECT * FROM {table}"):
                    for value in tuple(row):
                        yield _text(table, value)

    def holders(self, needle: str) -> set[str]:
        """Where `needle` is, in any case: files, or the store once it is unpacked."""
        found = {path.name for path in self.files() if needle.lower().encode() in path.read_bytes().lower()}
        return found | {"store" for text in self.stored_texts() if needle.lower() in text.lower()}


def _text(table: str, value: object) -> str:
    if not isinstance(value, bytes):
        return str(value)
    return zlib.decompress(value).decode() if table == "api_cache" else unpack(value)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    settings = settings_in(tmp_path)
    conn, job = store_with_drafts(settings.paths.db)
    _fill_store(conn, job)
    conn.close()
    _fill_files(settings, job)
    return Home(settings, job)


def _fill_store(conn: Connection, job: str) -> None:
    for n in (1, 2):
        email = f"Maint{n}@Org{n}.example"
        ledger_row(conn, job, email, draft_id=n)
        ledger_row(conn, job, email, draft_id=n, state="planned", operation="maildir.send", claimed_at=None)
        ledger_row(conn, job, email, state="unknown", operation="attio.person")
    later: list[ev.Event] = [
        ev.MessageQueued(by="operator:ana", text=f"skip {ADDRESS.upper()} and @maint1", later=False),
        ev.ItemFailed(
            tool="enrich_github_user",
            stage=Stage.ENRICH,
            failure=ItemFailure(item="Maint1", code="gone", message=f"nobody at {ADDRESS}"),
        ),
        ev.LeadNoted(login=LOGIN, by="operator:ana", text=NOTE),
        ev.LeadNoted(login="maint2", by="operator:ana", text=f"works with @{LOGIN}"),
        ev.LeadOutcomeSet(login=LOGIN, by="operator:ana", outcome=Outcome.BOOKED_DEMO),
        ev.StepPlanned(step=1, tool="mx_check", args={"emails": [ADDRESS, OTHER]}, planner="rules"),
    ]
    commit(conn, job, [(f"{job}/later/{n}", event) for n, event in enumerate(later)], at=NOW, epoch=None)
    write_answers(
        conn,
        {
            "q1": CachedAnswer(body='{"nodes":[{"login":"Maint1"},{"login":"maint2"}]}', fetched_at=NOW),
            "q2": CachedAnswer(body=json.dumps({"login": "maint2", "email": OTHER}), fetched_at=NOW),
        },
    )
    with transaction(conn):
        hold(conn, "person", ADDRESS, reason="replied", source="imap", at=NOW)
        conn.execute("INSERT INTO decisions VALUES (1, 'contacted', ?, 0, NULL, 1)", (f"{ADDRESS} was written to",))
        conn.execute("INSERT INTO deliveries VALUES (1, 'bounce', 0, ?)", (f"550 {ADDRESS}",))
        record_suppressions(
            conn,
            [Suppression(kind=SuppressionKind.EMAIL, value=ADDRESS, reason="x", source="reply:1", added_at=NOW)],
        )


def _fill_files(settings: Settings, job: str) -> None:
    run, paths = settings.paths.run_dir(job), settings.paths
    files = {
        run / "artifacts/prospects.csv": f"login,name,email\nMaint1,Ana 1,{ADDRESS}\nmaint2,Ana 2,{OTHER}\n",
        run / "artifacts/attio_people.csv": f"email,github_url\n{ADDRESS},https://github.com/maint1\n{OTHER},x\n",
        run / "artifacts/.prospects.csv.77.tmp": f"login\nmaint1,{ADDRESS}\n",
        run / "state.json": json.dumps({"leads": [{"login": LOGIN, "email": ADDRESS}]}),
        run / "logs/events.ndjson": f'{{"seq":1,"note":"{ADDRESS}"}}\n{{"seq":2,"login":"maint1"}}\n{{"seq":3}}\n',
        paths.reports_dir / "fault-1.txt": f"command: cmo forget {ADDRESS}\n",
        paths.graph_dir / f"{job}.db": f"bookmark {ADDRESS}",
        paths.data_dir / "outgoing/cur/1.eml:2,S": _mail(OTHER, "Hi"),
        paths.data_dir / "outgoing/new/2.eml": _mail(ADDRESS, "Hi"),
        paths.data_dir / "outgoing/new/3.eml": _mail(OTHER, f"You know {ADDRESS} – do you?"),
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _mail(to: str, body: str) -> str:
    mail = EmailMessage()
    mail["To"], mail["Subject"] = to, "A question"
    mail.set_content(body, cte="base64")
    return mail.as_string()


def encoded(address: str) -> list[str]:
    """The address as base64 shows it at each of three places, without the ends that depend on what is around."""
    return [base64.b64encode(b"x" * n + address.encode()).decode()[4:-4] for n in range(3)]


def test_no_byte_of_the_address_is_left_anywhere(home: Home) -> None:
    assert len(home.holders(ADDRESS)) > 8

    done = verbs.forget(home.settings, "MAINT1+news@org1.example")

    for needle in (ADDRESS, ADDRESS.replace("@", "%40"), *encoded(ADDRESS), NOTE, f"@{LOGIN}", "booked_demo"):
        assert home.holders(needle) == set()
    assert done.left == ()
    assert done.rows["outbox"] == 4  # with the one that takes them out of the sequence


IDN = "ana@bücher.example"
WRITTEN = {
    "as it is": IDN,
    "upper case": IDN.upper(),
    "A-label": "ana@xn--bcher-kva.example",
    "A-label, tag": "Ana+news@XN--BCHER-KVA.example",
    "address of the web": quote(IDN, safe=""),
    "address of the web, tag": quote("ana+x@bücher.example", safe="").lower(),
    "nested": quote(quote(IDN)),
    "JSON": json.dumps(IDN.upper())[1:-1],
    "JSON in JSON": json.dumps(json.dumps(IDN))[1:-1],
    "quoted-printable": quopri.encodestring(IDN.encode()).decode(),
    "base64": base64.b64encode(b"To: " + IDN.encode() + b", and you").decode(),
    "HTML": "ana&#64;bücher.example",
    "decomposed": unicodedata.normalize("NFD", IDN),
    "full width": "ana\uff20bücher\u3002example",
}


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_an_address_goes_however_it_is_written(home: Home, written: str) -> None:
    run, paths = home.settings.paths.run_dir(home.job_id), home.settings.paths
    (run / "logs/more.ndjson").write_text(f'{{"seq":9,"note":"to {written} today"}}\n')
    (run / "artifacts/more.csv").write_text(f"email,note\nx@y.example,ok\nz@y.example,{written}\n")
    (paths.data_dir / "outgoing/new/9.eml").write_text(_mail(OTHER, f"You know {written}."))
    with service.writer(home.settings) as conn:
        conn.execute("UPDATE jobs SET summary = ?", (f"told {written} of it",))

    def holders() -> set[str]:
        return {path.name for path in home.files() if written.encode() in path.read_bytes()}

    assert holders() >= {"more.ndjson", "more.csv"}

    verbs.forget(home.settings, IDN)

    assert holders() | home.holders(written) == set()
    assert (run / "logs/more.ndjson").read_text().startswith('{"seq":9,"note":"to ')
    assert (run / "artifacts/more.csv").read_text() == "email,note\nx@y.example,ok\n"
    assert not (paths.data_dir / "outgoing/new/9.eml").exists()


@pytest.mark.parametrize("form", get_args(Format))
def test_files_that_were_exported_elsewhere_lose_the_person_too(home: Home, tmp_path: Path, form: Format) -> None:
    to = tmp_path.with_name(f"{tmp_path.name}-elsewhere")
    with service.writer(home.settings) as conn:
        conn.execute("DELETE FROM suppressions")
    export_job(home.settings, home.job_id, to=to, what=("leads", "people", "drafts"), formats=(form,))
    suppress.suppress(home.settings, suppress.read_target(ADDRESS), reason="asked")
    suppress.export_suppressed(home.settings, to / "stop.csv")
    before = {path.name: path.read_text() for path in to.iterdir()}
    assert all(ADDRESS in text.lower() for text in before.values())

    done = verbs.forget(home.settings, ADDRESS)

    assert done.left == ()
    for path in to.iterdir():
        text = path.read_text()
        assert ADDRESS not in text.lower()
        assert LOGIN not in text
        assert path.name == "stop.csv" or "maint2" in text
        if form == "json" and path.suffix == ".json":
            assert len(json.loads(text)) == len(json.loads(before[path.name])) - 1


def test_an_export_that_became_another_file_is_named_and_left(home: Home, tmp_path: Path) -> None:
    path = tmp_path.with_name(f"{tmp_path.name}-out") / "prospects.json"
    export_job(home.settings, home.job_id, to=path.parent, what=("leads",), formats=("json",))
    path.write_text(f"my notes on {ADDRESS}")

    assert verbs.forget(home.settings, ADDRESS).left == (path,)
    assert path.read_text() == f"my notes on {ADDRESS}"


def test_pages_that_were_freed_before_hold_nothing_any_more(home: Home) -> None:
    gone = "Maint1+gone@org1.example"
    with service.writer(home.settings) as conn:
        conn.execute("PRAGMA secure_delete=OFF")
        conn.executemany("INSERT INTO rules VALUES (?, ?, 'x', 'x')", [(f"r{n}", gone * 20) for n in range(200)])
        conn.execute("DELETE FROM rules")
    assert home.holders(gone) == {"campaign.db"}

    verbs.forget(home.settings, ADDRESS)
    assert home.holders(gone) == set()


def test_the_log_beside_the_store_is_emptied_although_somebody_has_it_open(home: Home) -> None:
    with service.writer(home.settings) as conn:
        conn.execute("UPDATE jobs SET summary = ?", (ADDRESS,))
        wal = home.settings.paths.db.with_name("campaign.db-wal")
        assert ADDRESS.encode() in wal.read_bytes()

        verbs.forget(home.settings, ADDRESS)
        assert wal.read_bytes() == b""


def test_logins_go_too_where_a_login_stands(home: Home) -> None:
    verbs.forget(home.settings, ADDRESS)

    assert home.holders(f'"{LOGIN}"') == set()
    assert home.holders("@maint1") == set()
    with service.writer(home.settings) as conn:
        for table in ("candidates", "candidate_repos", "emails", "leads", "drafts", "personalisations"):
            rows = conn.execute(f"SELECT login_key FROM {table}").fetchall()
            assert {row["login_key"] for row in rows} == {"maint2", "maint3"}, table


def test_everybody_else_stays_as_they_were(home: Home) -> None:
    verbs.forget(home.settings, ADDRESS)

    run = home.settings.paths.run_dir(home.job_id)
    assert (run / "artifacts/prospects.csv").read_text() == f"login,name,email\nmaint2,Ana 2,{OTHER}\n"
    assert (run / "artifacts/attio_people.csv").read_text() == f"email,github_url\n{OTHER},x\n"
    assert (run / "logs/events.ndjson").read_text().count("\n") == 3
    assert [lead["login"] for lead in json.loads((run / "state.json").read_text())["leads"]] == ["maint2", "maint3"]
    assert sorted(path.name for path in (home.settings.paths.data_dir / "outgoing").rglob("*.eml*")) == ["1.eml:2,S"]
    with service.writer(home.settings) as conn:
        assert [row["key"] for row in conn.execute("SELECT key FROM api_cache")] == ["q2"]
        rows = conn.execute("SELECT payload FROM outbox WHERE email_key = ?", (OTHER,)).fetchall()
    assert len(rows) == 3


def test_the_ledger_keeps_that_something_left_and_not_to_whom(home: Home) -> None:
    verbs.forget(home.settings, ADDRESS)

    with service.writer(home.settings) as conn:
        rows = conn.execute("SELECT * FROM outbox WHERE substr(key, 1, 7) = 'erased|' ORDER BY id").fetchall()
    assert [(row["state"], row["is_held"]) for row in rows] == [
        ("confirmed", 0), ("failed", 0), ("unknown", 1), ("planned", 0),
    ]  # fmt: skip
    assert rows[0]["claimed_s"] == NOW.timestamp()
    assert json.loads(rows[0]["payload"]) == {"sequence_id": "camp-1"}
    assert json.loads(rows[3]["payload"]) == {"key": rows[3]["key"], "sequence_id": "camp-1"}


def test_a_person_who_is_found_again_stays_suppressed(home: Home) -> None:
    verbs.forget(home.settings, ADDRESS)
    secret = make_secret(home.settings.paths.data_dir)

    with service.writer(home.settings) as conn:
        found = [*lead_events(1, 90), ev.DraftRendered(number=1, rendered=rendered_factory(1))]
        commit(conn, home.job_id, [(f"again/{n}", event) for n, event in enumerate(found)], at=NOW, epoch=None)
        draft = conn.execute("SELECT id FROM drafts WHERE login_key = 'maint1'").fetchone()["id"]
        approve(conn, draft)
        row = ledger_row(conn, home.job_id, ADDRESS, draft_id=draft, state="planned", claimed_at=None)

        people = {1: Recipient("x@y.example", "Maint1"), 2: Recipient(ADDRESS), 3: Recipient(OTHER, "maint2")}
        assert set(find_suppressed(conn, people, secret=secret)) == {1, 2}
        recognise_erased(conn, secret)
        sql = "SELECT 1 FROM suppressions WHERE kind = 'hash' AND value = erased_hash('login', 'maint1')"
        assert conn.execute(sql).fetchone() is not None
        assert verdict_on(conn, home, row, secret) == "suppressed"
        why = lead_why(conn, home.job_id, "maint1")
        assert why is not None
        assert why.suppressed == "asked to be forgotten (forget)"
        assert {lead.login for lead in iter_leads(conn, home.job_id)} == {"maint2", "maint3"}
        assert progress(conn, home.job_id, now=NOW).good_leads == 2


def approve(conn: Connection, draft: int) -> None:
    """As a person would have, so that the gate gets as far as asking who it is for."""
    far = "2999-01-01T00:00:00+00:00"
    conn.execute("INSERT INTO approvals (draft_id, version, content_hash, by_whom, at, expires_at, batch_id)"
                 " VALUES (?, 1, 'h', 'operator:ana', ?, ?, 'b')", (draft, NOW.isoformat(), far))  # fmt: skip
    conn.execute("UPDATE drafts SET state = 'approved', approval_id = (SELECT MAX(id) FROM approvals) WHERE id = ?",
                 (draft,))  # fmt: skip


def verdict_on(conn: Connection, home: Home, row: int, secret: bytes) -> str | None:
    conn.execute("UPDATE jobs SET plan = json_set(plan, '$.mode', 'send_allowed')")
    conn.execute("UPDATE outbox SET operation = ?, payload = '{}' WHERE id = ?", (ASKED.operation, row))
    gate = SendGate(
        job_id=home.job_id,
        ceiling=Mode.SEND_ALLOWED,
        limits=Limits(),
        inboxes=(Inbox(address="sam@cmo.example", provider="maildir", is_warm=True),),
        secret=secret,
        route=ASKED,
    )
    return gate(conn, [row], NOW)[row][0].rule


def test_the_record_never_held_the_address(home: Home) -> None:
    suppress.suppress(home.settings, suppress.read_target(ADDRESS), reason=f"{ADDRESS} asked")
    before = [row.model_dump_json() for row in AuditFilter().rows(home.settings)]

    done = verbs.forget(home.settings, ADDRESS)

    rows = AuditFilter().rows(home.settings)
    assert [row.model_dump_json() for row in rows][2:] == before
    assert [(row.action, row.object, row.after) for row in rows[:2]] == [
        ("person.forget", f"person:{done.token}", "erased"),
        ("person.forget", f"person:{done.token}", "suppressed"),
    ]
    assert "maint1" not in "".join(before).lower()
    assert verify_audit(home.settings).broken is None


def test_backups_and_files_of_others_are_named_and_not_touched(home: Home) -> None:
    paths = home.settings.paths
    backup, note = paths.data_dir / "campaign.db.bak", paths.data_dir / "notes.txt"
    for path in (backup, note):
        path.write_text(f"about {ADDRESS}")

    assert set(verbs.forget(home.settings, ADDRESS).left) == {backup, note}
    assert backup.read_text() == f"about {ADDRESS}"


def test_the_owner_of_a_public_repository_stays_its_owner_and_no_file_of_cmo_is_blamed(home: Home) -> None:
    with service.writer(home.settings) as conn:
        conn.execute("UPDATE repos SET doc = json_set(doc, '$.owner', 'Maint1', '$.full_name', 'Maint1/proj',"
                     " '$.url', 'https://github.com/Maint1/proj') WHERE n = 1")  # fmt: skip
    done = verbs.forget(home.settings, ADDRESS)

    assert (done.left, done.repositories) == ((), ("Maint1/proj",))


def test_a_word_that_is_their_login_too_does_not_cost_others_their_row(home: Home) -> None:
    people = home.settings.paths.run_dir(home.job_id) / "artifacts/prospects.csv"
    people.write_text(f"login,name,email\nmaint2,maint1,{OTHER}\n")
    broken = home.settings.paths.data_dir / "notes.csv"
    broken.write_text('"' + "x" * 200_000)

    assert verbs.forget(home.settings, ADDRESS).left == ()
    assert people.read_text() == f"login,name,email\nmaint2,maint1,{OTHER}\n"


def test_other_homes_are_named_and_not_looked_into(home: Home) -> None:
    other = home.settings.paths.data_dir / "sandbox" / "runs" / "x.csv"
    other.parent.mkdir(parents=True)
    other.write_text(ADDRESS)

    done = verbs.forget(home.settings, ADDRESS)
    assert done.unread == (home.settings.paths.data_dir / "sandbox",)
    assert other.read_text() == ADDRESS


def test_it_can_be_done_again_and_for_somebody_unknown(home: Home) -> None:
    verbs.forget(home.settings, ADDRESS)

    assert verbs.forget(home.settings, ADDRESS).rows == {}
    assert verbs.forget(home.settings, "nobody@nowhere.example").rows == {}
    with service.writer(home.settings) as conn:
        secret = make_secret(home.settings.paths.data_dir)
        assert find_suppressed(conn, {1: Recipient("nobody@nowhere.example")}, secret=secret)


def test_a_running_job_refuses(home: Home) -> None:
    with service.writer(home.settings) as conn:
        until = SystemClock().now().timestamp() + 30
        conn.execute("UPDATE jobs SET lease_owner = ?, lease_until = ?", (this_process(), until))

    with pytest.raises(JobLeased):
        verbs.forget(home.settings, ADDRESS)
    assert home.holders(ADDRESS)


def test_a_call_under_way_refuses(home: Home) -> None:
    with service.writer(home.settings) as conn:
        conn.execute("UPDATE outbox SET state = 'claimed', holder = ? WHERE id = 1", (this_process(),))

    with pytest.raises(JobLeased):
        verbs.forget(home.settings, ADDRESS)


def test_what_is_no_address_is_refused(home: Home) -> None:
    with pytest.raises(ToolInputInvalid):
        verbs.forget(home.settings, "maint1")


def test_merged_logins_are_one_person(home: Home) -> None:
    with service.writer(home.settings) as conn:
        merged = ev.PeopleMerged(kept="maint1", merged="maint3", evidence="the same page")
        commit(conn, home.job_id, [("merge", merged)], at=NOW, epoch=None)

    person = verbs.look_up(home.settings, ADDRESS)
    assert person.logins == ("maint1", "maint3")
    verbs.forget(home.settings, ADDRESS)
    assert home.holders("maint3@org3.example") == set()


def test_an_address_that_others_have_too_stays_with_them(home: Home) -> None:
    with service.writer(home.settings) as conn:
        for login in ("maint1", "maint2"):
            events = lead_events(2, 80)
            shared = next(event for event in events if isinstance(event, ev.EmailFound))
            team = shared.email.model_copy(update={"email": "team@both.example"})
            commit(conn, home.job_id, [(f"team/{login}", ev.EmailFound(login=login, email=team))], at=NOW, epoch=None)

    verbs.forget(home.settings, ADDRESS)
    assert home.holders("team@both.example") == {"campaign.db", "store"}


KILLED = """
import os, signal, sys
from pathlib import Path
from cmo.service import forget as verbs
from cmo.store import erasure
from tests.service.test_controls import settings_in

step, home, address = sys.argv[1:]
real = getattr(verbs, step)

def dies(*args, **kwargs):
    if step != "_keep_suppressed":
        os.kill(os.getpid(), signal.SIGKILL)
    real(*args, **kwargs)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(verbs, step, dies)
verbs.forget(settings_in(Path(home)), address)
"""


@pytest.mark.parametrize("step", ["_keep_suppressed", "erase", "_renew_snapshots", "shred"])
def test_killed_in_the_middle_it_is_finished_by_asking_again(home: Home, step: str) -> None:
    root = home.settings.paths.data_dir
    done = subprocess.run(
        [sys.executable, "-c", KILLED, step, str(root), ADDRESS],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL
    with service.writer(home.settings) as conn:
        assert find_suppressed(conn, {1: Recipient(ADDRESS)}, secret=make_secret(root))

    verbs.forget(home.settings, ADDRESS)

    assert home.holders(ADDRESS) == set()
    assert (home.settings.paths.run_dir(home.job_id) / "state.json").exists()
