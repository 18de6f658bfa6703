"""`mrcnet lint`: sown defects are named with file and line, and clean folders are clean."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mrcnet.render.model import Nos
from mrcnet.topology.schemefile import shipped as schemes
from tests.support.defects import FRR, SONIC, Defect, found, sow
from tests.support.schemas import ROOT
from tests.unit.plan.fabrics import shipped

from .conftest import Run

SMALL = "name: small\nfabric: {planes: 2, t0: 2, t1: 2, hosts_per_t0: 2}\n"
SHAPES = sorted(path.stem for path in (ROOT / "topologies").glob("*.yaml"))
DEFECTS = [*((Nos.FRR, defect) for defect in FRR), *((Nos.SONIC, defect) for defect in SONIC)]


@pytest.mark.parametrize(("nos", "defect"), DEFECTS, ids=lambda one: getattr(one, "name", str(one)))
def test_defect_is_named(run: Run, tmp_path: Path, nos: Nos, defect: Defect) -> None:
    """Each of ten sown defects is an error at its line, and the exit code is 1."""
    sow(shipped("2p-2t0-2t1"), nos, tmp_path / "lab", defect)
    ran = run("lint", str(tmp_path / "lab"), "--json")
    assert (1, True) == (ran.code, found(defect, tmp_path / "lab", ran.json["remarks"])), ran.out


@pytest.mark.parametrize(
    ("shape", "nos"),
    [*((shape, "mixed") for shape in SHAPES), *(("2p-2t0-2t1", nos) for nos in ("frr", "sonic-vs", "ceos"))],
)
def test_clean_folder_is_clean(run: Run, shape: str, nos: str) -> None:
    """What was rendered has no remark, and every EV arrives by the tables that were read back."""
    words = ["--nos", "frr", "--mixed"] if nos == "mixed" else ["--nos", nos]
    assert 0 == run("render", shape, *words, "-o", "lab").code
    ran = run("lint", "lab", "--json")
    plan = shipped(shape)
    pairs = len(plan.hosts) * (len(plan.hosts) - 1)
    assert (0, []) == (ran.code, ran.json["remarks"])
    assert ran.json["arrived"] == ran.json["evs"] >= pairs * plan.topology.planes


@pytest.mark.parametrize("scheme", schemes())
@pytest.mark.parametrize("nos", ["frr", "sonic-vs", "ceos"])
def test_clean_folder_of_each_scheme(run: Run, tmp_path: Path, scheme: str, nos: str) -> None:
    """Of each scheme that a NOS can be told, what was rendered is clean and every EV arrives."""
    (tmp_path / "fabric.yaml").write_text(f"{SMALL}srv6: {{scheme: {scheme}}}\n")
    rendered = run("render", "fabric.yaml", "--nos", nos, "-o", "lab").code
    assert (2 if (scheme, nos) == ("leaf-decap", "ceos") else 0) == rendered
    if rendered == 0:
        ran = run("lint", "lab", "--json")
        assert (0, [], 48, 48) == (ran.code, *(ran.json[key] for key in ("remarks", "evs", "arrived")))


@pytest.mark.parametrize(
    ("scheme", "node", "old", "new", "code"),
    [
        ("per-plane-uA", "p0-t0-0", "fc00:0:f001::/48", "fc00:0:f005::/48", "no-route"),
        ("per-plane-uA", "p1-t1-0", "interface eth2", "interface eth9", "no-port"),
        ("per-plane-uA", "p1-t1-0", "fc00:1:e002::/48", "fc00:0:e002::/48", "wrong-block"),
        ("leaf-decap", "p0-t0-1", "fcbb:bb00:6001::/48", "fcbb:bb00:6002::/48", "no-route"),
        ("leaf-decap", "p0-t0-1", "fd4d:5200:0:2::1/128", "fd4d:5200:0:2::7/128", "no-route"),
        (
            "leaf-decap",
            "p0-t0-1",
            "fd4d:5200:0:2::1/128 fe80::a eth1",
            "fd4d:5200:0:2::1/128 fe80::a eth2",
            "wrong-host",
        ),
        ("leaf-decap", "p0-t1-1", "behavior uN", "behavior uDT6 vrf default", "early-decap"),
    ],
)
def test_defects_of_schemes(
    run: Run, tmp_path: Path, scheme: str, node: str, old: str, new: str, code: str
) -> None:
    """What can go wrong by these schemes alone is named at its file."""
    (tmp_path / "fabric.yaml").write_text(f"{SMALL}srv6: {{scheme: {scheme}}}\n")
    assert 0 == run("render", "fabric.yaml", "--nos", "frr", "-o", "lab").code
    conf = tmp_path / f"lab/nodes/{node}/frr.conf"
    text = conf.read_text(encoding="utf-8")
    assert old in text
    conf.write_text(text.replace(old, new), encoding="utf-8")
    ran = run("lint", "lab", "--json")
    found = {(one["code"], Path(one["file"]).parent.name) for one in ran.json["remarks"]}
    assert 1 == ran.code
    assert (code, node) in found


def test_files_that_disagree(run: Run, tmp_path: Path) -> None:
    """Where ConfigDB and frr.conf of one switch say different things, the line that stands alone is named."""
    assert 0 == run("render", "2p-2t0-2t1", "--nos", "sonic-vs", "-o", "lab").code
    conf = tmp_path / "lab/nodes/p0-t0-0/frr.conf"
    conf.write_text(
        conf.read_text(encoding="utf-8").replace(
            ":4001::/48 fe80::b Ethernet8", ":4001::/48 fe80::b Ethernet12"
        )
    )
    remarks = run("lint", "lab", "--json").json["remarks"]
    assert ["contradiction"] * 2 == [remark["code"] for remark in remarks]
    assert {"config_db.json", "frr.conf"} == {Path(remark["file"]).name for remark in remarks}


def test_held_against_another_topology(run: Run) -> None:
    """With --topo the tables are held against that plan; a fabric of other nodes is refused."""
    assert 0 == run("render", "2p-2t0-2t1", "--nos", "frr", "-o", "lab").code
    assert 0 == run("lint", "lab", "--topo", "2p-2t0-2t1").code
    assert 2 == run("lint", "lab", "--topo", "4p-2t0-4t1").code


def test_missing_file(run: Run, tmp_path: Path) -> None:
    """A node of which nothing is found is an error, not a node that works."""
    assert 0 == run("render", "2p-2t0-2t1", "--nos", "frr", "-o", "lab").code
    shutil.rmtree(tmp_path / "lab/nodes/p0-t1-0")
    ran = run("lint", "lab")
    assert (1, True) == (ran.code, "nothing of p0-t1-0's table was found [no-table]" in ran.out)


def test_surprises_are_messages(run: Run, tmp_path: Path) -> None:
    """No folder, no topology in it, binary and nonsensical files end in messages."""
    assert (2, True) == (
        (ran := run("lint", "nowhere")).code,
        "must hold one containerlab topology" in ran.err,
    )
    assert 0 == run("render", "2p-2t0-2t1", "--nos", "sonic-vs", "-o", "lab").code
    db = tmp_path / "lab/nodes/p0-t0-0/config_db.json"
    text = db.read_text(encoding="utf-8")
    db.write_text(text.replace('"action": "uN"', '"action": "uX"'), encoding="utf-8")
    assert "cannot make sense of 'SRV6_MY_SIDS|MAIN|fcbb:bb00:2001::/48'" in run("lint", "lab").out
    db.write_text(
        '{"SRV6_MY_SIDS": [1, 2], "STATIC_ROUTE": {"default|x:y": 3}, "PORT": null}', encoding="utf-8"
    )
    assert 1 == run("lint", "lab").code
    db.write_text('{"PORT": ', encoding="utf-8")
    assert (2, True) == ((ran := run("lint", "lab")).code, "not valid YAML" in ran.err)
    conf = tmp_path / "lab/nodes/p0-t0-0/frr.conf"
    conf.write_text("! huge\n" * 2**20, encoding="utf-8")
    db.write_text(text, encoding="utf-8")
    assert (2, True) == ((ran := run("lint", "lab")).code, "larger than 4 MiB" in ran.err)
    db.write_bytes(bytes(range(256)))
    assert (2, True) == ((ran := run("lint", "lab")).code, "not UTF-8" in ran.err)


BLOCK = "fc00:0"


def foreign_lab(folder: Path) -> None:
    """A lab as others make it: two leaves, two spines, addresses on links, next hops without a port, a tenant
    for whom the leaf decapsulates (green) and one that does it itself (yellow), commands in the topology.
    """
    links = [
        f'    - endpoints: ["p0-leaf0{leaf}:eth{spine + 1}", "p0-spine0{spine}:eth{leaf + 1}"]'
        for leaf in range(2)
        for spine in range(2)
    ]
    links += [
        f'    - endpoints: ["{tenant}-host0{leaf}:eth1", "p0-leaf0{leaf}:eth{port}"]'
        for leaf in range(2)
        for tenant, port in (("green", 9), ("yellow", 10))
    ]
    nodes = [f"    p0-{kind}0{number}: {{kind: linux}}" for kind in ("leaf", "spine") for number in range(2)]
    nodes += [
        f'    yellow-host0{leaf}: {{kind: linux, exec: ["ip -6 addr add cccc:{leaf}::2/64 dev eth1 nodad", '
        f'"ip -6 route add {BLOCK}:d001::/48 encap seg6local action End.DT6 table 0 dev eth1"]}}'
        for leaf in range(2)
    ]
    nodes += [f"    green-host0{leaf}: {{kind: linux}}" for leaf in range(2)]
    (folder / "config").mkdir(parents=True)
    text = "\n".join(["name: theirs", "topology:", "  nodes:", *nodes, "  links:", *links])
    (folder / "theirs.clab.yaml").write_text(text + "\n", encoding="utf-8")
    for leaf in range(2):
        ways = [(f"fab:{spine}:{leaf}::", f"Ethernet{4 * spine}", spine) for spine in range(2)]
        routes = [f"ipv6 route {BLOCK}:1{spine}::/48 {via}0" for via, _, spine in ways]
        routes += [f"ipv6 route {BLOCK}:2{1 - leaf}::/48 {via}0" for via, _, _ in ways]
        routes.append(f"ipv6 route {BLOCK}:d001::/48 cccc:{leaf}::2")
        sids = [
            f"sid {BLOCK}:f00{spine}::/48 locator MAIN behavior uA interface {dev} nexthop {via}0"
            for via, dev, spine in ways
        ]
        sids.append(f"sid {BLOCK}:d000::/48 locator MAIN behavior uDT6 vrf Vrf-green")
        ports = {f"{dev}|{via}1/127": {} for via, dev, _ in ways} | {f"Ethernet36|cccc:{leaf}::1/64": {}}
        write_switch(folder / f"config/p0-leaf0{leaf}", f"{BLOCK}:2{leaf}", routes, sids, ports)
    for spine in range(2):
        routes = [f"ipv6 route {BLOCK}:2{leaf}::/48 fab:{spine}:{leaf}::1" for leaf in range(2)]
        ports = {f"Ethernet{4 * leaf}|fab:{spine}:{leaf}::0/127": {} for leaf in range(2)}
        write_switch(folder / f"config/p0-spine0{spine}", f"{BLOCK}:1{spine}", routes, [], ports)


def write_switch(
    folder: Path, locator: str, routes: list[str], sids: list[str], ports: dict[str, object]
) -> None:
    """frr.conf and ConfigDB of a foreign switch."""
    folder.mkdir(parents=True)
    lines = [
        *routes,
        "segment-routing",
        " srv6",
        "  static-sids",
        f"   sid {locator}::/48 locator MAIN behavior uN",
    ]
    lines += [f"   {sid}" for sid in sids]
    lines += [
        "  locators",
        "   locator MAIN",
        f"    prefix {locator}::/48 block-len 32 node-len 16 func-bits 16",
    ]
    (folder / "frr.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "config_db.json").write_text(json.dumps({"INTERFACE": ports}, indent=4), encoding="utf-8")


def test_foreign_lab_is_clean(run: Run, tmp_path: Path) -> None:
    """A lab of other conventions has no error, and its EVs follow from its own SIDs, two between leaves."""
    foreign_lab(tmp_path / "lab")
    ran = run("lint", "lab", "--json")
    assert (0, []) == (ran.code, [remark for remark in ran.json["remarks"] if remark["severity"] == "error"])
    local, across = 4, 8  # ordered pairs
    assert (local + 2 * across,) * 2 == (ran.json["evs"], ran.json["arrived"])


@pytest.mark.parametrize(
    ("file", "old", "new", "code"),
    [
        ("p0-leaf00/frr.conf", f"ipv6 route {BLOCK}:10::/48 fab:0:0::0\n", "", "no-route"),
        ("p0-leaf01/frr.conf", f"{BLOCK}:11::/48 fab:1:1::0", f"{BLOCK}:11::/48 fab:0:1::0", "wrong-way"),
        ("p0-leaf01/frr.conf", f"{BLOCK}:11::/48 fab:1:1::0", f"{BLOCK}:11::/48 fab:9:1::0", "no-port"),
        ("p0-spine01/frr.conf", f"{BLOCK}:11::/48", "fc00:1:11::/48", "wrong-block"),
        ("p0-spine01/config_db.json", "fab:1:0::0/127", "fab:1:0::9/127", "wrong-next-hop"),
        ("p0-leaf00/frr.conf", "locator MAIN behavior uN", "locator MINE behavior uN", "no-locator"),
    ],
)
def test_foreign_defects(run: Run, tmp_path: Path, file: str, old: str, new: str, code: str) -> None:
    """The same defects are found where nobody planned anything."""
    foreign_lab(tmp_path / "lab")
    path = tmp_path / "lab/config" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    ran = run("lint", "lab", "--json")
    assert (1, True) == (ran.code, code in {remark["code"] for remark in ran.json["remarks"]}), ran.out
