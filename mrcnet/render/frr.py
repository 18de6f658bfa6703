"""FRR's configuration of a node: eBGP without addresses, ECMP, BFD. `templates/frr` holds its text."""

from __future__ import annotations

from mrcnet.plan.model import NodePlan
from mrcnet.render.templates import fill

LOG = "/var/log/frr/frr.log"


def frr_conf(node: NodePlan, log: str = LOG) -> str:
    """The text of frr.conf. `log`: the file for what daemons have to say.

    Raises ValueError for a node that does not speak BGP.
    """
    if node.speaker is None:
        raise ValueError(f"{node.name} does not speak BGP")
    return fill("frr/frr.conf.j2", node=node, speaker=node.speaker, log=log)
