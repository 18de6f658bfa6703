"""What ports carried around a fault: a row a port."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from mrcnet.report.charts import COLOURS, PLANES, chart, time_unit
from mrcnet.report.model import Fault, PortTimeline

_ROWS = 16  # ports that are shown
_ROW = 0.34  # inches


def ports(name: str, line: PortTimeline, faults: Sequence[Fault]) -> str:
    """The SVG: of every port what it sent, upwards, and received, downwards. Idle ports are left out."""
    shown = [one for one in line.ports if any(one.sent) or any(one.received)][:_ROWS]

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        edges = line.start_ms + np.arange(len(line.ports[0].sent) + 1) * line.bin_ms
        unit, divisor = time_unit(edges[-1])
        most = max([1, *(max(*one.sent, *one.received) for one in shown)])
        for row, one in enumerate(shown):
            colour = COLOURS[f"p{_plane(one.port) % PLANES}"]
            for frames, sign in ((one.sent, -1), (one.received, 1)):
                heights = row + sign * 0.48 * np.array(frames, float) / most
                axes.stairs(heights, edges / divisor, baseline=row, fill=True, color=colour, linewidth=0)
        for fault in faults:
            if edges[0] <= fault.at_ms <= edges[-1]:
                colour = COLOURS["bad" if fault.struck else "ok"]
                axes.axvline(fault.at_ms / divisor, color=colour, linewidth=1.2, linestyle=(0, (4, 2)))
        axes.set_xlim(edges[0] / divisor, edges[-1] / divisor)
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.set_yticks(range(len(shown)), [one.port for one in shown], fontsize=7)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(f"fabric time since traffic began, {unit}")

    return chart(name, 0.6 + _ROW * max(1, len(shown)), paint)


def _plane(port: str) -> int:
    """The plane of a switch's port, by its name; 0 for a host's, and for names of one's own."""
    first = port.partition("-")[0].removeprefix("p")
    return int(first) if first.isdigit() else 0
