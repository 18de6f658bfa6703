"""Programs on the nodes of a lab."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from mrcnet.errors import EnvironmentFault, InputError, PartialError
from mrcnet.kernel import marks, netns
from mrcnet.plan.model import Plan
from mrcnet.topology.names import suggest


def line_of(plan: Plan, lab_name: str, node: str, program: Sequence[str]) -> list[str]:
    """The command line that runs a program on a node, which is there and ours.

    Raises InputError or PartialError if it is not.
    """
    if node not in plan.nodes:
        raise InputError(f"lab {lab_name} has no node {node!r}{suggest(node, plan.nodes)}")
    path = netns.path_of(lab_name, node)
    if marks.read(path) is None:
        raise PartialError(
            f"node {node} of lab {lab_name} is not there", remedy=f"mrcnet down {lab_name}, then up again"
        )
    return ["ip", "netns", "exec", path.name, *program]


def capture(line: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run it to its end; what it printed, and its exit code, whatever that is."""
    try:
        return subprocess.run(line, capture_output=True, text=True, errors="replace", check=False)
    except FileNotFoundError as error:
        raise without_ip() from error


def without_ip() -> EnvironmentFault:
    """The error for a machine without iproute2."""
    return EnvironmentFault("there is no program `ip`", remedy="install iproute2")
