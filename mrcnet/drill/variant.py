"""Variants of a drill: the same traffic, seed and faults over another transport and another routing. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mrcnet.drill.model import Drill
from mrcnet.errors import InputError
from mrcnet.topology.model import Routing
from mrcnet.topology.names import suggest
from mrcnet.workload.congestion import FIXED
from mrcnet.workload.transport import EVERY, has_paths

_ALIASES = {"rocev2x1": "rocev2"}  # beside x4 and x16 one says so
_ROUTINGS = tuple(str(routing) for routing in Routing)


@dataclass(frozen=True, slots=True)
class Variant:
    """What carries a drill, and over which fabric; `name` as it was asked for, e.g. rocev2x16/ecmp."""

    name: str
    transport: str
    routing: Routing

    @property
    def stem(self) -> str:
        """Its name in a file's."""
        return self.name.replace("/", "-")


def parse_variants(text: str) -> tuple[Variant, ...]:
    """`mrc/srv6,rocev2x16/ecmp`. Raises InputError for what is unknown, doubled or impossible."""
    found = tuple(_parse(name.strip()) for name in text.split(","))
    names = [variant.name for variant in found]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{name} is there twice", remedy="name each variant once")
    return found


def _parse(name: str) -> Variant:
    transport, _, routing = name.partition("/")
    kind = _ALIASES.get(transport, transport)
    known = (*_ALIASES, *EVERY)
    if kind not in EVERY:
        raise InputError(
            f"variant {name!r}: there is no transport {transport!r}{suggest(transport, known)}",
            remedy=f"write TRANSPORT/ROUTING with one of {', '.join(known)}",
        )
    if routing not in _ROUTINGS:
        raise InputError(
            f"variant {name!r}: there is no routing {routing!r}{suggest(routing, _ROUTINGS)}",
            remedy=f"write TRANSPORT/ROUTING with one of {', '.join(_ROUTINGS)}",
        )
    if has_paths(kind) and Routing(routing) is not Routing.SRV6:
        raise InputError(
            f"variant {name!r}: {kind} chooses its paths, which {routing} does not let it",
            remedy=f"{transport}/srv6",
        )
    return Variant(name, kind, Routing(routing))


def varied(drill: Drill, variant: Variant) -> Drill:
    """The drill over a variant. What is MRC's alone is left out where that makes no difference to the story;
    InputError, with its place, where the story needs it.
    """
    if not has_paths(variant.transport):
        for step in drill.steps:
            if step.action in ("deny", "allow"):
                raise InputError(
                    f"{variant.name} knows no EVs to {step.action}",
                    where=step.where,
                    remedy=f"leave {variant.name} out",
                )
    if drill.prober is not None and variant.routing is not Routing.SRV6:
        raise InputError(
            f"{variant.name}: the prober needs paths that it chooses",
            where=drill.prober.where,
            remedy=f"leave {variant.name} out, or the prober",
        )
    congestion = drill.congestion if has_paths(variant.transport) else FIXED
    return replace(drill, transport=variant.transport, congestion=congestion, capture=())
