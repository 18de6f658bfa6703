"""`mrcnet render`."""

from __future__ import annotations

from pathlib import Path

import click

from mrcnet.cli.command import command
from mrcnet.cli.output import Answer
from mrcnet.cli.topologies import Source, plan_of, topology_parameters
from mrcnet.errors import EnvironmentFault, InputError
from mrcnet.render.containerlab import MANIFEST, render_containerlab
from mrcnet.render.model import HOST_IMAGE, SCHEMA_VERSION, ClabVersion, File, Nos, Wish
from mrcnet.report.files import write

OLDEST, NEWEST = 70, 81  # of containerlab, 0.x


@command(
    "mrcnet render 4p-2t0-4t1 --to containerlab --nos frr -o lab/",
    "mrcnet render topology.yaml --to containerlab --nos sonic-vs --mixed --clab-version 0.81 -o lab/",
)
@topology_parameters
@click.option(
    "--to", "target", type=click.Choice(["containerlab"]), default="containerlab", show_default=True
)
@click.option("--nos", type=click.Choice([str(nos) for nos in Nos]), required=True, help="What switches run.")
@click.option("--mixed", is_flag=True, help="Another NOS in each plane, beginning with --nos.")
@click.option(
    "--clab-version", metavar="0.N", default=str(SCHEMA_VERSION), show_default=True, help="0.70 to 0.81."
)
@click.option(
    "--host-image", metavar="IMAGE", default=HOST_IMAGE, show_default=True, help="Image of the hosts."
)
@click.option("--switch-image", metavar="IMAGE", help="Image of the switches that run --nos.")
@click.option(
    "-o", "--output", metavar="DIR", type=click.Path(path_type=Path), required=True, help="Write there."
)
def render_(
    source: Source,
    target: str,
    nos: str,
    mixed: bool,
    clab_version: str,
    host_image: str,
    switch_image: str | None,
    output: Path,
) -> Answer:
    """Write a fabric as a containerlab topology, with every node's configuration.

    TOPO is a file, a shipped name, or - for stdin. DIR must be new, empty, or rendered before: then what is
    no longer part of it goes. Its README.md says how to deploy and verify the lab.
    """
    wish = Wish(
        Nos(nos), mixed, _version(clab_version), _image(host_image), switch_image and _image(switch_image)
    )
    files = render_containerlab(plan_of(source), wish)
    _write_all(output, files)
    data = {"to": target, "dir": str(output), "files": [file.path for file in files]}
    return Answer(data, [f"{len(files)} files are in {output}; its README.md says how to go on"])


def _version(text: str) -> ClabVersion:
    major, _, minor = text.partition(".")
    if major == "0" and minor.isdecimal() and len(minor) < 4 and OLDEST <= int(minor) <= NEWEST:
        return ClabVersion(int(minor))
    raise InputError(f"--clab-version {text}: not one of 0.{OLDEST} to 0.{NEWEST}")


def _image(text: str) -> str:
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise InputError(f"{text!r} is no image's name")
    return text


def _write_all(folder: Path, files: tuple[File, ...]) -> None:
    """Put all files there and remove what an earlier rendering had besides."""
    before = _before(folder)
    try:
        for file in files:
            path = folder / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, file.text)
        for name in before - {file.path for file in files}:
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise EnvironmentFault(
            f"cannot write into {folder}: {error.strerror}", remedy="name another folder"
        ) from None


def _before(folder: Path) -> set[str]:
    """What an earlier rendering left there. InputError if the folder holds something else."""
    try:
        if not folder.exists() or not any(folder.iterdir()):
            return set()
        names = set((folder / MANIFEST).read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeError):
        names = {".."}
    if any(Path(name).is_absolute() or ".." in Path(name).parts for name in names):
        raise InputError(f"{folder} is not empty, and nothing that was rendered", remedy="name a new folder")
    return names
