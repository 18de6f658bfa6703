"""A fabric as a Mermaid flow chart, as wikis and code hosts draw it from text. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from mrcnet.report.model import Picture


def as_mermaid(picture: Picture) -> str:
    """Each plane is a subgraph; links are drawn between nodes, upwards."""
    return "\n".join(_lines(picture)) + "\n"


def _lines(picture: Picture) -> Iterator[str]:
    yield "flowchart BT"
    for plane in range(picture.planes):
        yield f'  subgraph plane{plane}["plane {plane}"]'
        yield from (f"    {_name(node.name)}[{node.name}]" for node in picture.nodes if node.plane == plane)
        yield "  end"
    yield from (f"  {_name(node.name)}([{node.name}])" for node in picture.nodes if node.plane is None)
    for link in picture.links:
        yield f"  {_name(link.a)} --- {_name(link.b)}"


def _name(end: str) -> str:
    """An identifier: Mermaid's may not hold a hyphen next to an arrow, and some words are its own."""
    return "n_" + end.partition(":")[0].replace("-", "_").replace(".", "_")
