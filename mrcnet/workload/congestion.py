"""Which congestion control a run uses, and NSCC's knobs from the rates and delays of its topology."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mrcnet import extensions
from mrcnet.errors import InputError
from mrcnet.mrc.flight import OVERHEAD
from mrcnet.mrc.nscc import Knobs
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.window import Control, Reach
from mrcnet.mrc.wire.layout import EXT, ICRC, SACK_LEN, WRITE_HEAD
from mrcnet.plan.model import Plan, Port
from mrcnet.topology.model import Role

FIXED, NSCC = "fixed", "nscc"
CHOICES = (FIXED, NSCC)
_HOOKS = ("window", "on_send", "on_ack", "on_trim", "on_loss")  # of mrc.window.Controller


def controlled(settings: Settings, plan: Plan, congestion: str, *, trimming: bool | None = None) -> Settings:
    """`settings` with the congestion control named `congestion`: the fixed window, NSCC, or an added one.

    `trimming`: whether switches trim; None: as the plan's ports do. EnvironmentFault if it cannot be used.
    """
    settings = replace(settings, nscc=None, control=None)
    if congestion == FIXED:
        return settings
    if trimming is None:
        trimming = trims(plan)
    if congestion == NSCC:
        return replace(settings, nscc=knobs_for(plan, settings.payload, trimming=trimming))
    rtt, rate = base_rtt_ns(plan, settings.payload), _slowest(plan, plan.hosts)
    reach = Reach(rate, rtt, settings.payload + OVERHEAD, trimming)
    return replace(settings, control=_added(congestion, reach))


def choices() -> tuple[str, ...]:
    """The names of all congestion controls, those of other distributions too."""
    return tuple(dict.fromkeys((*CHOICES, *extensions.names(extensions.CONGESTION))))


def _added(name: str, reach: Reach) -> Control:
    """Another distribution's control; it is tried, so that it does not fail in the midst of a run."""
    found = extensions.extension(extensions.CONGESTION, name)
    if found is None:
        raise InputError(
            f"there is no congestion control {name!r}", remedy=f"there are {', '.join(choices())}"
        )
    make = found.load()
    try:
        controller = make(reach)
        missing = [hook for hook in _HOOKS if not callable(getattr(controller, hook, None))]
        window = None if missing else int(controller.window())
    except Exception as error:
        raise found.broken(f"{type(error).__name__}: {error}") from error
    if window is None:
        raise found.broken(f"its controllers lack {', '.join(missing)}")
    if window < reach.mtu:
        raise found.broken(f"its window of {window} bytes holds no packet of {reach.mtu}")
    return Control(make, reach)


def knobs_for(plan: Plan, payload: int, *, trimming: bool = False) -> Knobs:
    """spec 5.8's defaults for the slowest host over all its planes and the longest base RTT of the fabric."""
    rate = _slowest(plan, plan.hosts)
    return Knobs.for_path(rate, base_rtt_ns(plan, payload), payload + OVERHEAD, trimming=trimming)


def for_pair(settings: Settings, plan: Plan, hosts: Sequence[str], src: str, dst: str) -> Settings:
    """Windows for what a pair shares: the planes in which both have a port, at the rate of the slower one.

    `settings` are fitted to the slowest of `hosts`, and NSCC's knobs to that of the plan: where all hosts are
    alike they are the pair's, too.
    """
    there = {port.plane: port.rate_bps for port in plan.nodes[dst].ports}
    rate = sum(min(port.rate_bps, there.get(port.plane, 0)) for port in plan.nodes[src].ports)
    nscc, control = settings.nscc, settings.control
    if rate and control is not None:
        settings = replace(settings, control=replace(control, reach=replace(control.reach, rate_bps=rate)))
    if rate and nscc is not None and rate != _slowest(plan, plan.hosts):
        mtu = settings.payload + OVERHEAD
        nscc = Knobs.for_path(rate, nscc.base_rtt_ns, mtu, trimming=trims(plan))
    slowest = _slowest(plan, hosts)
    if rate in (0, slowest) and nscc is settings.nscc:
        return settings
    return replace(settings, window_bytes=settings.window_bytes * (rate or slowest) // slowest, nscc=nscc)


def _slowest(plan: Plan, hosts: Sequence[str]) -> int:
    """What the slowest host sends on all its ports together, bit/s."""
    return min(sum(port.rate_bps for port in plan.nodes[host].ports) for host in hosts)


def trims(plan: Plan) -> bool:
    """Whether any port trims."""
    return any(queue.trim is not None for queue in plan.wiring.queues.values())


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
