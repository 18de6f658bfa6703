"""What happened in a drill, in words and in order of time. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from mrcnet.drill.measured import EventLine
from mrcnet.drill.model import Done
from mrcnet.mrc.events import EvChanged, PacketsLost, PlaneChanged
from mrcnet.workload.report import Told
from mrcnet.workload.summary import Recording


def story(recording: Recording, done: Sequence[Done]) -> list[EventLine]:
    """Faults, EVs lost and regained, QPs failed, what a prober found."""
    start = recording.start_at
    lines = [EventLine((one.at - start) / 1e6, *_act(one)) for one in done]
    lines += [EventLine((event.at - start) / 1e6, *_tell(host, event)) for host, event in recording.events]
    lines += [EventLine((one.at - start) / 1e6, "prober", one.text) for one in recording.found]
    return sorted(lines, key=lambda line: line.at_ms)


def _act(done: Done) -> tuple[str, str]:
    """What was done, or undone."""
    silent = " (silent)" if done.step.silent else ""
    over = bool(done.undid) and not done.did and not done.first
    return done.step.action, f"{done.step.title}{silent}" + (" is over" if over else "")


def _tell(host: str, event: Told) -> tuple[str, str]:
    """An event's kind and what it says."""
    who = f"{host} QP {event.qpn:#x}"
    if isinstance(event, EvChanged):
        change = f"{event.old} -> {event.new} ({event.cause})"
        return "ev", f"{who} EV {event.ev:#010x} plane {event.plane}: {change}"
    if isinstance(event, PlaneChanged):
        return "plane", f"{who} plane {event.plane} {'returned' if event.up else 'withdrawn'} ({event.cause})"
    if isinstance(event, PacketsLost):
        return "lost", f"{who}: {len(event.psn)} packets ({event.cause})"
    return "qp", f"{who} to ERROR: {event.reason}"
