"""A planned queue in the program's words: thresholds as they are, rates and times dilated."""

from __future__ import annotations

from mrcnet.mrc.wire.numbers import Dscp
from mrcnet.plan.queues import Queue
from mrcnet.port.model import FIXED_POINT, UNLIMITED, PortConfig

_ROUTERS = 48  # CS6: internetwork control
LEAST_RATE, MOST_RATE = 8_000, 40 * 10**9  # bit/s of wall time that the shaper is trusted with


def wall_rate(queue: Queue, dilation: int) -> int:
    """A port's rate on this machine, in bytes a second."""
    return queue.rate_bps // (8 * dilation)


def byte_time(rate: int) -> int:
    """Wall ns of a byte at `rate` bytes a second, in the program's fixed point."""
    return (10**9 << FIXED_POINT) // rate


def config_of(queue: Queue, dilation: int, dscp: Dscp | None = None) -> PortConfig:
    """What the program is told of a queue. `dscp`: the fabric's code points, spec 2.14."""
    dscp = dscp or Dscp()

    def limit(depth: int | None) -> int:
        return UNLIMITED if depth is None else depth

    return PortConfig(
        byte_time=byte_time(wall_rate(queue, dilation)),
        frame=queue.frame,
        ecn_min=limit(queue.ecn_min),
        ecn_max=limit(queue.ecn_max),
        trim=limit(queue.trim),
        trim_size=queue.trim_size,
        # spec 2.14: a code point of its own for what was trimmed before a host
        trim_dscp=dscp.trimmed_lasthop if queue.last_hop else dscp.trimmed,
        drop=limit(queue.drop),
        control_drop=limit(queue.control_drop),
        # spec 6.6: two classes; and what routers say to each other, which must not wait behind data
        control=1 << dscp.control | 1 << dscp.trimmed | 1 << dscp.trimmed_lasthop | 1 << _ROUTERS,
        trimmable=1 << dscp.trimmable | 1 << dscp.trimmable_retx,
    )
