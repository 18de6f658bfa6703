"""The EVs of the runs that are on in a lab: how they stand, and which are denied."""

from __future__ import annotations

import time
from dataclasses import dataclass

from mrcnet.api.load import hosts_of
from mrcnet.errors import InputError
from mrcnet.nic import desk
from mrcnet.plan.crossings import name_of
from mrcnet.plan.model import Plan
from mrcnet.plan.paths import paths
from mrcnet.plan.target import find_link
from mrcnet.plan.walk import walk
from mrcnet.prober.controller import Denial


@dataclass(frozen=True, slots=True)
class Ev:
    """An EV of a pair as it stands. `path`: its nodes, from source to destination.

    An `active` one sends, the others stand by; `out`: its plane is withdrawn, because a port is down. `sent`
    and `lost` count packets; `cause` is that of its last change of state. `rtt_us` is smoothed, fabric time;
    None if none was measured.
    """

    ev: int
    plane: int
    state: str
    active: bool
    sent: int
    lost: int
    cause: str
    out: bool
    rtt_us: float | None
    rtt_wall_us: float | None
    path: tuple[str, ...]


class Evs:
    """Asks the runs of one lab, this program's and others', traffic and drills.

    with lab.running(Load("pair", duration="5s")):
        lab.evs.deny("p0-t0-0:p0-t1-1")
        print([ev.state for ev in lab.evs.table("h0", "h3")])
    """

    def __init__(self, plan: Plan, lab_name: str) -> None:
        self._plan = plan
        self._lab = lab_name

    def table(self, src: str, dst: str) -> tuple[Ev, ...]:
        """Every EV by which a run sends from `src` to `dst` now. InputError if none does."""
        plan, name = self._plan, self._lab
        hosts_of(plan, (src, dst), f"{src}:{dst}")
        rows = desk.ask(name, src, dst)
        if rows is None:
            raise InputError(
                f"no run sends from {src} to {dst} in lab {name!r} now",
                remedy=f"start one: mrcnet traffic {name} --hosts {src},{dst} --duration 60s",
            )
        ways = {path.ev: path for path in paths(plan, src, dst)}
        dilation = plan.topology.dilation
        return tuple(
            Ev(
                ev=row.ev,
                plane=row.plane,
                state=row.state,
                active=row.active,
                sent=row.sent,
                lost=row.lost,
                cause=row.cause,
                out=row.out,
                rtt_us=None if row.rtt is None else row.rtt / 1e3,
                rtt_wall_us=None if row.rtt is None else row.rtt * dilation / 1e3,
                path=tuple(hop.node for hop in walk(plan, src, dst, ways[row.ev]).hops),
            )
            for row in rows
        )

    def deny(self, link: str) -> tuple[Denial, ...]:
        """Have every run that is on deny the EVs that cross a link (spec 7): what each did.

        InputError if there is no such link, or no run is on. A run that begins later is not told: that is
        what `Load.denied` and `Lab.probe` with `deny` are for.
        """
        return self._tell(link, on=True)

    def allow(self, link: str) -> tuple[Denial, ...]:
        """Allow them again, but for those that another denied link crosses."""
        return self._tell(link, on=False)

    def _tell(self, link: str, *, on: bool) -> tuple[Denial, ...]:
        target = name_of(self._plan, find_link(self._plan, link))
        told = [(run, desk.deny(self._lab, run, target, on=on)) for run in desk.desks(self._lab)]
        now = time.monotonic_ns()
        found = tuple(Denial(run, target, on, evs, now) for run, evs in told if evs is not None)
        if not found:
            raise InputError(
                f"no run of MRC is on in lab {self._lab!r}",
                remedy=f"start one: mrcnet traffic {self._lab} --duration 60s",
            )
        return found
