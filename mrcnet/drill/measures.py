"""What a fault did, in numbers: made from the recording of a run and the instants of the drill. Pure.

The words are defined in GLOSSARY.md; this module is where they get their exact meaning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from mrcnet.drill.goodput import WINDOW, Curve, goodput
from mrcnet.drill.load_measures import load_measures
from mrcnet.drill.measured import Measures
from mrcnet.drill.model import Done
from mrcnet.drill.scene import Loss, Scene
from mrcnet.mrc.events import EvChanged
from mrcnet.plan.crossings import Crossings
from mrcnet.workload.collective import ends_of
from mrcnet.workload.summary import Recording

WARM_UP = 0.25  # of the time before the first fault that does not count as steady


def measure(
    recording: Recording,
    done: Sequence[Done],
    end: int,
    first: Done | None = None,
    of: Done | None = None,
    trimmed: int = 0,
) -> Measures:
    """Measures over all flows, from the moment `of` (None: the first of `done`) on; posting ended at `end`.

    Goodput is compared with that before the `first` fault (None: the first of `done`).
    """
    job = recording.job
    crossings = Crossings(job.plan)
    first = first or done[0]
    chosen = of or first
    scene = Scene(recording, done, chosen, end, crossings)
    steady = recording.start_at + int((first.at - recording.start_at) * WARM_UP)
    curve = Curve(recording.delivered, recording.start_at, job.bin_ns)
    rates = goodput(curve, steady, first.at, scene.over, None if chosen is first else chosen.at)
    before, after = float(rates.before.sum()), float(rates.after.sum())
    gone, here = scene.gone(), scene.gone_here()
    back = [e for e in scene.events if isinstance(e, EvChanged) and (e.old, e.new) == ("ASSUMED_BAD", "GOOD")]
    sent_at = [loss.sent_at for loss in scene.losses]
    by_qp = Counter(loss.qpn for loss in scene.losses)
    by_ev = Counter((loss.qpn, loss.ev) for loss in scene.losses)
    leaves = [e.at for e in here] + [e.at for e in scene.withdrawn()]
    return Measures(
        error_ms=chosen.error / 1e6,
        detection_ms=_ms(min(leaves, default=None), chosen.at),
        last_loss_ms=_ms(max(sent_at, default=None), chosen.at),
        recovery_ms=None if rates.recovery is None else rates.recovery / 1e6,
        longest_gap_ms=_longest_gap(recording, chosen.at, end),
        longest_gap_before_ms=_longest_gap(recording, steady, first.at),
        packets_lost_on_dead_evs=len(scene.losses),
        evs_on_link=sum(len(evs) for evs in scene.dead.values()),
        evs_hit=len({(event.qpn, event.ev) for event in here}),
        evs_lost=len(gone),
        evs_lost_elsewhere=len(gone) - len(here),
        evs_regained=len(back),
        goodput_before_bps=before,
        goodput_during_bps=float(rates.during.sum()),
        goodput_after_bps=after,
        goodput_after_share=after / before if before else 0.0,
        planes_before_bps=tuple(rates.before.tolist()),
        planes_during_bps=tuple(rates.during.tolist()),
        planes_after_bps=tuple(rates.after.tolist()),
        respray_ms=_ms(_last_of_first(here, leaves), chosen.at),
        lost_per_qp_mean=_mean(by_qp),
        lost_per_qp_max=float(max(by_qp.values())) if by_qp else None,
        lost_per_ev_median=_median(by_ev),
        lost_per_ev_max=float(max(by_ev.values())) if by_ev else None,
        lost_per_flap_median=_median(_by_flap(scene)),
        qps_hit=len(by_qp),
        leanest_share=_leanest(curve, scene.begins, scene.until, before),
        plateau_share=_plateau(curve, scene, before),
        step_stretch=_stretch(recording, first.at, scene),
        job_inflation=_inflation(recording, before),
        **load_measures(recording, done, end, crossings, trimmed),
    )


def _ms(at: int | None, since: int) -> float | None:
    return None if at is None else (at - since) / 1e6


def _mean(counts: Counter[int]) -> float | None:
    return counts.total() / len(counts) if counts else None


def _median(counts: Counter[tuple[int, int]]) -> float | None:
    return float(np.median(list(counts.values()))) if counts else None


def _last_of_first(here: list[EvChanged], leaves: list[int]) -> int | None:
    """When the last of the EVs that were struck was left for the first time."""
    first: dict[tuple[int, int], int] = {}
    for event in here:
        first.setdefault((event.qpn, event.ev), event.at)
    return max(first.values()) if first else max(leaves, default=None)


def _by_flap(scene: Scene) -> Counter[tuple[int, int]]:
    """Packets by (flap, QP): a loss belongs to the last flap before it was found."""
    strikes = np.array(scene.strikes)

    def flap(loss: Loss) -> int:
        return int(np.searchsorted(strikes, loss.at, "right"))

    return Counter((flap(loss), loss.qpn) for loss in scene.losses)


def _leanest(curve: Curve, since: int, until: int, before: float) -> float | None:
    """The leanest stretch of 100 bins from the fault to the next, or of as many as there are."""
    first, last = curve.first(since), curve.last(until)
    size = min(WINDOW, last - first)
    if not before or size < 1:
        return None
    usual = before * curve.width / 8e9 * size
    return float(curve.sliding(first, last, size).min()) / usual


def _plateau(curve: Curve, scene: Scene, before: float) -> float | None:
    """Goodput in the later half of the time to the next action, or the fault's end, as a share of before."""
    until = min(scene.until, scene.over)
    middle = curve.first((scene.begins + until) // 2)
    last = curve.last(until)
    if not before or last <= middle:
        return None
    return float(curve.slope(middle, last).sum()) / before


def _stretch(recording: Recording, first: int, scene: Scene) -> float | None:
    """The longest step that ended from the fault on over the median of those before the first."""
    before: list[int] = []
    longest = 0
    for length, at in _steps(recording):
        if at < first:
            before.append(length)
        elif at >= scene.begins:
            longest = max(longest, length)
    usual = float(np.median(before)) if before else 0.0
    return longest / usual if usual and longest else None


def _steps(recording: Recording) -> Iterator[tuple[int, int]]:
    """(length, end) of every iteration of a collective, or else of every message."""
    if recording.job.programs:
        ends = ends_of(recording)
        yield from ((end - begin, end) for begin, end in pairwise([recording.start_at, *ends]))
        return
    for source in recording.sources.values():
        yield from zip(source.durations, source.ends, strict=False)


def _inflation(recording: Recording, before: float) -> float | None:
    """How many times longer the job took than its bytes would have at the goodput before the first fault."""
    sized = [flow.number for flow in recording.job.flows if flow.size is not None]
    ends = [at for number in sized if (at := recording.sources[number].ended_at) is not None]
    size = sum(recording.sinks[number].verified_bytes for number in sized)
    if not ends or not before or not size:
        return None
    return (max(ends) - recording.start_at) * before / 8e9 / size


def _longest_gap(recording: Recording, since: int, until: int) -> float:
    """The longest time in ms that any flow went without a delivery between two instants.

    The gap into which `since` falls counts whole, the one into which `until` falls up to there. A load
    beside does not count, a flow that is through counts up to its end.
    """
    longest = 0
    for flow in recording.job.flows:
        if flow.beside:
            continue
        at = recording.sinks[flow.number].arrivals
        last, source = until, recording.sources[flow.number]
        if flow.size is not None and source.done and source.failure is None and len(at):
            last = min(until, int(at.max()))
        earlier = int(at[at < since].max(initial=recording.start_at))
        edges = np.concatenate(([earlier], at[(at >= since) & (at <= last)], [max(last, earlier)]))
        longest = max(longest, int(np.diff(edges).max()))
    return longest / 1e6
