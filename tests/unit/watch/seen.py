"""A lab as it might be seen at two instants, a second apart."""

from __future__ import annotations

from mrcnet.kernel.portwatch import Traffic
from mrcnet.topology.model import End
from mrcnet.watch.model import LabSeen, PortSeen, Queue
from mrcnet.workload.pulse import EvHealth, Happening, Pulse

SECOND = 1_000_000_000


def seen(at: int, planes: int = 2, uplinks: int = 4, ports: int = 6) -> LabSeen:
    """At `at` seconds: every counter has grown since 0 by as much each second; 100 times dilated."""
    return LabSeen(
        "demo", at * SECOND, 100, planes, 4, tuple(port(number, at) for number in range(ports)),
        ((4711, pulse(at, planes, uplinks)),),
    )  # fmt: skip


def port(number: int, at: int) -> PortSeen:
    """The first drops, the second trims, the third is not shaped."""
    queue = Queue(
        marked=10 * at * (number == 1),
        trimmed=20 * at * (number == 1),
        drops=(("tail drop", 0), ("loss", 7 * at * (number == 0))),
        backlog=4096 * (number == 1),
        faults=("loss",) if number == 0 else (),
    )
    traffic = Traffic(1_000 * at, 1_250_000 * at * (number + 1), 2_000 * at, 2_500_000 * at)
    return PortSeen(
        End(f"p0-t0-{number}", "eth1"), f"h{number}:eth1", 0, traffic, None if number == 2 else queue
    )


def pulse(at: int, planes: int, uplinks: int) -> Pulse:
    """All EVs well but one, of plane 1, which two QPs have given up."""
    evs = [
        EvHealth(plane << 16 | uplink, plane, 3 - 2 * bad, 0, 2 * bad, 0, 0)
        for plane in range(planes)
        for uplink in range(1, uplinks + 1)
        for bad in [plane == 1 and uplink == 2]
    ]
    events = [Happening(9_000_000, "h0", "EV 0x00010002 GOOD > ASSUMED_BAD: loss inferred")]
    return Pulse(
        at * SECOND // 100, (12_500_000 * at,) * planes, 3, tuple(evs), tuple(events), (("EvChanged", 2),)
    )
