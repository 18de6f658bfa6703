"""A denylist of links, in the EVs of the QPs of a run."""

from __future__ import annotations

import pytest

from mrcnet.mrc.evs import State
from mrcnet.mrc.settings import Settings
from mrcnet.plan.target import find_link
from mrcnet.topology.model import Link
from mrcnet.workload.ends import make_content
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import Job, denied_evs
from mrcnet.workload.order import Denylist, Order
from mrcnet.workload.station import Bins, Station
from tests.unit.plan.fabrics import shipped

PLAN = shipped("2p-2t0-2t1")
FLOW = Flow(0, "h0", "h3", None, 1_000, None)
JOB = Job("lab", PLAN, (FLOW,), Settings(), 1, 1_000_000)
PLANE_0 = (0x00001, 0x00002)


def link(target: str) -> Link:
    return find_link(PLAN, target)


def told(orders: list[Order]) -> dict[str, tuple[bool, tuple[int, ...]]]:
    """By host: whether EVs are denied, and which."""
    return {order.host: (order.on, tuple(ev for _, ev in order.evs)) for order in orders}


@pytest.mark.parametrize(
    ("target", "evs"),
    [("h0:p0-t0-0", PLANE_0), ("p0-t0-1:p0-t1-1", PLANE_0[1:]), ("h1:p0-t0-0", ())],
)
def test_both_ends_are_told_of_what_crosses_a_link(target: str, evs: tuple[int, ...]) -> None:
    """A host's link denies its plane, a link above one EV, a link of another host nothing; at both ends."""
    denylist = Denylist(JOB)
    both = {host: evs for host in ("h0", "h3") if evs}
    assert dict.fromkeys(both, (True, evs)) == told(denylist.change(link(target), on=True))
    assert [] == denylist.change(link(target), on=True)
    assert dict.fromkeys(both, (False, evs)) == told(denylist.change(link(target), on=False))
    assert [] == denylist.change(link(target), on=False)


def test_what_another_link_denies_stays_denied() -> None:
    """The EVs of a healed link that cross a broken one are not allowed, until that heals as well."""
    denylist = Denylist(JOB)
    denylist.change(link("h0:p0-t0-0"), on=True)
    denylist.change(link("p0-t0-1:p0-t1-1"), on=True)
    healed = told(denylist.change(link("h0:p0-t0-0"), on=False))
    assert {"h0": (False, PLANE_0[:1]), "h3": (False, PLANE_0[:1])} == healed
    healed = told(denylist.change(link("p0-t0-1:p0-t1-1"), on=False))
    assert {"h0": (False, PLANE_0[1:]), "h3": (False, PLANE_0[1:])} == healed


def test_a_job_s_denied_links_are_so_from_the_start() -> None:
    """spec 4.1: EVs that cross them are DENIED before the first packet, and a denylist knows of them."""
    job = Job("lab", PLAN, (FLOW,), Settings(), 1, 1_000_000, denied=(link("h3:p0-t0-1"),))
    assert PLANE_0 == denied_evs(job, "h0", "h3")
    station = Station(job, "h0", make_content(1_000, 1), Bins(2, 0, 1_000_000))
    states = {row.ev: row.state for row in station.ev_table("h3") or []}
    assert dict.fromkeys(PLANE_0, State.DENIED.name) == {ev: states[ev] for ev in PLANE_0}
    assert {State.GOOD.name} == {state for ev, state in states.items() if ev not in PLANE_0}
    assert {"h0": (False, PLANE_0), "h3": (False, PLANE_0)} == told(
        Denylist(job).change(link("h3:p0-t0-1"), on=False)
    )
