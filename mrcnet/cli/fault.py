"""`mrcnet fault`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

import click

from mrcnet.api.lab import Lab
from mrcnet.cli.command import UsesLab, command
from mrcnet.cli.labs import attached, the_lab
from mrcnet.cli.output import Answer
from mrcnet.cli.quantities import quantity
from mrcnet.kernel.faults import FaultRecord
from mrcnet.units import parse_duration, parse_rate, parse_share

# Every action, with the options that it takes and those of them that it needs.
ACTIONS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = MappingProxyType(
    {
        "cut": (frozenset({"silent"}), frozenset()),
        "heal": (frozenset({"everything"}), frozenset()),
        "loss": (frozenset({"share", "lasts", "one_way"}), frozenset({"share"})),
        "blackhole": (frozenset({"lasts", "one_way"}), frozenset()),
        "degrade": (frozenset({"rate", "lasts", "one_way"}), frozenset({"rate"})),
        "delay": (frozenset({"by", "lasts"}), frozenset({"by"})),
        "flap": (frozenset({"period", "down", "count", "lasts", "one_way"}), frozenset({"period"})),
    }
)
_SPELT = {"lasts": "--for", "one_way": "--one-way", "everything": "--all"}


@command(
    "mrcnet fault 4p-2t0-4t1 cut p0-t0-0:p0-t1-1",
    "mrcnet fault 4p-2t0-4t1 cut p0-t0-0:eth5 --silent",
    "mrcnet fault loss p0-t0-0:eth5 --share 1% --for 200ms",
    "mrcnet fault flap p0-t0-0:p0-t1-1 --period 100ms --down 20ms --count 5",
    "mrcnet fault heal p0-t0-0:p0-t1-1",
    "mrcnet fault heal --all",
    cls=UsesLab,
)
@click.argument("words", nargs=-1, metavar="[LAB] ACTION A:B")
@click.option("--all", "everything", is_flag=True, help="heal: all links, also after a run that was killed.")
@click.option("--silent", is_flag=True, help="cut: the carrier stays, packets vanish.")
@click.option("--one-way", is_flag=True, help="Only what A sends to B. (A port by its name is one way.)")
@click.option("--share", callback=quantity(parse_share), help="loss: of the frames, e.g. 1%.")
@click.option("--rate", callback=quantity(parse_rate), help="degrade: what is left, e.g. 25Gbps.")
@click.option("--by", callback=quantity(parse_duration), help="delay: so much longer each way, e.g. 5us.")
@click.option("--period", callback=quantity(parse_duration), help="flap: of going down and coming back.")
@click.option("--down", callback=quantity(parse_duration), help="flap: of it, down.  [default: half]")
@click.option("--count", type=click.IntRange(1), help="flap: so many times.")
@click.option(
    "--for", "lasts", callback=quantity(parse_duration), help="Then it ends by itself; fabric time."
)
def fault_(words: tuple[str, ...], **options: Any) -> Answer:
    """Break a link or a port of a lab, or heal it.

    ACTION is cut, loss, blackhole, degrade, delay, flap or heal. A:B names the link by its two nodes, and so
    both directions, or by a node and a port: cut and delay take the link all the same, the others what this
    port sends. Durations and rates are fabric ones. Faults are independent of each other; heal ends them all,
    and `heal --all` those of the whole lab, also what a drill left that was killed.
    The answer gives the instant on the monotonic clock as the middle of an interval, and half the interval's
    width as its error.
    """
    if options["everything"]:
        return _heal_all(words, options)
    if len(words) not in (2, 3) or words[-2] not in ACTIONS:
        raise click.UsageError(f"write [LAB] ACTION A:B; actions are {', '.join(ACTIONS)}")
    *lab_name, action, target = words
    _check(action, options)
    given = {name: options[name] for name in ACTIONS[action][0] if options[name] is not None}
    given.pop("everything", None)
    record: FaultRecord = getattr(_lab(lab_name).fault, action)(target, **given)
    return Answer(asdict(record), [_line(record)])


def _heal_all(words: tuple[str, ...], options: Mapping[str, Any]) -> Answer:
    """`[LAB] heal --all`"""
    if len(words) not in (1, 2) or words[-1] not in ACTIONS:
        raise click.UsageError("write [LAB] heal --all")
    *lab_name, action = words
    _check(action, options)
    lab = _lab(lab_name)
    healed = lab.fault.heal_all()
    lines = [_line(record) for record in healed] or [f"lab {lab.name} has no fault"]
    return Answer({"lab": lab.name, "healed": [asdict(record) for record in healed]}, lines)


def _line(record: FaultRecord) -> str:
    return f"{record.fault} {record.target} at {record.at_ns / 1e9:.6f} s, +-{record.error_ns / 1e6:.3f} ms"


def _lab(words: Sequence[str]) -> Lab:
    """The lab that stands before the action, or the one that is meant without."""
    return attached(the_lab(words[0] if words else None))


def _check(action: str, options: Mapping[str, Any]) -> None:
    may, must = ACTIONS[action]
    given = {name for name, value in options.items() if value not in (None, False)}
    for wrong in sorted(given - may):
        takers = [other for other, (takes, _) in ACTIONS.items() if wrong in takes]
        raise click.UsageError(f"{_spell(wrong)} goes with {', '.join(takers)}, not with {action}")
    for missing in sorted(must - given):
        raise click.UsageError(f"{action} needs {_spell(missing)}")


def _spell(name: str) -> str:
    return _SPELT.get(name, f"--{name}")
