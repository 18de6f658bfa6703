"""Charts of variants side by side: a bar each for every measure, and all goodputs over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from mrcnet.report.charts import COLOURS, PLANES, chart, rate_unit, time_unit
from mrcnet.report.model import Result
from mrcnet.report.sidebyside import SideBySide, spell

_ACROSS = 3  # measures in a row


def bars(found: SideBySide) -> str:
    """A panel a measure, a bar a variant with its extremes; what never came fills its panel, hatched."""
    down = -(-len(found.columns) // _ACROSS)
    names = [row.variant for row in found.rows]

    def paint(figure: Figure) -> None:
        panels = figure.subplots(down, _ACROSS, squeeze=False).ravel()
        for panel in panels[len(found.columns) :]:
            panel.set_visible(False)
        for number, (panel, column) in enumerate(zip(panels, found.columns, strict=False)):
            cells = [row.cells[number] for row in found.rows]
            tallest = max((cell.most or 0.0 for cell in cells), default=0.0) or 1.0
            for at, cell in enumerate(cells):
                colour = COLOURS[f"p{at % PLANES}"]
                if cell.median is None and cell.never:
                    panel.barh(at, tallest * 1.3, color="none", edgecolor=colour, hatch="//", linewidth=0.8)
                elif cell.median is not None:
                    panel.barh(at, cell.median, color=colour)
                    if cell.least is not None and cell.most is not None and cell.least < cell.most:
                        panel.hlines(at, cell.least, cell.most, color=COLOURS["ink"], linewidth=1.2)
                panel.annotate(
                    spell(cell).partition(" (")[0],
                    (0, at),
                    xytext=(4, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=8,
                    color=COLOURS["ink"],
                )
            panel.set_yticks(range(len(names)), names if number % _ACROSS == 0 else [""] * len(names))
            panel.set_ylim(len(names) - 0.5, -0.5)
            panel.set_xlim(0, tallest * 1.3)
            panel.set_xticks([])
            panel.tick_params(axis="y", length=0)
            panel.spines[["bottom"]].set_visible(False)
            panel.set_title(column.title, fontsize=9, loc="left", color=COLOURS["soft"])

    return chart("bars", down * (0.45 + 0.27 * len(names)), paint)


def goodputs(runs: Sequence[tuple[str, Result]]) -> str | None:
    """Goodput of all planes over the run, a line a variant; where the first one's faults struck."""
    lines = [(name, result.picture.timelines[0]) for name, result in runs if result.picture.timelines]
    lines = [(name, line) for name, line in lines if line.delivered and line.delivered[0]]
    if not lines:
        return None
    longest = max(line.start_ms + len(line.delivered[0]) * line.bin_ms for _, line in lines)
    rates = [np.sum(line.delivered, axis=0) * 8e3 / line.bin_ms for _, line in lines]

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        unit, divisor = time_unit(longest)
        scale, word = rate_unit(max(float(rate.max(initial=0)) for rate in rates))
        for number, ((name, line), rate) in enumerate(zip(lines, rates, strict=True)):
            at = line.start_ms + (np.arange(len(rate)) + 0.5) * line.bin_ms
            axes.plot(
                at / divisor, rate / scale, color=COLOURS[f"p{number % PLANES}"], linewidth=1.3, label=name
            )
        for fault in runs[0][1].picture.faults:
            colour = COLOURS["bad" if fault.struck else "ok"]
            axes.axvline(fault.at_ms / divisor, color=colour, linewidth=1.0, linestyle=(0, (4, 2)))
        axes.set_xlim(0, longest / divisor)
        axes.set_ylim(bottom=0)
        axes.set_ylabel(f"goodput, {word}")
        axes.set_xlabel(f"fabric time since traffic began, {unit}")
        figure.legend(loc="outside upper right", ncols=min(6, len(lines)), frameon=False, handlelength=1.4)

    return chart("goodputs", 3.0, paint)
