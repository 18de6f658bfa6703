"""Bringing a fabric up and down, against the floor of `ip -batch`; proving all its paths."""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from benches.figure import ROOT, SETTLE, Figure, figure, mrcnet, namespaces, timed
from mrcnet.plan.build import build_plan
from mrcnet.plan.model import Action, NodePlan, Plan, Route
from mrcnet.plan.paths import paths
from mrcnet.plan.walk import walk
from mrcnet.topology.load import load_text

SHAPE = ROOT / "topologies" / "4p-16t0-8t1.yaml"
LAB = "bench"
FLOOR = "floor-"
RUNS = 5
RETRIES = 50


def plan_of(file: Path) -> Plan:
    return build_plan(load_text(file.read_text(), str(file)))


def up_and_down() -> Iterator[Figure]:
    """up-seconds, up-over-floor, down-seconds: whole processes, floor and tool in turn."""
    plan = plan_of(SHAPE)
    ups: list[float] = []
    downs: list[float] = []
    ratios: list[float] = []
    floors: list[float] = []
    for _ in range(RUNS):
        time.sleep(SETTLE)
        floor = _floor(plan)
        time.sleep(SETTLE)
        up = timed(lambda: mrcnet("up", str(SHAPE), "--lab", LAB))
        time.sleep(0.5)
        down = timed(_down)
        ups.append(up)
        floors.append(floor)
        ratios.append(up / floor)
        downs.append(down)
    yield figure("up-seconds", ups, "s", 2.0, at_most=True)
    yield figure("up-over-floor", ratios, "x", 4.0, at_most=True, floor_seconds=[round(f, 3) for f in floors])
    yield figure("down-seconds", downs, "s", 1.5, at_most=True)


def _down() -> None:
    mrcnet("down", LAB)
    while namespaces(f"mrcnet-{LAB}-"):
        time.sleep(0.01)


# ---- the floor: the same objects through `ip -batch` -------------------------------------------------


def _floor(plan: Plan) -> float:
    with tempfile.TemporaryDirectory() as folder:
        batches = _write(plan, Path(folder))
        try:
            return timed(lambda: _build(batches))
        finally:
            for name in namespaces(FLOOR):
                subprocess.run(["ip", "netns", "del", name], check=True)


def _build(batches: list[list[str]]) -> None:
    for words in batches:
        _run_batch(words, Path(words[-1]).read_text().splitlines())


def _run_batch(words: list[str], lines: list[str]) -> None:
    """Go on where a kernel short of per-CPU memory for a moment said ENOMEM, as the tool does."""
    for _ in range(RETRIES):
        done = subprocess.run(
            [*words[:-1], "-"], input="\n".join(lines) + "\n", text=True, capture_output=True
        )
        if done.returncode == 0:
            return
        failed = re.search(r"^Command failed -:(\d+)$", done.stderr, re.MULTILINE)
        if failed is None or "Cannot allocate memory" not in done.stderr:
            break
        lines = lines[int(failed[1]) - 1 :]
        time.sleep(0.02)
    raise RuntimeError(f"the floor cannot be built: {done.stderr}")


def _write(plan: Plan, folder: Path) -> list[list[str]]:
    """One batch for namespaces, one for links, one a node for what is inside."""
    batches = [
        ("spaces", "", [f"netns add {FLOOR}{name}" for name in plan.nodes]),
        ("links", "", _links(plan)),
    ]
    batches += [(name, name, _inside(node)) for name, node in plan.nodes.items()]
    commands: list[list[str]] = []
    for label, node, lines in batches:
        file = folder / label
        file.write_text("\n".join(lines) + "\n")
        commands.append(["ip", *(["-6", "-n", FLOOR + node] if node else []), "-batch", str(file)])
    return commands


def _links(plan: Plan) -> list[str]:
    lines = []
    for link in plan.topology.links:
        a, b = plan.nodes[link.a.node].port(link.a.port), plan.nodes[link.b.node].port(link.b.port)
        lines.append(
            f"link add {a.name} netns {FLOOR}{link.a.node} address {a.mac} mtu {a.mtu} type veth"
            f" peer name {b.name} netns {FLOOR}{link.b.node} address {b.mac} mtu {b.mtu}"
        )
    return lines


def _inside(node: NodePlan) -> list[str]:
    lines = ["link set lo up"]
    if node.locator:
        lines += ["link add sr0 type bridge", "link set sr0 up"]
    for port in node.ports:
        lines.append(f"link set {port.name} up")
        lines.append(f"addr add {port.link_local}/64 dev {port.name} nodad")
        lines += [f"addr add {address} dev {port.name} nodad" for address in port.addresses]
        lines.append(f"neigh add {port.peer_link_local} lladdr {port.peer_mac} nud permanent dev {port.name}")
    return lines + [_route(route) for route in node.routes]


def _route(route: Route) -> str:
    flavor = "flavors next-csid lblen 32 nflen 16"
    how = {
        Action.UN: f"encap seg6local action End {flavor}",
        Action.UA: f"encap seg6local action End.X nh6 {route.via} oif {route.dev} {flavor}",
        Action.DECAP: "encap seg6local action End.DT6 table 255",
        Action.UDT6: "encap seg6local action End.DT6 table 254",
        Action.ENCAP: f"encap seg6 mode encap.red segs {route.segs}",
        Action.FORWARD: f"via {route.via}",
    }[route.action]
    return f"route add {route.dst} {how} dev {route.dev}"


# ---- verify ------------------------------------------------------------------------------------------


def verify_all() -> Iterator[Figure]:
    """verify-all: every EV of every pair; then one route is removed, and exactly its paths must be named."""
    plan = plan_of(SHAPE)
    mrcnet("up", str(SHAPE), "--lab", LAB)
    try:
        runs = [mrcnet("verify", LAB, check=False) for _ in range(RUNS)]
        sound = all(run["ok"] and run["paths"] == 31_744 and not run["failed"] for run in runs)
        broken = _remove_a_route(plan)
        named = {
            (bad["src"], bad["dst"], bad["ev"], bad["stopped_at"])
            for bad in mrcnet("verify", LAB, check=False)["failed"]
        }
        yield figure(
            "verify-all",
            [run["seconds"] for run in runs],
            "s",
            15.0,
            at_most=True,
            sound=sound and named == broken,
            paths=runs[0]["paths"],
            failed=sum(len(run["failed"]) for run in runs),
            removed_route_named_exactly=named == broken,
            removed_route_paths=len(broken),
        )
    finally:
        mrcnet("down", LAB)


def _remove_a_route(plan: Plan) -> set[tuple[str, str, int, str]]:
    """Take the way down to a T0 from a T1's table; returns the paths that need it, and where they stop."""
    t1, t0 = "p1-t1-3", "p1-t0-5"
    port = next(port for port in plan.nodes[t1].ports if port.peer_node == t0)
    route = next(r for r in plan.nodes[t1].routes if r.action is Action.FORWARD and r.dev == port.name)
    subprocess.run(["ip", "-n", f"mrcnet-{LAB}-{t1}", "-6", "route", "del", route.dst], check=True)
    return {
        (src, dst, path.ev, t1)
        for src in plan.hosts
        for dst in plan.hosts
        for path in paths(plan, src, dst)
        if path.plane == 1 and _crosses([hop.node for hop in walk(plan, src, dst, path).hops], t1, t0)
    }


def _crosses(hops: list[str], one: str, other: str) -> bool:
    return (one, other) in pairwise(hops)
