"""The parts of a port's model that a kernel may lack: each is tried, in a namespace that nobody sees."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from mrcnet.errors import EnvironmentFault, MrcnetError
from mrcnet.kernel import marks, netns, privilege, shaper
from mrcnet.kernel.model import Part
from mrcnet.kernel.netlink import NetlinkSocket
from mrcnet.kernel.program import PortProgram

# What the kernel gives to root alone, and what an ordinary user's lab is without it.
ROOTS: Mapping[Part, str] = {
    Part.QUEUES: "BPF is root's alone (sudo): ports keep their rates, but mark, trim, drop, count nothing"
}
_RATE = 12_500_000  # bytes/s


def try_program() -> str:
    """The ports' program loads and stands on a port. Raises OSError or EnvironmentFault."""
    program = PortProgram.fresh(0)
    try:
        with netns.fresh(), NetlinkSocket() as rtnl:
            messages = program.attach(marks.LO)
            _demand(rtnl, messages)
    finally:
        program.close()
    return "a port marks, trims and counts" + (" (as a filter: slower than tcx of 6.6)" if messages else "")


def try_shaper() -> str:
    """HTB holds. Raises OSError or EnvironmentFault."""
    with netns.fresh(), NetlinkSocket() as rtnl:
        _demand(rtnl, shaper.add_shaper(marks.LO, _RATE))
    return "a port keeps its rate"


def missing() -> tuple[str, ...]:
    """The parts that this kernel and these privileges do not give, each with the reason: `shaper: ...`."""
    found = []
    for part, body in _TRIALS.items():
        try:
            body()
        except (MrcnetError, OSError) as error:
            words = error.message if isinstance(error, MrcnetError) else error
            found.append(f"{part}: {ROOTS[part] if part in ROOTS and privilege.inside() else words}")
    return tuple(found)


def named(degraded: Iterable[str]) -> frozenset[Part]:
    """The parts of which `missing` told."""
    return frozenset(Part(one.partition(":")[0]) for one in degraded)


def refuse(lacks: Iterable[str]) -> EnvironmentFault:
    """The fault of a machine that cannot shape a lab as its topology says."""
    return EnvironmentFault(
        "this topology shapes its ports, and this machine lacks " + "; ".join(lacks),
        remedy="`mrcnet doctor` tells more; `mrcnet up --allow-degraded` goes on without",
    )


def _demand(rtnl: NetlinkSocket, messages: list[bytes]) -> None:
    if refusals := rtnl.send(messages):
        raise OSError(str(refusals[0]))


_TRIALS: Mapping[Part, Callable[[], str]] = {Part.QUEUES: try_program, Part.SHAPER: try_shaper}
