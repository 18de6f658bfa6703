"""What failures cost, against what one can say by hand."""

from __future__ import annotations

import pytest

from mrcnet.plan.capacity import Loss, leaves, losses
from mrcnet.plan.parts import Parts
from mrcnet.topology.load import read_text

from .fabrics import plan_of

SQUARE = "name: x\nfabric: {planes: 4, t0: 2, t1: 4, hosts_per_t0: 4}\n"


def costs(text: str) -> dict[str, Loss]:
    """By what fails; the costliest of each."""
    found: dict[str, Loss] = {}
    for loss in losses(leaves(plan_of(text).wiring)):
        found.setdefault(loss.what, loss)
    return found


def test_a_square_fabric() -> None:
    """Where uplinks just carry what hosts send, a link costs its part of the uplinks, a port its plane."""
    found = costs(SQUARE)
    assert Loss("T0-T1 link", "p0-t0-0:p0-t1-0", 32, 4, 0.25, 0.25, 0.125) == found["T0-T1 link"]
    assert Loss("T1", "p0-t1-0", 16, 8, 0.25, 0.25, 0.25) == found["T1"]
    assert Loss("host link", "h0:p0-t0-0", 32, 1, 1.0, 0.25, 0.03125) == found["host link"]
    assert Loss("T0", "p0-t0-0", 8, 4, 1.0, 0.25, 0.125) == found["T0"]


def test_uplinks_to_spare_cost_nothing() -> None:
    """With twice the uplinks that hosts can fill, a T0-T1 link or a T1 costs nothing, and hits nobody."""
    found = costs(SQUARE.replace("hosts_per_t0: 4", "hosts_per_t0: 2"))
    assert (0, 0.0) == (found["T0-T1 link"].hosts, found["T0-T1 link"].of_node)
    assert (0, 0.0) == (found["T1"].hosts, found["T1"].of_node)


def test_the_slowest_plane_counts() -> None:
    """What the slowest plane allows, all carry: a loss in it costs all, in another what is beyond it."""
    slow = "links: [{endpoints: [p0-t0-0, p0-t1-0], rate: 50Gbps}]\n"
    found = losses(leaves(plan_of(SQUARE + slow).wiring))
    of = {(loss.what, loss.example): loss.of_node for loss in found}
    # 87.5 Gb/s in plane 0; without a whole link there 62.5 are left
    assert pytest.approx(1 - 62.5 / 87.5) == of["T0-T1 link", "p0-t0-0:p0-t1-1"]
    # in another plane 75 Gb/s are left
    assert pytest.approx(1 - 75 / 87.5) == of["T0-T1 link", "p1-t0-0:p1-t1-0"]


def test_the_last_uplink_takes_the_plane() -> None:
    """A T0 with one uplink loses the plane with it; with one plane only, everything."""
    text = "name: x\nfabric: {planes: 1, t0: 2, t1: 1, hosts_per_t0: 1}\n"
    assert (1, 1.0, 1.0) == (costs(text)["T0-T1 link"].hosts, *_of(costs(text)["T0-T1 link"]))


def test_a_plane_that_held_up_the_others_costs_nothing() -> None:
    """Without a plane at a quarter of the others' rate a NIC sends no less: its links cost a node nothing."""
    text = "name: x\nfabric: {planes: 4, t0: 2, t1: 2, hosts_per_t0: 2, plane_shapes: {0: {rate: 25Gbps}}}\n"
    of = {loss.example: loss for loss in losses(leaves(plan_of(text).wiring))}
    assert (1.0, 0.0, 0.0) == (*_of(of["h0:p0-t0-0"]), of["h0:p0-t0-0"].of_fabric)
    assert (1.0, 0.25) == _of(of["h0:p1-t0-0"])


def test_a_t0_alone_needs_no_uplinks() -> None:
    """Without T1s all turns round at the T0, and only it and its hosts' links can fail."""
    found = costs("name: x\nfabric: {planes: 2, t0: 1, t1: 0, hosts_per_t0: 3}\n")
    assert {"T0": (1.0, 0.5), "host link": (1.0, 0.5)} == {what: _of(loss) for what, loss in found.items()}


@pytest.mark.parametrize(
    ("shape", "lost"),
    [
        ("{planes: 8, t0: 512, t1: 256, hosts_per_t0: 256}", 1 / 256),
        ("{planes: 1, t0: 64, t1: 32, hosts_per_t0: 32}", 1 / 32),
    ],
)
def test_what_the_paper_says(shape: str, lost: float) -> None:
    """One T0-T1 link is 0.4 % of a node on 8 planes of 512-port switches, 3 % on one of 64-port switches."""
    parts = Parts(read_text(f"name: x\nfabric: {shape}\n", "x"))
    (link,) = (loss for loss in losses(parts.leaves()) if loss.what == "T0-T1 link")
    assert pytest.approx(lost) == link.of_node


def _of(loss: Loss) -> tuple[float, float]:
    return loss.of_plane, loss.of_node
