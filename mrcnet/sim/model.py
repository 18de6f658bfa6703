"""What a virtual port is like: thresholds of its queue, and what goes wrong on its link."""

from __future__ import annotations

from dataclasses import dataclass

from mrcnet.errors import InputError


@dataclass(frozen=True, slots=True)
class PortModel:
    """A switch port's egress queue (spec 5.9). Thresholds are shares of the plane's BDP.

    A packet is judged by the bytes that it finds before it. Marks: with a probability that grows from 0 at
    `ecn_min` to 1 at `ecn_max`; host-facing ports only with `ecn_lasthop` (spec 6.5: off; spec 5.9: on).
    """

    ecn_min: float = 0.2
    ecn_max: float = 0.8
    ecn_lasthop: bool = False
    trim: float | None = None  # 1.0 by spec 5.9; None: no trimming
    trim_lasthop: float | None = None  # 1.5 by spec 5.9
    drop: float = 3.0  # spec 5.9: tail drop without trimming 2 to 5
    control_drop: float = 1.0
    trim_size: int = 192  # bytes of a frame that are left (spec 6.6); a probe (134) stays whole

    def __post_init__(self) -> None:
        if not 0 <= self.ecn_min < self.ecn_max:
            raise InputError("an ECN ramp must rise: ecn_min below ecn_max")
        if self.trim_size < 122:
            raise InputError("a trimmed frame keeps at least 122 bytes, so that its PSN and EV can be read")


TRIMMING = PortModel(trim=1.0, trim_lasthop=1.5)


@dataclass(frozen=True, slots=True)
class Impairment:
    """What befalls packets on the link behind a port: shares of them that are lost, come twice, ...

    Corrupted: one byte of the frame changes. Reordered: held back for `reorder_ns`. All are `delay_ns` late.
    """

    loss: float = 0.0
    duplicate: float = 0.0
    corrupt: float = 0.0
    reorder: float = 0.0
    reorder_ns: int = 0
    delay_ns: int = 0

    def __post_init__(self) -> None:
        if not all(0 <= share <= 1 for share in (self.loss, self.duplicate, self.corrupt, self.reorder)):
            raise InputError("shares of packets lie between 0 and 1")
        if self.reorder_ns < 0 or self.delay_ns < 0:
            raise InputError("no link delivers before its delay")
