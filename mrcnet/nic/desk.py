"""Where others ask a run what its end points know, and a controller tells it which EVs are denied: a socket
beside the run's registration.

The folder is private to root, so whoever can ask may. A question is one line, the answer one JSON object:
`table SRC DST` is answered by the EV table of that pair, `null` if the run has no such flow; `pulse` by what
the run is doing now (`workload.pulse`); `deny LINK` and `allow LINK` by how many EVs, of all QPs together,
hosts were told of, `null` if there is no such link.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mrcnet.kernel import state
from mrcnet.kernel.processes import registered
from mrcnet.nic.messages import Ask, AskPulse, Deny, Table
from mrcnet.workload.pulse import EvHealth, Happening, Pulse
from mrcnet.workload.report import EvRow

_QUESTION_WITHIN = 0.2  # wall seconds: the run waits for nobody
_QUESTION_MOST = 256
_ANSWER_WITHIN = 5.0
_CONTROL_WITHIN = 1.0
_ASKING_MOST = 8


class Desk:
    """The run's side. Its parent waits for `fileno`, too."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(_ASKING_MOST)
        self._listener.settimeout(0)
        self._asking: dict[int, socket.socket] = {}
        self._count = 0

    def fileno(self) -> int:
        """Readable when somebody asks."""
        return self._listener.fileno()

    def take(self) -> Ask | AskPulse | Deny | None:
        """The question of whoever comes next; None if it is none."""
        try:
            asker, _ = self._listener.accept()
        except OSError:
            return None
        asker.settimeout(_QUESTION_WITHIN)
        with suppress(OSError, ValueError):
            question = _parsed(asker.recv(_QUESTION_MOST).decode().split(), self._count + 1)
            if len(self._asking) < _ASKING_MOST:
                self._count += 1
                self._asking[self._count] = asker
                return question
        asker.close()
        return None

    def answer(self, table: Table) -> None:
        """Tell who asked for a table."""
        self._say(table.number, None if table.rows is None else [asdict(row) for row in table.rows])

    def tell(self, number: int, pulse: Pulse) -> None:
        """Tell who asked what the run is doing."""
        self._say(number, asdict(pulse))

    def confirm(self, deny: Deny, evs: int | None) -> None:
        """Tell a controller what was done; None: nothing, there is no such link."""
        self._say(deny.number, evs)

    def _say(self, number: int, what: object) -> None:
        """That who asked may be gone is no matter."""
        asker = self._asking.pop(number, None)
        if asker is not None:
            with asker, suppress(OSError):
                asker.sendall(json.dumps(what).encode())

    def close(self) -> None:
        """Whoever still asks hears nothing more."""
        for asker in (self._listener, *self._asking.values()):
            asker.close()
        self._path.unlink(missing_ok=True)


def open_desk(lab: str) -> Desk | None:
    """The desk of this process's run; None if it is not registered (`kernel.processes.register_run`)."""
    return Desk(_path(lab, os.getpid())) if os.getpid() in registered(lab) else None


def ask(lab: str, src: str, dst: str) -> Sequence[EvRow] | None:
    """The EV table of a pair in whichever run of the lab has a flow from `src` to `dst`; None if none has."""
    for pid in desks(lab):
        rows = _asked(lab, pid, f"table {src} {dst}", _ANSWER_WITHIN)
        if rows is not None:
            return [EvRow(**row) for row in rows]
    return None


def pulses(lab: str) -> dict[int, Pulse]:
    """What the lab's runs are doing now, by process id; one that does not answer at once is left out."""
    said = {pid: _asked(lab, pid, "pulse", _CONTROL_WITHIN) for pid in desks(lab)}
    return {pid: _pulse(one) for pid, one in said.items() if one is not None}


def _pulse(said: dict[str, Any]) -> Pulse:
    return Pulse(
        at=said["at"],
        delivered=tuple(said["delivered"]),
        qps=said["qps"],
        evs=tuple(EvHealth(**one) for one in said["evs"]),
        events=tuple(Happening(**one) for one in said["events"]),
        counts=tuple((name, count) for name, count in said["counts"]),
    )


def desks(lab: str) -> tuple[int, ...]:
    """The process ids of the lab's runs that can be asked."""
    return tuple(pid for pid in registered(lab) if _path(lab, pid).exists())


def deny(lab: str, pid: int, target: str, *, on: bool) -> int | None:
    """Have the run `pid` deny the EVs that cross the link `target`, or allow them: how many of all its QPs
    these were; None if it has no such link or does not answer at once.
    """
    evs = _asked(lab, pid, f"{'deny' if on else 'allow'} {target}", _CONTROL_WITHIN)
    return None if evs is None else int(evs)


def _asked(lab: str, pid: int, question: str, within: float) -> Any:
    """The answer of a run; None if there is none."""
    with suppress(OSError, ValueError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as desk:
        desk.settimeout(within)
        desk.connect(str(_path(lab, pid)))
        desk.sendall(f"{question}\n".encode())
        with desk.makefile("rb") as said:
            return json.loads(said.read())
    return None


def _parsed(words: list[str], number: int) -> Ask | AskPulse | Deny:
    """A question from its words. ValueError if it is none."""
    match words:
        case ["table", src, dst]:
            return Ask(number, src, dst)
        case ["pulse"]:
            return AskPulse(number)
        case ["deny" | "allow" as verb, target]:
            return Deny(number, target, verb == "deny")
    raise ValueError(words)


def _path(lab: str, pid: int) -> Path:
    return state.runs_directory(lab) / f"{pid}.sock"
