"""The same topology under another routing, as text: a lab is made of text, and remembers it."""

from __future__ import annotations

import yaml

from mrcnet.topology.document import parse
from mrcnet.topology.model import Routing


def rerouted(text: str, file: str, routing: Routing) -> str:
    """The file's text with this `routing`; BGP's settings stay only with BGP. Comments do not.

    A text that says so already comes back as it is. Raises InputError if it is no YAML.
    """
    data = parse(text, file).data
    if data.get("routing", str(Routing.SRV6)) == str(routing):
        return text
    kept = {key: value for key, value in data.items() if key != "bgp" or routing is Routing.BGP}
    return yaml.safe_dump({**kept, "routing": str(routing)}, sort_keys=False, default_flow_style=None)
