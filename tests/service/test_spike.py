from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

from cmo.clock import SystemClock
from cmo.sandbox.vendors.linear import API_KEY, TEAM_ID, LinearVendor
from cmo.service.sending import Sending, opened
from cmo.store.groups import error_groups
from cmo.store.switches import SENDING, find_switch
from tests.fakes.campaign import campaign
from tests.fakes.doors import open_door


def test_a_spike_pauses_sending_and_files_its_ticket_all_the_same(tmp_path: Path) -> None:
    made = campaign(tmp_path, 2, CMO_MAILER="smtp", SMTP_HOST="127.0.0.1", SMTP_PORT="9", CMO_PAUSE_SENDING_AFTER="1")
    with open_door(LinearVendor(), clock=SystemClock()) as door:
        places = {"CMO_LINEAR_TEAM": TEAM_ID, "LINEAR_API_KEY": API_KEY, "LINEAR_API_URL": f"{door.url}/graphql"}
        with opened(made.settings, made.job_id, found=replace(made.found, places=places)) as delivery:
            sending = Sending(delivery)
            asyncio.run(delivery.send(due_at=sending.now()))
            conn, now = delivery.conn, sending.now()
            (group,) = error_groups(conn, made.job_id)
            pause = find_switch(conn, SENDING, now=now)
            assert pause is not None
            assert pause.reason == f"1x {group.key}"
            tickets = conn.execute("SELECT state, payload FROM outbox WHERE operation = 'linear.issue' ORDER BY id")
            told = [(row["state"], json.loads(row["payload"])["title"]) for row in tickets]
    assert [state for state, _ in told] == ["confirmed", "confirmed"]
    assert told[1][1] == group.title
