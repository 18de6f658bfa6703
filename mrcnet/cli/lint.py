"""`mrcnet lint`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import click

from mrcnet.api.topologies import read
from mrcnet.cli.command import command
from mrcnet.cli.output import Answer, line, progress
from mrcnet.cli.topologies import find, plan_of
from mrcnet.errors import ExitCode, InputError
from mrcnet.foreign.clab import read_clab
from mrcnet.foreign.convert import convert
from mrcnet.foreign.judge import Verdict, judge
from mrcnet.foreign.model import ClabLab
from mrcnet.foreign.reading import Source, read_fabric, wanted
from mrcnet.foreign.roles import LABEL, read_rules
from mrcnet.plan.build import build_plan
from mrcnet.plan.prefixes import need_srv6
from mrcnet.topology.document import MAX_TEXT, Document, parse

MOST_FILES = 50_000
MOST_TEXT = 512 * 2**20  # bytes of all of them


@command(
    "mrcnet lint lab/", "mrcnet lint theirs/ --map roles.yaml --json", "mrcnet lint lab/ --topo topology.yaml"
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--map", "mapping", metavar="FILE", type=click.Path(path_type=Path), help="What nodes are, as for import."
)
@click.option("--topo", metavar="TOPO", help="Hold the tables against the plan of this topology.")
def lint_(folder: Path, mapping: Path | None, topo: str | None) -> Answer:
    """Read rendered or foreign configurations back into tables, and walk all EVs through them.

    DIR holds a containerlab topology and the files of its nodes: frr.conf, ConfigDB, EOS's startup-config,
    scripts with `ip -6` lines. What `mrcnet render` wrote is held against its plan. Exits with 1 on an error.
    """
    lab = read_clab(_clab(folder))
    imported = convert(lab, {} if mapping is None else read_rules(_document(mapping)))
    fabric = read_fabric(lab, imported, _sources(folder))
    plan = plan_of(find(topo)) if topo else build_plan(imported.topology) if _ours(lab) else None
    if plan is not None and {node.name for node in plan.topology.nodes} != set(fabric.tables):
        raise InputError(f"the nodes of {topo} are not those of {lab.file}")
    if plan is not None:
        need_srv6(plan, "lint")
    progress("walking EVs")
    verdict = judge(fabric, plan)
    return _answer(verdict, imported.notes)


def _answer(verdict: Verdict, notes: tuple[str, ...]) -> Answer:
    errors = [remark for remark in verdict.remarks if remark.severity == "error"]
    wrong = bool(errors) or verdict.arrived < verdict.evs or not verdict.evs
    data = {
        "evs": verdict.evs,
        "arrived": verdict.arrived,
        "remarks": [
            {
                "severity": remark.severity,
                "code": remark.code,
                "file": remark.where.file,
                "line": remark.where.line,
                "message": remark.message,
                "evs": remark.evs,
            }
            for remark in verdict.remarks
        ],
        "notes": list(notes),
    }
    return Answer(data, _lines(verdict, notes), ExitCode.FAILED if wrong else ExitCode.OK)


def _lines(verdict: Verdict, notes: tuple[str, ...]) -> Iterator[str]:
    for remark in verdict.remarks:
        struck = f"; {remark.evs} EVs" if remark.evs else ""
        yield line(f"{remark.where}: {remark.severity}: {remark.message} [{remark.code}{struck}]")
    yield from (line(f"note: {note}") for note in notes)
    yield f"{verdict.arrived} of {verdict.evs} EVs arrive" if verdict.evs else "no EV could be walked"


def _ours(lab: ClabLab) -> bool:
    return LABEL + "block" in lab.labels


def _clab(folder: Path) -> Document:
    found = sorted([*folder.glob("*.clab.yml"), *folder.glob("*.clab.yaml")])
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise InputError(
            f"{folder} must hold one containerlab topology, NAME.clab.yml; found {names}",
            remedy="name the folder that `mrcnet render` wrote, or that of a containerlab lab",
        )
    return _document(found[0])


def _document(path: Path) -> Document:
    source = read(path)
    return parse(source.text, source.file)


def _sources(folder: Path) -> Iterator[Source]:
    """The files below the folder that may speak of forwarding; links out of it are not followed."""
    root = folder.resolve()
    paths = sorted(path for path in folder.rglob("*") if wanted(PurePosixPath(path.name)))
    if len(paths) > MOST_FILES:
        raise InputError(f"{folder} holds more than {MOST_FILES} configurations")
    total = 0
    for path in paths:
        if path.is_file() and path.resolve().is_relative_to(root):
            source = read(path, expanded=False)
            total += len(source.text)
            if total > MOST_TEXT:
                raise InputError(f"{folder} holds more than {MOST_TEXT // 2**20} MiB of configurations")
            if len(source.text) > MAX_TEXT:
                raise InputError(f"{path} is larger than {MAX_TEXT // 2**20} MiB")
            yield Source(PurePosixPath(path.relative_to(folder)), source.text, source.file)
