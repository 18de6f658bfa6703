"""A stand-in for the program `kubectl`, which these tests do without: no cluster.

It takes `apply --server-side` with files and folders in the order in which they are named, and refuses what
a cluster would: a file that cannot be read, a resource without kind or name, one in a namespace that is not
there yet, a ConfigMap larger than etcd takes, a Topology that clabernetes' definition does not allow or whose
ConfigMaps nobody has applied.

What it is not: Kubernetes or clabernetes. Nothing is deployed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from tests.support.clabernetes import TOPOLOGY, strict
from tests.support.schemas import SCHEMAS

LARGEST = 1 << 20  # bytes of a ConfigMap's data
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Resource = Mapping[str, Any]


def main() -> int:
    match sys.argv[1:]:
        case ["apply", "--server-side", *words] if set(words[::2]) == {"-f"}:
            files = [file for word in words[1::2] for file in _files(Path(word))]
        case _:
            sys.exit(f"this stand-in for kubectl takes `apply --server-side -f FILE`, not {sys.argv[1:]}")
    held: set[tuple[str, str]] = set()
    for file in files:
        for resource in yaml.load_all(file.read_text(encoding="utf-8"), _LOADER):
            try:
                kind, name = _applied(resource, held)
            except (ValueError, KeyError, TypeError, jsonschema.ValidationError) as error:
                sys.exit(f"{file}: {error!r}")
            held.add((kind, name))
            print(f"{kind.lower()}/{name} serverside-applied")
    return 0 if held else 1


def _files(path: Path) -> Iterator[Path]:
    """As kubectl finds them: those of a folder by name, not of folders within."""
    if path.is_dir():
        yield from sorted(file for file in path.iterdir() if file.suffix in (".yaml", ".yml", ".json"))
    else:
        yield path


def _applied(resource: Resource, held: set[tuple[str, str]]) -> tuple[str, str]:
    """Its kind and name. ValueError and the like if a cluster that holds these kinds and names refused it."""
    kind, metadata = resource["kind"], resource["metadata"]
    if not _NAME.fullmatch(metadata["name"]):
        raise ValueError(f"{metadata['name']} is no name")
    if kind != "Namespace" and ("Namespace", metadata["namespace"]) not in held:
        raise ValueError(f"there is no namespace {metadata['namespace']}")
    match resource["apiVersion"], kind:
        case "v1", "Namespace":
            pass
        case "v1", "ConfigMap":
            if sum(len(text.encode()) for text in resource["data"].values()) > LARGEST:
                raise ValueError(f"{metadata['name']} is too large")
        case _, "Topology":
            _check_topology(resource, {name for kind, name in held if kind == "ConfigMap"})
        case version:
            raise ValueError(f"there is no {version}")
    return kind, metadata["name"]


def _check_topology(resource: Resource, maps: set[str]) -> None:
    jsonschema.validate(resource, TOPOLOGY)
    published = SCHEMAS / "clabernetes" / "topologies.crd.yaml"
    if published.exists():
        (version,) = next(yaml.load_all(published.read_text(encoding="utf-8"), _LOADER))["spec"]["versions"]
        jsonschema.validate(
            resource["spec"], strict(version["schema"]["openAPIV3Schema"]["properties"]["spec"])
        )
    files = resource["spec"]["deployment"]["filesFromConfigMap"].values()
    if lacking := {one["configMapName"] for node in files for one in node} - maps:
        raise ValueError(f"there is no ConfigMap {', '.join(sorted(lacking))}")


if __name__ == "__main__":
    sys.exit(main())
