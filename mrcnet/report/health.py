"""How the EVs of a run fared, and what that says of the links that they cross. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mrcnet.report.model import Ev, Fault, Link, Picture, Span

WELL = frozenset({"GOOD", "SKIP"})


@dataclass(frozen=True, slots=True)
class LinkHealth:
    """A link as its EVs saw it. `bad`: the share of the run in which even the best of the EVs that carried
    packets over it was out; None if none did. `faults`: those that struck it.
    """

    link: Link
    evs: int
    sent: int
    lost: int
    bad: float | None
    faults: tuple[Fault, ...]


def stretches(ev: Ev, length_ms: float) -> Iterator[tuple[Span, float]]:
    """An EV's spans, each with its end."""
    ends = [*(span.at_ms for span in ev.spans[1:]), length_ms]
    for span, end in zip(ev.spans, ends, strict=True):
        yield span, max(end, span.at_ms)


def bad_share(ev: Ev, length_ms: float) -> float:
    """The share of the run in which an EV carried no data for what befell it."""
    out = sum(end - span.at_ms for span, end in stretches(ev, length_ms) if span.state not in WELL)
    return out / length_ms if length_ms else 0.0


def links(picture: Picture) -> tuple[LinkHealth, ...]:
    """Every link of the fabric, in its order.

    A link is as well as the best EV across it: one that was never out has shown that the link was not.
    """
    crossing = _crossing(picture.evs)
    return tuple(_health(link, crossing.get(ends(link), ()), picture) for link in picture.links)


def ends(link: Link) -> frozenset[str]:
    """The two nodes of a link."""
    return frozenset(end.partition(":")[0] for end in (link.a, link.b))


def struck_nodes(picture: Picture) -> Mapping[str, tuple[Fault, ...]]:
    """{node: the faults that name it and no link of it}."""
    names = {node.name for node in picture.nodes}
    found: dict[str, list[Fault]] = {}
    for fault in picture.faults:
        if fault.target in names:
            found.setdefault(fault.target, []).append(fault)
    return {name: tuple(faults) for name, faults in found.items()}


def _crossing(evs: Sequence[Ev]) -> dict[frozenset[str], list[Ev]]:
    crossing: dict[frozenset[str], list[Ev]] = {}
    for ev in evs:
        for step in pairwise(ev.walk):
            crossing.setdefault(frozenset(step), []).append(ev)
    return crossing


def _health(link: Link, evs: Sequence[Ev], picture: Picture) -> LinkHealth:
    used = [bad_share(ev, picture.length_ms) for ev in evs if ev.sent]
    return LinkHealth(
        link=link,
        evs=len(evs),
        sent=sum(ev.sent for ev in evs),
        lost=sum(ev.lost for ev in evs),
        bad=min(used, default=None),
        faults=tuple(fault for fault in picture.faults if _is(link, fault.target)),
    )


def _is(link: Link, target: str) -> bool:
    """`node:node` or `node:port` means this link."""
    return target in (link.a, link.b) or (":" in target and frozenset(target.split(":")) == ends(link))
