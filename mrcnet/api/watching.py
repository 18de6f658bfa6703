"""Looking at a lab again and again: its ports and the runs that are on."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from mrcnet.watch.look import Looker
from mrcnet.watch.metrics import exposition
from mrcnet.watch.model import LabSeen


class Watch:
    """Looks at one lab until its block ends. InputError if there is no such lab, or no longer."""

    def __init__(self, lab_name: str) -> None:
        self._looker = Looker(lab_name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._looker.close()

    def look(self) -> LabSeen:
        """All ports, and what runs tell, as they stand; counters only grow while a lab is up."""
        return self._looker.look()

    def metrics(self) -> str:
        """The same in Prometheus' text format, 0.0.4."""
        return exposition(self.look())
