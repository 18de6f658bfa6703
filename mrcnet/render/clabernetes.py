"""The containerlab topology as resources of Kubernetes, for clabernetes, which spreads it over machines.

clabernetes runs every node in a pod of its own, with a containerlab file that holds this node alone, and
joins pods by tunnels. Files reach a pod from ConfigMaps, at their paths beside that file, so binds stay as
they are. What it does not know it drops, groups in releases before 2026 and `daemons` in all: nodes say all
themselves here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import yaml

from mrcnet.errors import InputError
from mrcnet.plan.model import Plan
from mrcnet.render.containerlab import clab_text, has_frr, images, node_files, refuse, with_manifest
from mrcnet.render.model import File, Nos, Wish
from mrcnet.render.templates import fill

API = "clabernetes.containerlab.dev/v1alpha1"
MOST = 950_000  # bytes of a resource: etcd takes a mebibyte, of which names and marks want their share
SHARED = "00.shared"  # no node's name has a dot
CONNECTIVITY = ("vxlan", "slurpeeth")
_PREFIX = "mrcnet-"  # a service's name must begin with a letter, and `4p-2t0-4t1` does not
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_LONGEST = 60  # of 63: some of clabernetes' services end in `-vx`
_INTERFACE = 15


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where the resources go. `namespace`: default, the lab's own. `pull_secrets`: names, for images."""

    namespace: str | None = None
    connectivity: str = CONNECTIVITY[0]
    pull_secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfigMap:
    """A resource of that name: files by the keys under which it holds them."""

    name: str
    files: tuple[tuple[str, File], ...]


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Texts of several lines as they are, not with escapes."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def render_clabernetes(plan: Plan, wish: Wish, cluster: Cluster, most: int = MOST) -> tuple[File, ...]:
    """All files, by path: the namespace, ConfigMaps a node, the Topology. `most`: bytes of a resource.

    Raises InputError for what containerlab cannot have, names that Kubernetes cannot, and what is too large.
    """
    refuse(plan, wish)
    if wish.version.knows_frr:
        raise InputError(
            f"clabernetes drops `daemons`, which FRR of containerlab {wish.version} has",
            remedy="leave --clab-version out",
        )
    name = _PREFIX + plan.topology.name
    namespace = cluster.namespace or name
    _names(plan, name, namespace)
    maps = {node: list(config_maps(name, node, files, most)) for node, files in _by_node(plan, wish)}
    topology = _topology(plan, wish, cluster, maps)
    if len(topology.encode()) > most:
        raise InputError(
            f"{name}: its Topology has {len(topology.encode())} bytes; Kubernetes takes {most} of a resource",
            remedy="render a smaller fabric",
        )
    found = [
        File("00-namespace.yaml", _resources(_namespace(namespace))),
        *(
            File(f"files/{node or SHARED}.yaml", _resources(*(_config_map(one, namespace) for one in held)))
            for node, held in maps.items()
            if held
        ),
        File("topology.yaml", topology),
        File("README.md", _readme(plan, wish, cluster, name)),
    ]
    return with_manifest(found)


def _names(plan: Plan, name: str, namespace: str) -> None:
    """Raise InputError for names that Kubernetes, or the far end of a tunnel, cannot have."""
    for word, what in ((name, "topology"), (namespace, "namespace")):
        if not _LABEL.fullmatch(word) or len(word) > _LONGEST:
            raise InputError(
                f"{what} {word}: Kubernetes takes a-z, 0-9 and - only, at most {_LONGEST}", remedy="rename it"
            )
    for node in plan.nodes.values():
        whole = f"{name}-{node.name}"
        if not _LABEL.fullmatch(node.name) or len(whole) > _LONGEST:
            raise InputError(
                f"node {node.name}: Kubernetes would call it {whole}; it takes a-z, 0-9 and - only, "
                f"at most {_LONGEST}",
                remedy="rename the node, or the topology",
            )
        for port in node.ports:
            end = f"{node.name}-{port.name}"
            if len(end) > _INTERFACE:
                raise InputError(
                    f"port {node.name}:{port.name}: clabernetes calls the far end of its tunnel {end}, "
                    f"which is longer than the {_INTERFACE} characters of an interface",
                    remedy="rename the node or the port",
                )


def _by_node(plan: Plan, wish: Wish) -> Iterator[tuple[str, list[File]]]:
    """Each node's files; under "" those that several have, all of them with FRR."""
    found: dict[str, list[File]] = {"": [], **{node: [] for node in plan.nodes}}
    for file in node_files(plan, wish):
        _, *folder, _ = file.path.split("/")
        found["".join(folder)].append(file)
    yield from found.items()


def config_maps(name: str, node: str, files: Sequence[File], most: int) -> Iterator[ConfigMap]:
    """As many ConfigMaps as a node's files need."""
    held: list[list[tuple[str, File]]] = [[]]
    room = most
    for file in files:
        key = file.path.rpartition("/")[2]
        size = len(key) + len(file.text.encode())
        if size > most:
            raise InputError(
                f"{file.path} has {size} bytes; a ConfigMap takes {most}", remedy="render a smaller fabric"
            )
        if size > room:
            held.append([])
            room = most
        held[-1].append((key, file))
        room -= size
    for number, some in enumerate(held):
        if some:
            yield ConfigMap(
                "-".join(word for word in (name, node, "files", str(number or "")) if word), tuple(some)
            )


def _topology(plan: Plan, wish: Wish, cluster: Cluster, maps: dict[str, list[ConfigMap]]) -> str:
    name = _PREFIX + plan.topology.name
    mounted = {
        node: [
            {"configMapName": held.name, "configMapPath": key, "filePath": file.path}
            for held in maps[node] + (maps[""] if has_frr(plan.nodes[node], wish) else [])
            for key, file in held.files
        ]
        for node in plan.nodes
    }
    spec: dict[str, object] = {
        "connectivity": cluster.connectivity,
        "naming": "prefixed",
        "expose": {"disableExpose": True},  # nobody calls these nodes from outside
        "deployment": {"filesFromConfigMap": mounted},
    }
    if cluster.pull_secrets:
        spec["imagePull"] = {"pullSecrets": list(cluster.pull_secrets)}
    spec["definition"] = {"containerlab": clab_text(plan, wish, alone=True)}
    about = {"name": name, "namespace": cluster.namespace or name}
    return _resources({"apiVersion": API, "kind": "Topology", "metadata": about, "spec": spec})


def _namespace(name: str) -> dict[str, object]:
    # launchers are privileged: they run containers of their own
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def _config_map(held: ConfigMap, namespace: str) -> dict[str, object]:
    about = {"name": held.name, "namespace": namespace}
    data = {key: file.text for key, file in held.files}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": data}


def _resources(*resources: dict[str, object]) -> str:
    return yaml.dump_all(
        resources, Dumper=_Dumper, explicit_start=True, sort_keys=False, width=10_000, allow_unicode=True
    )


def _readme(plan: Plan, wish: Wish, cluster: Cluster, name: str) -> str:
    far = plan.nodes[plan.hosts[-1]]
    return fill(
        "clabernetes/README.md.j2",
        name=name,
        lab=plan.topology.name,
        namespace=cluster.namespace or name,
        connectivity=cluster.connectivity,
        images=images(plan, wish),
        cumulus=wish.nos is Nos.CUMULUS,
        mtu=max(link.mtu for link in plan.topology.links),
        src=plan.hosts[0],
        dst=far.name,
        targets=[far.address]
        if far.address is not None
        else [address.partition("/")[0] for port in far.ports for address in port.addresses],
    )
