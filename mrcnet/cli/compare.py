"""`mrcnet compare`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from mrcnet.cli.command import command
from mrcnet.cli.output import Answer, table
from mrcnet.cli.results import read_result
from mrcnet.errors import ExitCode
from mrcnet.report.compare import SAME, Comparison, Difference, compare
from mrcnet.report.words import figure, title


class _Share(click.ParamType[float]):
    """`5%` or `0.05`."""

    name = "share"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value)
        try:
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = -1.0
        if not 0 <= share < float("inf"):
            self.fail(f"{text!r} is no share; write it like 5%", param, ctx)
        return share


@command(
    "mrcnet compare main.json branch.json",
    "mrcnet compare main.json branch.json --fail-over 5%",
)
@click.argument("first", metavar="A", type=click.Path(path_type=Path))
@click.argument("second", metavar="B", type=click.Path(path_type=Path))
@click.option(
    "--fail-over",
    metavar="SHARE",
    type=_Share(),
    help="Exit with 1 if a measure of B is worse than A's by more than this, or B no longer passes.",
)
@click.option("--all", "everything", is_flag=True, help="Also list the measures that are the same.")
def compare_(first: Path, second: Path, fail_over: float | None, everything: bool) -> Answer:
    """Hold a drill's result against an earlier one.

    A and B are files that `mrcnet drill -o` wrote. Measure by measure: both figures, the change, and which is
    better; what differs by no more than both error bars is the same.
    """
    found = compare(read_result(first), read_result(second), fail_over)
    code = ExitCode.FAILED if found.failed else ExitCode.OK
    return Answer(asdict(found), _lines(found, everything), code)


def _lines(found: Comparison, everything: bool) -> Iterator[str]:
    for name, drill, verdict in zip("AB", found.drills, found.verdicts, strict=True):
        yield f"{name}  {drill}: {verdict}"
    if not found.alike:
        yield "note: they differ in drill file, topology, seed or fabric"
    shown = [one for one in found.differences if everything or one.judged != SAME]
    yield from table(["measure", "A", "B", "change", "B is"], [_row(one) for one in shown])
    same = sum(one.judged == SAME for one in found.differences)
    if same and not everything:
        yield f"{same} measures are the same"


def _row(one: Difference) -> list[str]:
    change = "-" if one.delta is None else figure(one.measure, one.delta)
    if one.share is not None:
        change = f"{one.share:+.1%}"
    judged = one.judged + (", too much" if one.gone_wrong else "")
    return [
        title(one.measure),
        figure(one.measure, one.first),
        figure(one.measure, one.second),
        change,
        judged,
    ]
