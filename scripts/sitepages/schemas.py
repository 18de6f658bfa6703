"""A JSON Schema as a page: a table of keys for the whole and for every part that it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sitepages.markdown import row

ABOUT = {
    "topology": "What a fabric is. `mrcnet schema topology` prints the schema for an editor.",
    "drill": "What happens to a fabric, and what must come of it. `mrcnet schema drill` prints the schema.",
    "scheme": "How SIDs are made ([schemes](../schemes.md)). `mrcnet schema scheme` prints the schema.",
    "ev-profile": "What a NIC is told ([schemes](../schemes.md)), by `mrcnet plan --ev-profile`.",
    "events": "A line of `mrcnet traffic --events FILE`.",
    "result": "What `mrcnet drill -o FILE` writes; measures are defined in the [glossary](glossary.md).",
}
Schema = Mapping[str, Any]


def schema_page(kind: str, schema: Schema) -> str:
    """The whole first, then every part by its name."""
    title = {"ev-profile": "EV profile"}.get(kind, kind.capitalize())
    lines = [f"# {title} files", "", ABOUT[kind]]
    lines += _part(schema)
    for name, part in sorted(schema.get("$defs", {}).items()):
        lines += ["", f"## {name}", *_part(part)]
    return "\n".join(lines) + "\n"


def _part(part: Schema) -> Iterator[str]:
    if words := part.get("description"):
        yield from ("", " ".join(words.split()))
    if keys := part.get("properties"):
        needed = part.get("required", ())
        yield from ("", row("key", "is", "means; default"), row("---", "---", "---"))
        for key, value in keys.items():
            if isinstance(value, Mapping):
                must = "" if key not in needed else " (needed)"
                yield row(f"`{key}`{must}", _kind(value), _meaning(value))
    elif "properties" not in part:
        yield from ("", _kind(part))


def _meaning(value: Schema) -> str:
    words, default = str(value.get("description", "")), value.get("default")
    if default is None or isinstance(default, Mapping | list):
        return words  # of a part: its own table says it
    return f"{words}; `{str(default).lower() if isinstance(default, bool) else default}`".removeprefix("; ")


def _kind(value: Any) -> str:
    """A schema in a few words, with links to the parts that it names."""
    if not isinstance(value, Mapping):
        return "anything" if value else "nothing"
    if name := value.get("$ref"):
        part = name.rpartition("/")[2]
        return f"[{part}](#{part.lower()})"
    if "const" in value:
        return f"`{value['const']}`"
    if choices := value.get("enum"):
        return ", ".join(f"`{one}`" for one in choices)
    for several in ("anyOf", "oneOf", "allOf"):
        if several in value:
            return " or ".join(_kind(one) for one in value[several])
    match value.get("type"):
        case "array":
            each = value.get("items") or value.get("prefixItems") or True
            inner = ", ".join(_kind(one) for one in each) if isinstance(each, list) else _kind(each)
            return f"list of {inner}"
        case "object":
            rest = value.get("additionalProperties")
            return f"mapping to {_kind(rest)}" if isinstance(rest, Mapping) else "mapping"
        case list(several):
            return " or ".join(several)
        case str(one):
            return one
    return "anything"
