from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.delivery.stopping import stop


@pytest.mark.parametrize("campaign", ["maildir", "instantly"])
def test_nothing_leaves_once_the_kill_verb_has_returned(
    campaign: str, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    stopped = stop(campaign, tmp_path / campaign)
    figure(f"kill switch, {campaign}: {stopped.after} mails after it returned, obeyed after {stopped.obeyed_s:.2f} s")
    assert stopped.before >= 5
    assert stopped.after == 0
    assert stopped.begun_after <= 1
    assert stopped.obeyed_s <= 1.0
    assert stopped.is_confirmed
