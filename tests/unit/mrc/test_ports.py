"""Ports that go down: planes withdrawn and returned, peers told, states frozen (spec 2.10, 4.2, 4.3, 4.7)."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrcnet.mrc.attributes import QpState
from mrcnet.mrc.events import MessageCompleted, MessageFailed, PlaneChanged
from mrcnet.mrc.evs import Cause, State
from mrcnet.mrc.qp import Qp
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.spray import Spray
from mrcnet.mrc.wire.numbers import EndpointOp
from tests.support.weather import Outage, Weather
from tests.support.wire import DELAY, Flight, Pair

from .parts import ROOM, ev_set, settings_of

KNOBS = Settings(payload=64, base_rtt_ns=2 * DELAY, timeout_exponent=8, port_status_ns=10 * DELAY)


def updates(pair: Pair, sender: int = 0) -> list[Flight]:
    """Port status updates on the wire."""
    return [f for f in pair.flights if f.sender == sender and f.opcode == 0xD8 and f.data[115] & 3 == 0]


def masks(pair: Pair) -> list[int]:
    return [int.from_bytes(f.data[118:122], "big") for f in updates(pair)]


def is_update(flight: Flight) -> bool:
    return flight.opcode == 0xD8 and flight.data[115] & 3 == EndpointOp.PORT_STATUS_UPDATE


def settle(pair: Pair) -> None:
    pair.run(until=pair.now + 4 * DELAY)


# ---- the EV set ---------------------------------------------------------------------------------


def test_a_withdrawn_plane_carries_nothing() -> None:
    """The other planes share what it carried; when it is back it has its share again (spec 4.2)."""
    evs, log = ev_set(planes=3, uplinks=4)
    spray = Spray(evs, settings_of(), np.random.default_rng(1))
    evs.set_plane(1, False, "local port", 5)
    drawn = evs.plane[spray.draw(120, ROOM, 6)]
    assert [60, 0, 60] == np.bincount(drawn, minlength=3).tolist()
    evs.set_plane(1, True, "local port", 7)
    drawn = evs.plane[spray.draw(120, ROOM, 8)]
    assert [40, 40, 40] == np.bincount(drawn, minlength=3).tolist()
    assert [
        PlaneChanged(5, 1, 1, False, "local port"),
        PlaneChanged(7, 1, 1, True, "local port"),
    ] == log


def test_states_inside_are_frozen() -> None:
    """While a plane is withdrawn no cause but the controller's moves its EVs (spec 4.3)."""
    evs, _ = ev_set(planes=2, uplinks=4)
    evs.move(0, Cause.LOSS, 1)
    before = evs.state.tolist()
    evs.set_plane(0, False, "peer port", 2)
    for cause in (Cause.LOSS, Cause.TIMEOUT, Cause.SKIP_ONCE, Cause.TRIMMED, Cause.PROBED):
        assert not any(evs.move(number, cause, 3) for number in range(4))
    assert before == evs.state.tolist()
    assert evs.move(1, Cause.DENY, 4)
    evs.set_plane(0, True, "peer port", 5)
    assert [State.ASSUMED_BAD, State.DENIED] == evs.state[:2].tolist()


def test_two_causes_must_both_go() -> None:
    """A plane that both sides withdrew returns when both give it back."""
    evs, log = ev_set(planes=2)
    evs.set_plane(0, False, "local port", 1)
    evs.set_plane(0, False, "peer port", 2)
    evs.set_plane(0, True, "local port", 3)
    assert 0 == len(evs.usable(0))
    evs.set_plane(0, True, "peer port", 4)
    assert 4 == len(evs.usable(0))
    assert 2 == len(log)


# ---- two end points -----------------------------------------------------------------------------


def test_both_sides_withdraw_and_return() -> None:
    """Down: neither side sends in the plane; up: both do; the mask has one bit a port (section 9 no. 22)."""
    pair = Pair(KNOBS, planes=3)
    pair.ends[0].set_port(1, False, pair.now)
    settle(pair)
    assert [0b101] == masks(pair)
    assert [(0, 1, False), (1, 1, False)] == [
        (host, e.plane, e.up) for host, e in pair.log if isinstance(e, PlaneChanged)
    ]
    mark = len(pair.flights)
    pair.write(0, 64 * 60)
    pair.finish()
    assert 1 not in {flight.port for flight in pair.flights[mark:]}
    pair.ends[0].set_port(1, True, pair.now)
    settle(pair)
    mark = len(pair.flights)
    pair.write(0, 64 * 60)
    pair.finish()
    counts = np.bincount([f.port for f in pair.flights[mark:] if f.is_write], minlength=3)
    assert [20, 20, 20] == counts.tolist()
    assert [0b101, 0b111] == masks(pair)


@pytest.mark.parametrize("lost", [0, 1, 4])
def test_repeated_until_answered(lost: int) -> None:
    """As many updates as are lost, and one more; then silence (section 9 no. 24)."""
    left = [lost]

    def first(flight: Flight) -> bool:
        if is_update(flight) and left[0]:
            left[0] -= 1
            return True
        return False

    pair = Pair(KNOBS, fate=Weather(outages=[Outage(first)]))
    pair.ends[0].set_port(0, False, pair.now)
    pair.run(until=pair.now + 100 * DELAY)
    sent = updates(pair)
    assert lost + 1 == len(sent)
    assert 1 == len({flight.psn for flight in sent})  # one request id
    assert {1} == {flight.port for flight in sent}  # on a healthy plane (spec 4.7)
    gaps = {b.sent_at - a.sent_at for a, b in pairwise(sent)}
    assert gaps <= {KNOBS.port_status_ns}


def test_an_overtaken_update_says_nothing() -> None:
    """Down, then up at once; the older update arrives last and withdraws nothing."""
    late = [True]

    def fate(flight: Flight) -> list[tuple[int, bytes]]:
        slow = is_update(flight) and late[0]
        late[0] = late[0] and not slow
        return [(flight.sent_at + DELAY * (4 if slow else 1), flight.data)]

    pair = Pair(KNOBS, fate=fate)
    pair.ends[0].set_port(0, False, pair.now)
    pair.run(until=pair.now + 1)
    pair.ends[0].set_port(0, True, pair.now)
    pair.run(until=pair.now + 8 * DELAY)
    assert not pair.peer_qp.evs.out.any()
    assert [0b10, 0b11] == masks(pair)


def test_a_peer_that_denies_all_its_ports() -> None:
    """It spoke over one of them: it is answered and not believed."""
    pair = Pair(KNOBS)
    pair.ends[0].set_port(0, False, pair.now)
    settle(pair)
    frame = bytearray(updates(pair)[0].data)
    settings_ = replace(KNOBS, icrc=False)
    other = Pair(settings_)
    frame[118:122] = bytes(4)
    other.inject(1, 1, bytes(frame))
    assert not other.peer_qp.evs.out.any()


def test_all_ports_down() -> None:
    """With no plane left a QP waits out its retry budget and fails; one that returns in time saves it."""
    knobs = replace(KNOBS, linear_retries=1, exponential_retries=1)
    pair = Pair(knobs)
    for port in (0, 1):
        pair.ends[0].set_port(port, False, pair.now)
    pair.write(0, 1_000)
    pair.finish()
    assert ["retry counter exceeded"] == [e.reason for e in pair.seen(MessageFailed)]
    saved = Pair(knobs)
    for port in (0, 1):
        saved.ends[0].set_port(port, False, saved.now)
    saved.write(0, 1_000)
    saved.run(until=saved.now + DELAY)
    saved.ends[0].set_port(1, True, saved.now)
    saved.finish()
    assert [0] == [e.message for e in saved.seen(MessageCompleted)]


def test_a_port_that_is_not_there() -> None:
    """An index beyond the ports is refused; a state that is known already changes nothing."""
    pair = Pair(KNOBS)
    for port in (-1, 2):
        with pytest.raises(IndexError):
            pair.ends[0].set_port(port, False, 0)
    pair.ends[0].set_port(0, True, pair.now)
    settle(pair)
    assert [] == updates(pair)


def test_a_qp_made_while_a_port_is_down() -> None:
    """It begins without that plane, and so does its peer."""
    pair = Pair(KNOBS)
    spec = pair.qp.spec
    pair.ends[0].disconnect(0x100, pair.now)
    pair.ends[0].set_port(0, False, pair.now)
    pair.ends[0].connect(spec)
    settle(pair)
    assert [0] == np.unique(pair.qp.evs.plane[pair.qp.evs.out]).tolist()
    assert [0] == np.unique(pair.peer_qp.evs.plane[pair.peer_qp.evs.out]).tolist()


def another(pair: Pair, first: Qp) -> Qp:
    """A second QP of host 1 to the peer of its first."""
    return pair.ends[1].connect(replace(first.spec, qpn=0x201, peer_qpn=0x200), now=pair.now)


def down(qp: Qp) -> list[int]:
    """The planes that a QP is without."""
    return np.unique(qp.evs.plane[qp.evs.out]).tolist()


def test_a_qp_made_after_the_peer_spoke_of_its_ports() -> None:
    """It begins without the planes that its sister lost by the peer's word, and takes them back with it."""
    pair = Pair(KNOBS, planes=3)
    pair.ends[0].set_port(1, False, pair.now)
    settle(pair)
    late = another(pair, pair.peer_qp)
    assert [1] == down(late) == down(pair.peer_qp)
    assert [PlaneChanged(pair.now, 0x201, 1, False, "peer port")] == [
        e for e in pair.ends[1].events() if isinstance(e, PlaneChanged)
    ]
    pair.ends[0].set_port(1, True, pair.now)
    settle(pair)
    assert [] == down(late) == down(pair.peer_qp)


@pytest.mark.parametrize("gone", ["failed", "disconnected"])
def test_a_peer_without_a_living_qp_may_have_begun_anew(gone: str) -> None:
    """What it said before is forgotten: it would say again which of its ports are down."""
    pair = Pair(KNOBS, planes=3)
    pair.ends[0].set_port(1, False, pair.now)
    settle(pair)
    first = pair.peer_qp
    if gone == "failed":
        first.move(QpState.ERROR, pair.now)
    else:
        pair.ends[1].disconnect(0x101, pair.now)
    assert [1] == down(first)
    assert [] == down(another(pair, first))


@pytest.mark.parametrize("host", [0, 1])
def test_with_every_ev_denied_nothing_leaves(host: int) -> None:
    """Neither data nor probes nor control go by a denied EV; the transfer ends with a reason."""
    pair = Pair(replace(KNOBS, linear_retries=2, exponential_retries=1), planes=2, memory=1 << 18)
    pair.write(0, 1 << 18)
    pair.run(until=pair.now + DELAY)
    qp = pair.ends[host].qps[0x100 + host]
    for path in qp.spec.paths:
        qp.deny(path.ev, pair.now)
    pair.ends[host].set_port(1, False, pair.now)  # nor is the peer told of it
    mark = len(pair.flights)
    pair.finish()
    assert ["retry counter exceeded"] == [e.reason for e in pair.seen(MessageFailed)]
    assert host not in {flight.sender for flight in pair.flights[mark:]}


@settings(max_examples=20)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2), st.booleans(), st.integers(0, 8)), max_size=12),
    st.sampled_from([0.0, 0.1]),
    st.integers(0, 1 << 16),
)
def test_any_flapping(flaps: list[tuple[int, int, bool, int]], loss: float, seed: int) -> None:
    """Ports of both sides go and come: in the end all is in place and both ends agree on the planes."""
    knobs = replace(KNOBS, exponential_retries=25)
    pair = Pair(knobs, planes=3, fate=Weather(seed=seed, loss=loss, control_loss=loss), memory=1 << 15)
    pair.write(0, 1 << 15)
    for host, port, up, wait in flaps:
        pair.ends[host].set_port(port, up, pair.now)
        pair.run(until=pair.now + wait * DELAY // 2)
    for host in (0, 1):
        for port in range(3):
            pair.ends[host].set_port(port, True, pair.now)
    pair.finish()
    pair.run(until=pair.now + 200 * KNOBS.port_status_ns)
    assert [0] == [e.message for e in pair.seen(MessageCompleted)]
    assert not (pair.target.data != pair.image).any()
    assert not pair.qp.evs.out.any()
    assert not pair.peer_qp.evs.out.any()
