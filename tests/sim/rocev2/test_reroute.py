"""A QP may be led by another port, as the host's own table would lead it."""

from __future__ import annotations

from mrcnet.rocev2.settings import Roce
from tests.support.roce import MTU, RocePair
from tests.support.wire import Flight, deliver


def test_a_dead_port_is_left() -> None:
    """While its port is dead a QP gets nothing through; led by the other one, it does, every byte."""
    dead: list[int] = []

    def fate(flight: Flight) -> list[tuple[int, bytes]]:
        return [] if flight.port in dead else deliver(flight)

    pair = RocePair(fate=fate)
    pair.write(0, 8 * MTU)
    (qp,) = pair.connection.qps
    dead.append(qp.port)
    pair.run(until=pair.now + 3_000_000)
    assert 1 == qp.requestor.outstanding
    for end in pair.ends:
        end.reroute(lambda _peer, _port: 1 - dead[0])
    pair.finish()
    assert pair.whole
    assert 1 - dead[0] == qp.port
    assert [qp.port] == [path.port for path in pair.connection.evs() if path.active]


def test_only_by_ports_that_lead_there() -> None:
    """No port, or one without a path to the peer, moves nothing; the question is peer and source port."""
    asked: list[tuple[bytes, int]] = []
    pair = RocePair(Roce(qps=4))
    before = [(qp.port, qp.control) for qp in pair.connection.qps]

    def choose(peer: bytes, source_port: int) -> int | None:
        asked.append((peer, source_port))
        return [None, 7][len(asked) % 2]

    pair.ends[0].reroute(choose)
    assert before == [(qp.port, qp.control) for qp in pair.connection.qps]
    assert [qp.source_port for qp in pair.connection.qps] == [port for _, port in asked]
    assert {pair.connection.peer_addresses[qp.port].tobytes() for qp in pair.connection.qps} == {
        peer for peer, _ in asked
    }
