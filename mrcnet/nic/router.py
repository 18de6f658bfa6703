"""Which port a QP leaves by where the fabric routes without SRv6: as the host's own kernel would send it.

The kernel is asked for the 5-tuple, so that its hash, and whatever its table has learned, decide; and asked
again whenever links or routes change, for a QP does not stay with a port that is gone.
"""

from __future__ import annotations

from collections.abc import Mapping

from mrcnet.kernel import netns
from mrcnet.kernel.fib import Fib
from mrcnet.workload.job import Job, local_ports
from mrcnet.workload.station import Station

_AGAIN_NS = 10_000_000  # wall time: the kernel tells of a link before it has dealt with its routes
_NEVER = 1 << 62


class Router:
    """Of one host; `present`: {interface number: local port}."""

    def __init__(self, job: Job, station: Station, present: Mapping[int, int]) -> None:
        self._fib = Fib(netns.path_of(job.lab, station.name))
        self._station = station
        self._port_of = dict(present)
        self._own = local_ports(job.plan.nodes[station.name])[0].address
        self._udp_port = job.settings.udp_port
        self._again_at = _NEVER
        station.reroute(self._choose)

    def look(self, wall: int) -> None:
        """See whether the table has changed, and lead every QP by it."""
        changed = self._fib.changed()
        if changed:
            self._again_at = wall + _AGAIN_NS
        elif wall >= self._again_at:
            self._again_at = _NEVER
            changed = True
        if changed:
            self._station.reroute(self._choose)

    def _choose(self, peer: bytes, source_port: int) -> int | None:
        index = self._fib.interface(self._own, peer, source_port, self._udp_port)
        return None if index is None else self._port_of.get(index)

    def close(self) -> None:
        """Let go of the sockets."""
        self._fib.close()
