"""Diff as a function: from what is there to what is planned, nothing more."""

from __future__ import annotations

from dataclasses import replace

from mrcnet.kernel.desired import desired
from mrcnet.kernel.diff import ChangeSet, diff, ours
from mrcnet.kernel.model import Change, Kind, NodeState, Op, Setting, Sysctl
from mrcnet.kernel.routes import RouteSeen
from mrcnet.plan.model import Action, Keeper, Plan, Route
from mrcnet.topology.model import End
from tests.unit.plan.fabrics import plan_of

SMALL = "name: small\nfabric: {planes: 1, t0: 2, t1: 1, hosts_per_t0: 1}\n"


def state_of(plan: Plan) -> dict[str, NodeState]:
    return {name: desired(node) for name, node in plan.nodes.items()}


def brief(changes: ChangeSet) -> list[tuple[Op, Kind, str]]:
    return [(change.op, change.kind, change.node) for change in changes]


def with_device(state: NodeState, name: str, **values: object) -> NodeState:
    return replace(state, devices={**state.devices, name: replace(state.devices[name], **values)})


def test_as_planned_is_no_change() -> None:
    """A lab that is what the plan says needs nothing."""
    plan = plan_of(SMALL)
    assert diff(plan, state_of(plan)) == ()


def test_from_nothing_every_thing_is_added_once() -> None:
    """From nothing, all that is planned is added, and nothing twice."""
    plan = plan_of(SMALL)
    changes = diff(plan, {})
    counts = {kind: sum(change.kind is kind for change in changes) for kind in Kind}
    assert len(plan.nodes) == counts[Kind.NAMESPACE]
    assert len(plan.topology.links) == counts[Kind.LINK]
    assert sum(len(node.routes) for node in plan.nodes.values()) == counts[Kind.ROUTE]
    assert len(changes) == len(set(changes))


def test_order_is_the_same_every_time() -> None:
    """The same plan gives the same changes in the same order: they follow the plan's."""
    changes = [change.item for change in diff(plan_of(SMALL), {}) if change.node == "h0"]
    planned = list(plan_of(SMALL).nodes["h0"].routes)
    assert planned == [item for item in changes if isinstance(item, Route)]


def test_cut_port_is_named_as_cut() -> None:
    """A port that is down is a difference that says so."""
    plan = plan_of(SMALL)
    found = state_of(plan)
    found["h0"] = with_device(found["h0"], "eth1", up=False)
    expected = Change(Op.SET, Kind.PORT, "h0", Setting("eth1", "up", 1), "port is down (cut)")
    assert (expected,) == diff(plan, found)


def test_silent_port_is_named_as_cut() -> None:
    """A port with the filter of a silent cut is a difference that says so."""
    plan = plan_of(SMALL)
    found = state_of(plan)
    found["h0"] = with_device(found["h0"], "eth1", silenced=True)
    expected = Change(
        Op.SET, Kind.PORT, "h0", Setting("eth1", "silenced", 0), "port is silent (cut --silent)"
    )
    assert (expected,) == diff(plan, found)


def test_stray_link_goes_once() -> None:
    """A link with another MAC is removed by one end only, and laid again with all that stood on it."""
    plan = plan_of(SMALL)
    found = state_of(plan)
    found["h0"] = with_device(found["h0"], "eth1", mac="02:00:00:00:00:01")
    changes = diff(plan, found)
    removals = [change for change in changes if change.op is Op.REMOVE]
    assert [(Kind.LINK, End("h0", "eth1"))] == [(change.kind, change.item) for change in removals]
    assert [(Op.ADD, Kind.LINK, "h0")] == [one for one in brief(changes) if one[:2] == (Op.ADD, Kind.LINK)]
    planned = {route for name in ("h0", "p0-t0-0") for route in plan.nodes[name].routes}
    on_it = {route for route in planned if route.dev == "eth1"}
    assert on_it == {change.item for change in changes if change.kind is Kind.ROUTE}


def test_unplanned_node_goes_with_its_links() -> None:
    """A node that is no longer planned loses its links first, then its namespace."""
    before = plan_of(SMALL)
    after = plan_of(SMALL.replace("t0: 2", "t0: 1"))
    removals = [change for change in diff(after, state_of(before)) if change.op is Op.REMOVE]
    kinds = [change.kind for change in removals if change.kind in (Kind.LINK, Kind.NAMESPACE)]
    assert [Kind.LINK] * 2 + [Kind.NAMESPACE] * 2 == kinds
    assert {"h1", "p0-t0-1"} == {change.node for change in removals if change.kind is Kind.NAMESPACE}


def test_wrong_route_is_replaced() -> None:
    """A route with another carrier is taken out and put in as planned."""
    plan = plan_of(SMALL)
    found = state_of(plan)
    right = next(route for route in plan.nodes["h0"].routes if route.action is Action.ENCAP)
    wrong = replace(right, segs="fcbb:bb00:ffff::")
    found["h0"] = replace(found["h0"], routes=(found["h0"].routes - {right}) | {wrong})
    assert [(Op.REMOVE, wrong), (Op.ADD, right)] == [(one.op, one.item) for one in diff(plan, found)]


def test_odd_route_of_ours_goes() -> None:
    """A route with our protocol number but no shape of ours is removed."""
    plan = plan_of(SMALL)
    found = state_of(plan)
    odd = RouteSeen("2001:db8::/64", 5, 77, 1, 3, None)
    found["h1"] = replace(found["h1"], odd_routes=(odd,))
    assert [(Op.REMOVE, Kind.ROUTE, "h1")] == brief(diff(plan, found))


def test_all_is_written_before_its_parts() -> None:
    """A setting for `all` comes before the same for `default`, which it would overwrite."""
    plan = plan_of(SMALL)
    found = state_of(plan)
    found["p0-t0-0"] = replace(found["p0-t0-0"], sysctls=frozenset())
    scopes = [change.item.scope for change in diff(plan, found) if isinstance(change.item, Sysctl)]
    assert scopes.index("default") > max(at for at, scope in enumerate(scopes) if scope == "all")


def test_mtu_alone_is_set_in_place() -> None:
    """Another MTU is set on both ends; the link and all on it stay."""
    found = state_of(plan_of(SMALL))
    changes = diff(plan_of(SMALL.replace("fabric:", "defaults: {mtu: 5000}\nfabric:")), found)
    assert {(Op.SET, Kind.PORT)} == {(change.op, change.kind) for change in changes}
    assert 2 * 4 == len(changes)


def kept(plan: Plan, keeper: Keeper) -> Plan:
    return replace(plan, keepers=dict.fromkeys(plan.nodes, keeper))


def test_a_switchs_tables_are_its_programs() -> None:
    """Of a switch with a program of its own only ports' faults are ours; what its kernel lacks is told."""
    plan = plan_of(SMALL)
    found = state_of(plan)
    t0 = replace(found["p0-t0-0"], routes=frozenset(), others=frozenset(), sysctls=frozenset())
    found["p0-t0-0"] = with_device(t0, "eth1", up=False)
    raised = (Op.SET, Kind.PORT, "p0-t0-0")
    assert [raised] == brief(diff(kept(plan, Keeper.OWN), found))
    told = diff(kept(plan, Keeper.KERNEL), found)
    lacking = [(Op.ADD, Kind.ROUTE, "p0-t0-0")] * len(plan.nodes["p0-t0-0"].routes)
    assert [raised, *lacking] == brief(told)
    assert [raised] == brief(tuple(one for one in told if ours(kept(plan, Keeper.KERNEL), one)))


def test_routes_of_others_count_where_others_make_them() -> None:
    """What a script or FRR has put there is there; in a lab of ours it is not, for it is a stranger's."""
    plan = plan_of(SMALL)
    found = {
        name: replace(state, routes=frozenset(), others=frozenset(state.routes))
        for name, state in state_of(plan).items()
    }
    for keeper in (Keeper.SCRIPT, Keeper.KERNEL):
        assert () == diff(kept(plan, keeper), found)
    assert {(Op.ADD, Kind.ROUTE)} == {(one.op, one.kind) for one in diff(plan, found)}


def test_a_lost_container_is_told_and_not_made() -> None:
    """A node or link that is gone from a lab of containers is a change, but none of ours."""
    plan = kept(plan_of(SMALL), Keeper.OWN)
    found = state_of(plan)
    del found["p0-t0-1"]
    changes = diff(plan, found)
    assert {Kind.NAMESPACE, Kind.LINK} <= {one.kind for one in changes}
    assert [] == [one for one in changes if ours(plan, one) and one.kind in (Kind.NAMESPACE, Kind.LINK)]
