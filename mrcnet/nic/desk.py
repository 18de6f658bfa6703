"""Where other commands ask a run that is on for what its end points know: a socket beside its registration.

The folder is private to root, so whoever can ask may. A question is one line, `src dst`; the answer one JSON
object: the EV table of that pair, or `null` if the run has no such flow.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from mrcnet.kernel import state
from mrcnet.kernel.processes import registered
from mrcnet.nic.messages import Ask, Table
from mrcnet.workload.report import EvRow

_QUESTION_WITHIN = 0.2  # wall seconds: the run waits for nobody
_QUESTION_MOST = 256
_ANSWER_WITHIN = 5.0
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

    def take(self) -> Ask | None:
        """The question of whoever comes next; None if it is none."""
        try:
            asker, _ = self._listener.accept()
        except OSError:
            return None
        asker.settimeout(_QUESTION_WITHIN)
        with suppress(OSError, ValueError):
            src, dst = asker.recv(_QUESTION_MOST).decode().split()
            if len(self._asking) < _ASKING_MOST:
                self._count += 1
                self._asking[self._count] = asker
                return Ask(self._count, src, dst)
        asker.close()
        return None

    def answer(self, table: Table) -> None:
        """Tell who asked; that he may be gone is no matter."""
        asker = self._asking.pop(table.number, None)
        if asker is not None:
            rows = None if table.rows is None else [asdict(row) for row in table.rows]
            with asker, suppress(OSError):
                asker.sendall(json.dumps(rows).encode())

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
    for pid in registered(lab):
        with suppress(OSError, ValueError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as desk:
            desk.settimeout(_ANSWER_WITHIN)
            desk.connect(str(_path(lab, pid)))
            desk.sendall(f"{src} {dst}\n".encode())
            with desk.makefile("rb") as said:
                rows = json.loads(said.read())
            if rows is not None:
                return [EvRow(**row) for row in rows]
    return None


def _path(lab: str, pid: int) -> Path:
    return state.runs_directory(lab) / f"{pid}.sock"
