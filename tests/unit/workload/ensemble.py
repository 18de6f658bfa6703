"""The ranks of a program over a wire that keeps no order but what it must: posted messages arrive as one
likes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.memory import Region
from mrcnet.workload.collective import Collective, program_of
from mrcnet.workload.program import Program
from mrcnet.workload.rank import Inlet, Rank, Relay

HOSTS = tuple(f"h{number}" for number in range(64))


def program(kind: str, ranks: int, size: int, algorithm: str = "", **knobs: Any) -> Program:
    """A collective, once, without warm-up unless the knobs say so."""
    ask = Collective(
        kind, algorithm, HOSTS[:ranks], **{"iterations": 1, "warm_up": 0, "piece": 1 << 20, **knobs}
    )
    return program_of(ask, size)


class _Endpoint:
    """Registers memory, and carries a write as soon as it is told to: what is read then is what was there."""

    def __init__(self, regions: dict[int, Region]) -> None:
        self._regions = regions
        self.posted: list[tuple[int, Callable[[], None]]] = []

    def register(self, data: npt.NDArray[np.uint8], address: int) -> Region:
        region = Region(data, address, len(self._regions))
        self._regions[region.rkey] = region
        return region

    def post_write(self, qpn: int, source: Region, offset: int, length: int, address: int, rkey: int) -> int:
        target = self._regions[rkey]

        def carry() -> None:
            at = address - target.address
            target.data[at : at + length] = source.data[offset : offset + length]

        self.posted.append((qpn, carry))
        return len(self.posted) - 1


class Ensemble:
    """All ranks; `under_way` holds (flow, number in it, write) of what is posted and has not arrived."""

    def __init__(self, program: Program) -> None:
        regions: dict[int, Region] = {}
        self.program = program
        self.now = 0
        self.order: list[int] = []  # numbers of the graph's messages, as they arrived
        self.under_way: list[tuple[int, int, Callable[[], None]]] = []
        self._endpoint: Any = _Endpoint(regions)
        self.ranks = [Rank(program, rank, self._endpoint) for rank in range(program.graph.ranks)]
        self.relays: list[Relay] = []
        self.inlets: list[Inlet] = []
        self._count: list[int] = []
        for rank in self.ranks:
            rank.open(0)
        for flow in program.flows:
            assert flow.script is not None
            relay = Relay(flow, flow.script, self.ranks[flow.script.src], self._endpoint)
            inlet = Inlet(flow, flow.script, self.ranks[flow.script.dst])
            relay.open(inlet.region.address, inlet.region.rkey, 0)
            self.relays.append(relay)
            self.inlets.append(inlet)
            self._count.append(0)
        self._post()

    def _post(self) -> None:
        for flow, relay in enumerate(self.relays):
            relay.step(self.now)
            for _, carry in self._endpoint.posted:
                self.under_way.append((flow, self._count[flow], carry))
                self._count[flow] += 1
            self._endpoint.posted.clear()

    def arrive(self, which: int) -> None:
        """One of those under way arrives, is acted on and acknowledged."""
        self.now += 1
        flow, number, carry = self.under_way.pop(which)
        carry()
        inlet, relay = self.inlets[flow], self.relays[flow]
        self.order.append(self.number_of(flow, number))
        inlet.on_arrived(number, self.now)
        relay.on_completed(number, self.now)
        self._post()

    def number_of(self, flow: int, number: int) -> int:
        """The graph's number of a flow's message."""
        script = self.program.flows[flow].script
        assert script is not None
        return script.messages[number]

    def run(self, choose: Callable[[int], int]) -> None:
        """To the end; `choose` says which of so many arrives next."""
        while self.under_way:
            self.arrive(choose(len(self.under_way)))
