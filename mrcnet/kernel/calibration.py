"""What this machine carries, as it was measured once: kept beside the labs."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass

from mrcnet.errors import EnvironmentFault
from mrcnet.kernel import state

_VERSION = 2
_NAME = "calibration"  # no lab is called that: a lab's files have a suffix


@dataclass(frozen=True, slots=True)
class Calibration:
    """Packets/s that one core carries from end to end over a fabric, unshaped and shaped; how many cores;
    how late, in wall ns, a NIC is under that load for each host that its core serves.
    """

    unshaped_pps: float
    shaped_pps: float
    cores: int
    late_ns: int


def recall() -> Calibration | None:
    """What was measured; None if nothing was, or on another number of cores."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        document = json.loads((state.DIRECTORY / _NAME).read_text())
        if document.pop("version") == _VERSION:
            found = Calibration(**document)
            return found if found.cores == len(os.sched_getaffinity(0)) else None
    return None


def save(found: Calibration) -> None:
    """Keep it. EnvironmentFault if it cannot be written."""
    state.make_directory()
    draft = state.DIRECTORY / f".{_NAME}-{os.getpid()}"
    try:
        draft.write_text(json.dumps({"version": _VERSION, **asdict(found)}))
        draft.replace(state.DIRECTORY / _NAME)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise EnvironmentFault(f"cannot write {state.DIRECTORY / _NAME}: {error.strerror}") from error
