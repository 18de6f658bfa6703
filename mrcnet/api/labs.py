"""Which running lab is meant, and its plan."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mrcnet.api.telling import Tell, silent
from mrcnet.errors import InputError
from mrcnet.kernel import lab
from mrcnet.plan.model import Plan

if TYPE_CHECKING:
    from mrcnet.kernel.status import LabStatus

LAB_VARIABLE = "MRCNET_LAB"


def the_lab(name: str | None, note: Tell = silent) -> str:
    """The lab that is meant: `name`, or MRCNET_LAB, or the only one, which is noted.

    Raises InputError with the choices if that does not settle it.
    """
    if name := name or os.environ.get(LAB_VARIABLE):
        return name
    labs = lab.labs()
    if len(labs) != 1:
        raise InputError(
            f"which lab? there are {', '.join(labs)}" if labs else "there is no lab",
            remedy="name one of them" if labs else "make one, e.g. mrcnet up 4p-2t0-4t1",
        )
    note(f"using lab {labs[0]}")
    return labs[0]


def running_plan(name: str) -> Plan:
    """The plan of a running lab, from the text it was made of. Raises InputError if there is no such lab."""
    return lab.plan_of(lab.load(name))


def status() -> tuple[LabStatus, ...]:
    """Every lab, by name, and how it is, as the kernel has it. EnvironmentFault without privilege."""
    from mrcnet.kernel.status import status

    return status()
