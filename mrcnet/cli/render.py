"""`mrcnet render`."""

from __future__ import annotations

from pathlib import Path

import click

from mrcnet.api.topologies import Source
from mrcnet.cli.command import command
from mrcnet.cli.on import refuse_typed
from mrcnet.cli.output import Answer
from mrcnet.cli.topologies import plan_of, topology_parameters
from mrcnet.cli.wish import read_wish, wish_parameters
from mrcnet.errors import EnvironmentFault, InputError
from mrcnet.render.clabernetes import CONNECTIVITY, Cluster, render_clabernetes
from mrcnet.render.containerlab import MANIFEST, render_containerlab
from mrcnet.render.model import File
from mrcnet.report.files import write

CONTAINERLAB, CLABERNETES = "containerlab", "clabernetes"


@command(
    "mrcnet render 4p-2t0-4t1 --to containerlab --nos frr -o lab/",
    "mrcnet render 4p-2t0-4t1 --to clabernetes --nos frr --namespace lab -o k8s/",
    "mrcnet render topology.yaml --to containerlab --nos sonic-vs --mixed --clab-version 0.81 -o lab/",
)
@topology_parameters
@click.option(
    "--to",
    "target",
    type=click.Choice([CONTAINERLAB, CLABERNETES]),
    default=CONTAINERLAB,
    show_default=True,
    help="clabernetes is containerlab on Kubernetes.",
)
@wish_parameters
@click.option("--namespace", metavar="NAME", help="Of Kubernetes, for clabernetes.  [default: mrcnet-LAB]")
@click.option(
    "--connectivity",
    type=click.Choice(CONNECTIVITY),
    default=CONNECTIVITY[0],
    show_default=True,
    help="Tunnels of clabernetes.",
)
@click.option(
    "--pull-secret", metavar="NAME", multiple=True, help="Of Kubernetes, for images; may be given again."
)
@click.option(
    "-o", "--output", metavar="DIR", type=click.Path(path_type=Path), required=True, help="Write there."
)
def render_(
    source: Source,
    target: str,
    nos: str | None,
    mixed: bool,
    clab_version: str,
    host_image: str,
    switch_image: str | None,
    namespace: str | None,
    connectivity: str,
    pull_secret: tuple[str, ...],
    output: Path,
) -> Answer:
    """Write a fabric as a containerlab topology, with every node's configuration.

    For clabernetes the same comes as resources of Kubernetes: one Topology, and ConfigMaps with the files
    of its nodes.

    TOPO is a file, a shipped name, or - for stdin. DIR must be new, empty, or rendered before: then what is
    no longer part of it goes. Its README.md says how to deploy and verify the lab.
    """
    wish = read_wish(nos, mixed, clab_version, host_image, switch_image)
    plan = plan_of(source)
    if target == CLABERNETES:
        files = render_clabernetes(plan, wish, Cluster(namespace, connectivity, pull_secret))
    else:
        refuse_typed("--to containerlab has no cluster", "namespace", "connectivity", "pull_secret")
        files = render_containerlab(plan, wish)
    _write_all(output, files)
    data = {"to": target, "dir": str(output), "files": [file.path for file in files]}
    return Answer(data, [f"{len(files)} files are in {output}; its README.md says how to go on"])


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
