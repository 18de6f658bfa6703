"""Every shipped SID scheme in the kernel: proved, broken, probed, sent over, drilled."""

from __future__ import annotations

from pathlib import Path

import pytest

from mrcnet.kernel.faults import cut, heal
from mrcnet.plan.crossings import Crossings
from mrcnet.plan.target import find_link
from mrcnet.topology.schemefile import DEFAULT, shipped
from mrcnet.verify.run import verify
from tests.netns.fabric import NEEDS_ROOT, SMALL, arrives, ip, new_name, running
from tests.netns.test_probe import names, probe_rounds, probe_until_change, prober_of
from tests.netns.traffic import mrcnet

pytestmark = NEEDS_ROOT
OTHERS = [name for name in shipped() if name != DEFAULT]  # the default is what all other tests run
LINK = "p0-t0-1:p0-t1-0"


def with_scheme(scheme: str) -> str:
    """A small topology that names it."""
    return f"{SMALL}srv6: {{scheme: {scheme}}}\n"


@pytest.mark.parametrize("scheme", OTHERS)
def test_a_lab_of_each_scheme(scheme: str) -> None:
    """It carries the hosts' own packets and MRC's, and a cut breaks just what crosses the link."""
    with running(with_scheme(scheme)) as (lab, plan):
        assert verify(lab, plan).ok
        assert all(arrives(lab, plan, "h0", dst, plane) for dst in ("h1", "h3") for plane in (0, 1))
        code, found, _ = mrcnet("traffic", lab, "--pattern", "ring", "--size", "128KiB")
        assert (0, 4 * 128 << 10) == (code, found["bytes"])
        cut(plan, lab, LINK, silent=True)
        crossings, link = Crossings(plan), find_link(plan, LINK)
        pairs = [(src, dst) for src in plan.hosts for dst in plan.hosts if src != dst]
        struck = {(src, dst, ev) for src, dst in pairs for ev in crossings.evs(src, dst, [link])}
        broken = verify(lab, plan).failed
        assert struck == {(one.src, one.dst, one.ev) for one in broken}
        assert {"p0-t0-1", "p0-t1-0"} == {one.stopped_at for one in broken}
        heal(plan, lab, LINK)
        assert verify(lab, plan).ok


@pytest.mark.parametrize("scheme", OTHERS)
@pytest.mark.parametrize("hosts", [None, ["h0"]], ids=["all agents", "one agent"])
def test_probes_come_back_by_each_scheme(scheme: str, hosts: list[str] | None) -> None:
    """Agents name the link that is cut, also one that they reach only through a T1, and no other."""
    with running(with_scheme(scheme)) as (lab, plan):
        prober = prober_of(plan, hosts)
        assert [] == probe_rounds(lab, prober, 20)
        cut(plan, lab, LINK, silent=True)
        assert [LINK] == [name for name, *_ in names(prober, [probe_until_change(lab, prober)])]


@pytest.mark.parametrize("fabric", ["kernel", "sim"])
@pytest.mark.parametrize("scheme", OTHERS)
def test_a_drill_by_each_scheme(scheme: str, fabric: str, tmp_path: Path) -> None:
    """A silent cut is seen on the EVs that cross the link alone, and no byte is wrong."""
    (tmp_path / "small.yaml").write_text(with_scheme(scheme))
    (tmp_path / "drill.yaml").write_text(
        f"name: {new_name()}\ntopology: small.yaml\nseed: 3\n"
        "traffic: {pattern: pair, hosts: [h0, h3], message: 16KiB, rate: 50Mbps, duration: 1500ms}\n"
        "transport: {backup_share: 0, timeout_exponent: 19}\n"
        "actions:\n"
        f"  - {{at: 500ms, do: cut, target: '{LINK}', silent: true}}\n"
        f"  - {{at: 1s, do: heal, target: '{LINK}'}}\n"
        "expect:\n  - {measure: messages_wrong, at_most: 0}\n"
        "  - {measure: evs_on_link, at_least: 1, at_most: 1}\n"
        "  - {measure: evs_hit, at_least: 1}\n  - {measure: evs_lost_elsewhere, at_most: 0}\n"
    )
    code, found, complaint = mrcnet(
        "drill", str(tmp_path / "drill.yaml"), "--on", fabric, "--allow-unfaithful"
    )
    assert (0, "passed") == (code, found["verdict"]), complaint


def test_a_lab_outlives_its_scheme(tmp_path: Path) -> None:
    """A scheme of one's own is a file beside the topology, of which a lab that is up has no more need."""
    name = new_name()
    mine = "un: {t0: 3iii, t1: 7iii}\nua: {up: ffii, down: feii}\ndst: 9iii\ncarrier: uA\n"
    (tmp_path / "mine.yaml").write_text("block: 'fd00:abcp::/32'\n" + mine)
    (tmp_path / "topology.yaml").write_text(with_scheme("./mine.yaml"))
    assert 0 == mrcnet("up", str(tmp_path), "--lab", name)[0]
    try:
        (tmp_path / "mine.yaml").unlink()
        code, found, _ = mrcnet("verify", name)
        assert (0, 48) == (code, found["paths"])
        assert {"fd00:abc1:3001::/48"} <= {one["dst"] for one in ip(name, "p1-t0-0", "-6", "route")}
    finally:
        assert 0 == mrcnet("down", name)[0]


def test_what_the_kernel_holds_of_leaf_decap() -> None:
    """A T0 looks inner addresses up in its main table; hosts hold no entry that decapsulates."""
    with running(with_scheme("leaf-decap")) as (lab, plan):
        t0 = {route["dst"]: route for route in ip(lab, "p1-t0-1", "-6", "route")}
        assert ("seg6local", "End.DT6", "main") == tuple(
            t0["fcbb:bb00:6401::/48"][key] for key in ("encap", "action", "table")
        )
        assert "eth2" == t0[plan.nodes["h3"].ports[1].addresses[0].removesuffix("/128")]["dev"]
        assert not [route for route in ip(lab, "h3", "-6", "route") if route.get("encap") == "seg6local"]
