"""The paper's figures 8, 9, 16, 17, 18 and A2 in miniature, over its own curves, normalised; one page."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from benches import loss, outages, rates
from benches.figure import Figure

mpl.rcParams["svg.hashsalt"] = "mrcnet"

MB = (4, 16, 64, 256, 1024, 4096, 16384)
LINE = 400  # Gb/s of the paper's nodes
Curves = Mapping[str, tuple[float | None, ...]]
# arXiv 2605.04333, figures 16 and 17, read off its pictures: +-3 to 5 Gb/s. None: too low to be read.
FIGURE_16: Curves = {
    "mrc at 0.0%": (42, 104, 183, 271, 378, 381, 376),
    "mrc at 0.1%": (12, 31, 80, 131, 220, 338, 340),
    "mrc at 1.0%": (6, 17, 44, 76, 105, 146, 151),
    "rocev2 at 0.0%": (44, 102, 178, 156, 199, 220, 223),
    "rocev2 at 0.1%": (None, 7, 20, 34, 84, 153, 192),
    "rocev2 at 1.0%": (None, None, None, 6, 12, 21, 31),
    "rocev2x16 at 0.0%": (42, 99, 180, 268, 302, 365, 362),
    "rocev2x16 at 0.1%": (None, 4, 13, 20, 48, 122, 212),
    "rocev2x16 at 1.0%": (None, None, None, 3, 8, 18, 28),
}
FIGURE_17: Curves = {
    "mrc at 0.0%": (223, 333, 386, 378, 363, 362, 361),
    "mrc at 0.1%": (83, 183, 245, 272, 300, 325, 331),
    "mrc at 1.0%": (59, 140, 176, 178, 211, 227, 234),
    "rocev2 at 0.0%": (215, 303, 331, 353, 328, 329, 326),
    "rocev2 at 0.1%": (12, 25, 65, 148, 238, 310, 322),
    "rocev2 at 1.0%": (None, None, 13, 31, 45, 98, 126),
    "rocev2x16 at 0.0%": (212, 303, 335, 322, 299, 293, 296),
    "rocev2x16 at 0.1%": (None, 20, 54, 128, 198, 282, 297),
    "rocev2x16 at 1.0%": (None, None, 10, 31, 54, 101, 128),
}
COLOURS = {"mrc": "#1f6feb", "rocev2": "#d1242f", "rocev2x16": "#bf8700"}
STYLES = {"0.0%": "-", "0.1%": "--", "1.0%": ":"}
# Figure 18's victim and figure A2's flows, Gb/s of 400
VICTIM = {"mrc": 388 / 390, "rocev2": 320 / 390}
SHARES = (391 / 391, 196 / 391, 131 / 391)

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
        loss.loss_sweep(),
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
