"""Labs on the real kernel: up, the same again, an edit, down; and never a stranger's namespace."""

from __future__ import annotations

import os
import subprocess

import pytest

from mrcnet.errors import EnvironmentFault, InputError, PartialError
from mrcnet.kernel import apply, marks, netns, processes, state
from mrcnet.kernel import lab as labs
from mrcnet.kernel.model import Kind, Op
from mrcnet.kernel.status import State, status
from mrcnet.plan.model import Action
from tests.netns.fabric import NEEDS_ROOT, SMALL, arrives, bring_up, ip, namespaces, new_name, running
from tests.unit.plan.fabrics import plan_of

pytestmark = NEEDS_ROOT
EDITED = SMALL.replace("t1: 2", "t1: 1")
WITH_MTU = SMALL.replace("fabric:", "defaults: {mtu: 5000}\nfabric:")


def state_of(lab: str) -> State:
    return next(one.state for one in status() if one.lab == lab)


def test_up_holds_what_is_planned() -> None:
    """After `up` a second `up` changes nothing, the lab counts as up, and datagrams cross both planes."""
    with running() as (lab, plan):
        assert bring_up(lab).changes == ()
        assert state_of(lab) is State.UP
        assert {netns.name_of(lab, node) for node in plan.nodes} == namespaces(lab)
        for plane in (0, 1):
            assert arrives(lab, plan, "h0", "h3", plane)
            assert arrives(lab, plan, "h1", "h0", plane)


def kind_of(route: dict[str, object]) -> Action:
    """The kind of a route as `ip -j` words it."""
    actions = {"End": Action.UN, "End.X": Action.UA, "End.DT6": Action.DECAP}
    if route.get("encap") == "seg6":
        assert route["mode"] == "encap.red"
        return Action.ENCAP
    if route.get("encap") == "seg6local":
        return actions[str(route["action"])]
    return Action.FORWARD


def test_ip_sees_the_same_routes() -> None:
    """`ip -j route` names every planned prefix with its action and device, and no other of our protocol."""
    with running() as (lab, plan):
        for node in plan.nodes.values():
            listed = ip(lab, node.name, "-6", "route", "show", "proto", "77")
            seen = {(one["dst"], kind_of(one), one["dev"]) for one in listed}
            expected = {(one.dst.removesuffix("/128"), one.action, one.dev) for one in node.routes}
            assert expected == seen


def test_ip_sees_the_same_addresses_and_ports() -> None:
    """`ip -j address` shows each port up with its MAC, MTU and addresses, none of them tentative."""
    with running() as (lab, plan):
        for node in plan.nodes.values():
            listed = {one["ifname"]: one for one in ip(lab, node.name, "address")}
            for port in node.ports:
                seen = listed[port.name]
                assert (port.mac, port.mtu) == (seen["address"], seen["mtu"])
                assert "UP" in seen["flags"]
                expected = {f"{port.link_local}/64", *port.addresses}
                assert expected == {f"{one['local']}/{one['prefixlen']}" for one in seen["addr_info"]}
                assert not any(one.get("tentative") for one in seen["addr_info"])


def test_dry_run_makes_nothing() -> None:
    """A dry run tells the changes of the real one, and leaves no trace."""
    lab = new_name()
    foreseen = bring_up(lab, dry_run=True).changes
    assert lab not in labs.labs()
    assert namespaces(lab) == set()
    try:
        assert foreseen == bring_up(lab).changes
    finally:
        labs.down(lab)


def test_edit_applies_only_the_difference() -> None:
    """Less T1s: their namespaces go, other namespaces stay the same ones, and back again."""
    with running() as (lab, _):
        kept = {name: (netns.DIRECTORY / name).stat().st_ino for name in namespaces(lab)}
        gone = {netns.name_of(lab, f"p{plane}-t1-1") for plane in (0, 1)}
        changes = bring_up(lab, EDITED).changes
        removed = {
            change.node for change in changes if (change.op, change.kind) == (Op.REMOVE, Kind.NAMESPACE)
        }
        assert {"p0-t1-1", "p1-t1-1"} == removed
        assert Kind.NAMESPACE not in {change.kind for change in changes if change.op is Op.ADD}
        assert {name: node for name, node in kept.items() if name not in gone} == {
            name: (netns.DIRECTORY / name).stat().st_ino for name in namespaces(lab)
        }
        assert bring_up(lab, EDITED).changes == ()
        assert arrives(lab, plan_of(EDITED), "h0", "h3")
        bring_up(lab)
        assert bring_up(lab).changes == ()
        assert arrives(lab, plan_of(SMALL), "h0", "h3")


def test_mtu_edit_keeps_links() -> None:
    """Another MTU is set in place: no link is laid anew."""
    with running() as (lab, _):
        assert {Kind.PORT} == {change.kind for change in bring_up(lab, WITH_MTU).changes}
        assert {5000} == {one["mtu"] for one in ip(lab, "p0-t0-0", "link") if one["ifname"].startswith("eth")}


def test_meddling_is_mended_by_name() -> None:
    """A route, a neighbour and a setting changed by hand are found, named and put back."""
    with running() as (lab, _):
        name = netns.name_of(lab, "p0-t0-0")
        for words in ("-6 route del fcbb:bb00:e001::/48", "-6 neigh flush dev eth2 nud permanent"):
            subprocess.run(["ip", "-n", name, *words.split()], check=True)
        with netns.inside(netns.DIRECTORY / name):
            subprocess.run(["sysctl", "-qw", "net.ipv6.conf.eth3.seg6_enabled=0"], check=True)
        assert state_of(lab) is State.PARTIAL
        mended = bring_up(lab).changes
        assert [Kind.SYSCTL, Kind.NEIGHBOUR, Kind.ROUTE] == [change.kind for change in mended]
        assert "fcbb:bb00:e001::/48 uA" in mended[-1].what
        assert state_of(lab) is State.UP


def test_routes_of_others_stay() -> None:
    """A route that someone added by hand, with another protocol, is left alone."""
    with running() as (lab, _):
        words = ["-6", "route", "add", "2001:db8::/64", "dev", "eth1", "proto", "static"]
        subprocess.run(["ip", "-n", netns.name_of(lab, "h0"), *words], check=True)
        assert bring_up(lab).changes == ()
        assert ["2001:db8::/64"] == [
            one["dst"] for one in ip(lab, "h0", "-6", "route", "show", "proto", "static")
        ]


def test_two_labs_side_by_side() -> None:
    """Two labs of the same topology do not touch each other, even if one's name begins with the other's."""
    with running() as (lab, plan):
        second = f"{lab}-p0"
        bring_up(second)
        assert bring_up(lab).changes == ()
        assert len(plan.nodes) == len(labs.down(second))
        assert arrives(lab, plan, "h0", "h2")
        assert bring_up(lab).changes == ()


def test_strangers_namespace_survives() -> None:
    """A namespace with a name like ours but no mark makes `up` refuse, and outlives `down`."""
    lab = new_name()
    stranger = netns.name_of(lab, "h0")
    subprocess.run(["ip", "netns", "add", stranger], check=True)
    try:
        with pytest.raises(InputError, match=f"{stranger} exists and is not of lab"):
            bring_up(lab)
        with pytest.raises(InputError, match="there is no lab"):
            labs.down(lab)
        assert {stranger} == namespaces(lab)
    finally:
        subprocess.run(["ip", "netns", "del", stranger], check=True)


def test_down_without_the_state_file() -> None:
    """The marks alone suffice to take a lab down; other commands say that it is not whole."""
    with running() as (lab, plan):
        state.forget(lab)
        with pytest.raises(PartialError, match="not whole"):
            labs.load(lab)
        assert len(plan.nodes) == len(labs.down(lab))
        assert namespaces(lab) == set()


def test_broken_state_file_is_as_good_as_none() -> None:
    """Rubbish in the state file neither stops `down` nor `up`."""
    with running() as (lab, _):
        (state.DIRECTORY / f"{lab}.json").write_text('{"version": 1, "lab"')
        assert bring_up(lab).changes == ()
        assert SMALL == labs.load(lab).text


def test_unknown_lab() -> None:
    """A lab that does not exist is the caller's mistake; a name that is a path never reaches the disk."""
    for verb in (labs.down, labs.load):
        with pytest.raises(InputError, match="there is no lab"):
            verb(new_name())
        with pytest.raises(InputError, match="cannot name a lab"):
            verb("../../etc/passwd")


def test_down_ends_what_runs_in_the_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process left in a namespace and a registered run are ended; a bystander is not."""
    monkeypatch.setattr(processes, "TERM_PATIENCE_S", 0.5)
    with running() as (lab, _):
        inside = subprocess.Popen(["ip", "netns", "exec", netns.name_of(lab, "h0"), "sleep", "600"])
        deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(600)"
        run = subprocess.Popen(["python3", "-c", deaf], stdout=subprocess.PIPE)
        bystander = subprocess.Popen(["sleep", "600"])
        try:
            assert run.stdout is not None
            run.stdout.readline()
            directory = state.runs_directory(lab)
            directory.mkdir()
            (directory / str(run.pid)).write_text(processes.started(run.pid))
            (directory / str(bystander.pid)).write_text("1")  # the number of a run long gone
            labs.down(lab)
            assert [-15, -9] == [inside.wait(timeout=10), run.wait(timeout=10)]
            assert bystander.poll() is None
        finally:
            for process in (inside, run, bystander):
                process.kill()
                process.wait()
            assert run.stdout is not None
            run.stdout.close()


def test_run_is_registered_while_it_lasts() -> None:
    """`register_run` names this process within its block, and nobody after it."""
    with running() as (lab, _):
        with processes.register_run(lab):
            with processes.register_run(lab):  # as a probe beside a run of the same program
                pass
            assert (os.getpid(),) == processes.registered(lab)
        assert processes.registered(lab) == ()


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_failed_up_leaves_nothing(monkeypatch: pytest.MonkeyPatch, failure: BaseException) -> None:
    """What stops a fresh `up` half-way, a fault or Ctrl-C, leaves no namespace and no file."""
    lab = new_name()

    def fail(_self: object, _cables: object) -> None:
        raise failure

    monkeypatch.setattr(apply._Applier, "_lay", fail)  # the namespaces exist by then
    expected = EnvironmentFault if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        bring_up(lab)
    assert namespaces(lab) == set()
    assert lab not in labs.labs()


def test_failed_edit_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """An edit that stops half-way is reported as partial, and `down` still works."""
    with running() as (lab, _):
        monkeypatch.setattr(apply._Applier, "_lay", lambda *_: 1 / 0)
        with pytest.raises(PartialError, match="half-made"):
            bring_up(lab, EDITED)


def test_the_lock_is_waited_for_and_named() -> None:
    """A second command on a lab that is being changed gives up after its deadline, and says why."""
    lab = new_name()
    with state.locked(lab), pytest.raises(EnvironmentFault, match="another command"), state.locked(lab, 0.1):
        pass


def test_marks_are_what_ip_shows() -> None:
    """The ownership mark is a second name of `lo`, so that anyone can see whose a namespace is."""
    with running() as (lab, plan):
        lo = next(one for one in ip(lab, "h1", "link") if one["ifname"] == "lo")
        assert [f"mrcnet:{lab}:h1"] == lo["altnames"]
        assert set(plan.nodes) == {one.node for one in marks.owned(lab)}
