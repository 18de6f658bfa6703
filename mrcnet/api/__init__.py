"""Fabrics, traffic, faults and drills from Python: what the command line is made of. docs/python.md shows it.

A name is imported when it is first used: whoever brings a lab up need not wait for the end points' libraries.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mrcnet.api.collective import Collective
    from mrcnet.api.drills import run_drill
    from mrcnet.api.entering import enter
    from mrcnet.api.faults import Faults
    from mrcnet.api.lab import Lab
    from mrcnet.api.labs import status
    from mrcnet.api.load import Load
    from mrcnet.api.sim import Sim
    from mrcnet.api.step import Step
    from mrcnet.api.topologies import load_plan
    from mrcnet.workload.steps import Layout, Model

__all__ = [
    "Collective",
    "Faults",
    "Lab",
    "Layout",
    "Load",
    "Model",
    "Sim",
    "Step",
    "enter",
    "load_plan",
    "run_drill",
    "status",
]

_HOMES = {
    "Collective": "mrcnet.api.collective",
    "Faults": "mrcnet.api.faults",
    "Lab": "mrcnet.api.lab",
    "Layout": "mrcnet.workload.steps",
    "Load": "mrcnet.api.load",
    "Model": "mrcnet.workload.steps",
    "Sim": "mrcnet.api.sim",
    "Step": "mrcnet.api.step",
    "enter": "mrcnet.api.entering",
    "load_plan": "mrcnet.api.topologies",
    "run_drill": "mrcnet.api.drills",
    "status": "mrcnet.api.labs",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
