"""Ears on many nodes at once, and what they say about each path."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from mrcnet.kernel.netns import inside, path_of
from mrcnet.mrc.wire import layout
from mrcnet.plan.addressing import to_text
from mrcnet.plan.model import NodePlan
from mrcnet.verify.ear import Ear
from mrcnet.verify.ports import side_by_side
from mrcnet.verify.probes import PAYLOAD_AT, Probes, ours

_DA = slice(layout.OUTER + 24, layout.OUTER + 40)


@dataclass(frozen=True, slots=True)
class Sighting:
    """A probe at a port of a node, coming in or going out, with its outer destination there."""

    node: str
    port: str
    outgoing: bool
    da: str


class Sniffers:
    """Ears by node, for the probes of one run."""

    def __init__(self, ears: dict[str, Ear], probes: Probes) -> None:
        self._probes = probes
        self._by_fd = {ear.fileno(): (node, ear) for node, ear in ears.items()}
        self._poll = select.epoll()
        for fd in self._by_fd:
            self._poll.register(fd, select.EPOLLIN)

    def heard(self, timeout: float) -> Iterator[tuple[int, Sighting]]:
        """(path index, sighting) of all that was heard, after at most `timeout` seconds for a first one."""
        for fd, _ in self._poll.poll(timeout):
            node, ear = self._by_fd[fd]
            frames, interfaces, kinds = ear.take()
            places, index = ours([row.tobytes() for row in frames[:, PAYLOAD_AT:]], self._probes)
            das = np.ascontiguousarray(frames[:, _DA]).view("V16")[:, 0]
            for place, path in zip(places.tolist(), index.tolist(), strict=True):
                port = ear.ports.get(int(interfaces[place]), "?")
                da = to_text(int.from_bytes(das[place].tobytes(), "big"))
                yield path, Sighting(node, port, bool(kinds[place] == socket.PACKET_OUTGOING), da)

    def close(self) -> None:
        """Stop polling; the ears are closed by who opened them."""
        self._poll.close()


@contextmanager
def open_sniffers(lab: str, nodes: Iterable[NodePlan], udp_port: int, probes: Probes) -> Iterator[Sniffers]:
    """Ears on `nodes` of a lab."""
    ears: dict[str, Ear] = {}
    try:
        for node in nodes:
            with inside(path_of(lab, node.name)):
                ears[node.name] = Ear(node)
        side_by_side(lambda ear: ear.open(udp_port, probes.nonce), ears.values())
        sniffers = Sniffers(ears, probes)
        try:
            yield sniffers
        finally:
            sniffers.close()
    finally:
        side_by_side(Ear.close, ears.values())
