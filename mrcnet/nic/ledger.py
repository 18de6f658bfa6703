"""A host's own count of frames, by EV and direction: the two ends of the books of each EV."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.wire import layout
from mrcnet.mrc.wire.frames import RxBatch, TxBatch, view
from mrcnet.nic.ways import Ways
from mrcnet.workload.job import Job
from mrcnet.workload.report import WayFrames

_CLASS_SHIFT, _DSCP_SHIFT = 20, 2


class Ledger:
    """Frames of every kind; the last entry of each column counts those of no EV of a flow."""

    def __init__(self, job: Job, host: str, ways: Ways) -> None:
        """`ways`: those to the host."""
        self._out = Ways(job, host, out=True)
        self._in = ways
        self._sent = np.zeros(len(self._out.all) + 1, np.int64)
        self._arrived = np.zeros(len(self._in.all) + 1, np.int64)
        self._trimmed = np.zeros(len(self._in.all) + 1, np.int64)
        dscp = job.settings.dscp
        self._trims = np.array([dscp.trimmed, dscp.trimmed_lasthop])

    def sent(self, batch: TxBatch) -> None:
        """A batch was handed to the kernel."""
        number = self._out.of(batch.buffer[: batch.count], 0)
        self._sent += np.bincount(number, minlength=len(self._sent))

    def arrived(self, batch: RxBatch, number: npt.NDArray[np.int64]) -> None:
        """A batch came out of the ring, on the ways of these numbers."""
        self._arrived += np.bincount(number, minlength=len(self._arrived))
        outer = view(batch.buffer, batch.at, layout.COMMON)["outer_class"]
        trimmed = np.isin(outer >> (_CLASS_SHIFT + _DSCP_SHIFT) & 0x3F, self._trims)
        if trimmed.any():
            self._trimmed += np.bincount(number[trimmed], minlength=len(self._trimmed))

    @property
    def all_arrived(self) -> int:
        """Frames of all EVs that came; what else may be on a wire, of the kernel's own, is none of them."""
        return int(self._arrived[:-1].sum())

    def ways(self) -> list[WayFrames]:
        """What this host knows of the EVs that begin here, and of those that end here."""
        sent = [
            WayFrames(way.src, way.dst, way.ev, sent=int(count))
            for way, count in zip(self._out.all, self._sent, strict=False)
        ]
        return sent + [
            WayFrames(way.src, way.dst, way.ev, arrived=int(came), trimmed=int(cut))
            for way, came, cut in zip(self._in.all, self._arrived, self._trimmed, strict=False)
        ]
