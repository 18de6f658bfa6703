"""A drill's steps worked out: what is done and undone at which instants. Pure.

A step that does what was done already, or undoes what is whole, is refused here, before anything starts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mrcnet.drill.actions import ACTIONS, ends_of
from mrcnet.drill.model import Drill, Moment, Op, Place, Step
from mrcnet.drill.place import at
from mrcnet.errors import InputError
from mrcnet.plan.model import Plan
from mrcnet.topology.model import Link

_STATES = {"down": "cut", "silent": "cut", "blackhole": "a blackhole", "deny": "denied", "hush": "off"}
_DEAD = ("down", "silent", "blackhole")


def timeline(drill: Drill, plan: Plan) -> tuple[Moment, ...]:
    """All moments, in order. Raises InputError with the place in the drill file."""
    moments = [moment for step in drill.steps for moment in _moments(step, plan)]
    moments.sort(key=lambda moment: (moment.after or 0.0, moment.at_ns))
    scene = _Scene()
    return tuple(scene.play(moment) for moment in moments)


def _moments(step: Step, plan: Plan) -> Iterable[Moment]:
    """A step's moments, targets and repetitions spread over time; `undo`s of heals are found later."""
    action = ACTIONS[step.action]
    begin = step.at_ns // max(1, plan.topology.dilation) if step.wall else step.at_ns
    with at(step.where):
        found = [action.ops(plan, step, target) for target in step.names]
    groups = found if step.apart_ns else [tuple(dict.fromkeys(op for ops in found for op in ops))]
    lasts = step.lasts_ns
    if step.period_ns is not None:
        lasts = max(1, round(step.period_ns * step.duty))
    for number, ops in enumerate(groups):
        for turn in range(step.count):
            when = begin + number * step.apart_ns + turn * (step.period_ns or 0)
            first = number == turn == 0
            if action.undoes:
                yield Moment(when, step, undo=ops, after=step.after, first=first)
                if step.action == "reboot":
                    yield Moment(when, step, do=ops, after=step.after, first=False)
            else:
                yield Moment(when, step, do=ops, after=step.after, first=first)
            if lasts is not None:  # undone before what begins at the same instant: they are sorted stably
                yield Moment(when + lasts, step, undo=ops, after=step.after, first=False, ends=True)


class _Scene:
    """What is broken as the time line is played through."""

    def __init__(self) -> None:
        self._active: dict[Op, Step] = {}

    def play(self, moment: Moment) -> Moment:
        """The moment with what it really undoes. InputError if it does or undoes what makes no sense."""
        undo = self._undone(moment)
        for op in undo:
            del self._active[op]
        for op in moment.do:
            self._begin(op, moment.step)
        return replace(moment, undo=undo)

    def _undone(self, moment: Moment) -> tuple[Op, ...]:
        step, named = moment.step, moment.undo
        if not named:
            return ()
        if moment.ends:  # unless somebody healed it before
            return tuple(op for op in named if self._active.get(op) is step)
        kind = named[0].kind
        places = {place for op in named for place in _places(op)}
        found = tuple(op for op in self._active if _alike(op, kind) and not places.isdisjoint(_places(op)))
        if not found and step.action != "reboot":
            raise InputError(f"{step.title} is not {_STATES[kind]} by then", where=step.where)
        return found

    def _begin(self, op: Op, step: Step) -> None:
        for other in self._active:
            if _contradict(op, other):
                state = _STATES.get(other.kind, f"under {other.kind}")
                raise InputError(
                    f"{_shown(op, step)} is {state} already by then",
                    where=step.where,
                    remedy="heal it before, or leave this action out",
                )
        self._active[op] = step


def _places(op: Op) -> tuple[Place, ...]:
    return ends_of(op) or (op.place,)


def _alike(op: Op, kind: str) -> bool:
    """Whether undoing things of this kind ends `op`: a heal ends all that is wrong with a link."""
    return op.kind == kind if kind in ("deny", "hush") else op.kind not in ("deny", "hush")


def _contradict(op: Op, other: Op) -> bool:
    """Whether `other` is in the way of `op`: the same thing, or its port is dead anyhow."""
    if op.kind == other.kind and op.place == other.place:
        return True
    if op.kind in _DEAD and other.kind in _DEAD:
        return not set(ends_of(op)).isdisjoint(ends_of(other))
    return False


def _shown(op: Op, step: Step) -> str:
    """The one of a step's targets that is meant."""
    if len(step.names) == 1:
        return step.names[0]
    place = op.place
    return f"{place.a.node}:{place.b.node}" if isinstance(place, Link) else str(place)
