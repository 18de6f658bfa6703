"""Goldens: drop a topology into `input/` or `errors/` and its case exists.

`input/NAME.yaml` must plan to `expected/NAME.plan` (the canonical plan, one line a node), and give FRR what
is in `expected/NAME.frr`; a shipped topology must plan to the digest in `expected/shipped.txt`.
2p-2t0-2t1 is rendered for each NOS as `expected/NOS.render` says, for clabernetes as `clabernetes.render`.
`errors/NAME.yaml` must fail with the text of `errors/NAME.txt`. After an intended change,
`UPDATE_GOLDEN=1 pytest tests/golden` writes them anew: read the difference before committing it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mrcnet.errors import ExitCode, InputError
from mrcnet.plan.build import build_plan
from mrcnet.plan.canonical import canonical, digest
from mrcnet.render.clabernetes import Cluster, render_clabernetes
from mrcnet.render.containerlab import render_containerlab
from mrcnet.render.frr import frr_conf
from mrcnet.render.model import ClabVersion, Nos, Wish
from mrcnet.topology.load import load_text

HERE = Path(__file__).parent
INPUTS = sorted((HERE / "input").glob("*.yaml"))
ERRORS = sorted((HERE / "errors").glob("*.yaml"))
SHIPPED = sorted((HERE.parents[1] / "topologies").glob("*.yaml"))
WISHES = {str(nos): Wish(nos) for nos in Nos} | {"mixed": Wish(Nos.FRR, mixed=True, version=ClabVersion(81))}


def expected(path: Path, actual: str) -> str:
    """The golden text at `path`, which is `actual` when goldens are being written anew."""
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(actual, encoding="utf-8")
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("source", INPUTS, ids=lambda path: path.stem)
def test_plan_is_the_golden_one(source: Path) -> None:
    """A topology plans to the same bytes today as when its golden was read and agreed to."""
    plan = build_plan(load_text(source.read_text(encoding="utf-8"), source.name))
    actual = canonical(plan).decode()
    assert expected(HERE / "expected" / f"{source.stem}.plan", actual) == actual


@pytest.mark.parametrize("source", INPUTS, ids=lambda path: path.stem)
def test_frr_is_told_the_golden_words(source: Path) -> None:
    """What FRR is told on each node of a topology that routes by BGP is what was read and agreed to."""
    plan = build_plan(load_text(source.read_text(encoding="utf-8"), source.name))
    speakers = [node for node in plan.nodes.values() if node.speaker is not None]
    if not speakers:
        assert source.stem != "bgp"
        return
    actual = "".join(f"! ---- {node.name}\n{frr_conf(node)}" for node in speakers)
    assert expected(HERE / "expected" / f"{source.stem}.frr", actual) == actual


@pytest.mark.parametrize("name", WISHES)
def test_rendered_files_are_the_golden_ones(name: str) -> None:
    """What other programs are given is, file by file, what was read and agreed to."""
    source = SHIPPED[0]
    assert source.stem == "2p-2t0-2t1"
    plan = build_plan(load_text(source.read_text(encoding="utf-8"), source.name))
    files = render_containerlab(plan, WISHES[name])
    actual = "".join(f"==== {file.path}\n{file.text}" for file in files)
    assert expected(HERE / "expected" / f"{name}.render", actual) == actual


@pytest.mark.parametrize("routing", ["ecmp", "bgp"])
def test_files_without_srv6_are_the_golden_ones(routing: str) -> None:
    """What FRR and hosts are given where packets go by host prefixes is what was read and agreed to."""
    text = f"name: {routing}\nfabric: {{planes: 2, t0: 2, t1: 1, hosts_per_t0: 1}}\nrouting: {routing}\n"
    files = render_containerlab(build_plan(load_text(text, "golden")), Wish(Nos.FRR))
    actual = "".join(f"==== {file.path}\n{file.text}" for file in files)
    assert expected(HERE / "expected" / f"{routing}.render", actual) == actual


def test_resources_of_kubernetes_are_the_golden_ones() -> None:
    """What clabernetes is given is, file by file, what was read and agreed to."""
    plan = build_plan(load_text(SHIPPED[0].read_text(encoding="utf-8"), SHIPPED[0].name))
    cluster = Cluster(namespace="lab", connectivity="slurpeeth", pull_secrets=("theirs",))
    files = render_clabernetes(plan, Wish(Nos.FRR, mixed=True), cluster)
    actual = "".join(f"==== {file.path}\n{file.text}" for file in files)
    assert expected(HERE / "expected" / "clabernetes.render", actual) == actual


def test_shipped_topologies_keep_their_plans() -> None:
    """No address, SID or route of a shipped topology changes unnoticed."""
    actual = "".join(
        f"{source.stem} {digest(build_plan(load_text(source.read_text(encoding='utf-8'), source.name)))}\n"
        for source in SHIPPED
    )
    assert expected(HERE / "expected" / "shipped.txt", actual) == actual


@pytest.mark.parametrize("source", ERRORS, ids=lambda path: path.stem)
def test_bad_topology_is_refused_with_this_message(source: Path) -> None:
    """A bad topology ends in one message that names the place and the fault, and in exit code 2."""
    with pytest.raises(InputError) as refused:
        load_text(source.read_text(encoding="utf-8"), source.name)
    actual = f"{refused.value}\n"
    assert expected(source.with_suffix(".txt"), actual) == actual
    assert ExitCode.USAGE == refused.value.exit_code
