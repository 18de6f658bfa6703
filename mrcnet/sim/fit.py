"""Windows that fit the virtual fabric. Its hosts keep up, whatever comes: timers and probes are as asked."""

from __future__ import annotations

from dataclasses import replace

from mrcnet.errors import InputError
from mrcnet.mrc.wire.layout import EXT, ICRC, SACK_LEN, WRITE_HEAD
from mrcnet.plan.build import undilated
from mrcnet.sim.layout import PortTable
from mrcnet.topology.model import Routing
from mrcnet.workload.fit import fit_roce, timers, windows
from mrcnet.workload.job import Job
from mrcnet.workload.transport import STACK

_GATHER = 64  # frames that the widest host receives at line rate in a turn
_FINER = 16  # turns in a base RTT with NSCC ...
_STEPPED = 4  # ... and with collectives


def turn_of(job: Job, table: PortTable) -> int:
    """The length of a host's turn in ns: 64 frames' time of the widest host, at most the base RTT.

    With NSCC at most a 16th of it: a turn adds up to its length to the delays that steer the windows; with
    collectives a quarter, for it adds as much to every step from rank to rank.
    """
    rate = max(int(table.rate[ports].sum()) for ports in table.of_host.values())
    frame = WRITE_HEAD + job.settings.payload + ICRC
    longest = table.base_rtt // (
        _FINER if job.settings.nscc or job.settings.control else _STEPPED if job.programs else 1
    )
    return max(1, min(_GATHER * frame * 8 * 10**9 // rate, longest))


def refuse_kernels(job: Job) -> None:
    """Raise InputError for what only a kernel can carry."""
    if job.plan.topology.routing is Routing.BGP:
        raise InputError("the simulator has no daemons for routing: bgp", remedy="drop --on sim, or use ecmp")
    if job.transport in STACK:
        raise InputError(f"{job.transport} is the kernel's own", remedy="drop --on sim: it needs a lab")


def fit(job: Job, turn_ns: int | None = None) -> Job:
    """The job in virtual time; fixed windows together are 1.5 BDP of the busiest host, with its turns.

    Where the topology says what its ports are like, timers and probes are the fabric's, too. InputError for
    what only a kernel can carry.
    """
    refuse_kernels(job)
    job = replace(job, plan=undilated(job.plan))
    frame = WRITE_HEAD + job.settings.payload + ICRC
    table = PortTable(job.plan, frame, EXT + SACK_LEN + ICRC)
    turn = turn_ns or turn_of(job, table)
    rate = min(int(table.rate[table.of_host[host]].sum()) for host in job.hosts)
    settings = windows(job.settings, job.flows, rate, table.base_rtt + 2 * turn)
    if job.plan.topology.shaped:
        settings = timers(settings, table.base_rtt, turn, stall_ns=0, probe_ns=2 * table.base_rtt)
    return replace(job, settings=settings, roce=fit_roce(job, table.base_rtt + 2 * turn, turn))
