"""`mrcnet size`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from mrcnet.api.topologies import scheme_named
from mrcnet.cli.command import command
from mrcnet.cli.output import Answer, note
from mrcnet.cli.quantities import quantity
from mrcnet.errors import ExitCode, InputError
from mrcnet.plan.sizing import Size, alternatives, size
from mrcnet.report.files import write
from mrcnet.topology.schemefile import DEFAULT, word_of
from mrcnet.units import format_rate, parse_rate


@command(
    "mrcnet size --gpus 131072 --nic 800G --planes 8 --radix 512",
    "mrcnet size --gpus 4096 --nic 400G --planes 4 --radix 256 -o fabric.yaml",
    "mrcnet size --gpus 4096 --nic 400G --planes 4 --radix 256 --scheme rpii",
)
@click.option("--gpus", type=click.IntRange(1, 10**9), required=True, help="How many, with a NIC each.")
@click.option(
    "--nic", metavar="RATE", required=True, callback=quantity(parse_rate), help="Rate of a NIC, e.g. 800G."
)
@click.option("--planes", type=click.IntRange(1, 64), required=True, help="Into how many a NIC is split.")
@click.option(
    "--radix", type=click.IntRange(2, 10**6), required=True, help="Ports of a switch at a plane's rate."
)
@click.option("--scheme", metavar="SCHEME", help="SID scheme: a shipped name, or a file. Default: f3216.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write its topology there, for `mrcnet plan`.",
)
def size_(gpus: int, nic: int, planes: int, radix: int, scheme: str | None, output: Path | None) -> Answer:
    """Size a fabric: tiers, switches, optics, paths, tables, what failures cost.

    The smallest folded Clos with full bisection, and beside it what the same switches and NICs would be
    otherwise: on a single plane, where a switch has fewer and faster ports, and with a tier more. Exits with
    1 if uSIDs cannot name the paths of what was asked for.
    """
    asked = size(gpus, nic, planes, radix, scheme=scheme_named(scheme or DEFAULT))
    others = alternatives(asked)
    if output is not None:
        write(output, topology_text(asked))
        note(f"{output} is written")
    data = {"asked": _data(asked, asked), "alternatives": [_data(other, asked) for other in others]}
    lines = [
        *_table([asked, *others]),
        *(f"error: uSIDs cannot name its paths: {why}" for why in asked.misfits),
    ]
    return Answer(data, lines, ExitCode.FAILED if asked.misfits else ExitCode.OK)


def topology_text(asked: Size) -> str:
    """The topology file of a fabric of one or two tiers. Raises InputError if uSIDs cannot name its paths."""
    if asked.misfits:
        raise InputError(
            f"no topology file can say this: {'; '.join(asked.misfits)}",
            remedy="fewer GPUs, or more ports a switch",
        )
    t0, t1 = asked.per_plane[0], sum(asked.per_plane[1:])
    trunk = asked.radix // 2 // t1 if t1 else 1
    lines = [
        f"# {asked.gpus} GPUs, {asked.planes} planes of {asked.radix}-port switches: `mrcnet size`",
        f"name: {asked.planes}p-{t0}t0-{t1}t1",
        f"fabric: {{planes: {asked.planes}, t0: {t0}, t1: {t1}, hosts_per_t0: {asked.hosts_per_t0}}}",
        f"defaults: {{rate: {_rate(asked.rate_bps)}}}",
    ]
    if (word := word_of(asked.scheme)) != DEFAULT:
        lines.append(f"srv6: {{scheme: {json.dumps(word)}}}")
    if trunk > 1:
        lines += [
            f"# {trunk} links between each T0 and T1, here as one",
            f"kinds: {{fabric: {{rate: {_rate(trunk * asked.rate_bps)}}}}}",
        ]
    return "\n".join([*lines, ""])


def _rate(bps: int) -> str:
    short = format_rate(bps)
    return short if parse_rate(short) == bps else str(bps)


def _data(one: Size, asked: Size) -> dict[str, Any]:
    optics, switches = _ratios(one, asked)
    return {
        **asdict(one),
        "scheme": one.scheme.name,
        "misfits": list(one.misfits),
        "asked_over_this": {"optics_per_gpu": optics, "switches_per_gpu": switches},
    }


def _ratios(one: Size, asked: Size) -> tuple[float, float]:
    """Optics and switches that `asked` takes a GPU, over those of `one`."""
    gpus = one.gpus / asked.gpus
    return asked.optics * gpus / one.optics, sum(asked.switches) * gpus / sum(one.switches)


def _table(sizes: list[Size]) -> list[str]:
    asked = sizes[0]
    rows: list[tuple[str, list[object]]] = [
        ("", [f"{one.planes} plane{'s' * (one.planes > 1)} of {format_rate(one.rate_bps)}" for one in sizes]),
        ("tiers", [one.tiers for one in sizes]),
        ("GPUs", [_whole(one.gpus) for one in sizes]),
        ("ports of a switch", [one.radix for one in sizes]),
        ("switches", [_whole(sum(one.switches)) for one in sizes]),
        ("  T0, T1 ...", [", ".join(map(str, one.switches)) for one in sizes]),
        ("optics", [_whole(one.optics) for one in sizes]),
        ("links", [_whole(one.links) for one in sizes]),
        ("asked / this, a GPU:", ["" for _ in sizes]),
        ("  switches", [f"{_ratios(one, asked)[1]:.3f}" for one in sizes]),
        ("  optics", [f"{_ratios(one, asked)[0]:.3f}" for one in sizes]),
        ("paths per pair", [_whole(one.paths) for one in sizes]),
        ("switches on a path", [one.hops for one in sizes]),
        ("entries of T0, T1 ...", [", ".join(map(str, one.entries)) for one in sizes]),
        ("uSIDs in a carrier", [f"{one.carrier} of 6" for one in sizes]),
        ("uSIDs taken", [f"{_whole(one.usids)} of {_whole(one.usids_of)}" for one in sizes]),
        ("a node loses with a", ["" for _ in sizes]),
        ("  T0-T1 link", [_share(one.lost_link) for one in sizes]),
        ("  NIC port", [_share(one.lost_port) for one in sizes]),
        ("  T0", [_share(one.lost_t0) for one in sizes]),
        ("  T1", [_share(one.lost_t1) for one in sizes]),
        (f"named by {asked.scheme.name}", ["yes" if not one.misfits else "no" for one in sizes]),
    ]
    widths = [max(len(str(cells[column])) for _, cells in rows) for column in range(len(sizes))]
    lines = [
        f"{what:<22}" + "  ".join(f"{cell!s:>{width}}" for cell, width in zip(cells, widths, strict=True))
        for what, cells in rows
    ]
    return [line.rstrip() for line in lines]


def _whole(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"
