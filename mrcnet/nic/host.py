"""One host inside a worker: its station, and the sockets in its namespace."""

from __future__ import annotations

import time

import numpy as np

from mrcnet.errors import EnvironmentFault
from mrcnet.kernel import netns
from mrcnet.mrc.wire.frames import HEADROOM
from mrcnet.nic.carrier import Carrier
from mrcnet.nic.fit import ring_of
from mrcnet.nic.ring import Ring, port_numbers
from mrcnet.nic.sender import Sender
from mrcnet.workload.job import Job
from mrcnet.workload.station import Station

_BATCH = 128  # frames taken in at once
_UNBOUNDED = 1 << 20  # a veth has no queue of its own: room without end until a port model says otherwise


class Host:
    """Moves frames between a host's sockets and its end point."""

    def __init__(self, job: Job, station: Station) -> None:
        self.station = station
        names = [port.name for port in job.plan.nodes[station.name].ports]
        with netns.inside(netns.path_of(job.lab, station.name)):
            present = port_numbers(names)
            if len(present) < len(names):
                raise EnvironmentFault(
                    f"{station.name} lacks ports of its plan",
                    remedy=f"mrcnet up the topology of {job.lab} again",
                )
            self.ring = Ring(job.settings.payload + HEADROOM, ring_of(job), present)
            index_of = {port: index for index, port in present.items()}
            self.carrier = Carrier(names)
            self.sender = Sender([index_of[port] for port in range(len(names))])
        self._room = np.full(len(names), _UNBOUNDED, np.int64)

    def step(self, now: int) -> bool:
        """One turn: take in, act, send. True if there was anything to do."""
        busy = False
        endpoint = self.station.endpoint
        for port, up in self.carrier.changes(time.monotonic_ns()):
            endpoint.set_port(port, up, now)  # spec 4.7: local detection of link loss
        batch = self.ring.read(_BATCH)
        if batch is not None:
            busy = True
            endpoint.receive(batch, now)
            self.ring.release()
            self.station.account(now)
        self.station.act(now)
        out = endpoint.frames_to_send(now, self._room)
        if out.count:
            busy = True
            self.sender.send(out)
        return busy

    def close(self) -> None:
        """Let go of the sockets."""
        self.carrier.close()
        self.ring.close()
        self.sender.close()
