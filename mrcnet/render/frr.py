"""FRR's configuration of a node: eBGP without addresses, ECMP, BFD. `templates/frr` holds its text."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from mrcnet.plan.model import NodePlan

TEMPLATES = Path(str(files("mrcnet"))) / "shipped" / "templates"
LOG = "/var/log/frr/frr.log"


def frr_conf(node: NodePlan, log: str = LOG) -> str:
    """The text of frr.conf. `log`: the file for what daemons have to say.

    Raises ValueError for a node that does not speak BGP.
    """
    if node.speaker is None:
        raise ValueError(f"{node.name} does not speak BGP")
    return _template().render(node=node, speaker=node.speaker, log=log)


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES / "frr"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    return environment.get_template("frr.conf.j2")
