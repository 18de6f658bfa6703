"""A host's own port loses its link in the simulator: the host is told, as by a NIC's driver (spec 4.7)."""

from __future__ import annotations

import pytest

from mrcnet.mrc.events import EvChanged, PlaneChanged
from mrcnet.sim.run import Sim, SimRun
from mrcnet.workload.report import RunReport

from .test_runs import job_of

CUT, HEAL, END = 3_000_000, 6_000_000, 9_000_000
OWN = {"h0": "h0:p1-t0-0", "h4": "h4:p1-t0-1"}  # the two ends of the pair, their links in plane 1


def cut_and_healed(target: str, *, silent: bool = False) -> tuple[SimRun, RunReport]:
    """A paced pair from h0 to h4, with a link out for a while."""
    run = SimRun(job_of(size=None, message=16 << 10, rate=2_000_000_000), Sim())
    run.watch(CUT)
    run.cut(target, silent=silent)
    run.watch(HEAL)
    run.heal(target)
    run.watch(END)
    assert run.stop()
    return run, run.finish()


def planes(report: RunReport) -> list[tuple[str, str, bool]]:
    """(host, cause, up) of every withdrawal and return, in order of time."""
    changes = sorted((e.at, host, e.cause, e.up) for host, e in report.events if isinstance(e, PlaneChanged))
    return [change[1:] for change in changes]


@pytest.mark.parametrize("host", OWN)
def test_a_loud_cut_withdraws_the_plane_at_both_ends(host: str) -> None:
    """The host withdraws the plane at its next turn, its peer hears of it within an RTT, and both take it
    back when the link is healed: no EV is lost over it.
    """
    run, report = cut_and_healed(OWN[host])
    peer = next(other for other in OWN if other != host)
    assert [
        (host, "local port", False),
        (peer, "peer port", False),
        (host, "local port", True),
        (peer, "peer port", True),
    ] == planes(report)
    at = {(told, e.up): e.at for told, e in report.events if isinstance(e, PlaneChanged)}
    soon = run.fabric.table.base_rtt + 2 * run.turn_ns
    assert (CUT, HEAL) == (at[host, False], at[host, True])
    assert at[peer, False] - CUT <= soon
    assert at[peer, True] - HEAL <= soon
    assert {1} == {e.plane for _, e in report.events if isinstance(e, PlaneChanged)}
    assert report.sources[0].done
    assert [] == report.sinks[0].wrong


@pytest.mark.parametrize("host", OWN)
def test_a_silent_cut_is_told_to_nobody(host: str) -> None:
    """With the carrier up the plane stays, and its EVs are found out one by one."""
    _, report = cut_and_healed(OWN[host], silent=True)
    assert [] == planes(report)
    assert {1} == {e.plane for _, e in report.events if isinstance(e, EvChanged) and e.new == "ASSUMED_BAD"}


def test_a_link_between_switches_is_no_hosts_matter() -> None:
    """A loud cut that no port of a host sees, and one at a host that takes no part, withdraw nothing."""
    for target in ("p1-t0-0:p1-t1-1", "h1:p1-t0-0"):
        assert [] == planes(cut_and_healed(target)[1])
