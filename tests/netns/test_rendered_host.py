"""A rendered host's script in a real namespace: it brings what `up` brings."""

from __future__ import annotations

import subprocess
from pathlib import Path

from mrcnet.kernel import netns
from mrcnet.render.containerlab import render_containerlab
from mrcnet.render.model import Nos, Wish
from tests.netns.fabric import NEEDS_ROOT, arrives, ip, running

pytestmark = NEEDS_ROOT

HOW_IT_CAME = {"protocol", "metric", "flags", "pref"}  # of a route; not what it does


def held(lab: str, node: str) -> tuple[list[str], list[str]]:
    """The routes of a namespace, and its addresses, as `ip` shows them."""
    routes = [
        str({key: value for key, value in route.items() if key not in HOW_IT_CAME})
        for route in ip(lab, node, "-6", "route", "show")
    ]
    addresses = [
        f"{port['ifname']} {one['local']}/{one['prefixlen']}"
        for port in ip(lab, node, "-6", "addr", "show")
        for one in port["addr_info"]
    ]
    return sorted(routes), sorted(addresses)


def test_hosts_script_brings_the_plans_table(tmp_path: Path) -> None:
    """After the script a host's emptied namespace holds what `up` had put there, and its packets arrive."""
    with running() as (lab, plan):
        before = held(lab, "h0")
        space = netns.name_of(lab, "h0")
        for port in plan.nodes["h0"].ports:
            for what in ("route", "addr"):
                subprocess.run(["ip", "-n", space, "-6", what, "flush", "dev", port.name], check=True)
        assert not set(held(lab, "h0")[0]) & set(before[0])
        files = {file.path: file.text for file in render_containerlab(plan, Wish(Nos.FRR))}
        script = tmp_path / "setup.sh"
        script.write_text(files["nodes/h0/setup.sh"], encoding="utf-8")
        subprocess.run(["ip", "netns", "exec", space, "sh", str(script)], check=True)
        assert before == held(lab, "h0")
        assert arrives(lab, plan, "h0", "h3")
