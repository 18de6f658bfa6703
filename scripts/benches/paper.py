"""The paper's figures 8, 9, 16, 17, 18 and A2 in miniature, over its own curves, normalised; one page."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from benches import loss, outages, rates
from benches.figure import Figure
from benches.published import FIGURE_16, FIGURE_17, LINE, MB, SHARES, VICTIM

mpl.rcParams["svg.hashsalt"] = "mrcnet"

COLOURS = {"mrc": "#1f6feb", "rocev2": "#d1242f", "rocev2x16": "#bf8700"}
STYLES = {"0.0%": "-", "0.1%": "--", "1.0%": ":"}

HEAD = """<!doctype html><meta charset="utf-8"><title>The paper's figures in miniature</title>
<style>
body{font:16px/1.5 system-ui;max-width:60em;margin:2em auto;padding:0 1em}
svg{max-width:100%;height:auto} .pass{color:#1a7f37} .fail{color:#d1242f}
</style>
<h1>The paper's figures in miniature</h1>
<p>arXiv 2605.04333. Thin or pale: the paper's curves, read off its pictures and tables. Strong: measured
here in the simulator. Figures 8 and 9: drills of labs/, time stretched so that faults coincide. The others:
64 nodes there, eight ranks here; rates are shares of a node's line; sizes are multiples of that at which
MRC reaches half of its best without loss. The loss hits all planes at once. PFC is not modelled.</p>
"""


def page(out: Path, only: Sequence[str] = ()) -> bool:
    """Run all, or `only` the figures of these numbers, and write the page; whether every criterion is met."""
    sections: list[str] = []
    good = True
    for title, figures, draw in _sections():
        if only and not {part.partition(":")[0].split()[1] for part in title} & set(only):
            continue
        found = list(figures)
        good &= all(one.ok for one in found)
        for one, part in zip(found, title, strict=True):
            verdict = "pass" if one.ok else "fail"
            print(f"{part}: {verdict}: {one.value:g} {one.unit}, bar {one.bar:g}", flush=True)
            for words, met in one.note.get("criteria", {}).items():
                print(f"  {words}: {'pass' if met else 'fail'}", flush=True)
            line = f'<p class="{verdict}">{verdict}: {one.value:g} {one.unit}, at least {one.bar:g}</p>'
            line += "".join(map(_criterion, one.note.get("criteria", {}).items()))
            sections.append(f"<h2>{part}</h2>{line}{_svg(lambda axes, one=one, d=draw: d(axes, one))}")
    out.write_text(HEAD + "\n".join(sections), encoding="utf-8")
    return good


def _criterion(one: tuple[str, bool]) -> str:
    words, met = one
    verdict = "pass" if met else "fail"
    return f'<p class="{verdict}">{verdict}: {words}</p>'


Draw = Callable[[Axes, Figure], None]


def _sections() -> Iterator[tuple[tuple[str, ...], Iterator[Figure], Draw]]:
    yield ("Figure 8: a grey T1, its reboot, its return",), outages.figure_8(), outages.draw
    yield (
        (
            "Figure 9 a: ports of a NIC go down one by one",
            "Figure 9 b: half the NIC",
            "Figure 9 c: T0-T1 links go down one by one",
            "Figure 9 d: T0-T1 links go down at once",
        ),
        outages.figure_9(),
        outages.draw,
    )
    yield (
        ("Figure 16: ring all-reduce under loss", "Figure 17: all-to-all under loss"),
        islice(loss.loss_sweep(), 2),
        _draw_loss,
    )
    yield ("Figure 18: the victim of a 7:1 incast",), rates.incast_victim(), _draw_victim
    yield ("Figure A2: permutation, eight to eight",), rates.permutation(), _draw_permutation


def _draw_loss(axes: Axes, found: Figure) -> None:
    paper = FIGURE_16 if found.name == "loss-sweep-ring" else FIGURE_17
    here = {name: found.note[name] for name in paper}
    for curves, sizes, line, width, alpha in (
        (paper, np.array(MB, float), LINE, 1.0, 0.45),
        (here, np.array(found.note["sizes"], float), 100, 2.2, 1.0),
    ):
        knee = _knee(sizes, curves["mrc at 0.0%"])
        for name, values in curves.items():
            transport, _, share = name.partition(" at ")
            heights = np.array([np.nan if value is None else value / line for value in values])
            axes.plot(
                sizes / knee,
                heights,
                STYLES[share],
                color=COLOURS[transport],
                linewidth=width,
                alpha=alpha,
                label=name if line != LINE else None,
            )
    axes.set_xscale("log")
    axes.set_ylim(0, 1.3)
    axes.set_xlabel("size over MRC's knee")
    axes.set_ylabel("bus bandwidth, share of the line")
    axes.legend(fontsize=7, ncols=3)


def _knee(sizes: np.ndarray, values: tuple[float | None, ...]) -> float:
    """The size at which a curve reaches half of its best, between points on a straight line; or the first."""
    heights = np.array([value or 0.0 for value in values])
    half = heights.max() / 2
    at = int(np.argmax(heights >= half))
    if at == 0:
        return float(sizes[0] * half / heights[0])
    return float(np.interp(half, heights[at - 1 : at + 1], sizes[at - 1 : at + 1]))


def _draw_victim(axes: Axes, found: Figure) -> None:
    for at, transport in enumerate(("mrc", "rocev2")):
        seen = found.note[transport]
        colour = COLOURS[transport]
        axes.bar(at - 0.2, VICTIM[transport], 0.35, color=colour, alpha=0.45)
        axes.bar(at + 0.2, float(np.mean(seen)), 0.35, color=colour)
        axes.plot([at + 0.2] * len(seen), seen, "k.", markersize=4)
    axes.set_xticks([0, 1], ["MRC", "RoCEv2, DCQCN"])
    axes.set_ylabel("victim's rate over that alone; dots: seeds")


def _draw_permutation(axes: Axes, found: Figure) -> None:
    for transport in ("mrc", "rocev2"):
        rows = sorted((value / (100 * rates.LINE) for value in found.note[transport]), reverse=True)
        axes.plot(range(len(rows)), rows, "o-", color=COLOURS[transport], label=transport)
    for share in SHARES:
        axes.axhline(share, color=COLOURS["rocev2"], linewidth=1, alpha=0.45)
    axes.set_xlabel("flow, the fastest first")
    axes.set_ylabel("share of the line")
    axes.set_ylim(0)
    axes.legend()


def _svg(draw: Callable[[Axes], None]) -> str:
    drawing = Drawing(figsize=(8, 4.5), layout="constrained")
    draw(drawing.add_subplot())
    text = io.StringIO()
    drawing.savefig(text, format="svg", metadata={"Date": None})
    return "<svg" + text.getvalue().partition("<svg")[2]
