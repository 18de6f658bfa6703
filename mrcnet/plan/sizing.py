"""How large a fabric must be for so many GPUs, what it takes, and what its failures cost. Arithmetic only.

A folded Clos with full bisection: of a switch's ports half lead up, in the top tier all lead down. With k
ports a switch, L tiers hold at most 2 (k/2)^L NICs. Every plane is one such Clos; a NIC has a port in each.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from mrcnet.errors import InputError
from mrcnet.plan.usid import MAX_USIDS
from mrcnet.topology.scheme import GLOBAL_IDS, Decap, Lists, Scheme
from mrcnet.topology.schemefile import DEFAULT, scheme_of
from mrcnet.topology.schemefit import Needs, misfits
from mrcnet.units import format_rate

MAX_TIERS = 4
PLANNED_TIERS = 2  # T0 and T1 have a role in a uSID; a tier above them has none yet


@dataclass(frozen=True, slots=True)
class Size:
    """A fabric. `switches` and `entries` by tier, from T0; numbers are of all planes, shares of a node.

    `optics`: transceivers of the NIC's rate, at both ends of every link; one carries a link of each plane.
    `paths`: of the farthest pairs, one for each way up. `hops`: switches on such a path.
    `usids` of `usids_of` global ones are taken, by switches and by downlinks, which T0s have in common;
    `carrier` is how many the longest carrier holds. `entries`: of a switch's static table (spec 6.2).
    `lost_*`: what a node hit by one failure loses: of its T0-T1 link, NIC port, T0, T1; None: there is none.
    """

    gpus: int
    planes: int
    tiers: int
    radix: int
    rate_bps: int
    hosts_per_t0: int
    switches: tuple[int, ...]
    links: int
    optics: int
    paths: int
    hops: int
    usids: int
    usids_of: int
    carrier: int
    entries: tuple[int, ...]
    lost_link: float | None
    lost_port: float
    lost_t0: float
    lost_t1: float | None
    scheme: Scheme

    @property
    def per_plane(self) -> tuple[int, ...]:
        """The switches of each tier in one plane."""
        return tuple(count // self.planes for count in self.switches)

    @property
    def misfits(self) -> tuple[str, ...]:
        """Why uSIDs of its scheme cannot name its paths; empty if they can."""
        checks = (
            (self.usids > self.usids_of, f"{self.usids} uSIDs in a block; there are {self.usids_of}"),
            (self.carrier > MAX_USIDS, f"{self.carrier} uSIDs in a carrier; {MAX_USIDS} fit"),
            (self.tiers > PLANNED_TIERS, f"{self.tiers} tiers; uSIDs have roles for {PLANNED_TIERS}"),
        )
        t0, *above = self.per_plane
        need = Needs(self.planes, t0, max(above, default=0), self.hosts_per_t0, self.radix)
        return (*misfits(self.scheme, need), *(reason for wrong, reason in checks if wrong))


def capacity(radix: int, tiers: int) -> int:
    """How many NICs a plane of so many tiers holds at most."""
    most: int = 2 * (radix // 2) ** tiers
    return most


def size(
    gpus: int, nic_bps: int, planes: int, radix: int, tiers: int | None = None, scheme: Scheme | None = None
) -> Size:
    """The smallest fabric for so many GPUs with a NIC each; `radix` counts ports at a plane's rate.

    Of so many tiers, or of as few as will do; `scheme` of its SIDs, or the default. Raises InputError for
    what cannot be built.
    """
    if min(gpus, nic_bps, planes) < 1 or nic_bps % planes:
        raise InputError(
            f"{planes} planes cannot share a NIC of {format_rate(nic_bps)} evenly",
            remedy="e.g. 800G and 8 planes",
        )
    if radix < 2 or radix % 2:
        raise InputError(
            f"a switch of {radix} ports cannot have half of them lead up", remedy="an even radix"
        )
    fewest = next((tier for tier in range(1, MAX_TIERS + 1) if capacity(radix, tier) >= gpus), None)
    if fewest is None or (tiers is not None and tiers < fewest):
        most = capacity(radix, tiers or MAX_TIERS)
        raise InputError(
            f"{tiers or MAX_TIERS} tiers of {radix}-port switches hold {most} GPUs, not {gpus}",
            remedy="more planes, each of a lower rate, give a switch more ports",
        )
    return _size(gpus, nic_bps, planes, radix, tiers or fewest, scheme or scheme_of(DEFAULT))


def _size(gpus: int, nic_bps: int, planes: int, radix: int, tiers: int, scheme: Scheme) -> Size:
    half = radix // 2
    hosts = gpus if tiers == 1 else half
    leaves = ceil(gpus / hosts)
    tops = _tops(leaves, half, tiers)
    by_tier = (leaves,) * (tiers - 1) + (tops,)
    links = planes * (gpus + (tiers - 1) * leaves * half)
    above = tops if tiers == 2 else half  # T1s of a T0
    return Size(
        gpus=gpus,
        planes=planes,
        tiers=tiers,
        radix=radix,
        rate_bps=nic_bps // planes,
        hosts_per_t0=hosts,
        switches=tuple(planes * count for count in by_tier),
        links=links,
        optics=2 * links // planes,
        paths=planes * half ** (tiers - 1),
        hops=2 * tiers - 1,
        usids=_per_block(scheme, planes) * (sum(by_tier) + (hosts if scheme.decap is Decap.HOST else 1)),
        usids_of=len(GLOBAL_IDS),
        carrier=2 * tiers if scheme.lists is Lists.UN else 2 * tiers - 1,
        entries=_entries(gpus, radix, leaves, tops, tiers, scheme),
        lost_link=None if tiers == 1 else 1 / half,
        lost_port=1 / planes,
        lost_t0=1 / planes,
        lost_t1=None if tiers == 1 else 1 / above,
        scheme=scheme,
    )


def _tops(leaves: int, half: int, tiers: int) -> int:
    """Switches of the top tier in a plane; of two tiers so many that a T0's uplinks spread evenly."""
    if tiers == 1:
        return 1
    fewest = ceil(leaves / 2)
    if tiers > PLANNED_TIERS:
        return fewest
    return next(count for count in range(fewest, half + 1) if half % count == 0)


def _per_block(scheme: Scheme, planes: int) -> int:
    """How many planes share a block."""
    return planes if scheme.block.plane is None else 1


def _entries(gpus: int, radix: int, leaves: int, tops: int, tiers: int, scheme: Scheme) -> tuple[int, ...]:
    """Entries of a full switch of each tier: its uN, a /48 a neighbour, a uA a port (spec 6.2).

    Where carriers list uAs, a switch needs none by which to find another; where T0s decapsulate, they need an
    entry for that.
    """
    half = radix // 2
    uas = 1 if scheme.port is not None else 0  # a port
    leaf = 1 + (scheme.decap is Decap.T0)
    if tiers == 1:
        return (leaf + (1 + uas) * gpus,)
    if tiers == PLANNED_TIERS:
        above, below = tops + uas * radix, leaves + uas * (leaves * half // tops)
        if scheme.up is not None and scheme.lists is Lists.UN:
            above, below = 2 * tops, 2 * leaves
        return leaf + half + above, 1 + below
    return (1 + (1 + uas) * radix,) * tiers


def alternatives(asked: Size) -> tuple[Size, ...]:
    """The same switches and NICs otherwise: one plane of 2, 3 ... tiers, and a tier more on as many planes.

    Those that cannot hold as many GPUs hold as many as they can.
    """
    nic, single = asked.rate_bps * asked.planes, asked.radix // asked.planes
    found = []
    if asked.planes > 1 and single > 1 and single % 2 == 0:
        for tiers in range(2, MAX_TIERS + 1):
            gpus = min(asked.gpus, capacity(single, tiers))
            found.append(_size(gpus, nic, 1, single, tiers, asked.scheme))
            if found[-1].gpus == asked.gpus:
                break
    if asked.tiers < MAX_TIERS:
        found.append(_size(asked.gpus, nic, asked.planes, asked.radix, asked.tiers + 1, asked.scheme))
    return tuple(found)
