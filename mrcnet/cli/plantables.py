"""What `mrcnet plan` says of all switches and links at once: `--tables`, `--each-link`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mrcnet.cli.output import Answer, progress, table
from mrcnet.errors import EnvironmentFault, ExitCode, InputError
from mrcnet.plan.capacity import losses
from mrcnet.plan.lint import check_carriers, check_locators, check_table
from mrcnet.plan.model import Finding, NodePlan
from mrcnet.plan.parts import Parts
from mrcnet.plan.usid import template


def node_data(node: NodePlan) -> dict[str, Any]:
    """A node's table as `--node --json` prints it."""
    routes = [
        {"dst": one.dst, "action": one.action, "dev": one.dev, "via": one.via, "segs": one.segs}
        for one in node.routes
    ]
    return {"locator": node.locator, "routes": routes}


def write_tables(parts: Parts, directory: Path) -> Answer:
    """Every switch's table to a file of its own, one after the other, and what is wrong with them together.

    Raises InputError for a directory that holds something, EnvironmentFault for one that cannot be made.
    """
    _make(directory)
    locators: list[str] = []
    findings: list[Finding] = []
    entries = most = size = 0
    for number, node in enumerate(parts.switches(), 1):
        text = json.dumps(node_data(node)) + "\n"
        (directory / f"{node.name}.json").write_text(text, encoding="utf-8")
        locators += [node.locator] if node.locator else []
        findings += check_table(node)
        entries, most, size = entries + len(node.routes), max(most, len(node.routes)), size + len(text)
        if number % 64 == 0:
            progress(f"{number} switches, {entries} entries")
    indexes = parts.t0_indexes()
    findings += [*check_locators(locators), *check_carriers(indexes)]
    usids = max((len(template(min(indexes), index).usids) for index in indexes), default=0)
    data = {
        "directory": str(directory),
        "switches": len(locators),
        "entries": entries,
        "most_entries": most,
        "bytes": size,
        "most_usids": usids,
        "lint": [asdict(finding) for finding in findings],
    }
    lines = [
        f"{len(locators)} switches in {directory}, {entries} entries, at most {most} in one",
        f"at most {usids} uSIDs in a carrier",
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


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        held = next(directory.iterdir(), None)
    except OSError as error:
        reason = f"cannot write into {directory}: {error.strerror}"
        raise EnvironmentFault(reason, remedy="name another directory") from None
    if held is not None:
        raise InputError(
            f"{directory} is not empty: it holds {held.name}",
            remedy="name an empty directory, or a new one",
        )
