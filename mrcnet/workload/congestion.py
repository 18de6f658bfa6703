"""Which congestion control a run uses, and NSCC's knobs from the rates and delays of its topology."""

from __future__ import annotations

from dataclasses import replace

from mrcnet.mrc.flight import OVERHEAD
from mrcnet.mrc.nscc import Knobs
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire.layout import EXT, ICRC, SACK_LEN, WRITE_HEAD
from mrcnet.plan.model import Plan, Port
from mrcnet.topology.model import Role

FIXED, NSCC = "fixed", "nscc"
CHOICES = (FIXED, NSCC)


def controlled(settings: Settings, plan: Plan, congestion: str, *, trimming: bool | None = None) -> Settings:
    """`settings` with the congestion control named `congestion`: the fixed window, or NSCC.

    `trimming`: whether switches trim; None: as the plan's ports do.
    """
    if congestion == FIXED:
        return replace(settings, nscc=None)
    if trimming is None:
        trimming = any(queue.trim is not None for queue in plan.wiring.queues.values())
    return replace(settings, nscc=knobs_for(plan, settings.payload, trimming=trimming))


def knobs_for(plan: Plan, payload: int, *, trimming: bool = False) -> Knobs:
    """spec 5.8's defaults for the slowest host over all its planes and the longest base RTT of the fabric."""
    rate = min(sum(port.rate_bps for port in plan.nodes[host].ports) for host in plan.hosts)
    return Knobs.for_path(rate, base_rtt_ns(plan, payload), payload + OVERHEAD, trimming=trimming)


def base_rtt_ns(plan: Plan, payload: int) -> int:
    """spec 5.4, start value: a full packet there and a SACK back over the longest way of an idle fabric.

    Two host links, and two links between T0 and T1 where there are any; propagation and serialisation.
    """
    size = WRITE_HEAD + payload + EXT + SACK_LEN + 2 * ICRC
    edge = [port for host in plan.hosts for port in plan.nodes[host].ports]
    core = [port for node in plan.nodes.values() if node.role is Role.T1 for port in node.ports]
    return sum(2 * max((_there_and_back(port, size) for port in ports), default=0) for ports in (edge, core))


def _there_and_back(port: Port, size: int) -> int:
    """ns over one link in both directions, `size` bytes in all."""
    return 2 * port.delay_ns + size * 8_000_000_000 // port.rate_bps
