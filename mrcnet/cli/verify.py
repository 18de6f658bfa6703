"""`mrcnet verify`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import click

from mrcnet.cli.command import UsesLab, command
from mrcnet.cli.labs import attached, lab_parameter
from mrcnet.cli.output import Answer, progress
from mrcnet.errors import ExitCode
from mrcnet.verify.model import FailedPath, VerifyResult


@command("mrcnet verify 4p-2t0-4t1", "mrcnet verify --json | jq '.failed[].stopped_at'", cls=UsesLab)
@lab_parameter
@click.option(
    "--sample", default=32, show_default=True, help="How many healthy paths are also captured hop by hop."
)
def verify_(lab_name: str, sample: int) -> Answer:
    """Prove every EV of every ordered pair of hosts with packets.

    A broken path is named with the hop at which it stopped. Exits with 1 if there is one.
    """
    result = attached(lab_name).verify(sample=sample, progress=_progress)
    code = ExitCode.OK if result.ok else ExitCode.FAILED
    return Answer(asdict(result), _lines(result), code)


def _progress(proved: int, paths: int) -> None:
    progress(f"{proved} of {paths} paths")


def _lines(result: VerifyResult) -> Iterator[str]:
    groups: dict[str, list[FailedPath]] = {}
    for path in result.failed:
        groups.setdefault(path.stopped_at, []).append(path)
    for node, paths in groups.items():
        first = paths[0]
        yield f"{len(paths)} paths stop at {node}; the first: {first.src} > {first.dst} EV {first.ev:#010x}"
        yield f"  {first.reason}"
    good = result.paths - len(result.failed)
    yield (
        f"{good} of {result.paths} paths work, {result.sampled} of them captured hop by hop;"
        f" {result.seconds:.2f} s"
    )
