"""The EVs of a host, told from its own frames."""

from __future__ import annotations

import socket

import numpy as np

from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire.frames import FlowAddress, RxBatch, TxBatch, head
from mrcnet.nic.distance import links_of
from mrcnet.nic.ledger import Ledger
from mrcnet.nic.ways import Way, Ways, peers
from mrcnet.plan.paths import paths
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import Job
from mrcnet.workload.report import WayFrames
from tests.unit.plan.fabrics import shipped

PLAN = shipped("2p-2t0-2t1")
FLOWS = (Flow(0, "h0", "h3", None, 1_000, None), Flow(1, "h2", "h0", None, 1_000, None))
JOB = Job("lab", PLAN, FLOWS, Settings(), 1, 1_000_000)
MAC = bytes(6)


def frame(way: Way, dscp: int = 8) -> bytes:
    """The first bytes of a frame on an EV."""

    def address(host: str, plane: int) -> bytes:
        text = next(port for port in PLAN.nodes[host].ports if port.plane == plane).addresses[0]
        return socket.inet_pton(socket.AF_INET6, text.partition("/")[0])

    plane = way.ev >> 16
    flow = FlowAddress(MAC, MAC, bytes(16), address(way.src, plane), address(way.dst, plane), way.ev)
    return head(flow, JOB.settings.ev_format, 4791, dscp << 2, 5)


def rows(frames: list[bytes]) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    return np.frombuffer(b"".join(frames), np.uint8).reshape(len(frames), -1).copy()


def test_peers_share_a_flow() -> None:
    """A host's peers are the other ends of its flows, either way, each once."""
    assert ("h3", "h2") == peers(JOB, "h0")
    assert ("h0",) == peers(JOB, "h3")
    assert () == peers(JOB, "h1")


def test_every_way_is_told_from_its_header() -> None:
    """Each EV of each peer has a number of its own, in both directions; a stranger's frame has none."""
    for out in (True, False):
        ways = Ways(JOB, "h0", out=out)
        pairs = [("h0", peer) if out else (peer, "h0") for peer in ("h3", "h2")]
        expected = {Way(*pair, path.ev) for pair in pairs for path in paths(PLAN, *pair)}
        assert expected == set(ways.all)
        numbers = ways.of(rows([frame(way) for way in ways.all]), 0)
        assert list(range(len(ways.all))) == numbers.tolist()
    stranger = frame(Way("h1", "h0", paths(PLAN, "h1", "h0")[0].ev))
    assert [len(ways.all)] == ways.of(rows([stranger]), 0).tolist()


def test_the_links_of_a_way() -> None:
    """The links of an EV are those of its walk, from the source's to the destination's."""
    way = Way("h0", "h3", next(path.ev for path in paths(PLAN, "h0", "h3") if path.plane == 1))
    found = [{link.a.node, link.b.node} for link in links_of(PLAN, way)]
    assert [{"h0", "p1-t0-0"}, {"p1-t0-0", "p1-t1-0"}, {"p1-t0-1", "p1-t1-0"}, {"h3", "p1-t0-1"}] == found


def test_a_ledger_counts_both_directions() -> None:
    """Frames are counted by EV where they leave and where they come, trimmed ones among those that came."""
    ways = Ways(JOB, "h0", out=False)
    ledger = Ledger(JOB, "h0", ways)
    there = Way("h0", "h3", paths(PLAN, "h0", "h3")[1].ev)
    back = Way("h2", "h0", paths(PLAN, "h2", "h0")[0].ev)
    out = TxBatch(4, 4096)
    for number in range(3):
        out.buffer[number, :114] = rows([frame(there)])[0]
    out.count = 3
    ledger.sent(out)
    came = rows([frame(back), frame(back, dscp=JOB.settings.dscp.trimmed)])
    ledger.arrived(RxBatch(came, 0, np.array([114, 114]), np.array([0, 0])), ways.of(came, 0))
    counted = [one for one in ledger.ways() if one.sent or one.arrived]
    assert [
        WayFrames("h0", "h3", there.ev, sent=3),
        WayFrames("h2", "h0", back.ev, arrived=2, trimmed=1),
    ] == counted
