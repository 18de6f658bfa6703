"""A fabric for Kubernetes: the containerlab rendering, all of it, as resources that the API would take."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import jsonschema
import pytest
import yaml

from mrcnet.errors import InputError
from mrcnet.foreign.clab import read_clab
from mrcnet.foreign.convert import convert
from mrcnet.render.clabernetes import Cluster, config_maps, render_clabernetes
from mrcnet.render.containerlab import render_containerlab
from mrcnet.render.model import ClabVersion, Nos, Wish
from mrcnet.topology.document import parse
from tests.support.clabernetes import KEYS_OF_A_NODE, TOPOLOGY, strict
from tests.support.schemas import ROOT, schema
from tests.unit.plan.fabrics import plan_of, shipped

SHAPES = sorted(
    {path.stem for path in (ROOT / "topologies").glob("*.yaml")} - {"4p-16t0-8t1"}
)  # which is like others
WISHES = {str(nos): Wish(nos) for nos in Nos} | {"mixed": Wish(Nos.SONIC, mixed=True)}
DROPPED = {"restart-policy"}  # by clabernetes: pods have their own
SMALL = "name: {name}\nfabric: {{planes: 1, t0: 2, t1: 1, hosts_per_t0: 1}}\n"


def load(text: str) -> list[Any]:
    return list(yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


def resources(shape: str, wish: Wish) -> list[Any]:
    files = render_clabernetes(shipped(shape), wish, Cluster())
    return [one for file in files if file.path.endswith(".yaml") for one in load(file.text)]


def topology(found: list[Any]) -> Any:
    (one,) = [one for one in found if one["kind"] == "Topology"]
    return one


def maps(found: list[Any]) -> dict[str, dict[str, str]]:
    return {one["metadata"]["name"]: one["data"] for one in found if one["kind"] == "ConfigMap"}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", WISHES)
def test_topology_is_one_that_clabernetes_takes(shape: str, name: str) -> None:
    """Every key of the Topology is one of its published schema, and has a value that it allows."""
    one = topology(resources(shape, WISHES[name]))
    jsonschema.validate(one, TOPOLOGY)


def test_our_schema_is_part_of_the_published_one() -> None:
    """The published schema, unknown keys forbidden, takes what is rendered, and refuses what ours refuses."""
    text = schema("clabernetes/topologies.crd.yaml").read_text(encoding="utf-8")
    (version,) = load(text)[0]["spec"]["versions"]
    whole = strict(version["schema"]["openAPIV3Schema"])
    whole["properties"]["metadata"] = {"type": "object"}
    assert "v1alpha1" == version["name"]
    for name in WISHES:
        jsonschema.validate(topology(resources("4p-2t0-4t1", WISHES[name])), whole)
    for path, value in (("naming", "x"), ("connectivity", "x"), ("expose", {"x": 1}), ("imagePull", [])):
        for against in (TOPOLOGY, whole):
            bad = topology(resources("2p-2t0-2t1", Wish(Nos.FRR)))
            bad["spec"][path] = value
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate(bad, against)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", WISHES)
def test_nothing_of_the_containerlab_rendering_is_missing(shape: str, name: str) -> None:
    """A pod finds each file that its node binds, and what it deploys says of a node what groups did."""
    plain = {file.path: file.text for file in render_containerlab(shipped(shape), WISHES[name])}
    clab = load(plain[f"{shape}.clab.yml"])[0]["topology"]
    found = resources(shape, WISHES[name])
    spec, held = topology(found)["spec"], maps(found)
    alone = load(spec["definition"]["containerlab"])[0]["topology"]
    assert (clab["defaults"], clab["links"]) == (alone["defaults"], alone["links"])
    for node, said in clab["nodes"].items():
        whole = clab["groups"][said.pop("group")] | said
        assert whole == alone["nodes"][node]
        assert set() == set(whole) - KEYS_OF_A_NODE - DROPPED
        mounted = {
            one["filePath"]: held[one["configMapName"]][one["configMapPath"]]
            for one in spec["deployment"]["filesFromConfigMap"][node]
        }
        assert {path: plain[path] for path in mounted} == mounted
        wanted = [bind.split(":")[0] for bind in whole.get("binds", [])]
        wanted += [whole["startup-config"]] if "startup-config" in whole else []
        if whole["kind"] == "nvidia_cumulusvx":  # takes its files by hand, from there
            wanted = [f"nodes/{node}"]
        needed = {path for path in plain for want in wanted if PurePosixPath(path).is_relative_to(want)}
        assert needed == set(mounted)


@pytest.mark.parametrize("routing", ["ecmp", "bgp"])
def test_plain_fabrics_have_their_files(routing: str) -> None:
    """Of a fabric without SRv6, too, each pod, also of a host with FRR, has each file that its node binds."""
    plan = plan_of(SMALL.format(name="x") + f"routing: {routing}\n")
    made = render_clabernetes(plan, Wish(Nos.FRR), Cluster())
    spec = topology([one for file in made if file.path.endswith(".yaml") for one in load(file.text)])["spec"]
    nodes = load(spec["definition"]["containerlab"])[0]["topology"]["nodes"]
    for node, said in nodes.items():
        mounted = [one["filePath"] for one in spec["deployment"]["filesFromConfigMap"][node]]
        bound = [bind.split(":")[0] for bind in said["binds"]]
        assert [] == [
            path for path in bound if not any(PurePosixPath(m).is_relative_to(path) for m in mounted)
        ]
        assert [] == [m for m in mounted if not any(PurePosixPath(m).is_relative_to(path) for path in bound)]


def test_import_reads_the_definition() -> None:
    """What the Topology defines is, imported, what the containerlab file is."""
    text = topology(resources("4p-2t0-4t1", Wish(Nos.EOS)))["spec"]["definition"]["containerlab"]
    plain = {file.path: file.text for file in render_containerlab(shipped("4p-2t0-4t1"), Wish(Nos.EOS))}
    there = convert(read_clab(parse(text, "a")), {}).topology
    assert convert(read_clab(parse(plain["4p-2t0-4t1.clab.yml"], "b")), {}).topology == there


def test_a_nodes_files_are_split_where_they_must() -> None:
    """A ConfigMap holds what etcd takes: the rest of a node's files is in others, each file once."""
    made = render_containerlab(shipped("2p-2t0-2t1"), Wish(Nos.SONIC))
    files = [file for file in made if file.path.startswith("nodes/p0-t0-0/")]
    most = 20 + max(len(file.text) for file in files)
    parts = list(config_maps("lab", "p0-t0-0", files, most))
    assert ["lab-p0-t0-0-files", "lab-p0-t0-0-files-1"] == [part.name for part in parts][:2]
    assert files == [file for part in parts for _, file in part.files]
    assert all(sum(len(file.text) for _, file in part.files) <= most for part in parts)
    with pytest.raises(InputError, match=r"nodes/p0-t0-0/\S+ has [0-9]+ bytes; a ConfigMap takes 500"):
        list(config_maps("lab", "p0-t0-0", files, 500))


@pytest.mark.parametrize(
    ("text", "cluster", "message"),
    [
        (SMALL.format(name="My_Lab"), Cluster(), "topology mrcnet-My_Lab: Kubernetes takes a-z"),
        (SMALL.format(name="x" * 60), Cluster(), "at most 60"),
        (
            SMALL.format(name="x" * 48),
            Cluster(),
            "node h0: Kubernetes would call it|node p0-t0-0: Kubernetes",
        ),
        (SMALL.format(name="x"), Cluster("a b; id"), "namespace a b; id: Kubernetes takes"),
        (
            SMALL.format(name="x") + 'links: [{endpoints: ["p0-t0-0:eth1000000", "p0-t1-0:eth9"]}]\n',
            Cluster(),
            "port p0-t0-0:eth1000000: clabernetes calls the far end of its tunnel p0-t0-0-eth1000000",
        ),
    ],
)
def test_names_that_kubernetes_cannot_have(text: str, cluster: Cluster, message: str) -> None:
    """A name that Kubernetes, or the machine at a tunnel's end, would refuse is refused here, and said."""
    with pytest.raises(InputError, match=message):
        render_clabernetes(plan_of(text), Wish(Nos.FRR), cluster)


def test_what_clabernetes_would_drop_is_refused() -> None:
    """FRR's kind of containerlab 0.81 chooses its daemons by a key that clabernetes does not hand on."""
    with pytest.raises(InputError, match="clabernetes drops `daemons`"):
        render_clabernetes(shipped("2p-2t0-2t1"), Wish(Nos.FRR, version=ClabVersion(81)), Cluster())


def test_a_topology_that_is_too_large() -> None:
    """A Topology that etcd would not take is refused with its size."""
    with pytest.raises(InputError, match=r"its Topology has [0-9]+ bytes; Kubernetes takes 9000"):
        render_clabernetes(shipped("2p-2t0-2t1"), Wish(Nos.FRR), Cluster(), most=9_000)
