"""The heap clock: who is to be woken when. Fabric nanoseconds; ties go to who was set first."""

from __future__ import annotations

import heapq

NEVER = 1 << 62


class Clock:
    """Virtual time, and one alarm for each of the numbered sleepers."""

    def __init__(self, sleepers: int) -> None:
        self.now = 0
        self._alarm = [NEVER] * sleepers
        self._heap: list[tuple[int, int, int]] = []  # instant, sequence, sleeper
        self._sequence = 0

    def set(self, sleeper: int, at: int) -> None:
        """Wake `sleeper` at the instant `at` and not before; NEVER: leave it asleep."""
        if at == self._alarm[sleeper]:
            return
        self._alarm[sleeper] = at
        if at < NEVER:
            self._sequence += 1
            heapq.heappush(self._heap, (at, self._sequence, sleeper))

    def next(self) -> int:
        """The earliest alarm; NEVER if there is none."""
        while self._heap and self._alarm[self._heap[0][2]] != self._heap[0][0]:
            heapq.heappop(self._heap)  # set again since
        return self._heap[0][0] if self._heap else NEVER

    def ring(self) -> list[int]:
        """The sleepers whose alarm is due now, in order of instant and sequence; their alarms are off."""
        woken: list[int] = []
        while self.next() <= self.now:
            sleeper = heapq.heappop(self._heap)[2]
            self._alarm[sleeper] = NEVER
            woken.append(sleeper)
        return woken
