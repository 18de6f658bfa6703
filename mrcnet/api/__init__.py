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
    from mrcnet.api.load import Load
    from mrcnet.api.sim import Sim
    from mrcnet.api.topologies import load_plan

__all__ = ["Collective", "Faults", "Lab", "Load", "Sim", "enter", "load_plan", "run_drill"]

_HOMES = {
    "Collective": "collective",
    "Faults": "faults",
    "Lab": "lab",
    "Load": "load",
    "Sim": "sim",
    "enter": "entering",
    "load_plan": "topologies",
    "run_drill": "drills",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
