"""Two QPs that their source ports put on one path have one path's rate between them."""

from __future__ import annotations

from collections import Counter

from mrcnet.rocev2.settings import Roce
from tests.support.roce import MTU, RocePair

PACKETS = 400


def test_two_qps_share_one_path() -> None:
    """On the only path there is, both get half of it."""
    pair = RocePair(Roce(qps=2), planes=1, uplinks=1, pace=1.0)
    for number in range(2):
        pair.write(number * PACKETS * MTU, PACKETS * MTU)
    pair.finish()
    writes = [flight for flight in pair.flights if flight.is_write]
    assert 1 == len({flight.data[38:54] for flight in writes})  # one carrier
    early = Counter(flight.data[94:96] for flight in writes[:PACKETS])
    assert 2 == len(early)
    assert max(early.values()) - min(early.values()) <= 32  # two turns
    assert pair.whole


def test_many_qps_use_many_paths() -> None:
    """The boundary: sixteen QPs over sixteen paths meet on some, and still use more than half of them."""
    pair = RocePair(Roce(qps=16), planes=4, uplinks=4)
    paths = {qp.requestor.path for qp in pair.connection.qps}
    assert 8 <= len(paths) < 16


def test_a_qp_never_changes_its_path() -> None:
    """All its packets bear one source port and one carrier, ACKs too, on their own way."""
    pair = RocePair(planes=4, uplinks=4)
    pair.write(0, 64 * MTU)
    pair.finish()
    for host in (0, 1):
        seen = {(f.data[38:54], f.data[94:96]) for f in pair.flights if f.sender == host}
        assert 1 == len(seen)
