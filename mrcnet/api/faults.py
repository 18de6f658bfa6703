"""Break links and ports of a lab, and heal them."""

from __future__ import annotations

from mrcnet.api.quantities import Quantity, maybe, share, whole
from mrcnet.errors import InputError
from mrcnet.kernel import delays, faults, healing, portfaults
from mrcnet.kernel.faults import ActiveFault, FaultRecord
from mrcnet.plan.model import Plan
from mrcnet.port.model import FaultSpec
from mrcnet.units import parse_duration, parse_rate, parse_share


class Faults:
    """The faults of one lab.

    A target is a link by its two nodes, `p0-t0-0:p0-t1-1`, and so both directions (`one_way`: what the first
    sends), or a port, `p0-t0-0:eth3`, and so what it sends; cut and delay take the link all the same. Times
    are fabric time; what has `lasts` ends by itself. A record says when it was done (CLOCK_MONOTONIC), with
    its error. InputError if there is no such link, or the fault is there already.
    """

    def __init__(self, plan: Plan, lab_name: str) -> None:
        self._plan = plan
        self._lab = lab_name

    def cut(self, target: str, *, silent: bool = False) -> FaultRecord:
        """Take a link down; `silent`: its carrier stays, and packets vanish."""
        return faults.cut(self._plan, self._lab, target, silent=silent)

    def loss(
        self, target: str, share: float | str, *, lasts: Quantity | None = None, one_way: bool = False
    ) -> FaultRecord:
        """Lose a share of the frames, 0.01 or 1%."""
        return self._strike(target, FaultSpec("loss", _lasts(lasts), share=_share(share)), one_way)

    def blackhole(self, target: str, *, lasts: Quantity | None = None, one_way: bool = False) -> FaultRecord:
        """Lose every frame."""
        return self._strike(target, FaultSpec("blackhole", _lasts(lasts)), one_way)

    def degrade(
        self, target: str, rate: Quantity, *, lasts: Quantity | None = None, one_way: bool = False
    ) -> FaultRecord:
        """Leave a shaped port this rate, 25Gbps or bit/s."""
        spec = FaultSpec("degrade", _lasts(lasts), rate_bps=whole("rate", rate, parse_rate))
        return self._strike(target, spec, one_way)

    def flap(
        self,
        target: str,
        period: Quantity,
        *,
        down: Quantity | None = None,
        count: int | None = None,
        lasts: Quantity | None = None,
        one_way: bool = False,
    ) -> FaultRecord:
        """Go down for `down` (half, if not said) of every `period`, `count` times."""
        every = whole("period", period, parse_duration)
        out = maybe("down", down, parse_duration) or every // 2
        spec = FaultSpec("flap", _lasts(lasts), period_ns=every, down_ns=out, count=count)
        return self._strike(target, spec, one_way)

    def delay(self, target: str, by: Quantity, *, lasts: Quantity | None = None) -> FaultRecord:
        """Make a link longer by so much, each way."""
        ns = _lasts(lasts)
        wall = None if ns is None else ns * self._plan.topology.dilation
        return delays.lengthen(self._plan, self._lab, target, whole("by", by, parse_duration), wall)

    def heal(self, target: str) -> FaultRecord:
        """End all faults of a link. InputError if it has none."""
        shorter = delays.shorten(self._plan, self._lab, target)
        try:
            return faults.heal(self._plan, self._lab, target)
        except InputError:
            if shorter is None:  # a link may be longer, and broken besides
                raise
            return shorter

    def heal_all(self) -> tuple[FaultRecord, ...]:
        """End all faults of the lab, also what a run left that was killed."""
        return healing.heal_all(self._plan, self._lab)

    def active(self) -> tuple[ActiveFault, ...]:
        """The links that are cut now, read from the kernel."""
        return faults.active_faults(self._lab)

    def _strike(self, target: str, spec: FaultSpec, one_way: bool) -> FaultRecord:
        return portfaults.strike(self._plan, self._lab, spec, target, one_way=one_way)


def _lasts(value: Quantity | None) -> int | None:
    return maybe("lasts", value, parse_duration)


def _share(value: float | str) -> float:
    return share("share", value, parse_share)
