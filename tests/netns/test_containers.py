"""Labs of containers, deployed by the stand-in for containerlab that `tests/support/containerlab.py` is."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from mrcnet.api.lab import Lab
from mrcnet.errors import EnvironmentFault, InputError, PartialError
from mrcnet.kernel import containerlab as program
from mrcnet.kernel import containers, daemons, faults, netns, state
from mrcnet.kernel import lab as labs
from mrcnet.kernel.healing import heal_all
from mrcnet.kernel.lab import UpResult
from mrcnet.kernel.ports import open_ports
from mrcnet.kernel.status import State, status
from mrcnet.plan.model import Plan
from mrcnet.render.model import Nos, Wish
from mrcnet.verify.run import verify
from tests.netns.fabric import NEEDS_ROOT, SMALL, bring_up, ip, namespaces, new_name
from tests.netns.test_agreement import UNEQUAL
from tests.netns.test_drill import OF_THE_MACHINE, hurried
from tests.netns.traffic import mrcnet, topology, wait_for
from tests.support.containerlab import space
from tests.support.schemas import schema
from tests.support.standins import install
from tests.unit.plan.fabrics import plan_of

pytestmark = NEEDS_ROOT
FRR = Wish(Nos.FRR)
LINK = "p0-t0-0:p0-t1-1"
TINY = "fabric: {planes: 2, t0: 2, t1: 1, hosts_per_t0: 1}\n"


@pytest.fixture(autouse=True)
def containerlab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in, first of PATH; only where the file that it deploys can be held against the schema."""
    schema("clab.schema.json")
    folder = tmp_path / "bin"
    folder.mkdir()
    install("containerlab", folder)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder / "containerlab"


def deploy(lab: str, text: str = SMALL, wish: Wish = FRR) -> UpResult:
    return containers.up(plan_of(text), lab, "small.yaml", text, wish)


@contextmanager
def contained(text: str = SMALL, wish: Wish = FRR) -> Iterator[tuple[str, Plan]]:
    """A lab of containers, gone after the block; the plan as commands have it."""
    lab = new_name()
    deploy(lab, text, wish)
    try:
        yield lab, labs.plan_of(labs.load(lab))
    finally:
        if lab in labs.labs():
            labs.down(lab)


def left(lab: str) -> set[str]:
    """All that there is of a lab, but for its lock: names of namespaces, mrcnet's files."""
    files = {file.name for file in state.DIRECTORY.glob(f"*{lab}*") if file.suffix != ".lock"}
    return namespaces(lab) | files | {path.name for path in netns.DIRECTORY.glob(f"*{lab}*")}


def state_of(lab: str) -> tuple[State, str]:
    return next((one.state, one.backend) for one in status() if one.lab == lab)


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        (SMALL, FRR),
        (UNEQUAL, Wish(Nos.SONIC)),
        (TINY + "srv6: {scheme: per-plane-uA}\n", FRR),
        ("fabric: {planes: 4, t0: 2, t1: 4, hosts_per_t0: 1}\n", Wish(Nos.EOS, mixed=True)),
    ],
    ids=["small-frr", "unequal-sonic", "uA-frr", "4p-mixed"],
)
def test_rendered_files_forward(text: str, wish: Wish) -> None:
    """Every EV works through the rendered configurations; a second `up` finds nothing to do, `down` all."""
    with contained(text, wish) as (lab, plan):
        result = verify(lab, plan, sample=8)
        assert ([], True) == (list(result.failed), result.paths > 0)
        assert (State.UP, "containerlab") == state_of(lab)
        again = deploy(lab, text, wish)
        assert ((), ()) == (again.changes, again.lacking)
        removed = labs.down(lab)
        assert {netns.name_of(lab, node) for node in plan.nodes} == set(removed)
        assert set() == left(lab)


@pytest.mark.parametrize("routing", ["ecmp", "bgp"])
def test_without_srv6_by_frr(routing: str) -> None:
    """Debian's FRR runs the rendered files: RoCEv2 crosses the fabric, a cut and its heal are followed."""
    if not (daemons.PROGRAMS / "staticd").exists():
        pytest.skip("no FRR: apt-get install frr")
    with contained(f"{TINY}routing: {routing}\n") as (lab, plan):
        assert State.UP == state_of(lab)[0]
        words = ("traffic", lab, "--transport", "rocev2x4", "--pattern", "ring", "--size", "256KiB")
        code, told, complaint = mrcnet(*words)
        assert (0, True) == (code, told["verified"]), complaint
        faults.cut(plan, lab, "p0-t0-0:p0-t1-0")
        assert State.UP != state_of(lab)[0]
        heal_all(plan, lab)
        wait_for(lambda: state_of(lab)[0] is State.UP)


def test_drill_of_the_catalogue_runs_unchanged(tmp_path: Path) -> None:
    """A drill written for the kernel's lab runs in one of containers, and leaves it whole."""
    _, file = hurried(tmp_path, "silent-cut")
    with contained(topology("4p-2t0-4t1")) as (lab, _):
        _, told, complaint = mrcnet("drill", str(file), "--lab", lab)
        not_met = {line["expectation"]["measure"] for line in told["judgements"] if not line["met"]}
        assert ([], set()) == (told["reasons"], not_met - OF_THE_MACHINE), complaint
        assert State.UP == state_of(lab)[0]


def test_commands_of_a_user(tmp_path: Path) -> None:
    """up, status, traffic, exec, fault and down take such a lab like any other; the last leaves nothing."""
    lab, file = new_name(), tmp_path / "small.yaml"
    file.write_text(SMALL)
    words = ("--lab", lab, "--backend", "containerlab", "--nos", "sonic-vs")
    code, told, complaint = mrcnet("up", str(file), *words)
    assert (0, "containerlab", []) == (code, told["backend"], told["lacking"]), complaint
    code, told, complaint = mrcnet("traffic", lab, "--pattern", "ring", "--size", "256KiB")
    assert (0, True) == (code, told["verified"]), complaint
    _, told, _ = mrcnet("exec", lab, "p0-t0-0", "--", "sh", "-c", "ip -j link show dev eth1")
    assert "eth1" == told[0]["ifname"]
    assert 0 == mrcnet("fault", lab, "cut", LINK)[0]
    assert 1 == mrcnet("verify", lab)[0]
    assert 0 == mrcnet("fault", lab, "heal", "--all")[0]
    wait_for(lambda: mrcnet("verify", lab)[0] == 0)  # once the switches have their routes again
    assert 0 == mrcnet("down", lab)[0]
    assert set() == left(lab)


@pytest.mark.parametrize("silent", [False, True], ids=["loud", "silent"])
def test_faults_are_mrcnets_and_tables_the_switches(silent: bool) -> None:
    """A cut is seen by `status` and healed by mrcnet; the routes that it cost come back by the switch."""
    with contained() as (lab, plan):
        faults.cut(plan, lab, LINK, silent=silent)
        assert State.DEGRADED == state_of(lab)[0]
        assert {"p0-t0-0", "p0-t0-1", "p0-t1-1"} >= {path.stopped_at for path in verify(lab, plan).failed}
        heal_all(plan, lab)
        wait_for(lambda: state_of(lab)[0] is State.UP)
        wait_for(lambda: verify(lab, plan).ok)  # a switch asks for a lost neighbour once a second


def test_what_frr_lacks_is_named_and_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A route that a switch has lost makes the lab `partial`; `up` says so and does not put it there."""
    monkeypatch.setattr(containers, "TABLES_WITHIN_S", 0.5)
    with contained() as (lab, plan):
        lost = next(route for route in plan.nodes["p0-t1-0"].routes if route.via and not route.segs)
        words = ["ip", "-n", netns.name_of(lab, "p0-t1-0"), "-6", "route", "del", lost.dst]
        subprocess.run(words, check=True)
        assert State.PARTIAL == state_of(lab)[0]
        result = deploy(lab)
        assert ((), 1) == (result.changes, len(result.lacking))
        assert f"add route p0-t1-0: {lost.dst}" in result.lacking[0]
        assert [] == [route for route in ip(lab, "p0-t1-0", "-6", "route") if route["dst"] == lost.dst]


def test_switches_keep_their_macs(tmp_path: Path) -> None:
    """SONiC's ports have MACs of their own: hosts learn them, and frames of mrcnet carry them."""
    (tmp_path / "tiny.yaml").write_text(TINY)
    with Lab.up(tmp_path / "tiny.yaml", new_name(), wish=Wish(Nos.SONIC)) as up:
        lab, plan = up.name, up.plan
        assert plan.nodes == labs.plan_of(labs.load(lab)).nodes
        planned = plan_of(TINY)
        for host in plan.hosts:
            for port in plan.nodes[host].ports:
                found = ip(lab, port.peer_node, "link", "show", "dev", port.peer_port)[0]["address"]
                assert found == port.peer_mac != planned.nodes[host].port(port.name).peer_mac


def test_shaped_ports_are_put_on_containers_links() -> None:
    """Every port of a shaped topology bears the program and a shaper, whoever made the link."""
    with contained(f"{TINY}dilation: 1000\nports: {{}}\n") as (lab, plan):
        ports = open_ports(lab)
        assert ports is not None
        assert (True, sum(len(node.ports) for node in plan.nodes.values())) == (
            ports.whole,
            len(ports.indices),
        )


def test_killed_at_any_instant() -> None:
    """After a kill of `up`, `down` leaves nothing of the lab, nor of what containerlab was about to make."""
    rng = random.Random(7)
    for _ in range(4):
        lab = new_name()
        pid = os.fork()
        if not pid:
            try:
                deploy(lab, TINY)
            finally:
                os._exit(0)
        time.sleep(0.2 + 2 * rng.random())
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        if lab in labs.labs():
            labs.down(lab)
        assert set() == left(lab)


def test_half_made_is_not_gone_on_with() -> None:
    """A lab of which containers were not all adopted is refused by name of what mends it."""
    with contained(TINY) as (lab, _):
        stored = state.recall(lab)
        assert stored is not None
        assert stored.containers is not None
        state.save(replace(stored, containers=replace(stored.containers, whole=False)))
        assert State.PARTIAL == state_of(lab)[0]
        with pytest.raises(PartialError, match="not whole"):
            deploy(lab, TINY)


def test_strangers_containers_stay() -> None:
    """A container that has a name which containerlab would give is refused, and neither used nor removed."""
    lab = new_name()
    stranger = space(lab, "h0")
    subprocess.run(["ip", "netns", "add", stranger], check=True)
    try:
        with pytest.raises(InputError, match=f"{stranger} exists"):
            deploy(lab)
        assert {stranger} == left(lab)
    finally:
        subprocess.run(["ip", "netns", "del", stranger], check=True)


def test_a_lab_is_of_one_kind() -> None:
    """Neither backend takes over a lab of the other; one of containers stays of its topology and NOS."""
    with contained(TINY) as (lab, _):
        with pytest.raises(InputError, match="is up in containers"):
            bring_up(lab, TINY)
        for text, wish in ((SMALL, FRR), (TINY, Wish(Nos.EOS))):
            with pytest.raises(InputError, match="is another"):
                deploy(lab, text, wish)
        labs.down(lab)
        bring_up(lab, TINY)
        with pytest.raises(InputError, match="is another"):
            deploy(lab, TINY)
        labs.down(lab)


def test_failed_deploy_leaves_nothing(containerlab: Path) -> None:
    """What containerlab says last is in the message, and what it had made is gone."""
    real = containerlab.rename(containerlab.with_name("real"))
    containerlab.write_text(
        f'#!/bin/sh\n{real} "$@" || exit\n[ "$1" = deploy ] || exit 0\necho image not found >&2\nexit 1\n'
    )
    containerlab.chmod(0o755)
    lab = new_name()
    with pytest.raises(EnvironmentFault, match="image not found"):
        deploy(lab, TINY)
    assert set() == left(lab)


def test_without_containerlab(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the program is missing, the error says so and what installs it, before anything is made."""
    monkeypatch.setattr(program, "PROGRAM", "no-such-containerlab")
    lab = new_name()
    with pytest.raises(EnvironmentFault) as refused:
        deploy(lab)
    assert "there is no program `no-such-containerlab`" == refused.value.message
    assert "containerlab.dev/install" in str(refused.value.remedy)
    assert set() == left(lab)


def test_down_without_containerlab_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the program has gone meanwhile, `down` says what is missing, and the lab stays whole."""
    with contained(TINY) as (lab, _), monkeypatch.context() as gone:
        gone.setattr(program, "PROGRAM", "no-such-containerlab")
        with pytest.raises(EnvironmentFault, match="there is no program"):
            labs.down(lab)
        assert State.UP == state_of(lab)[0]
