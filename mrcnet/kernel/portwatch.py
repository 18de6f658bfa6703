"""How many frames ports sent and received, read again and again at little cost."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from mrcnet.kernel import netns
from mrcnet.topology.model import End

_RECEIVED, _SENT = 1, 9  # columns of /proc/net/dev behind the name; the bytes stand before each
_MOST = 1 << 16


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the kernel counted at a port."""

    sent: int
    sent_bytes: int
    received: int
    received_bytes: int


class PortWatch:
    """The kernel's own counters of some ports of a lab. Holds their namespaces until it is closed.

    Raises OSError if a namespace is gone.
    """

    def __init__(self, lab: str, ends: Iterable[End]) -> None:
        self.ends = tuple(ends)
        self._files: dict[str, int] = {}
        try:
            for node in dict.fromkeys(end.node for end in self.ends):
                with netns.inside(netns.path_of(lab, node)):
                    self._files[node] = os.open("/proc/thread-self/net/dev", os.O_RDONLY | os.O_CLOEXEC)
        except BaseException:
            self.close()
            raise

    def read(self) -> tuple[list[int], list[int]]:
        """Frames sent, and received, so far: one figure a port; 0 of a port that is gone."""
        rows = self._rows()
        sent, received = ([0 if row is None else int(row[at]) for row in rows] for at in (_SENT, _RECEIVED))
        return sent, received

    def traffic(self) -> list[Traffic]:
        """Frames and bytes of each port so far; zeros of one that is gone."""
        columns = _SENT, _SENT - 1, _RECEIVED, _RECEIVED - 1
        return [
            Traffic(*(0 if row is None else int(row[column]) for column in columns)) for row in self._rows()
        ]

    def _rows(self) -> list[list[bytes] | None]:
        seen: dict[End, list[bytes]] = {}
        for node, file in self._files.items():
            for line in _whole(file).splitlines()[2:]:
                name, _, words = line.partition(b":")
                seen[End(node, name.strip().decode())] = words.split()
        return [seen.get(end) for end in self.ends]

    def close(self) -> None:
        """Let go of the namespaces."""
        while self._files:
            os.close(self._files.popitem()[1])


def _whole(file: int) -> bytes:
    """The file as it is now; the kernel gives a page or so at a time."""
    text = b""
    while part := os.pread(file, _MOST, len(text)):
        text += part
    return text
