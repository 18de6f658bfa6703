"""The drawing of a fabric: hosts at the bottom, each plane a block of T0s and T1s above them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from math import ceil
from operator import attrgetter

from mrcnet.report.health import LinkHealth, ends, links, struck_nodes
from mrcnet.report.model import Fault, Node, Picture

STEPS = 5  # of the scale of health: 0 was never out, STEPS all of the run

_PITCH, _GAP, _MARGIN = 44, 36, 34  # from node to node, between planes, around everything
_NARROW = 26  # from node to node where there are many
_MANY = 24  # nodes in a row
_TOP = 66  # above the T1s
_RISE = (116, 128)  # from the T0s to the T1s, from the hosts to the T0s; more where the fabric is wide
_USUAL = 900  # as wide as that
_LOW = 26  # below the hosts


_Tiers = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Spot:
    """A node's place, and what is written there."""

    node: Node
    x: float
    y: float
    label: str
    tip: str
    struck: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A link's place. `heat` from 0 to STEPS; None: nothing crossed it. `struck`: a fault befell it."""

    x1: float
    y1: float
    x2: float
    y2: float
    heat: int | None
    struck: bool
    tip: str


@dataclass(frozen=True, slots=True)
class Block:
    """A plane's place."""

    plane: int
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """All of it; the lines that were struck come last, so that they lie on top."""

    width: float
    height: float
    radius: float
    narrow: bool
    tiers: _Tiers
    blocks: tuple[Block, ...]
    lines: tuple[Line, ...]
    spots: tuple[Spot, ...]


def draw(picture: Picture) -> Drawing:
    """Place all nodes and links. Whatever the fabric's shape, no node lies upon another."""
    rows = {
        (node.plane, node.role): [
            one for one in picture.nodes if (one.plane, one.role) == (node.plane, node.role)
        ]
        for node in picture.nodes
    }
    widest = max((len(row) for (plane, _), row in rows.items() if plane is not None), default=1)
    pitch = _NARROW if widest * picture.planes > _MANY else _PITCH
    wide = max(widest, 2) * pitch
    hosts = rows.get((None, "host"), [])
    across = max(picture.planes * (wide + _GAP), len(hosts) * pitch)
    apart = across / max(1, picture.planes)
    blocks = tuple(
        Block(plane, _MARGIN + apart * plane + (apart - wide) / 2, wide) for plane in range(picture.planes)
    )
    tall = max(1.0, across / _USUAL)
    t0_at = _TOP + round(_RISE[0] * tall)
    host_at = t0_at + round(_RISE[1] * tall)
    tiers = (("T1", _TOP), ("T0", t0_at))
    struck = struck_nodes(picture)
    spots = [spot for block in blocks for spot in _block(block, rows, tiers, struck, pitch)]
    spots += _row(hosts, _MARGIN, across, host_at, struck, len(hosts) * pitch > across - pitch)
    at = {spot.node.name: spot for spot in spots}
    lines = sorted((_line(health, at) for health in links(picture)), key=attrgetter("struck"))
    return Drawing(
        width=across + 2 * _MARGIN,
        height=host_at + _LOW,
        radius=11 if pitch == _NARROW else 15,
        narrow=pitch == _NARROW,
        tiers=tiers,
        blocks=blocks,
        lines=tuple(lines),
        spots=tuple(spots),
    )


_Rows = dict[tuple[int | None, str], list[Node]]
_Struck = Mapping[str, tuple[Fault, ...]]


def _block(block: Block, rows: _Rows, tiers: _Tiers, struck: _Struck, pitch: float) -> Iterator[Spot]:
    for tier, y in tiers:
        yield from _row(
            rows.get((block.plane, tier.lower()), []), block.x, block.width, y, struck, pitch == _NARROW
        )


def _row(nodes: list[Node], x: float, width: float, y: float, struck: _Struck, terse: bool) -> Iterator[Spot]:
    for number, node in zip(count(), nodes):
        label = node.name.rpartition("-")[2] if terse and node.plane is not None else _short(node)
        tip = ", ".join((node.name, *(told(fault) for fault in struck.get(node.name, ()))))
        yield Spot(node, x + width * (number + 0.5) / len(nodes), y, label, tip, node.name in struck)


def _short(node: Node) -> str:
    """Without the plane, which the block says."""
    return node.name.removeprefix(f"p{node.plane}-")


def _line(health: LinkHealth, at: dict[str, Spot]) -> Line:
    lower, upper = sorted((at[name] for name in ends(health.link)), key=lambda spot: -spot.y)
    heat = None if health.bad is None else step(health.bad)
    struck = any(fault.struck for fault in health.faults)
    return Line(lower.x, lower.y, upper.x, upper.y, heat, struck, _tip(health))


def step(share: float) -> int:
    """Where on the scale a share stands: 0 for none at all, STEPS for nearly all."""
    return min(STEPS, ceil(share * STEPS))


def _tip(health: LinkHealth) -> str:
    words = [f"{health.link.a} to {health.link.b}"]
    words += [told(fault) for fault in health.faults]
    if health.bad is not None:
        words.append(f"{health.evs} EVs, out for {health.bad:.0%} of the run at best")
        words.append(f"{health.sent} packets sent, {health.lost} found lost")
    return "; ".join(words)


def told(fault: Fault) -> str:
    """`silent cut at 2000.000 ms`."""
    return f"{'silent ' if fault.silent else ''}{fault.action} at {fault.at_ms:.3f} ms"
