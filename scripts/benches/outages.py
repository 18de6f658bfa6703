"""The paper's figures 8 and 9 in miniature, by labs of the catalogue: what ports, links and a switch cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from benches.figure import Figure, figure, mrcnet

SMOOTH = 0.05  # of a run: the width of the bell by which its curve is drawn, for hosts take turns
# arXiv 2605.04333, Gb/s of one NIC or Pb/s of all. Figure 9 a: its plateaus, ports going down one by one.
LADDER = tuple(rate / 1535 for rate in (1535, 1335, 1145, 955, 765, 575, 383))
HALF = 765 / 1535
GREY = 10.1 / 12.4
WITHIN = 0.98

Spans = Sequence[tuple[float, float, float]]  # (from, to, share) of the paper's curve, on our time axis


def figure_8() -> Iterator[Figure]:
    """paper-fig8: a T1 that swallows all, is rebooted and comes back (E6): the leanest stretch since the
    reboot over goodput before. Sound if EVs were hit at the onset, and none at reboot or return.
    """
    run = _run("t1-grey")
    onset, reboot = (_of(run, name) for name in ("grey", "reboot"))
    struck, again, back, end = _times(run)
    sample = (again - struck) / 12  # the paper's dip is one sample of a minute, of twelve
    paper = ((0, struck, 1.0), (struck, struck + sample, GREY), (struck + sample, end, 1.0))
    yield _figure(
        "paper-fig8",
        run,
        reboot["leanest_share"],
        0.95,
        paper,
        sound=onset["evs_hit"] > 0 and reboot["evs_hit"] == 0 and again < back,
        at_onset=round(onset["leanest_share"], 4),
        packets_lost=run["metrics"]["packets_lost"],
    )


def figure_9() -> Iterator[Figure]:
    """paper-fig9a to d: how near the plateaus of a NIC that loses its ports one by one (E7), and half of them
    at once (E8), are to what is left; the leanest stretch of 1 ms while links go one by one (E9); goodput for
    as long as links are down that went at once (E10). A bin of the paper's, 200 ms, is some 20 000 RTTs; that
    outage here lasts 23, so that the two RTTs in which losses are found show.
    """
    run = _run("port-ladder")
    steps = [_of(run, f"down-{step}")["plateau_share"] for step in range(1, 7)]
    near = [1 - abs(share / (1 - step / 8) - 1) for step, share in enumerate(steps, 1)]
    times = [0.0, *_times(run)]
    paper = [(begin, end, share) for (begin, end), share in zip(pairwise(times), LADDER, strict=False)]
    returned = _of(run, "up-2")["plateau_share"]
    yield _figure(
        "paper-fig9a", run, min(near), WITHIN, (*paper, (times[-2], times[-1], 1.0)), sound=returned >= WITHIN
    )

    run = _run("half-nic")
    half, back = (_of(run, name)["plateau_share"] for name in ("half", "back"))
    down, up, end = _times(run)
    paper = [(0.0, down, 1.0), (down, up, HALF), (up, end, 1.0)]
    near = [1 - abs(half / 0.5 - 1), 1 - abs(back - 1)]
    yield _figure("paper-fig9b", run, min(near), WITHIN, paper)

    run = _run("links-one-by-one")
    end = run["picture"]["length_ms"]
    yield _figure("paper-fig9c", run, run["metrics"]["leanest_share"], 0.95, ((0.0, end, 1.0),))

    run = _run("links-at-once")
    down, up, end = _times(run)
    leanest = round(run["metrics"]["leanest_share"], 4)
    yield _figure("paper-fig9d", run, _mean(run, down, up), 0.96, ((0.0, end, 1.0),), leanest_100us=leanest)


def draw(axes: Axes, found: Figure) -> None:
    """Goodput over that before, and the paper's curve, its time stretched so that its faults are ours."""
    for begin, end, share in found.note["paper"]:
        axes.plot(
            [begin, end], [share, share], color="#bf8700", linewidth=6, alpha=0.35, solid_capstyle="butt"
        )
    axes.plot(found.note["at_ms"], found.note["share"], color="#1f6feb", linewidth=1.6)
    for at in found.note["faults_ms"]:
        axes.axvline(at, color="#888", linewidth=0.8, linestyle=":")
    axes.set_ylim(0, 1.15)
    axes.set_xlabel("fabric time, ms; dotted: what was done")
    axes.set_ylabel("goodput over that before; pale: the paper's")


def _run(lab: str) -> dict[str, Any]:
    return mrcnet("drill", f"labs/{lab}", "--on", "sim", check=False)


def _of(run: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The measures that count from the action of this name."""
    return next(dict(one["measures"]) for one in run["of"] if one["name"] == name)


def _times(run: Mapping[str, Any]) -> list[float]:
    """When something was done, in ms, and the end of the run."""
    faults = [fault["at_ms"] for fault in run["picture"]["faults"]]
    return [*dict.fromkeys(faults), run["picture"]["length_ms"]]


def _shares(run: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray, float]:
    """Where bins begin, goodput in each over that before, and their width; times in ms."""
    line, before = run["picture"]["timelines"][0], run["metrics"]["goodput_before_bps"]
    share = np.sum(line["delivered"], axis=0) * 8e3 / line["bin_ms"] / before
    return line["start_ms"] + np.arange(len(share)) * line["bin_ms"], share, line["bin_ms"]


def _mean(run: Mapping[str, Any], begin: float, end: float) -> float:
    """Goodput between two instants over that before."""
    at, share, _ = _shares(run)
    return float(share[(at >= begin) & (at < end)].mean())


def _figure(
    name: str,
    run: Mapping[str, Any],
    value: float,
    bar: float,
    paper: Spans,
    *,
    sound: bool = True,
    **note: Any,
) -> Figure:
    begins, share, bin_ms = _shares(run)
    width = max(3, round(SMOOTH * len(share)))
    bell = np.hanning(width + 2)[1:-1]
    smooth = np.convolve(share, bell / bell.sum(), "valid")
    at = begins[: len(smooth)] + width / 2 * bin_ms
    right = sound and run["metrics"]["messages_wrong"] == 0 and run["metrics"]["qps_failed"] == 0
    return figure(
        name,
        [value],
        "of goodput before",
        bar,
        at_most=False,
        sound=right,
        digits=4,
        **note,
        paper=[tuple(span) for span in paper],
        faults_ms=_times(run)[:-1],
        at_ms=at.round(4).tolist(),
        share=smooth.round(4).tolist(),
    )
