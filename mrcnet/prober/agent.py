"""The agents of a lab's hosts at work: send a round of probes, take in the answers, judge it in time.

All agents of a command live in one process, each with its sockets in its own host's namespace.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import numpy as np

from mrcnet.errors import EnvironmentFault, InputError
from mrcnet.kernel.netns import room_for_files
from mrcnet.kernel.processes import register_run
from mrcnet.mrc.wire.numbers import Dscp
from mrcnet.plan.bdp import ANSWER, Hop, base_rtt_ns
from mrcnet.plan.model import Plan
from mrcnet.prober.detect import Bools, Detector, LinkChange, Rules
from mrcnet.prober.probes import SelfProbe, self_probes
from mrcnet.verify.model import PlannedPath
from mrcnet.verify.probes import NONCE, Numbers, build_probes, probe_port
from mrcnet.verify.stations import BURST, Stations, open_stations

RATES = (1.0, 200.0)  # rounds per wall second that a machine may be asked for
_COPIES = 4  # of a T0 probe in each round: what all others cross must be known before they blame their own
_PATIENCE_NS = 20_000_000  # wall time that an answer may take beyond its way: the machine has other work
_RTTS = 4
_NICE = -10
_PORT_AFTER = 2  # the port of verify, and a spare one, come first


@dataclass(frozen=True, slots=True)
class Round:
    """Probes under way: those of `slot`, sent at `sent_at` (wall ns)."""

    slot: int
    sent_at: int


class Prober:
    """Agents on `hosts`, ready to probe. `detector` knows what they found; `rounds` were judged."""

    def __init__(self, plan: Plan, hosts: Sequence[str], rate: float, rules: Rules) -> None:
        """`rate`: rounds per wall second. InputError if there is nothing to probe, or the rate is none."""
        if not RATES[0] <= rate <= RATES[1]:
            raise InputError(f"{rate:g} rounds a second: a rate is {RATES[0]:g} to {RATES[1]:g}")
        self.plan, self.hosts = plan, tuple(hosts)
        self.probes = self_probes(plan, hosts)
        if not self.probes:
            raise InputError("these hosts have no links to probe", remedy="name others, or none for all")
        self.detector = Detector(self.probes, rules)
        self._period = round(1e9 / rate)
        self._timeout = self._period + _PATIENCE_NS + _RTTS * _rtt_ns(plan) * plan.topology.dilation
        self._slots = self._timeout // self._period + 2
        copies = [_COPIES if probe.rest is None else 1 for probe in self.probes]
        self._probe_of = np.repeat(np.arange(len(self.probes)), copies)
        rows = [_planned(self.probes[number]) for number in self._probe_of.tolist()]
        self._frames = build_probes(
            plan, rows * self._slots, os.urandom(NONCE), udp_port=_port(plan), dscp=Dscp().control
        )
        self._bursts = list(_bursts(self._frames.src[: len(rows)]))

    @property
    def frames(self) -> int:
        """Frames in a round."""
        return len(self._probe_of)

    def watch(self, lab: str, until: Callable[[], bool]) -> Iterator[LinkChange | None]:
        """Probe until `until`, which is asked every round: each change as it is found, and a None each round.

        Raises EnvironmentFault if nodes of the lab are missing or the port is taken.
        """
        room_for_files(2 * len(self.hosts))
        opened = open_stations(lab, self.plan, self._frames, self.hosts, _port(self.plan))
        with _explained(lab), _hurried(), register_run(lab), opened as stations:
            yield from self._watch(stations, until)

    def _watch(self, stations: Stations, until: Callable[[], bool]) -> Iterator[LinkChange | None]:
        heard = np.zeros((self._slots, self.frames), np.bool_)
        under_way: deque[Round] = deque()
        due, number = time.monotonic_ns(), 0
        while not until():
            slot = number % self._slots
            number += 1
            heard[slot] = False
            under_way.append(Round(slot, time.monotonic_ns()))
            self._send(stations, slot)
            due = max(due + self._period, time.monotonic_ns())  # what was missed is not made up for
            self._listen(stations, heard, due)
            now = time.monotonic_ns()
            # An answer that has come is taken in before its round is judged, however late it is.
            while under_way and under_way[0].sent_at + self._timeout <= now:
                yield from self._judge(under_way.popleft(), heard, now)
            yield None

    def _send(self, stations: Stations, slot: int) -> None:
        for burst in self._bursts:
            stations.send(burst + slot * self.frames)

    def _listen(self, stations: Stations, heard: Bools, until: int) -> None:
        while True:
            left = (until - time.monotonic_ns()) / 1e9
            right = stations.collect(max(0.0, left)).right
            heard.reshape(-1)[right] = True
            if left <= 0 and not len(right):
                return

    def _judge(self, one: Round, heard: Bools, now: int) -> list[LinkChange]:
        """A round in which any copy of a probe was missed is one in which the probe was."""
        missed = np.bincount(self._probe_of, ~heard[one.slot], len(self.probes)) > 0
        return self.detector.note(~missed, one.sent_at, now)


def _planned(probe: SelfProbe) -> PlannedPath:
    return PlannedPath(probe.host, probe.host, probe.path, probe.walk)


def _port(plan: Plan) -> int:
    """The UDP port of the agents: they work while `verify` does."""
    return probe_port(plan) + _PORT_AFTER


def _bursts(sources: Numbers) -> Iterator[Numbers]:
    """The rows of a round in groups of one source and at most BURST."""
    for source in np.unique(sources):
        rows = np.flatnonzero(sources == source)
        for begin in range(0, len(rows), BURST):
            yield rows[begin : begin + BURST]


def _rtt_ns(plan: Plan) -> int:
    """The longest way there and back of an idle fabric, fabric ns."""
    hops = (
        Hop(node.role, plan.nodes[port.peer_node].role, port.delay_ns, port.rate_bps)
        for node in plan.nodes.values()
        for port in node.ports
    )
    return base_rtt_ns(hops, plan.topology.transport.payload, ANSWER)


@contextmanager
def _hurried() -> Iterator[None]:
    """As a run's end points do: an agent is part of a NIC, and does not wait for other programs."""
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, min(usual, _NICE))
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, usual)


@contextmanager
def _explained(lab: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:  # the lab went away under us, or lacks a node
        raise EnvironmentFault(
            f"probing lab {lab} cannot go on: {error}", remedy="see `mrcnet status` and `mrcnet doctor`"
        ) from error
