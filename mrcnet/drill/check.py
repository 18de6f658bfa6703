"""What the shape of a drill file cannot say: times in order, keys that fit their action, measures that the
traffic can give.
"""

from __future__ import annotations

from mrcnet.drill.actions import ACTIONS
from mrcnet.drill.names import (
    MEASURES,
    NEEDS_ALSO,
    NEEDS_COLLECTIVE,
    NEEDS_FAULT,
    NEEDS_FLAP,
    NEEDS_SIZE,
    base_of,
)
from mrcnet.drill.raw import RawDrill, RawStep
from mrcnet.errors import InputError
from mrcnet.topology.document import Document, KeyPath
from mrcnet.topology.names import suggest
from mrcnet.workload.collectives import algorithm_of
from mrcnet.workload.transport import has_paths

_OWN_KEYS = ("silent", "for", "period", "duty", "count", "share", "delay", "ev")  # of some actions only


def check(raw: RawDrill, document: Document) -> None:
    """Raises InputError with file:line:column."""
    _check_traffic(raw, document)
    _check_transport(raw, document)
    for number, step in enumerate(raw.actions):
        _check_step(step, document, ("actions", number))
    _check_times(raw, document)
    steps = [step for step in raw.actions if step.when]
    if steps and not ACTIONS[steps[0].do].strikes and any(ACTIONS[step.do].undoes for step in steps[:1]):
        number = raw.actions.index(steps[0])
        raise document.error(
            ("actions", number, "do"), "the first action must be a fault: the measures count from it"
        )
    for number in range(len(raw.expect)):
        _check_expectation(raw, number, document)


def _check_traffic(raw: RawDrill, document: Document) -> None:
    traffic = raw.traffic
    if (traffic.pattern is None) == (traffic.collective is None):
        both = "either a pattern or a collective, not both"
        raise document.error(("traffic",), both if traffic.pattern else "needs a pattern, or a collective")
    _check_collective(raw, document)
    if (traffic.duration is None) == (traffic.size is None):
        both = "either a duration or a size, not both"
        raise document.error(("traffic",), both if traffic.size else "needs a duration, or a size")
    end = traffic.duration
    for number, also in enumerate(traffic.also):
        path = ("traffic", "also", number)
        if also.stop is not None and also.stop <= also.start:
            raise document.error((*path, "stop"), "is not after its start")
        if end is not None and also.start >= end:
            raise document.error((*path, "start"), "is after the traffic's end")
        if end is None and also.stop is None:
            raise document.error((*path, "stop"), "is needed where the traffic has a size, not a duration")


def _check_collective(raw: RawDrill, document: Document) -> None:
    traffic = raw.traffic
    given = traffic.model_fields_set
    if traffic.collective is None:
        for key in sorted(given & {"algorithm", "iterations"}):
            raise document.error(("traffic", key), "goes with a collective", key=True)
        return
    for key in sorted(given & {"duration", "rate", "seed"}):
        raise document.error(("traffic", key), "does not go with a collective: it has a size", key=True)
    try:
        algorithm_of(traffic.collective, traffic.algorithm)
    except InputError as error:
        raise document.error(("traffic", "algorithm"), error.message) from None


def _check_transport(raw: RawDrill, document: Document) -> None:
    kind = raw.transport.kind
    if has_paths(kind):
        return
    if raw.transport.congestion != "fixed":
        raise document.error(("transport", "congestion"), f"is MRC's; {kind} has DCQCN")
    for number, step in enumerate(raw.actions):
        if step.do in ("deny", "allow"):
            raise document.error(("actions", number, "do"), f"{kind} knows no EVs to {step.do}")


def _check_step(step: RawStep, document: Document, path: KeyPath) -> None:
    action = ACTIONS[step.do]
    given = {RawStep.model_fields[name].alias or name for name in step.model_fields_set}
    times = [key for key in ("at", "wall", "after") if key in given]
    if len(times) != 1:
        raise document.error(
            path, "needs one of at, wall and after" if not times else f"{' and '.join(times)} contradict"
        )
    if len({"target", "targets"} & given) != 1 or (step.targets is not None and not step.targets):
        raise document.error(path, "needs a target, or targets")
    for key in action.needs:
        if key not in given:
            raise document.error(path, f"{step.do} needs {key}")
    for key in _OWN_KEYS:
        if key in given and key not in action.needs + action.takes:
            raise document.error((*path, key), f"does not go with {step.do}", key=True)
    if step.do in ("loss", "degrade") and not 0 < (step.share or 0.0) <= (1 if step.do == "loss" else 0.99):
        most = "at most 1" if step.do == "loss" else "less than 1"
        raise document.error((*path, "share"), f"must be more than 0 and {most}")
    if step.period is None and {"duty", "count"} & given:
        raise document.error(path, "duty and count go with a period")
    if step.period is not None and step.lasts is not None:
        raise document.error((*path, "for"), "with a period, duty says how long", key=True)
    if step.period is not None and not 0 < step.duty < 1:
        raise document.error((*path, "duty"), "must be more than 0 and less than 1")
    if isinstance(step.ev, str):
        try:
            int(step.ev, 0)
        except ValueError:
            raise document.error((*path, "ev"), f"{step.ev!r} is no EV; write it like 0x00010002") from None


def _check_times(raw: RawDrill, document: Document) -> None:
    latest = 0.0
    kinds = {("after" if step.after is not None else "at") for step in raw.actions}
    for number, step in enumerate(raw.actions):
        path = ("actions", number)
        if len(kinds) > 1 and step.after is not None:
            raise document.error((*path, "after"), "the others count from time, this one from bytes")
        if step.after is not None and raw.traffic.duration is not None and raw.traffic.rate is None:
            raise document.error(
                (*path, "after"), "how many bytes there will be is not known; give a size, or a rate"
            )
        if step.wall is not None:
            continue  # what that is in the fabric's time depends on its dilation
        key = "at" if step.after is None else "after"
        now = float(step.at if step.at is not None else step.after or 0)
        if now < latest:
            raise document.error((*path, key), "actions must be in order of time")
        latest = now
        end = raw.traffic.duration
        last = (step.at or 0) + step.apart * (len(step.targets or ()) - 1)
        if step.period is not None:
            last += step.period * (step.count - 1)
        if end is not None and step.after is None and last >= end:
            raise document.error((*path, key), "is after the traffic's end")


def _check_expectation(raw: RawDrill, number: int, document: Document) -> None:
    expected = raw.expect[number]
    path = ("expect", number)
    place = (*path, "measure")
    if expected.measure not in MEASURES:
        raise document.error(
            place, f"unknown measure {expected.measure!r}{suggest(expected.measure, MEASURES)}"
        )
    bounds = (expected.at_least, expected.at_most, expected.about)
    if all(bound is None for bound in bounds):
        raise document.error(place, "needs at_least, at_most or about")
    if expected.about is not None and bounds[:2] != (None, None):
        raise document.error((*path, "about"), "does not go with at_least and at_most")
    if expected.within is not None and expected.about is None:
        raise document.error((*path, "within"), "goes with about")
    low, high = expected.at_least, expected.at_most
    if low is not None and high is not None and low > high:
        raise document.error((*path, "at_least"), "nothing is at least that and at most less")
    named = [step.name for step in raw.actions if step.name]
    if expected.of is not None and expected.of not in named:
        raise document.error(
            (*path, "of"), f"no action is called {expected.of!r}{suggest(expected.of, named)}"
        )
    if expected.when:
        _check_given(raw, expected.measure, document, place)


def _check_given(raw: RawDrill, measure: str, document: Document, place: KeyPath) -> None:
    """Whether this traffic, under these actions, can give the measure at all."""
    name, traffic = base_of(measure), raw.traffic
    steps = [step for step in raw.actions if step.when]

    def refuse(lacks: str, remedy: str) -> InputError:
        error = document.error(place, f"{measure} cannot be had: {lacks}")
        error.remedy = remedy
        return error

    if name in NEEDS_FAULT and not any(ACTIONS[step.do].strikes for step in steps):
        raise refuse("nothing on the time line strikes a link", "add a fault to the actions")
    if name in NEEDS_SIZE and traffic.size is None:
        raise refuse("the traffic has no end of its own", "give it a size instead of a duration")
    if name in NEEDS_COLLECTIVE and traffic.collective is None:
        raise refuse("the traffic is no collective", "give it a collective instead of a pattern")
    if name in NEEDS_ALSO and not any(also.rate for also in traffic.also):
        raise refuse("no load beside has a rate", "give one of traffic's `also` a rate")
    if name in NEEDS_FLAP and not any(step.period for step in steps):
        raise refuse("nothing flaps", "give an action a period and a count")
