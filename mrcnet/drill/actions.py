"""The actions of a drill: what each needs, and which operations it comes down to. Pure.

A table: to add an action is to add a line, here or, as an entry point, in another distribution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

from mrcnet import extensions
from mrcnet.drill.model import Op, Step
from mrcnet.drill.targets import (
    find_ends,
    find_hosts,
    find_links,
    find_pair,
    links_at,
    links_of_plane,
)
from mrcnet.errors import InputError, MrcnetError
from mrcnet.extensions import Extension
from mrcnet.plan.model import Plan
from mrcnet.plan.paths import paths
from mrcnet.topology.model import End, Link, Role

Ops = tuple[Op, ...]
LINK_KINDS = ("down", "silent", "delay")
KINDS = (*LINK_KINDS, "blackhole", "loss", "degrade", "deny", "hush")
KEYS = ("targets", "silent", "for", "period", "duty", "count", "share", "delay", "ev")


@dataclass(frozen=True, slots=True)
class Action:
    """`ops`: what it does to one target. `needs`: keys without which it says nothing. `takes`: further keys.

    `undoes`: it ends what others began, `heal`ing the same places. `strikes`: measures may count from it.
    """

    ops: Callable[[Plan, Step, str], Ops]
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    undoes: bool = False
    strikes: bool = True


def _down(links: tuple[Link, ...], silent: bool) -> Ops:
    return tuple(Op("silent" if silent else "down", link) for link in links)


def _cut(plan: Plan, step: Step, target: str) -> Ops:
    return _down(find_links(plan, target), step.silent)


def _nic_port(plan: Plan, step: Step, target: str) -> Ops:
    links = find_links(plan, target)
    for link in links:
        if plan.nodes[link.a.node].role is not Role.HOST:
            raise InputError(
                f"{link.a}, {link.b} are ports of switches", remedy="name a host's port, e.g. h0:eth1"
            )
    return _down(links, step.silent)


def _node(*roles: Role, silent: bool = False) -> Callable[[Plan, Step, str], Ops]:
    def ops(plan: Plan, _step: Step, target: str) -> Ops:
        return _down(links_at(plan, target, *roles), silent)

    return ops


def _plane(plan: Plan, step: Step, target: str) -> Ops:
    return _down(links_of_plane(plan, target), step.silent)


def _one_way(kind: str) -> Callable[[Plan, Step, str], Ops]:
    def ops(plan: Plan, step: Step, target: str) -> Ops:
        return tuple(Op(kind, end, step.amount) for end in find_ends(plan, target))

    return ops


def _both_ways(kind: str) -> Callable[[Plan, Step, str], Ops]:
    def ops(plan: Plan, step: Step, target: str) -> Ops:
        links = find_links(plan, target)
        return tuple(Op(kind, end, step.amount) for link in links for end in (link.a, link.b))

    return ops


def _longer(plan: Plan, step: Step, target: str) -> Ops:
    return tuple(Op("delay", link, step.amount) for link in find_links(plan, target))


def _deny(plan: Plan, step: Step, target: str) -> Ops:
    """One EV of a pair, or, as a controller would, every EV that crosses a link."""
    if step.ev is None:
        return tuple(Op("deny", link) for link in find_links(plan, target))
    src, dst = find_pair(plan, target)
    known = [path.ev for path in paths(plan, src, dst)]
    if step.ev not in known:
        shown = ", ".join(f"{ev:#010x}" for ev in known[:4])
        raise InputError(f"{target} has no EV {step.ev:#010x}", remedy=f"it has {shown}, ...")
    return (Op("deny", (src, dst, step.ev)),)


def _hush(plan: Plan, _step: Step, target: str) -> Ops:
    return tuple(Op("hush", host) for host in find_hosts(plan, target))


def _whole(plan: Plan, _step: Step, target: str) -> Ops:
    """What a heal is to find: the links of anything that can be named."""
    if ":" in target:
        links = find_links(plan, target)
    elif target.isdigit():
        links = links_of_plane(plan, target)
    else:
        links = links_at(plan, target, Role.HOST, Role.T0, Role.T1)
    return _down(links, silent=False)


_REPEATED = ("for", "period", "duty", "count")
_OWN: dict[str, Action] = {
    "cut": Action(_cut, takes=("silent", *_REPEATED)),
    "flap": Action(_cut, needs=("period", "count"), takes=("silent", "duty")),
    "transceiver": Action(_cut, needs=("targets",), takes=("silent", *_REPEATED)),
    "blackhole": Action(_one_way("blackhole"), takes=_REPEATED),
    "loss": Action(_both_ways("loss"), needs=("share",), takes=_REPEATED),
    "degrade": Action(_both_ways("degrade"), needs=("share",), takes=_REPEATED),
    "delay": Action(_longer, needs=("delay",), takes=_REPEATED),
    "nic-port": Action(_nic_port, takes=("silent", *_REPEATED)),
    "t0-down": Action(_node(Role.T0), takes=_REPEATED),
    "t1-down": Action(_node(Role.T1), takes=_REPEATED),
    "t0-grey": Action(_node(Role.T0, silent=True), takes=_REPEATED),
    "t1-grey": Action(_node(Role.T1, silent=True), takes=_REPEATED),
    "reboot": Action(_node(Role.T0, Role.T1), needs=("for",), undoes=True),
    "plane-down": Action(_plane, takes=("silent", *_REPEATED)),
    "deny": Action(_deny, takes=("ev", *_REPEATED), strikes=False),
    "port-status-off": Action(_hush, takes=("for",), strikes=False),
    "heal": Action(_whole, undoes=True, strikes=False),
    "allow": Action(_deny, takes=("ev",), undoes=True, strikes=False),
    "port-status-on": Action(_hush, undoes=True, strikes=False),
}


class _Actions(Mapping[str, Action]):
    """Those above, and what other distributions add under other names."""

    def __getitem__(self, name: str) -> Action:
        if name in _OWN:
            return _OWN[name]
        found = extensions.extension(extensions.ACTIONS, name)
        if found is None:
            raise KeyError(name)
        return _added(found)

    def __contains__(self, name: object) -> bool:
        return name in _OWN or name in extensions.names(extensions.ACTIONS)

    def __iter__(self) -> Iterator[str]:
        yield from dict.fromkeys((*_OWN, *extensions.names(extensions.ACTIONS)))

    def __len__(self) -> int:
        return len(list(iter(self)))


ACTIONS: Mapping[str, Action] = _Actions()


@cache
def _added(found: Extension) -> Action:
    """Another distribution's action. EnvironmentFault if it is none, or, when it is taken, if it fails."""
    action = found.load()
    if not isinstance(action, Action):
        raise found.broken(f"it is no Action, but {type(action).__name__}")
    if unknown := set(action.needs + action.takes) - set(KEYS):
        raise found.broken(f"an action has no key {', '.join(sorted(unknown))}; there are {', '.join(KEYS)}")

    def ops(plan: Plan, step: Step, target: str) -> Ops:
        try:
            made = tuple(action.ops(plan, step, target))
        except MrcnetError:
            raise
        except Exception as error:
            raise found.broken(f"{type(error).__name__}: {error}") from error
        if not all(isinstance(op, Op) and op.kind in KINDS for op in made):
            raise found.broken(f"it asks for what is no operation; there are {', '.join(KINDS)}")
        return made

    return replace(action, ops=ops)


def ends_of(op: Op) -> tuple[End, ...]:
    """The directions that an operation spoils; none for one that strikes no link."""
    if isinstance(op.place, Link):
        return (op.place.a, op.place.b) if op.kind in LINK_KINDS else ()
    return (op.place,) if isinstance(op.place, End) else ()
