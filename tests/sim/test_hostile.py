"""Frames that nobody should send: random, mutated, cut short, replayed, forged. They are counted and
dropped; nothing is raised, nothing outside the region is written, and nothing grows without bound.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

from mrcnet.mrc.events import MessageCompleted
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire import control, icrc, layout
from mrcnet.mrc.wire.frames import RxBatch
from mrcnet.mrc.wire.numbers import QPN_ENDPOINT, EndpointOp, Opcode
from tests.support.effort import EFFORT
from tests.support.wire import DELAY, GUARD, Pair, address, batch_of

FRAMES = 50_000 * EFFORT
KNOBS = Settings(payload=256, mpr_units=1, timeout_exponent=10, base_rtt_ns=2 * DELAY)
BATCH = 50


def seal(data: bytes) -> bytes:
    """The frame with the ICRC that its bytes demand, if it is long enough to have one."""
    if len(data) < layout.EXT + layout.ICRC:
        return data
    row = np.frombuffer(data, np.uint8).copy().reshape(1, -1)
    icrc.seal(row, np.array([0]), np.array([len(data)]))
    return row.tobytes()


def put(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


def fit(data: bytes) -> bytes:
    """Lengths in the headers that agree with the frame's."""
    data = put(data, layout.OUTER + 4, (len(data) - layout.INNER).to_bytes(2, "big"))
    for at in (layout.INNER + 4, layout.UDP + 4):
        data = put(data, at, (len(data) - layout.UDP).to_bytes(2, "big"))
    return data


def busy_pair() -> tuple[Pair, list[tuple[int, int, bytes]]]:
    """A pair in the middle of a transfer, and (sender, port, frame) of all that was sent so far."""
    pair = Pair(KNOBS, memory=1 << 16)
    pair.write(0, 40_000)
    pair.run(until=pair.now + 3 * DELAY)
    assert pair.qp.requestor.outstanding
    return pair, [(flight.sender, flight.port, flight.data) for flight in pair.flights]


def state_size(pair: Pair) -> int:
    """Everything in the two end points that could grow, counted."""
    seen: set[int] = set()

    def size(thing: object) -> int:
        if id(thing) in seen:
            return 0
        seen.add(id(thing))
        if isinstance(thing, np.ndarray):
            return thing.nbytes
        if isinstance(thing, dict):
            return 1 + sum(size(k) + size(v) for k, v in thing.items())
        if hasattr(thing, "__iter__") and not isinstance(thing, str | bytes | range):
            return 1 + sum(size(part) for part in thing)
        parts = getattr(thing, "__dict__", None)
        if parts is None:
            names = getattr(type(thing), "__slots__", ())
            parts = {name: getattr(thing, name, None) for name in names} if not callable(thing) else {}
        return 1 + sum(size(part) for part in parts.values())

    return sum(size(end) for end in pair.ends)


def feed(pair: Pair, host: int, frames: list[tuple[int, bytes]]) -> None:
    """One batch to one end, and time moves on a little."""
    pair.ends[host].receive(batch_of(frames), pair.now)
    pair.check_guards()
    pair.run(until=pair.now + DELAY // 50)


Mutation = Callable[[random.Random, bytes], bytes]


def noise(rng: random.Random, data: bytes) -> bytes:
    """Random bytes of about the length of a frame."""
    return rng.randbytes(rng.randrange(1, len(data) + 300))


def flipped(rng: random.Random, data: bytes) -> bytes:
    """Some bits changed; half of the time with a right ICRC again."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return seal(bytes(out)) if rng.random() < 0.5 else bytes(out)


def forged(rng: random.Random, data: bytes) -> bytes:
    """A field behind the BTH replaced by an extreme or random value, everything else in order."""
    at = rng.randrange(layout.BTH, len(data) - layout.ICRC)
    size = min(rng.choice([1, 2, 3, 4, 8, 16]), len(data) - layout.ICRC - at)
    value = rng.choice([bytes(size), b"\xff" * size, rng.randbytes(size)])
    return seal(put(data, at, value))


def cut(rng: random.Random, data: bytes) -> bytes:
    """Cut short, with lengths that agree half of the time."""
    short = data[: rng.randrange(1, len(data))]
    return seal(fit(short)) if len(short) >= layout.EXT + layout.ICRC and rng.random() < 0.7 else short


def stretched(rng: random.Random, data: bytes) -> bytes:
    """Bytes appended, with lengths that agree half of the time."""
    long = data + rng.randbytes(rng.randrange(1, 400))
    return seal(fit(long)) if rng.random() < 0.5 else long


def other_opcode(rng: random.Random, data: bytes) -> bytes:
    """Another opcode over the same bytes."""
    return seal(put(data, layout.BTH, bytes([rng.choice([*Opcode, rng.randrange(256)])])))


def replay(rng: random.Random, data: bytes) -> bytes:
    """An old frame as it was, or repainted by a switch: its outer header is nobody's promise."""
    return data if rng.random() < 0.8 else put(data, layout.OUTER, b"\x6f" + rng.randbytes(3))


MUTATIONS: list[Mutation] = [noise, flipped, forged, cut, stretched, other_opcode, replay]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_mutants(mutation: Mutation) -> None:
    """Tens of thousands of each kind, to both ends in the middle of a transfer: counted or harmless."""
    rng = random.Random(mutation.__name__)
    for turn in range(FRAMES // len(MUTATIONS) // BATCH + 1):
        if turn % 100 == 0:  # what was forged may have ended the transfer: begin another
            pair, frames = busy_pair()
            fresh = state_size(pair)
        host = rng.randrange(2)
        toward = [(port, data) for sender, port, data in frames if sender != host]
        batch = [(port, mutation(rng, data)) for port, data in rng.choices(toward, k=BATCH)]
        feed(pair, host, batch)
        pair.flights.clear()
        assert state_size(pair) <= fresh + (1 << 16)


def test_random_batches_of_any_shape() -> None:
    """Any lengths and ports in the columns, frames anywhere in the row: no read goes beyond the frame."""
    rng = np.random.default_rng(3)
    pair, frames = busy_pair()
    for _ in range(300):
        stride = int(rng.integers(300, 700))
        at = int(rng.integers(0, 128))
        buffer = rng.integers(0, 256, (20, stride), dtype=np.uint8)
        for row in range(20):
            data = frames[int(rng.integers(len(frames)))][2][: stride - at]
            buffer[row, at : at + len(data)] = np.frombuffer(data, np.uint8)
        length = rng.integers(-5, 2 * stride, 20)
        port = rng.integers(-2, 5, 20)
        for end in pair.ends:
            end.receive(RxBatch(buffer, at, length, port), pair.now)
        pair.check_guards()


def test_a_frame_longer_than_its_row_is_refused() -> None:
    """A frame that the ring cut, headers intact, is not read into its neighbour's row."""
    pair = Pair(KNOBS, memory=1 << 16)
    pair.write(0, 2_000)
    pair._send()
    data = next(f.data for f in pair.flights if f.is_write)
    stride = len(data) - 60
    buffer = np.zeros((3, stride), np.uint8)
    buffer[:] = np.frombuffer(data[:stride], np.uint8)
    batch = RxBatch(buffer, 0, np.full(3, len(data)), np.zeros(3, np.int64))
    pair.ends[1].receive(batch, pair.now)
    assert {"bad length": 3} == pair.ends[1].drops


# ---- one forgery each -----------------------------------------------------------------------------


def first_write(pair: Pair) -> tuple[int, bytes]:
    pair.write(0, 1_000)
    pair._send()
    flight = next(f for f in pair.flights if f.is_write)
    pair._heap.clear()
    return flight.port, flight.data


def trimmed(data: bytes) -> bytes:
    """What a trimming switch leaves of a frame."""
    traffic_class = Settings().dscp.trimmed << 2
    return put(data, layout.OUTER, (6 << 12 | traffic_class << 4).to_bytes(2, "big"))[:128]


RKEY, VA, DQP, SOURCE = layout.EXT + 16, layout.EXT + 8, layout.BTH + 5, layout.INNER + 8


@pytest.mark.parametrize(
    ("cause", "change"),
    [
        ("short", lambda data: data[:100]),
        ("not MRC", lambda data: put(data, 12, b"\x08\x00")),
        ("not MRC", lambda data: put(data, layout.UDP + 2, b"\x00\x35")),
        ("not mine", lambda data: put(data, layout.INNER + 24, bytes(16))),
        ("wrong P_Key", lambda data: seal(put(data, layout.BTH + 2, b"\x80\x01"))),
        ("wrong P_Key", lambda data: seal(put(data, layout.BTH + 2, b"\xff\xfe"))),
        ("wrong P_Key", lambda data: put(trimmed(data), layout.BTH + 2, b"\x00\x00")),
        ("bad length", lambda data: put(data, layout.INNER + 4, b"\xff\xff")),
        ("bad length", lambda data: put(data, layout.UDP + 4, b"\x00\x08")),
        ("bad length", lambda data: data[:-1]),
        ("bad ICRC", lambda data: put(data, layout.WRITE_HEAD, b"\x00\x01\x02\x03\x04")),
        ("unknown QP", lambda data: seal(put(data, DQP, b"\x00\x09\x99"))),
        ("bad write", lambda data: seal(put(data, RKEY, b"\x00\x00\x00\x01"))),
        ("bad write", lambda data: seal(put(data, SOURCE, address(7, 0)))),
        ("bad write", lambda data: seal(put(data, VA, bytes(8)))),
        ("bad write", lambda data: seal(put(data, VA, b"\xff" * 8))),
        ("bad write", lambda data: seal(put(data, VA, (0x7F0000000000 - 1).to_bytes(8, "big")))),
        (
            "bad write",
            lambda data: seal(put(data, VA, (0x7F0000000000 + (1 << 16) - 255).to_bytes(8, "big"))),
        ),
        ("bad write", lambda data: seal(fit(data[: layout.WRITE_HEAD + 4]))),
        ("bad write", lambda data: seal(fit(data[:-4] + bytes(8)))),
        ("unknown opcode", lambda data: seal(put(data, layout.BTH, b"\x77"))),
    ],
)
def test_refused_by_cause(cause: str, change: Callable[[bytes], bytes]) -> None:
    """Each defect is counted under its cause, once, and its frame leaves no trace."""
    # spec 3.1 step 2, spec 2.2, 2.4
    pair = Pair(KNOBS, memory=1 << 16)
    port, data = first_write(pair)
    pair.inject(1, port, change(data))
    assert {cause: 1} == pair.ends[1].drops
    assert not pair.arena.any()
    assert 0 == pair.peer_qp.responder.counters.arrived
    pair.inject(1, port, data)
    assert 1 == pair.peer_qp.responder.counters.delivered


def test_a_limited_member_of_the_partition() -> None:
    """The top bit of the P_Key says what kind of member the peer is: either kind is of our partition."""
    pair = Pair(KNOBS, memory=1 << 16)
    port, data = first_write(pair)
    pair.inject(1, port, seal(put(data, layout.BTH + 2, b"\x7f\xff")))
    assert {} == pair.ends[1].drops
    assert 1 == pair.peer_qp.responder.counters.delivered


@pytest.mark.parametrize("port", [-1, 2, 99])
def test_a_port_that_is_not_ours(port: int) -> None:
    """Frames from a port that the end point does not have are refused."""
    pair = Pair(KNOBS, memory=1 << 16)
    _, data = first_write(pair)
    pair.inject(1, port, data)
    assert 1 == sum(pair.ends[1].drops.values())
    assert not pair.arena.any()


def test_addresses_do_not_wrap() -> None:
    """A region at the very end of the address space: a write past 2^64 - 1 does not land at its start."""
    # spec 3.1 step 6
    pair = Pair(KNOBS, memory=1 << 16)
    port, data = first_write(pair)
    arena = np.zeros(64 + 2 * GUARD, np.uint8)
    region = pair.ends[1].register(arena[GUARD:-GUARD], (1 << 64) - 64)
    aimed = put(data, RKEY, region.rkey.to_bytes(4, "big"))
    for last in (1, 63, 64, 65, 255):
        pair.inject(1, port, seal(put(aimed, VA, ((1 << 64) - last).to_bytes(8, "big"))))
    assert {"bad write": 5} == pair.ends[1].drops
    assert not arena.any()


def test_a_replayed_transfer() -> None:
    """A whole finished transfer sent once more changes no byte, ends no message again, and is answered."""
    pair = Pair(KNOBS, memory=1 << 16)
    pair.write(0, 20_000)
    pair.run()
    old = [(f.port, f.data) for f in pair.flights if f.is_write]
    pair.target.data[:20_000] = 0
    before = (pair.peer_qp.responder.counters.delivered, len(pair.log))
    for turn in range(0, len(old), BATCH):
        feed(pair, 1, old[turn : turn + BATCH])
    pair.run()
    assert not pair.target.data.any()
    assert before == (pair.peer_qp.responder.counters.delivered, len(pair.log))
    assert len(old) == pair.peer_qp.responder.counters.duplicates


def control_frame(sample: bytes, opcode: Opcode, body: bytes, dqp: int, psn: int = 0) -> bytes:
    """A control packet in the clothes of `sample`."""
    head = put(sample[: layout.EXT], layout.BTH, bytes([opcode, 0]))
    head = put(head, DQP, dqp.to_bytes(3, "big") + b"\x00" + psn.to_bytes(3, "big"))
    return seal(fit(head + body + bytes(4)))


def test_sacks_that_lie() -> None:
    """Acknowledging what was never sent, cack going back, forged bits: counted, and the transfer's books
    hold; honest SACKs then finish it.
    """
    pair, frames = busy_pair()
    rng = random.Random(9)
    port, sample = next((port, data) for sender, port, data in frames if sender == 1)
    sender = pair.qp.requestor
    for _ in range(3_000):
        ahead = rng.choice([0, 1, 5, 1 << 22, rng.randrange(1 << 24)])
        cack = rng.choice([sender.next_psn + ahead, sender.cack - ahead, 0, rng.randrange(1 << 24)])
        if sender.cack < cack < sender.next_psn:
            continue  # that would be believed, as it must
        lie = control.Sack(
            mark=0,
            probe=rng.random() < 0.5,
            trigger=rng.randrange(1 << 15),
            entropy=rng.randrange(1 << 32),
            spdcid=0,
            dpdcid=0,
            cack=cack & 0xFFFFFF,
            mpr=rng.randrange(256),
            offset=rng.randrange(-(1 << 15), 1 << 15),
            bitmap=0,
            timestamp=0,
            ooo_count=0,
            rcvd_bytes=rng.randrange(1 << 24),
        )
        pair.inject(0, port, control_frame(sample, Opcode.SACK, lie.pack(), 0x100, cack & 0xFFFFFF))
    assert sender.counters.nonsense > 100
    pair.finish()
    assert [0] == [event.message for event in pair.seen(MessageCompleted)]
    assert not (pair.target.data != pair.image).any()


@pytest.mark.parametrize("kind", ["reliability", "endpoint"])
def test_a_storm_of_probes(kind: str) -> None:
    """Thousands of probes between two sends: the answers that wait stay bounded, the newest are given."""
    pair, frames = busy_pair()
    fresh = state_size(pair)
    port, sample = next((port, data) for sender, port, data in frames if sender == 0)
    for number in range(5_000):
        if kind == "reliability":
            body = control.pack_probe(number, 0, 0, 0, 0)
            data = control_frame(sample, Opcode.PROBE, body, 0x101)
        else:
            body = control.pack_request(EndpointOp.EV_PROBE, 0, 0, 0)
            data = control_frame(sample, Opcode.ENDPOINT_REQUEST, body, QPN_ENDPOINT, number & 0xFFFF)
        pair.inject(1, port, data)
    assert state_size(pair) <= fresh + (1 << 16)
    pair.flights.clear()
    pair._send()
    answers = [f for f in pair.flights if f.sender == 1]
    assert 0 < len(answers) <= 1_100
    pair.finish()
    assert not (pair.target.data != pair.image).any()


def test_answers_that_nobody_asked_for() -> None:
    """Endpoint responses with any id, from the peer, from strangers: no effect."""
    pair, frames = busy_pair()
    port, sample = next((port, data) for sender, port, data in frames if sender == 1)
    body = control.pack_response(EndpointOp.EV_PROBE, 0)
    for number in range(0, 1 << 16, 97):
        data = control_frame(sample, Opcode.ENDPOINT_RESPONSE, body, QPN_ENDPOINT, number)
        pair.inject(0, port, data)
        pair.inject(0, port, seal(put(data, SOURCE, address(9, 0))))
    assert 676 == pair.ends[0].drops["unknown peer"]
    pair.finish()
    assert not (pair.target.data != pair.image).any()
