"""Faults of single ports: what they do to frames, that they end by themselves, and what is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from mrcnet.errors import InputError
from mrcnet.kernel import faults, portfaults
from mrcnet.kernel.ports import read_counters
from mrcnet.kernel.status import State, status
from mrcnet.mrc.wire.numbers import Dscp
from mrcnet.plan.model import Plan
from mrcnet.port.model import FaultSpec
from mrcnet.topology.model import End
from tests.netns.fabric import NEEDS_ROOT, SMALL, arrives, bring_up, new_name, running
from tests.netns.test_ports import LAST, SIZE, exchange, frame_of, ports_of, queue_of

pytestmark = NEEDS_ROOT
OPEN = queue_of(trim="off", drop="off")
BLACKHOLE = FaultSpec("blackhole")
Lab = tuple[str, Plan]


@pytest.fixture(scope="module")
def common() -> Iterator[Lab]:
    """A lab of OPEN ports: to shape its 32 takes the kernel longer than most tests take."""
    with running(OPEN) as found:
        yield found


@pytest.fixture
def shaped(common: Lab) -> Iterator[Lab]:
    """The same, whole again after the test, whatever that did."""
    yield common
    bring_up(common[0], OPEN)


def plain(plan: Plan, count: int) -> list[bytes]:
    return [frame_of(plan, Dscp().no_trim, size=200) for _ in range(count)]


def named(lab: str, end: End) -> list[str]:
    ports = ports_of(lab)
    return [fault.name for fault in ports.maps.faults(ports.indices[end], time.monotonic_ns())]


@pytest.mark.parametrize("text", [SMALL, OPEN], ids=["bare", "shaped"])
def test_a_blackhole_is_one_way(text: str) -> None:
    """A port that is a blackhole sends nothing, what comes to it arrives, and a heal ends it."""
    with running(text) as (lab, plan):
        record = portfaults.strike(plan, lab, BLACKHOLE, str(LAST))
        assert ("blackhole", str(LAST)) == (record.fault, record.target)
        assert not arrives(lab, plan, "h0", "h3")
        assert 1 == read_counters(lab)[LAST].blackhole
        assert State.DEGRADED in {one.state for one in status() if one.lab == lab}
        portfaults.strike(plan, lab, BLACKHOLE, "p0-t0-1:eth1")
        assert arrives(lab, plan, "h3", "h0")
        faults.heal(plan, lab, str(LAST))
        assert arrives(lab, plan, "h0", "h3")
        assert ["blackhole"] == named(lab, End("p0-t0-1", "eth1"))
        assert bring_up(lab, text).changes != ()
        assert [] == named(lab, End("p0-t0-1", "eth1"))
        assert bring_up(lab, text).changes == ()


def test_directions() -> None:
    """Two nodes name both directions of a link; `one_way` what the first sends, whatever the tier."""
    with running() as (lab, plan):
        portfaults.strike(plan, lab, BLACKHOLE, "h0:p0-t0-0")
        assert [["blackhole"]] * 2 == [named(lab, End("h0", "eth1")), named(lab, End("p0-t0-0", "eth1"))]
        faults.heal(plan, lab, "h0:p0-t0-0")
        portfaults.strike(plan, lab, BLACKHOLE, "p0-t0-0:h0", one_way=True)
        assert [[], ["blackhole"]] == [named(lab, End("h0", "eth1")), named(lab, End("p0-t0-0", "eth1"))]


def test_loss_is_a_share() -> None:
    """Of many frames about so many are lost as was asked for; every one is counted."""
    with running() as (lab, plan):
        portfaults.strike(plan, lab, FaultSpec("loss", share=0.25), str(LAST))
        heard = exchange(lab, plain(plan, 800))
        lost = read_counters(lab)[LAST].loss
        assert 800 == len(heard) + lost
        assert 140 < lost < 260  # 5 standard deviations


@pytest.mark.alone
def test_a_degraded_port_is_slower(shaped: Lab) -> None:
    """Frames leave at the lower rate, in real time and by the model, until the fault is healed."""
    lab, plan = shaped
    portfaults.strike(plan, lab, FaultSpec("degrade", rate_bps=2 * 10**6), str(LAST))
    heard = exchange(lab, [frame_of(plan, Dscp().no_trim)] * 12)
    seconds = heard[-1][0] - heard[0][0]
    assert 12 == len(heard)
    assert 0.5 < seconds * 2e6 / (11 * SIZE * 8) < 2
    faults.heal(plan, lab, str(LAST))
    heard = exchange(lab, [frame_of(plan, Dscp().no_trim)] * 12)
    assert heard[-1][0] - heard[0][0] < seconds / 2


@pytest.mark.alone
def test_a_flap_goes_down_and_comes_back() -> None:
    """A flapping port loses what it should send while it is down, and after its last time nothing."""
    with running() as (lab, plan):
        flap = FaultSpec("flap", period_ns=200_000_000, down_ns=150_000_000, count=2)
        record = portfaults.strike(plan, lab, flap, str(LAST))
        heard = 0
        while time.monotonic_ns() < record.at_ns + 400_000_000:
            heard += arrives(lab, plan, "h0", "h3", patience_s=0.005)
        assert heard > 0
        down = read_counters(lab)[LAST].down
        assert down > 0
        assert [] == named(lab, LAST)
        assert arrives(lab, plan, "h0", "h3")
        assert down == read_counters(lab)[LAST].down


@pytest.mark.alone
@pytest.mark.parametrize(
    "spec",
    [
        FaultSpec("blackhole", lasts_ns=200_000_000),
        FaultSpec("loss", lasts_ns=200_000_000),
        FaultSpec("degrade", lasts_ns=200_000_000, rate_bps=8_000),
        FaultSpec("flap", lasts_ns=200_000_000, period_ns=10**12, down_ns=10**12 - 1),
    ],
    ids=lambda spec: spec.name,
)
def test_faults_end_by_themselves(shaped: Lab, spec: FaultSpec) -> None:
    """After its time a fault is over, though nobody ended it: what is sent then arrives at once."""
    lab, plan = shaped
    record = portfaults.strike(plan, lab, spec, str(LAST))
    assert [spec.name] == named(lab, LAST)
    time.sleep(max(0.0, (record.at_ns + record.error_ns + 200_000_000 - time.monotonic_ns()) / 1e9))
    assert [] == named(lab, LAST)
    assert 20 == len(exchange(lab, plain(plan, 20)))
    assert () == bring_up(lab, OPEN).changes


def test_faults_are_independent(shaped: Lab) -> None:
    """Several faults and a cut on one port: each stands alone, and the heal of the link ends all."""
    lab, plan = shaped
    link = f"{LAST.node}:h3"
    for spec in (FaultSpec("loss", share=0.5), FaultSpec("degrade", rate_bps=10**6), BLACKHOLE):
        portfaults.strike(plan, lab, spec, str(LAST))
    faults.cut(plan, lab, link, silent=True)
    assert {"loss", "degrade", "blackhole"} == set(named(lab, LAST))
    assert [link.split(":")] == [
        sorted(fault.target.split(":"), reverse=True) for fault in faults.active_faults(lab)
    ]
    faults.heal(plan, lab, link)
    assert [] == named(lab, LAST)
    assert () == faults.active_faults(lab)
    assert arrives(lab, plan, "h0", "h3")


def test_a_silent_cut_of_a_shaped_link_is_counted(shaped: Lab) -> None:
    """Where the program stands it plays the cut: every frame that vanishes has a port and a cause."""
    lab, plan = shaped
    before = read_counters(lab)[LAST].blackhole
    faults.cut(plan, lab, f"{LAST.node}:h3", silent=True)
    assert [] == exchange(lab, plain(plan, 10))
    assert before + 10 == read_counters(lab)[LAST].blackhole
    assert () != bring_up(lab, OPEN).changes
    assert 10 == len(exchange(lab, plain(plan, 10)))


def test_wrong_faults_are_refused(shaped: Lab) -> None:
    """What is so already, makes no sense or stands nowhere is refused, and nothing changes."""
    lab, plan = shaped
    portfaults.strike(plan, lab, FaultSpec("loss", share=0.5), str(LAST))
    for spec, target, words in (
        (FaultSpec("loss", share=0.1), str(LAST), "has a loss already"),
        (FaultSpec("loss", share=0.1), f"{LAST.node}:h3", "has a loss already"),
        (FaultSpec("degrade", rate_bps=10**7), str(LAST), "no faster than that"),
        (FaultSpec("degrade", rate_bps=100), str(LAST), "too slow"),
        (BLACKHOLE, "p0-t0-1:eth9", "no link"),
        (BLACKHOLE, "nobody:eth1", "no node"),
    ):
        with pytest.raises(InputError, match=words):
            portfaults.strike(plan, lab, spec, target)
    assert ["loss"] == named(lab, LAST)
    with pytest.raises(InputError, match="not cut, nor has it"):
        faults.heal(plan, lab, "h0:p0-t0-0")
    faults.cut(plan, lab, f"{LAST.node}:h3")
    with pytest.raises(InputError, match="is cut: no blackhole would show"):
        portfaults.strike(plan, lab, BLACKHOLE, str(LAST))
    with running() as (lab, plan):
        with pytest.raises(InputError, match="no rate that could be lowered"):
            portfaults.strike(plan, lab, FaultSpec("degrade", rate_bps=10**6), str(LAST))
        assert () == bring_up(lab).changes
    with pytest.raises(InputError, match="there is no lab"):
        portfaults.strike(plan, new_name(), BLACKHOLE, str(LAST))
