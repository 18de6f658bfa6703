"""Charts of a result as SVG, by matplotlib: figures that need no script, scale, and print.

Colours are stand-ins of matplotlib's that become CSS variables of the page (`templates/colours.css`), so that
light, dark and paper have their own. Parts that have something to say get an id; the page gives them a voice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from mrcnet.report.fabric import STEPS, step
from mrcnet.report.health import bad_share, stretches
from mrcnet.report.model import Completions, Fault, Picture, Timeline
from mrcnet.report.words import milliseconds

PLANES = 8  # colours; planes beyond begin again
_VARIABLES = (
    *("paper", "panel", "ink", "soft", "line", "ok", "bad", "skip", "good", "assumed-bad", "denied"),
    *("withdrawn", *(f"heat{step}" for step in range(STEPS + 1)), *(f"p{plane}" for plane in range(PLANES))),
)
COLOURS = {name: f"#{0xA1B001 + number:06x}" for number, name in enumerate(_VARIABLES)}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: it can be searched, and takes the page's fonts
    "svg.hashsalt": "mrcnet",  # the same figure, the same bytes
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "axes.edgecolor": COLOURS["line"],
    "axes.labelcolor": COLOURS["soft"],
    "text.color": COLOURS["ink"],
    "xtick.color": COLOURS["soft"],
    "ytick.color": COLOURS["soft"],
    "hatch.linewidth": 0.6,
}
_WIDE = 11.2  # inches


def chart(name: str, height: float, paint: Callable[[Figure], None], width: float = _WIDE) -> str:
    """The SVG of what `paint` draws; ids begin with `name`. Sizes in inches."""
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        figure.patch.set_visible(False)
        paint(figure)
        out = StringIO()
        FigureCanvasSVG(figure)
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return _own(name, out.getvalue())


def _own(name: str, svg: str) -> str:
    """Ids that are alone on the page, and the page's colours."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    for variable, colour in COLOURS.items():
        svg = svg.replace(colour, f"var(--{variable})")
    return svg


def timeline(name: str, line: Timeline, faults: Sequence[Fault]) -> str:
    """Goodput by plane, one upon another, and beneath it the packets that were sent and found lost."""

    def paint(figure: Figure) -> None:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        edges = line.start_ms + np.arange(len(line.delivered[0]) + 1) * line.bin_ms
        unit, divisor = time_unit(edges[-1])
        rates = np.array(line.delivered, float) * 8 / (line.bin_ms / 1000)
        scale, word = rate_unit(float(rates.sum(axis=0).max(initial=0)))
        _stack(upper, rates / scale, edges / divisor, label=True)
        _stack(lower, np.array(line.lost, float), edges / divisor, label=False)
        upper.set_ylabel(f"goodput, {word}")
        lower.set_ylabel("lost packets")
        lower.set_ylim(0, max(1.0, float(np.sum(line.lost, axis=0).max(initial=0))) * 1.15)
        lower.yaxis.get_major_locator().set_params(integer=True, nbins=3)
        lower.set_xlabel(f"fabric time since traffic began, {unit}")
        upper.set_xlim(edges[0] / divisor, edges[-1] / divisor)
        upper.set_ylim(0, max(1e-9, float(rates.sum(axis=0).max(initial=0)) / scale) * 1.3)  # room for names
        for number, fault in enumerate(faults):
            if edges[0] <= fault.at_ms <= edges[-1]:
                _mark((upper, lower), fault, number, divisor)
        if len(rates) > 1:
            figure.legend(
                *upper.get_legend_handles_labels(),
                loc="outside upper right",
                ncols=min(8, len(rates)),
                frameon=False,
                handlelength=1,
            )

    return chart(name, 3.2, paint)


def _stack(axes: Any, rows: np.ndarray[Any, Any], edges: np.ndarray[Any, Any], label: bool) -> None:
    base = np.zeros(len(edges) - 1)
    for plane, row in enumerate(rows):
        colour = COLOURS[f"p{plane % PLANES}"]
        axes.stairs(
            base + row,
            edges,
            baseline=base,
            fill=True,
            color=colour,
            linewidth=0.6 if label else 1.6,  # a single loss is to be seen
            zorder=3,
            label=f"plane {plane}" if label else None,
        )
        base = base + row


def _mark(axes: Sequence[Any], fault: Fault, number: int, divisor: float) -> None:
    """A line where a fault struck, as wide as its error bar."""
    colour = COLOURS["bad" if fault.struck else "ok"]
    at, error = fault.at_ms / divisor, (fault.error_ms or 0.0) / divisor
    for one in axes:
        one.axvspan(at - error, at + error, color=colour, alpha=0.25, linewidth=0)
        one.axvline(at, color=colour, linewidth=1.2, linestyle=(0, (4, 2)) if fault.struck else "-")
    axes[0].annotate(
        fault.action,
        (at, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(3, -9 - 10 * (number % 2)),
        textcoords="offset points",
        color=colour,
        fontsize=8,
    )


def strip(picture: Picture) -> str:
    """A row an EV, grouped by plane: its state over time. Row k has the id `strip-ev-k` of the k-th EV."""
    rows = list(strip_rows(picture))
    total = sum(height for _, height in rows)

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        unit, divisor = time_unit(picture.length_ms)
        y, plane, labels = 0.0, -1, []
        tops: dict[int, float] = {}
        for number, height in rows:
            ev = picture.evs[number]
            if ev.plane != plane:
                y += 8 if plane >= 0 else 0
                plane = ev.plane
                tops[plane] = y
            _strip_row(axes, picture, number, y, height, divisor)
            if height >= _TALL and len([one for one, size in rows if size >= _TALL]) <= _LABELS:
                labels.append((y + height / 2, f"{ev.src} → {ev.dst}  {via(picture, number)}"))
            y += height
        axes.set_ylim(y, 0)
        axes.set_xlim(0, picture.length_ms / divisor)
        axes.set_yticks([at for at, _ in labels], [words for _, words in labels], fontsize=7)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(f"fabric time since traffic began, {unit}")
        for number, top in tops.items():
            axes.annotate(
                f"plane {number}",
                (1.0, top),
                xycoords=("axes fraction", "data"),
                xytext=(6, -8),
                textcoords="offset points",
                fontsize=8,
                color=COLOURS["soft"],
                annotation_clip=False,
            )
        for fault in picture.faults:
            axes.axvline(fault.at_ms / divisor, color=COLOURS["ink"], linewidth=0.8, linestyle=(0, (2, 2)))

    return chart("strip", 0.75 + (total + 8 * picture.planes) / 72, paint)


_TALL, _LABELS = 9.0, 120  # points of a row that has something to say; labels there is room for
_QUIET = 500.0  # points for all the rows that never changed, where these are many ...
_LOW = (0.8, 3.0)  # ... but for each at least and at most so many
_FEW = 64  # rows that are all tall
MOST = 2_000  # rows at all; those that never changed are left out first


def strip_rows(picture: Picture) -> Iterator[tuple[int, float]]:
    """EVs by plane in order, each with its height: thin ones never changed, and there are many of them."""
    numbers = sorted(range(len(picture.evs)), key=lambda number: picture.evs[number].plane)
    changed = [number for number in numbers if len(picture.evs[number].spans) > 1]
    quiet = [number for number in numbers if len(picture.evs[number].spans) == 1]
    shown = set(changed[:: max(1, -(-len(changed) // MOST))])  # all planes have their part
    shown |= set(quiet[: max(0, MOST - len(changed))])
    high = set(changed if len(changed) <= 4 * _FEW else [])
    low = min(max(_QUIET / max(1, len(shown)), _LOW[0]), _LOW[1])
    for number in numbers:
        if number in shown:
            yield number, _TALL if number in high or len(numbers) <= _FEW else low


def _strip_row(axes: Any, picture: Picture, number: int, y: float, height: float, divisor: float) -> None:
    spans = list(stretches(picture.evs[number], picture.length_ms))
    bars = axes.broken_barh(
        [(span.at_ms / divisor, (end - span.at_ms) / divisor) for span, end in spans],
        (y, height - (1 if height >= _TALL else 0.2 * height)),
        facecolors=[COLOURS[span.state.lower().replace("_", "-")] for span, _ in spans],
        linewidth=0,
    )
    bars.set_gid(f"ev-{number}")


def via(picture: Picture, number: int) -> str:
    """The topmost switch on an EV's walk, without its plane."""
    walk = picture.evs[number].walk
    middle = walk[len(walk) // 2] if walk else f"{picture.evs[number].ev:#010x}"
    return middle.partition("-")[2] or middle


def heat(picture: Picture) -> str:
    """For each EV the share of the run in which it was out: flows down, paths across, plane by plane."""
    columns = sorted({(ev.plane, ev.ev & 0xFFFF) for ev in picture.evs})
    flows = list(dict.fromkeys((ev.src, ev.dst) for ev in picture.evs))
    by_host = len(flows) > _FLOWS
    rows = list(dict.fromkeys(src for src, _ in flows)) if by_host else flows
    row_of: dict[Any, int] = {row: number for number, row in enumerate(rows)}
    column_of = {column: number for number, column in enumerate(columns)}
    few = len(columns) <= _COLUMNS
    cells = np.full((len(rows), len(columns)), np.nan)
    for ev in picture.evs:
        at = row_of[ev.src if by_host else (ev.src, ev.dst)], column_of[ev.plane, ev.ev & 0xFFFF]
        cells[at] = np.nanmax([cells[at], bad_share(ev, picture.length_ms)])

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        steps = np.vectorize(step, otypes=[float])(np.nan_to_num(cells))
        palette = ListedColormap([COLOURS["good"], *(COLOURS[f"heat{k}"] for k in range(1, STEPS + 1))])
        for number, (plane, _) in enumerate(columns):  # a gap between planes
            left = number + plane * 0.35
            axes.pcolormesh(
                [left, left + 1],
                np.arange(len(rows) + 1),
                np.ma.masked_array(steps, np.isnan(cells))[:, number : number + 1],
                cmap=palette,
                vmin=-0.5,
                vmax=STEPS + 0.5,
                edgecolors=COLOURS["paper"],
                linewidth=0.8,
            )
        axes.set_ylim(len(rows), 0)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        names = [f"{row} → all" if by_host else f"{row[0]} → {row[1]}" for row in rows]
        axes.set_yticks(np.arange(len(rows)) + 0.5, names, fontsize=7)
        middles = [number + plane * 0.35 + 0.5 for number, (plane, _) in enumerate(columns)]
        axes.set_xticks(
            middles,
            [f"p{plane}\nt1-{up - 1}" if few else str(up - 1) for plane, up in columns],
            fontsize=7,
        )

    wide = 1.4 + (0.6 if few else 0.3) * len(columns)
    return chart("heat", 0.6 + max(0.24 * len(rows), 0.3), paint, min(wide, _WIDE))


_FLOWS, _COLUMNS = 64, 24  # rows of flows; columns whose labels have room


def completions(found: Completions) -> str:
    """How many of the messages were complete within a time."""

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        times = np.array(found.quantiles_ms)
        axes.step(times, np.linspace(0, 100, len(times)), where="post", color=COLOURS["p0"], linewidth=1.6)
        if times[0] > 0 and times[-1] > 20 * times[0]:
            axes.set_xscale("log")
        axes.set_ylim(0, 105)
        axes.set_ylabel("messages complete, %")
        axes.set_xlabel("from post to completion, ms of fabric time")
        for name, at, level in (("p50", found.p50_ms, 50), ("p99", found.p99_ms, 99)):
            axes.plot([at], [level], "o", color=COLOURS["bad"], markersize=4)
            axes.annotate(
                f"{name} {milliseconds(at)}",
                (at, level),
                xytext=(7, -11),
                textcoords="offset points",
                fontsize=8,
            )

    return chart("completions", 2.6, paint)


def time_unit(longest_ms: float) -> tuple[str, float]:
    """The unit in which a time axis is read, and how many ms it has."""
    if longest_ms >= 2_000:
        return "s", 1_000.0
    return ("ms", 1.0) if longest_ms >= 2 else ("µs", 0.001)


def rate_unit(most: float) -> tuple[float, str]:
    """How many bit/s the unit has in which a rate axis is read, and its name."""
    for scale, word in ((1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s")):
        if most >= scale:
            return scale, word
    return 1.0, "bit/s"
