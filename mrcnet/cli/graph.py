"""`mrcnet graph`."""

from __future__ import annotations

from pathlib import Path

import click

from mrcnet.api.topologies import Source
from mrcnet.cli.command import command
from mrcnet.cli.output import Answer
from mrcnet.cli.topologies import plan_of, topology_parameters
from mrcnet.report.files import write
from mrcnet.report.mermaid import as_mermaid
from mrcnet.report.picture import bare
from mrcnet.report.render import fabric_svg

FORMATS = {"svg": fabric_svg, "mermaid": as_mermaid}


@command("mrcnet graph 4p-2t0-4t1 -o fabric.svg", "mrcnet graph topology.yaml --format mermaid")
@topology_parameters
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="svg", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write it there.")
def graph_(source: Source, form: str, output: Path | None) -> Answer:
    """Draw a fabric: hosts, planes, T0s, T1s and links.

    TOPO is a file, a shipped name, or - for stdin.
    """
    text = FORMATS[form](bare(plan_of(source)))
    data = {"format": form, "text": text}
    if output is None:
        return Answer(data, [text.rstrip("\n")])
    write(output, text)
    return Answer(data, [f"{output} is written"])
