"""The EVs on which a QP's control packets travel back, one a plane, kept fresh by EV probes (spec 4.8)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.evs import EvSet
from mrcnet.mrc.requestor import NEVER
from mrcnet.mrc.settings import Settings


class ReverseEvs:
    """Chooses the EV of each control packet; learns from answered and unanswered EV probes."""

    def __init__(self, evs: EvSet, settings: Settings, rng: np.random.Generator) -> None:
        self._evs = evs
        self._settings = settings
        self._rng = rng
        # section 9 no. 29: to begin with, the first EV of each plane
        self._of_plane: dict[int, int | None] = {p: int(m[0]) for p, m in evs.of_plane.items()}
        self._unanswered = dict.fromkeys(evs.planes, 0)
        self._flying: dict[int, int] = {}  # plane -> EV under probe
        self._due = NEVER
        self._probed_at = -settings.reverse_probe_ns
        self._turn = 0

    def pick(self, room: npt.NDArray[Any]) -> int:
        """The EV for the next control packet: planes in turn, those whose port has room and whose reverse
        EV is known first.
        """
        planes = self._evs.planes
        self._turn += 1
        order = [planes[(self._turn + step) % len(planes)] for step in range(len(planes))]
        for plane in order:
            number = self._of_plane[plane]
            if number is not None and not self._evs.out[number] and room[self._evs.port[number]] > 0:
                return number
        well = np.flatnonzero(~self._evs.out)  # spec 3.9: from any healthy port
        number = int(self._rng.integers(len(well) or len(self._evs.paths)))
        return int(well[number]) if len(well) else number

    def on_data(self, now: int) -> None:
        """Data came in: while it does, probe (spec 4.8)."""
        if self._due == NEVER:
            self._due = max(now, self._probed_at + self._settings.reverse_probe_ns)

    def next_timer(self) -> int:
        """When the next EV probe is due."""
        return self._due

    def due(self, now: int) -> int | None:
        """The EV to probe now, if any: a random one; the pace stops until data comes again."""
        if now < self._due:
            return None
        well = np.flatnonzero(~self._evs.out)
        if not len(well):
            self._due = NEVER
            return None
        number = int(well[self._rng.integers(len(well))])
        plane = int(self._evs.plane[number])
        if plane in self._flying:
            self._unanswered[plane] += 1
            if self._unanswered[plane] >= self._settings.reverse_probe_losses:
                self._of_plane[plane] = None
        self._flying[plane] = number
        self._due = NEVER
        self._probed_at = now
        return number

    def on_answer(self, number: int) -> None:
        """spec 4.8: an answered EV becomes the reverse EV of its plane."""
        plane = int(self._evs.plane[number])
        self._flying.pop(plane, None)
        self._unanswered[plane] = 0
        self._of_plane[plane] = number
