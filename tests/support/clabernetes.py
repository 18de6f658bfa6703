"""What clabernetes takes, as JSON Schema: facts of its Topology, v1alpha1, restated for what is rendered.

From the CustomResourceDefinition `topologies.clabernetes.containerlab.dev` in srl-labs/clabernetes at commit
1cc0cbe04799f64f1e330ca4f6d0879117a9b987 (June 2026): names, types, words that are allowed, what is required.
Kubernetes drops a key that it does not know without a word; here such a key is an error.
"""

from __future__ import annotations

from typing import Any


def _exactly(required: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
    }


_TEXT = {"type": "string"}
_FILE = _exactly(
    "configMapName filePath",
    configMapName=_TEXT,
    configMapPath=_TEXT,
    filePath=_TEXT,
    mode={"enum": ["read", "execute"]},
)
_SPEC = _exactly(
    "definition naming",
    connectivity={"enum": ["vxlan", "slurpeeth"]},
    naming={"enum": ["prefixed", "non-prefixed", "global"]},
    expose=_exactly("", disableExpose={"type": "boolean"}),
    deployment=_exactly(
        "",
        filesFromConfigMap={"type": "object", "additionalProperties": {"type": "array", "items": _FILE}},
    ),
    imagePull=_exactly("", pullSecrets={"type": "array", "items": _TEXT, "uniqueItems": True}),
    definition=_exactly("", containerlab=_TEXT),
)
TOPOLOGY = _exactly(
    "apiVersion kind metadata spec",
    apiVersion={"const": "clabernetes.containerlab.dev/v1alpha1"},
    kind={"const": "Topology"},
    metadata=_exactly("name namespace", name=_TEXT, namespace=_TEXT),
    spec=_SPEC,
)
KEYS_OF_A_NODE = {  # that it hands on to a node's own containerlab (util/containerlab, type NodeDefinition)
    *("kind", "group", "type", "startup-config", "image", "exec", "binds", "env", "labels", "sysctls", "cmd"),
}


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """A published schema in which unknown keys are errors."""
    made = {key: strict(value) if isinstance(value, dict) else value for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
        made["additionalProperties"] = False
    return made
