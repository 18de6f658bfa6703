"""`mrcnet report`."""

from __future__ import annotations

from pathlib import Path

import click

from mrcnet.cli.command import command
from mrcnet.cli.output import Answer
from mrcnet.cli.results import page, read_result
from mrcnet.report.files import probe, write


@command("mrcnet report result.json", "mrcnet report result.json -o report.html")
@click.argument("file", metavar="RESULT", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Else: RESULT with .html."
)
def report_(file: Path, output: Path | None) -> Answer:
    """Make a page of a drill's result: one HTML file that needs nothing else.

    RESULT is a file that `mrcnet drill -o` wrote.
    """
    result = read_result(file)
    output = output or file.with_suffix(".html")
    probe(output)
    write(output, page(result))
    return Answer({"file": str(output), "verdict": result.verdict}, [f"{output} is written"])
