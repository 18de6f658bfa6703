"""Every run on the simulator comes to an end, and says why, whatever its QPs cannot do any more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mrcnet.mrc.qp import Qp
from mrcnet.mrc.settings import Settings
from mrcnet.sim.run import Sim, SimRun
from mrcnet.workload.summary import record, summarise

from .test_runs import job_of

MIB = 1 << 20
# spec 1.3: exponential retries without end; few probes, so that the test is quick
FOR_EVER = Settings(exponential_retries=25, probe_floor_ns=100_000_000)
FEW = 100  # looks at what was delivered: one every 256 steps, or every second


def the_qp(run: SimRun) -> Qp:
    """The sending QP of a pair."""
    (qp,) = next(host.station for host in run._hosts.values() if host.station.sources).endpoint.qps.values()
    return qp


def deny_all(run: SimRun) -> None:
    qp = the_qp(run)
    for path in qp.spec.paths:
        qp.deny(path.ev, run.now)


def cut_all(run: SimRun) -> None:
    for plane in range(4):
        run.cut(f"h0:p{plane}-t0-0", silent=True)


def problems(run: SimRun) -> tuple[str, ...]:
    return summarise(record(run.job, run.start_at, [run.finish()])).problems


@pytest.mark.parametrize("at", [0, 20_000])
def test_with_every_ev_denied_the_qp_fails(at: int) -> None:
    """Denied before the first packet or in the middle, the QP spends its retry budget and says so; the time
    until then passes from timer to timer, not turn by turn.
    """
    run = SimRun(job_of(size=4 * MIB), Sim())
    run.watch(at)
    deny_all(run)
    looks: list[int] = []
    assert run.watch(None, looks.append)
    assert run.stop()
    assert ("h0 -> h4: the QP went to ERROR: retry counter exceeded",) == problems(run)
    assert run.now > Settings().timeout_ns
    assert len(looks) <= FEW


@pytest.mark.parametrize("fault", [deny_all, cut_all], ids=["denied", "cut"])
@pytest.mark.parametrize("duration", [None, 100_000_000])
def test_a_qp_that_retries_for_ever(fault: Callable[[SimRun], None], duration: int | None) -> None:
    """A QP that never gives up is left after a minute in which nothing came, and the run is not verified."""
    job = job_of(size=None if duration else 4 * MIB, settings=FOR_EVER)
    run = SimRun(job, Sim())
    run.watch(20_000)
    fault(run)
    looks: list[int] = []
    assert not run.watch(duration, looks.append)
    assert not run.stop()
    assert ("h0 -> h4: messages were still under way at the end",) == problems(run)
    assert run.now < 200_000_000_000
    assert len(looks) <= FEW


def test_a_slow_source_is_not_taken_for_a_stuck_one() -> None:
    """Messages that are posted minutes apart are waited for: nothing is under way meanwhile."""
    message = 2 * MIB
    job = job_of(size=3 * message, message=message, rate=message * 8 // 100)
    run = SimRun(replace(job, bin_ns=1_000_000_000), Sim())
    assert run.watch(None)
    assert () == problems(run)
    assert run.now > 200_000_000_000
