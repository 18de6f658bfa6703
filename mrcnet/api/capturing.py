"""Listen to a port of a lab: its frames as they come and go, one by one or into a file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from mrcnet import __version__
from mrcnet.api.telling import Tell, silent
from mrcnet.errors import EnvironmentFault
from mrcnet.nic.listener import Heard, Listener
from mrcnet.plan.model import Plan
from mrcnet.plan.target import ends_of
from mrcnet.report import pcapng
from mrcnet.report.stream import Stream

_ETHERNET = 14
_PATIENCE_S = 0.1


class Capture:
    """What a port sends and receives from now on; of a link, the port of the node named first.

    `port` is its name; `taken` counts frames so far, `missed` those that came faster than they were taken.
    What the port's own queue or fault drops never left it, and is not heard. Keeps `snaplen` bytes of a
    frame; None: all. `note` is told if the lab goes down. A context manager. InputError if there is no such
    port, EnvironmentFault if it is gone.
    """

    def __init__(
        self, plan: Plan, lab_name: str, target: str, *, snaplen: int | None = None, note: Tell = silent
    ) -> None:
        (end,) = ends_of(plan, target, one_way=True)
        self._plan_port = plan.nodes[end.node].port(end.port)
        self._dilation = plan.topology.dilation
        self._lab = lab_name
        self._note = note
        self._snap = snaplen or self._plan_port.mtu + _ETHERNET
        self.port = str(end)
        self.taken = 0
        try:
            self._listener = Listener(lab_name, end, self._snap)
        except FileNotFoundError:
            raise EnvironmentFault(
                f"{end} is not there", remedy=f"mrcnet up the topology of {lab_name} again"
            ) from None

    @property
    def missed(self) -> int:
        """Frames that came and were not taken in time."""
        return self._listener.missed

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()

    def frames(
        self, ended: Callable[[], bool], *, count: int | None = None, seconds: float | None = None
    ) -> Iterator[list[Heard]]:
        """Frames in order, now and then none, until `ended`, `count` frames, so many wall seconds, or the
        lab's end; all that had come by then are there.
        """
        until = None if seconds is None else time.monotonic_ns() + round(seconds * 1e9)
        last = None
        while self.taken != count:
            if last is None and (ended() or (until is not None and time.monotonic_ns() >= until)):
                last = time.monotonic_ns()
            heard = self._listener.take()[: None if count is None else count - self.taken]
            if last is not None:
                heard = [one for one in heard if one.at <= last]
            self.taken += len(heard)
            yield heard
            if heard:
                continue
            if last is not None:
                return
            if self._listener.gone():
                self._note("the lab went down")
                return
            left = _PATIENCE_S if until is None else (until - time.monotonic_ns()) / 1e9
            self._listener.wait(max(0.0, min(_PATIENCE_S, left)))

    def write(
        self,
        stream: Stream,
        ended: Callable[[], bool],
        *,
        count: int | None = None,
        seconds: float | None = None,
    ) -> None:
        """The same as pcapng, until nobody reads it any more. Instants are wall time of the day."""
        since = time.time_ns() - time.monotonic_ns()
        comment = (
            f"lab {self._lab}; times are wall time; dilation {self._dilation}: fabric time is"
            f" 1/{self._dilation} of it; began at fabric time"
            f" {time.monotonic_ns() / self._dilation / 1e9:.9f} s of this machine's clock"
        )
        port = self._plan_port
        description = f"to {port.peer_node}:{port.peer_port}, plane {port.plane}"
        last = time.time_ns()
        stream.add(pcapng.opening(self.port, description, comment, f"mrcnet {__version__}", self._snap))
        for heard in self.frames(ended, count=count, seconds=seconds):
            stream.add(
                b"".join(pcapng.frame(one.at + since, one.length, one.sent, one.data) for one in heard)
            )
            last = heard[-1].at + since if heard else last
            if not stream.open:
                return
        stream.add(pcapng.closing(last, self.missed))
