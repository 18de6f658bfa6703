"""Results of synthetic recordings, with the oracle's figures of `tests.unit.drill.recordings`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mrcnet.drill.model import Drill, Expectation, TrafficSpec
from mrcnet.drill.result import conclude, interrupted
from mrcnet.errors import Where
from mrcnet.mrc.events import PlaneChanged
from mrcnet.report import resultfile
from mrcnet.report.model import Result
from mrcnet.report.picture import picture
from mrcnet.workload.report import Told
from mrcnet.workload.summary import Recording
from tests.unit.drill.recordings import (
    CUT,
    DEAD,
    END,
    FLOWS,
    HEAL,
    LINK,
    MS,
    PLAN,
    STEADY,
    change,
    faults,
    lost,
    recording,
    step,
)

TEXT, TOPOLOGY = "name: x\n", "fabric: {}\n"
DRILL = Drill(
    name="x",
    story="A link dies.",
    topology="2p-2t0-2t1",
    topology_where=Where("drill.yaml", 2, 1),
    seed=7,
    traffic=TrafficSpec("pair", (), 1_000, None, END, Where("drill.yaml", 3, 1)),
    steps=(step("cut", LINK, CUT), step("heal", LINK, HEAL)),
    expectations=(Expectation("evs_hit", 1, None), Expectation("evs_lost_elsewhere", None, 0)),
)
EVENTS = (
    lost(CUT + 3 * MS, DEAD, CUT + MS, CUT + 2 * MS),
    change(CUT + 3 * MS, DEAD, "GOOD", "ASSUMED_BAD"),
    change(HEAL + 5 * MS, DEAD, "ASSUMED_BAD", "GOOD"),
)


def withdrawal(at: int, plane: int, up: bool, flow: int = 0) -> tuple[str, Told]:
    return FLOWS[flow].src, PlaneChanged(at, FLOWS[flow].src_qpn, plane, up, "port down")


def small_packets(seen: Recording) -> Recording:
    """The same with packets so small that each bin has eight of them."""
    settings = replace(seen.job.settings, payload=STEADY // 4)
    return replace(seen, job=replace(seen.job, settings=settings))


def data(*events: tuple[str, Told], **changes: Any) -> dict[str, Any]:
    """The JSON object of a drill during which this happened; else, of one that a cut hit and left."""
    seen = small_packets(recording(*(events or EVENTS)))
    result = replace(conclude(DRILL, "sim", seen, faults(error=MS // 10)), **changes)
    return _data(result, seen)


def aborted() -> dict[str, Any]:
    """The JSON object of a drill that was interrupted."""
    return _data(interrupted(DRILL, "sim", "lab"), None)


def result(*events: tuple[str, Told], **changes: Any) -> Result:
    return resultfile.from_data(data(*events, **changes))


def _data(result: Any, seen: Any) -> dict[str, Any]:
    origin = resultfile.origin("mrcnet drill x.yaml --on sim", "x.yaml", TEXT, "t.yaml", TOPOLOGY, "A story.")
    return resultfile.as_data(result, origin, picture(PLAN, result, seen))
