"""The EVs between a host and its peers, told from the headers of their frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.wire import layout
from mrcnet.mrc.wire.frames import view
from mrcnet.plan.paths import paths
from mrcnet.workload.job import Job, peer_addresses

_WORD = np.uint64(0x9E37_79B9_7F4A_7C15)  # odd, so that multiplying by it loses nothing
_Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Way:
    """One EV of an ordered pair of hosts."""

    src: str
    dst: str
    ev: int


class Ways:
    """All EVs from a host to its peers (`out`), or from them to it. A peer shares a flow with the host."""

    def __init__(self, job: Job, host: str, *, out: bool) -> None:
        self._form = job.settings.ev_format
        self._end = "target" if out else "source"
        found: list[Way] = []
        ends: list[bytes] = []  # the peer's address in the EV's plane
        for peer in peers(job, host):
            src, dst = (host, peer) if out else (peer, host)
            addresses = peer_addresses(job.plan, peer)
            for path in paths(job.plan, src, dst):
                found.append(Way(src, dst, path.ev))
                ends.append(addresses[path.plane])
        words = np.frombuffer(b"".join(ends), ">u8").reshape(-1, 2).astype(np.uint64)
        keys = _key(words[:, 0], words[:, 1], np.array([way.ev for way in found], np.uint32))
        order = np.argsort(keys)
        self.all = tuple(found[number] for number in order.tolist())
        self._keys = keys[order]

    def of(self, buffer: npt.NDArray[np.uint8], at: int) -> npt.NDArray[np.int64]:
        """The number in `all` of each frame (n, stride) that begins at column `at`; len(all): of none."""
        fields = view(buffer, at, layout.COMMON)
        ev = self._form.join(fields["sport"].astype(np.int64), fields["outer_class"].astype(np.int64))
        keys = _key(
            fields[f"{self._end}_hi"].astype(np.uint64), fields[f"{self._end}_lo"].astype(np.uint64), ev
        )
        number = np.searchsorted(self._keys, keys)
        number[number == len(self._keys)] = 0
        if not len(self._keys):
            return np.zeros(len(keys), np.int64)
        return np.where(self._keys[number] == keys, number, len(self._keys))


def peers(job: Job, host: str) -> tuple[str, ...]:
    """The other ends of the flows that begin or end at a host."""
    ends = [(flow.src, flow.dst) for flow in job.flows if host in (flow.src, flow.dst)]
    return tuple(dict.fromkeys(other for pair in ends for other in pair if other != host))


def _key(high: _Keys, low: _Keys, ev: npt.NDArray[Any]) -> _Keys:
    """Address and EV in one word; that two of a run meet in one is as likely as a meteorite."""
    return ((high * _WORD ^ low) * _WORD) ^ (ev.astype(np.uint64) * _WORD >> np.uint64(7))
