"""Marks on the way: the rate halves, and comes back when they end."""

from __future__ import annotations

from itertools import pairwise

from mrcnet.rocev2.settings import Dcqcn, Roce
from mrcnet.rocev2.wire import BECN, Opcode
from tests.support.roce import LINE, MTU, RocePair
from tests.support.wire import DELAY, Flight, Pair, deliver

CNP_NS = Dcqcn().cnp_ns


def marking(until: int) -> RocePair:
    """A paced transfer of 4 MiB whose writes are marked until an instant."""

    def fate(flight: Flight) -> list[tuple[int, bytes]]:
        if flight.is_write and flight.sent_at < until:
            data = bytearray(flight.data)
            data[15] |= 0x30  # CE, in the outer traffic class
            return [(flight.sent_at + DELAY, bytes(data))]
        return deliver(flight)

    pair = RocePair(Roce(window_bytes=4 << 20), memory=4 << 20, fate=fate, planes=1, pace=0.116, depth=2)
    pair.write(0, 4 << 20)
    return pair


def cnps(pair: Pair) -> list[Flight]:
    return [flight for flight in pair.flights if flight.opcode == Opcode.CNP]


def rate(pair: Pair, since: int, until: int) -> float:
    """Bit/s of writes that left in a stretch of time."""
    sizes = [len(f.data) for f in pair.flights if f.is_write and since <= f.sent_at < until]
    return sum(sizes) * 8e9 / (until - since)


def test_the_first_cnp_halves_the_rate() -> None:
    """At line rate alpha is 1, so the first CNP takes half; the writes leave at half the rate from there."""
    pair = marking(until=1_000_000 + CNP_NS // 2)
    reaction = pair.requestor.reaction
    assert reaction is not None
    pair.run(until=pair.now + 2 * DELAY + 30_000)
    assert 1 == len(cnps(pair))
    assert LINE / 2 == reaction.rate
    assert LINE == reaction.target


def test_it_recovers() -> None:
    """Without further marks five rises go half the way back each; in the end the rate is the line's again."""
    pair = marking(until=1_000_000 + CNP_NS // 2)
    begun = pair.now + 2 * DELAY
    pair.run(until=begun + 6 * Dcqcn().increase_ns)
    reaction = pair.requestor.reaction
    assert reaction is not None
    assert LINE * (1 - 0.5**6) == reaction.rate
    assert reaction.limited
    pair.finish()
    assert not reaction.limited
    assert reaction.alpha < 1
    assert 0.5 < rate(pair, begun, begun + 3 * Dcqcn().increase_ns) / LINE < 0.95
    assert pair.whole


def test_marks_that_last_press_the_rate_down() -> None:
    """A mark on every packet is told once in 50 us, and the rate falls to a small part of the line's."""
    stop = 1_000_000 + 40 * CNP_NS
    pair = marking(until=stop)
    pair.run(until=stop)
    sent = cnps(pair)
    gaps = [later.sent_at - one.sent_at for one, later in pairwise(sent)]
    assert min(gaps) >= CNP_NS
    assert rate(pair, stop - 10 * CNP_NS, stop) < 0.1 * LINE
    assert all(flight.data[106] & BECN for flight in sent)


def test_without_dcqcn_nobody_tells() -> None:
    """With `dcqcn` None marks are neither told nor heeded."""
    pair = marking(until=1 << 62)
    quiet = RocePair(Roce(dcqcn=None, window_bytes=4 << 20), fate=pair.fate, planes=1, pace=0.116)
    quiet.write(0, 512 * MTU)
    quiet.finish()
    assert [] == cnps(quiet)
    assert quiet.whole
