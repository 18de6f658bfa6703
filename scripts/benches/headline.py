"""All-reduce time, use of the line, recovery, tail: MRC against each alternative, beside what is claimed."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benches.figure import Figure, figure, mrcnet

LAB = "labs/headline"
OTHERS = ("rocev2x1/ecmp", "rocev2x16/ecmp")
MRC = "mrc/srv6"
STRUCK = 5  # runs: which QPs cross the T1 is the seed's matter
ONE_PORT = ", one port of 4x the rate"
BGP = ("rocev2x16/bgp", "rocev2x16/ecmp")
HEAD = ("", "all-reduce, ms", "use of the line", "recovery from a silent T1", "99 % of messages within, ms")
# A news analysis' projections, not measurements: today's fabric -> MRC.
CLAIMS = ("claimed for MRC", "120 -> 45 (x 0.38)", "65 -> 92 %", "30 -> 2 min", "- 40 %")


@dataclass(frozen=True)
class Row:
    """A line of the table. None: not measured, or where `never` says so, not before the run ended."""

    name: str
    all_reduce: float | None
    line_share: float | None
    recovery: str
    tail: float | None

    def cells(self) -> tuple[str, ...]:
        """In words."""
        share = "" if self.line_share is None else f"{self.line_share:.1%}"
        return self.name, _number(self.all_reduce), share, self.recovery, _number(self.tail)


def rows(on: str, repeat: int) -> Iterator[Row]:
    """MRC first, each of the others, then those that have one port of the whole rate."""
    names = (MRC, *OTHERS)
    quiet = _table(f"{LAB}/drill.yaml", names, on, repeat)
    struck = _table(f"{LAB}/silent-t1.yaml", names, on, max(repeat, STRUCK))
    for name in names:
        yield _row(name, name, quiet, _recovery(struck[name]))
    wide = _table(f"{LAB}/one-port.yaml", OTHERS, on, repeat)
    for name in OTHERS:
        yield _row(name + ONE_PORT, name, wide, "")


def wall_rows(repeat: int) -> Iterator[Row]:
    """What BGP with BFD makes of a silent link, in wall time: labs/failover-bgp."""
    found = _table("labs/failover-bgp", (MRC, *BGP), "kernel", repeat)
    for name in (MRC, *BGP):
        yield Row(f"{name}, a silent link, 100 Mb/s, wall time", None, None, _recovery(found[name]), None)


def _table(drill: str, names: Sequence[str], on: str, repeat: int) -> dict[str, dict[str, dict[str, float]]]:
    """compare-run's cells by variant and measure. SystemExit if a run is broken."""
    words = ("compare-run", drill, "--on", on, "--over", ",".join(names), "--repeat", str(repeat))
    found = mrcnet(*words)
    for row in found["rows"]:
        for remark in row["remarks"]:
            print(f"# {drill}, {row['variant']}: {remark}", flush=True)
    return {row["variant"]: {cell["measure"]: cell for cell in row["cells"]} for row in found["rows"]}


def _row(title: str, name: str, quiet: dict[str, dict[str, dict[str, float]]], recovery: str) -> Row:
    cells = quiet[name]
    return Row(
        title,
        cells["iteration_ms_p50"]["median"],
        cells["line_share"]["median"] if "line_share" in cells else None,
        recovery,
        cells["message_ms_p99"]["median"],
    )


def _recovery(cells: dict[str, dict[str, float]]) -> str:
    """Goodput back at 99 %, and the longest that a flow went without a delivery."""
    back, gap = cells["recovery_ms"], cells["longest_gap_ms"]
    words = "never" if back["median"] is None else f"{_number(back['median'])} ms"
    if back["never"] and back["median"] is not None:
        words += f" ({back['never']:g}x never)"
    return f"{words}, gap {_number(gap['median'])} ms"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def against(found: Sequence[Row]) -> Iterator[tuple[str, ...]]:
    """MRC's figures over those of each alternative."""
    ours = found[0]
    for row in found[1:]:
        if (
            row.all_reduce
            and row.line_share
            and row.tail
            and ours.all_reduce
            and ours.line_share
            and ours.tail
        ):
            time, tail = ours.all_reduce / row.all_reduce, ours.tail / row.tail - 1
            share = f"{row.line_share:.0%} -> {ours.line_share:.0%}"
            yield f"MRC over {row.name}", f"x {time:.2f}", share, "", f"{tail:+.0%}"


def main(words: list[str]) -> int:
    """Print the table as Markdown."""
    asked = argparse.ArgumentParser(prog="scripts/headline")
    asked.add_argument("--on", choices=("sim", "kernel"), default="sim")
    asked.add_argument("--repeat", type=int, default=1)
    given = asked.parse_args(words)
    found = list(rows(given.on, given.repeat))
    wall = list(wall_rows(given.repeat)) if given.on == "kernel" else []
    lines = [HEAD, ("---",) * len(HEAD), *(row.cells() for row in (*found, *wall)), *against(found), CLAIMS]
    for line in lines:
        print(f"| {' | '.join(line)} |")
    return 0 if (found[0].line_share or 0.0) >= 0.92 else 1


def headline() -> Iterator[Figure]:
    """headline: MRC's use of the line in the all-reduce of labs/headline; the others' beside it."""
    shares = {
        name: [cells["line_share"]["median"]]
        for name, cells in _table(f"{LAB}/drill.yaml", (MRC, *OTHERS), "sim", 1).items()
    }
    yield figure("headline", shares.pop(MRC), "of line rate", 0.92, at_most=False, **shares)
