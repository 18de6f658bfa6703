"""The EVs on which a QP's control packets travel back, one a plane, kept fresh by EV probes (spec 4.8)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mrcnet.mrc.evs import EvSet, State
from mrcnet.mrc.requestor import NEVER
from mrcnet.mrc.settings import Settings


class ReverseEvs:
    """Chooses the EV of each control packet; learns from answered and unanswered EV probes."""

    def __init__(self, evs: EvSet, settings: Settings, rng: np.random.Generator) -> None:
        self._evs = evs
        self._settings = settings
        self._rng = rng
        # section 9 no. 29: to begin with, the first EV of each plane
        allowed = evs.allowed
        self._of_plane: dict[int, int | None] = {
            plane: next((int(ev) for ev in allowed if evs.plane[ev] == plane), None) for plane in evs.planes
        }
        self._unanswered = dict.fromkeys(evs.planes, 0)
        self._flying: dict[int, int] = {}  # plane -> EV under probe
        self._due = NEVER
        self._probed_at = -settings.reverse_probe_ns
        self._turn = 0

    def pick(self, room: npt.NDArray[Any]) -> int | None:
        """The EV for the next control packet: planes in turn, those whose port has room and whose reverse
        EV is known first; None if no EV may carry anything.
        """
        planes = self._evs.planes
        self._turn += 1
        order = [planes[(self._turn + step) % len(planes)] for step in range(len(planes))]
        for plane in order:
            number = self._of_plane[plane]
            if number is not None and self._may_carry(number) and room[self._evs.port[number]] > 0:
                return number
        return self._any()  # spec 3.9: from any healthy port

    def _may_carry(self, number: int) -> bool:
        return not self._evs.out[number] and bool(self._evs.state[number] != State.DENIED)  # spec 4.3

    def _any(self) -> int | None:
        allowed = self._evs.allowed
        return int(allowed[self._rng.integers(len(allowed))]) if len(allowed) else None

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
        number = self._any()
        if number is None:
            self._due = NEVER
            return None
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
        if self._may_carry(number):  # it may have been denied meanwhile
            self._of_plane[plane] = number
