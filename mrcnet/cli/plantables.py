"""What `mrcnet plan` says of all switches and links at once: `--tables`, `--each-link`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from shutil import rmtree
from typing import Any

from mrcnet.cli.output import DISK_FULL, Answer, progress, table
from mrcnet.errors import EnvironmentFault, ExitCode, InputError
from mrcnet.plan.capacity import losses
from mrcnet.plan.lint import check_carriers, check_locators, check_table
from mrcnet.plan.model import Finding, NodePlan
from mrcnet.plan.parts import Parts


def node_data(node: NodePlan) -> dict[str, Any]:
    """A node's table as `--node --json` prints it."""
    routes = [
        {"dst": one.dst, "action": one.action, "dev": one.dev, "via": one.via, "segs": one.segs}
        for one in node.routes
    ]
    return {"locator": node.locator, "routes": routes}


def write_tables(parts: Parts, directory: Path) -> Answer:
    """Every switch's table to a file of its own, one after the other, and what is wrong with them together.

    The directory is there when all are written, or not at all. Raises InputError for one that is
    there already, EnvironmentFault for one that cannot be written.
    """
    locators: list[str] = []
    findings: list[Finding] = []
    number = entries = most = size = 0
    with whole_or_not(directory) as part:
        for number, node in enumerate(parts.switches(), 1):
            text = json.dumps(node_data(node)) + "\n"
            (part / f"{node.name}.json").write_text(text, encoding="utf-8")
            locators += [node.locator] if node.locator else []
            findings += check_table(node)
            entries, most, size = entries + len(node.routes), max(most, len(node.routes)), size + len(text)
            if number % 64 == 0:
                progress(f"{number} switches, {entries} entries")
    indexes = parts.t0_indexes() if locators else set()  # without SRv6 there are no carriers
    findings += [*check_locators(locators), *check_carriers(parts.sids, indexes)]
    template = parts.sids.template
    usids = max((len(template(min(indexes), index).usids) for index in indexes), default=0)
    data = {
        "directory": str(directory),
        "switches": number,
        "entries": entries,
        "most_entries": most,
        "bytes": size,
        "most_usids": usids,
        "lint": [asdict(finding) for finding in findings],
    }
    lines = [
        f"{number} switches in {directory}, {entries} entries, at most {most} in one",
        *([f"at most {usids} uSIDs in a carrier"] if usids else []),
        *(f"{one.severity}: {one.message} [{one.code}]" for one in findings),
        *([] if findings else ["no locator and no entry is there twice"]),
    ]
    return Answer(data, lines, ExitCode.FAILED if findings else ExitCode.OK)


def each_link(parts: Parts) -> Answer:
    """N-1 by arithmetic: what is alike is one row, the worst first."""
    progress("failing every link and switch")
    found = losses(parts.leaves())
    rows = [
        [
            one.what,
            one.count,
            one.example,
            one.hosts,
            f"{one.of_plane:.2%}",
            f"{one.of_node:.2%}",
            f"{one.of_fabric * 100:.2g}%",
        ]
        for one in found
    ]
    head = ["fails", "alike", "such as", "hosts hit", "of the plane", "of a node", "of the fabric"]
    return Answer({"each_link": [asdict(one) for one in found]}, table(head, rows))


@contextmanager
def whole_or_not(directory: Path) -> Iterator[Path]:
    """A directory to fill, which takes the name of `directory` in the end; what ends early removes it."""
    if directory.exists():
        raise InputError(f"{directory} is already there", remedy="name a directory that is not")
    part = directory.with_name(directory.name + ".part")
    try:
        part.mkdir(parents=True)
    except FileExistsError:
        remedy = "remove it, if it is what a run that was killed has left"
        raise InputError(f"{part} is in the way", remedy=remedy) from None
    except OSError as error:
        raise _unwritable(directory, error) from None
    try:
        yield part
        part.rename(directory)
    except OSError as error:
        raise _unwritable(directory, error) from None
    finally:
        rmtree(part, ignore_errors=True)


def _unwritable(directory: Path, error: OSError) -> EnvironmentFault:
    remedy = "make room on the disk" if error.errno in DISK_FULL else "name another directory"
    return EnvironmentFault(f"cannot write {directory}: {error.strerror}", remedy=remedy)
