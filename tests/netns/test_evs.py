"""The live EV table, asked from another process while traffic runs."""

from __future__ import annotations

import signal
import time
from typing import Any

from tests.netns.fabric import ALONE, running
from tests.netns.traffic import mrcnet, start

pytestmark = ALONE
PATIENCE = 200  # times that we ask


def table(lab: str, pair: str) -> dict[str, Any]:
    """The table, as soon as a run answers and has sent anything."""
    for _ in range(PATIENCE):
        code, found, _ = mrcnet("evs", lab, pair)
        if code == 0 and any(ev["sent"] for ev in found["evs"]):
            return dict(found)
        time.sleep(0.05)
    raise AssertionError("no run answers")


def test_the_table_of_a_pair_under_way() -> None:
    """`evs` shows every EV of a pair with its path while it carries traffic, and says so when none does."""
    with running() as (lab, _):
        code, _, said = mrcnet("evs", lab, "h0:h3")
        assert (2, True) == (code, "remedy: start one: mrcnet traffic" in said)
        traffic = start("traffic", lab, "--hosts", "h0,h3", "--duration", "300s", "--rate", "20Mbps")
        try:
            shown = table(lab, "h0:h3")
            assert 2 == mrcnet("evs", lab, "h3:h0")[0]  # nothing goes that way
        finally:
            traffic.send_signal(signal.SIGINT)
            traffic.wait(60)
        assert (lab, "h0", "h3", 4) == (shown["lab"], shown["src"], shown["dst"], len(shown["evs"]))
        assert {"GOOD"} == {ev["state"] for ev in shown["evs"]}
        for ev in shown["evs"]:
            p = f"p{ev['plane']}"
            assert ["h0", f"{p}-t0-0", f"{p}-t0-1", "h3"] == [ev["path"][at] for at in (0, 1, 3, 4)]
            assert ev["active"] or not ev["sent"]
        assert 2 == mrcnet("evs", lab, "h0:h3")[0]
