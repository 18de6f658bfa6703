"""A fabric as a containerlab topology; what the files say in full is in tests/golden."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from mrcnet.errors import InputError
from mrcnet.plan.model import Action
from mrcnet.render.containerlab import MANIFEST, render_containerlab
from mrcnet.render.model import ClabVersion, Nos, Wish
from mrcnet.topology.schemefile import DEFAULT
from mrcnet.topology.schemefile import shipped as schemes
from tests.support.schemas import ROOT, schema
from tests.support.yang.validate import Yang
from tests.unit.plan.fabrics import plan_of, shipped

SHAPES = sorted(path.stem for path in (ROOT / "topologies").glob("*.yaml"))
WISHES = {str(nos): Wish(nos) for nos in Nos} | {"mixed": Wish(Nos.SONIC, mixed=True)}
NEWER = re.compile(r"\s*! FRR (\d+)\.(\d+)")  # the note before a line that wants it
SCHEMES = [("2p-2t0-2t1", name) for name in schemes() if name != DEFAULT]
SMALL = "fabric: {planes: 1, t0: 2, t1: 1, hosts_per_t0: 1}\n"


def files(shape: str, wish: Wish, scheme: str | None = None) -> dict[str, str]:
    return {file.path: file.text for file in render_containerlab(shipped(shape, scheme), wish)}


def known_to_8_4(text: str) -> str:
    """The lines of a frr.conf without those whose note names a later version, and the section of SIDs."""
    kept: list[str] = []
    skip = False
    for line in re.sub(
        r"\n  ! FRR 10.3\n  static-sids\n.*?\n  exit\n  !\n", "\n", text, flags=re.S
    ).splitlines():
        note = NEWER.match(line)
        if not skip and not note:
            kept.append(line)
        skip = note is not None
    return "\n".join(kept) + "\n"


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", WISHES)
def test_clab_file_is_valid(shape: str, name: str) -> None:
    """containerlab's published schema accepts the topology of every shape for every NOS."""
    checker = jsonschema.Draft7Validator(json.loads(schema("clab.schema.json").read_text(encoding="utf-8")))
    text = files(shape, WISHES[name])[f"{shape}.clab.yml"]
    assert [] == [error.message for error in checker.iter_errors(yaml.safe_load(text))]


@pytest.mark.parametrize(("shape", "scheme"), [*((shape, None) for shape in SHAPES), *SCHEMES])
def test_config_db_is_valid(shape: str, scheme: str | None, tmp_path: Path) -> None:
    """SONiC's YANG accepts ConfigDB: master's all of it, 202511's all but the uAs that it does not know."""
    made = files(shape, Wish(Nos.SONIC), scheme)
    (tmp_path / "old").mkdir()
    master, older = Yang(tmp_path, "sonic-srv6.yang"), Yang(tmp_path / "old", "sonic-srv6.202511.yang")
    tables = [json.loads(text) for path, text in made.items() if path.endswith("config_db.json")]
    assert tables
    for table in tables:
        master.check(table)
        sids = table["SRV6_MY_SIDS"]
        table["SRV6_MY_SIDS"] = {key: sid for key, sid in sids.items() if sid["action"] != "uA"}
        older.check(table)


def test_yang_validator_judges_as_sonic_does(tmp_path: Path) -> None:
    """The validator takes SONiC's own valid instances and refuses those that SONiC's tests call invalid."""
    yang = Yang(tmp_path, "sonic-srv6.yang")
    refusals = pytest.importorskip("yangson.exceptions").YangsonException
    cases: dict[str, Any] = json.loads(schema("sonic/yang-test-srv6.json").read_text(encoding="utf-8"))
    accepted = []
    for name, instance in cases.items():
        try:
            yang.check_instance({"sonic-srv6:sonic-srv6": instance["sonic-srv6:sonic-srv6"]})
            accepted.append(name)
        except refusals:
            continue
    assert accepted
    assert [] == [name for name in accepted if "INVALID" in name]


@pytest.mark.parametrize(("shape", "scheme"), [*((shape, None) for shape in SHAPES), *SCHEMES])
@pytest.mark.parametrize("nos", [Nos.FRR, Nos.SONIC, Nos.CUMULUS])
def test_vtysh_parses_what_it_knows(shape: str, scheme: str | None, nos: Nos, tmp_path: Path) -> None:
    """Debian's vtysh takes every line without a note, on one node of each tier: the others are alike."""
    if shutil.which("vtysh") is None:
        pytest.skip("vtysh is not installed")
    made = files(shape, Wish(nos), scheme)
    for node in ("p0-t0-0", "p1-t0-1", "p1-t1-0"):
        conf = tmp_path / f"{node}.conf"
        conf.write_text(known_to_8_4(made[f"nodes/{node}/frr.conf"]), encoding="utf-8")
        assert ("ipv6 route" in conf.read_text(encoding="utf-8")) or scheme == "per-plane-uA"
        done = subprocess.run(["vtysh", "-C", "-f", str(conf)], capture_output=True, text=True, check=False)
        assert (0, "") == (done.returncode, done.stdout + done.stderr)


@pytest.mark.parametrize("name", WISHES)
def test_scripts_parse(name: str, tmp_path: Path) -> None:
    """Every set-up script is one for the shell that its first line names."""
    for path, text in files("2p-2t0-2t1", WISHES[name]).items():
        if path.endswith(".sh"):
            script = tmp_path / "setup.sh"
            script.write_text(text, encoding="utf-8")
            shell = text.splitlines()[0].removeprefix("#!")
            assert 0 == subprocess.run([shell, "-n", str(script)], check=False).returncode


def test_host_script_holds_the_plans_table() -> None:
    """A host's script has one line for each of its planned routes and addresses."""
    plan = shipped("4p-2t0-4t1")
    for host in plan.hosts:
        text = files("4p-2t0-4t1", Wish(Nos.FRR))[f"nodes/{host}/setup.sh"]
        routes = [line for line in text.splitlines() if line.startswith("route replace ")]
        assert [route.dst for route in plan.nodes[host].routes] == [line.split()[2] for line in routes]
        encaps = [route.segs for route in plan.nodes[host].routes if route.action is Action.ENCAP]
        assert encaps == [line.split()[8] for line in routes if "encap seg6 " in line]
        assert all(address in text for port in plan.nodes[host].ports for address in port.addresses)


def test_eos_does_not_decapsulate() -> None:
    """A scheme by which T0s decapsulate is refused for EOS, with what else to do, and so if some run it."""
    for wish in (Wish(Nos.EOS), Wish(Nos.FRR, mixed=True)):
        shape = "4p-2t0-4t1" if wish.mixed else "2p-2t0-2t1"
        with pytest.raises(
            InputError, match=r"knows no static End.DT6 of ceos\n  remedy: --nos frr or sonic-vs"
        ):
            files(shape, wish, "leaf-decap")


def test_mixed_planes_take_turns() -> None:
    """With `mixed` each plane runs another NOS, from the wished one on."""
    assert ["sonic-vs", "ceos", "frr", "sonic-vs"] == [
        str(WISHES["mixed"].nos_of(plane)) for plane in range(4)
    ]
    cumulus = Wish(Nos.CUMULUS, mixed=True)
    assert ["cumulus", "frr", "sonic-vs", "ceos", "cumulus"] == [cumulus.nos_of(plane) for plane in range(5)]


def test_cumulus_has_a_kind_from_0_79() -> None:
    """Before 0.79 containerlab has no kind for Cumulus, and rendering for it is refused."""
    with pytest.raises(InputError, match=r"containerlab 0\.78 has no Cumulus"):
        files("2p-2t0-2t1", Wish(Nos.CUMULUS, version=ClabVersion(78)))


def test_frr_has_a_kind_of_its_own_from_0_81() -> None:
    """From 0.81 on containerlab's own kind for FRR is used; before, a plain container."""
    newer = files("2p-2t0-2t1", Wish(Nos.FRR, version=ClabVersion(81)))["2p-2t0-2t1.clab.yml"]
    older = files("2p-2t0-2t1", Wish(Nos.FRR, version=ClabVersion(80)))["2p-2t0-2t1.clab.yml"]
    assert ("kind: frr" in newer, "startup-config" in newer, "daemons: [" in newer) == (True, True, True)
    assert ("kind: frr" in older, "extras" in older + newer) == (False, False)


def test_manifest_lists_all() -> None:
    """The manifest names every file, itself too."""
    made = files("2p-2t0-2t1", Wish(Nos.EOS))
    assert sorted(made) == made[MANIFEST].splitlines()


@pytest.mark.parametrize(
    ("text", "nos", "message"),
    [
        (f"{SMALL}defaults: {{mtu: 1500}}\n", Nos.FRR, r"this plan does not work: .*\[mtu\]"),
        (
            f'{SMALL}links: [{{endpoints: ["p0-t0-0:up1", "p0-t1-0:eth9"]}}]\n',
            Nos.SONIC,
            "port p0-t0-0:up1: sonic-vs has ports eth1, eth2, ... only",
        ),
        (
            f'{SMALL}links: [{{endpoints: ["p0-t0-0:eth0", "p0-t1-0:eth9"]}}]\n',
            Nos.FRR,
            "containerlab keeps eth0 for management",
        ),
    ],
)
def test_what_cannot_be_rendered(text: str, nos: Nos, message: str) -> None:
    """A fabric that would not work there is refused with the reason."""
    with pytest.raises(InputError, match=message):
        render_containerlab(plan_of(text), Wish(nos))


def test_hostile_port_names_stay_words() -> None:
    """A port's name reaches a shell as one word, whatever characters a topology may ever allow."""
    from mrcnet.render.templates import fill

    node = plan_of(SMALL).nodes["p0-t0-0"]
    text = fill("frr/setup.sh.j2", node=node, device="sr0; rm -rf $HOME")
    assert "ip link set dev 'sr0; rm -rf $HOME' up" in text
