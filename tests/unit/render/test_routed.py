"""Fabrics without SRv6 as a containerlab topology: static multipath routes, or BGP, by FRR."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml

from mrcnet.errors import InputError
from mrcnet.foreign.clab import read_clab
from mrcnet.foreign.convert import convert
from mrcnet.render.containerlab import render_containerlab
from mrcnet.render.model import ClabVersion, Nos, Wish
from mrcnet.topology.document import parse
from tests.support.schemas import schema
from tests.unit.plan.fabrics import plan_of

FABRIC = "name: routed\nfabric: {planes: 2, t0: 2, t1: 2, hosts_per_t0: 1}\n"
ROUTED = {
    "ecmp": FABRIC + "routing: ecmp\n",
    "bgp": FABRIC + "routing: bgp\nbgp: {bfd: {interval: 50ms, multiplier: 4}}\n",
}
EVERY = pytest.mark.parametrize("routing", ROUTED)


def files(routing: str, wish: Wish | None = None) -> dict[str, str]:
    made = render_containerlab(plan_of(ROUTED[routing]), wish or Wish(Nos.FRR))
    return {file.path: file.text for file in made}


@EVERY
def test_file_is_valid_and_comes_back(routing: str) -> None:
    """containerlab's schema takes the file; `import` makes the same topology of it, routing and BFD, too."""
    text = files(routing)["routed.clab.yml"]
    assert plan_of(ROUTED[routing]).topology == convert(read_clab(parse(text, "x")), {}).topology
    checker = jsonschema.Draft7Validator(json.loads(schema("clab.schema.json").read_text(encoding="utf-8")))
    assert [] == [error.message for error in checker.iter_errors(yaml.safe_load(text))]


@EVERY
def test_vtysh_parses_all(routing: str, tmp_path: Path) -> None:
    """Debian's vtysh takes every line of every frr.conf: nothing here is newer than 8.4."""
    if shutil.which("vtysh") is None:
        pytest.skip("vtysh is not installed")
    found = {path: text for path, text in files(routing).items() if path.endswith("frr.conf")}
    assert (8 if routing == "ecmp" else 10) == len(found)
    conf = tmp_path / "frr.conf"
    for path, text in found.items():
        conf.write_text(text, encoding="utf-8")
        done = subprocess.run(["vtysh", "-C", "-f", str(conf)], capture_output=True, text=True, check=False)
        assert (path, 0, "") == (path, done.returncode, done.stdout + done.stderr)


def test_hosts_that_speak_bgp_run_frr() -> None:
    """They get FRR's image and files, unless another image is asked for; with ECMP they stay plain."""
    images = {
        routing: yaml.safe_load(files(routing)["routed.clab.yml"])["topology"]["groups"]["host"]["image"]
        for routing in ROUTED
    }
    assert {"ecmp": "network-multitool:latest", "bgp": "frr:10.6.0"} == images
    asked = files("bgp", Wish(Nos.FRR, host_image="mine:1"))["routed.clab.yml"]
    assert "mine:1" == yaml.safe_load(asked)["topology"]["groups"]["host"]["image"]
    newer = files("bgp", Wish(Nos.FRR, version=ClabVersion(81)))["routed.clab.yml"]
    assert "daemons: [zebra, bfdd, bgpd]" in newer
    chosen = set(files("bgp")["nodes/frr.daemons"].splitlines())
    assert {"zebra=yes", "bgpd=yes", "bfdd=yes", "staticd=no"} <= chosen


@EVERY
@pytest.mark.parametrize("wish", [Wish(Nos.SONIC), Wish(Nos.EOS), Wish(Nos.FRR, mixed=True)], ids=str)
def test_others_are_refused(routing: str, wish: Wish) -> None:
    """SONiC and EOS are not told of routing without SRv6, and the message says who is."""
    with pytest.raises(InputError, match=f"routing: {routing} is rendered for frr alone"):
        files(routing, wish)
