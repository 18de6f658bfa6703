"""FRR's configuration of a node; what it says in full is in tests/golden."""

from __future__ import annotations

import pytest

from mrcnet.render.frr import frr_conf
from tests.unit.plan.fabrics import plan_of

TEXT = "fabric: {planes: 2, t0: 2, t1: 3, hosts_per_t0: 2}\nrouting: bgp\n"


def lines(node: str, text: str = TEXT) -> list[str]:
    return [line.strip() for line in frr_conf(plan_of(text).nodes[node]).splitlines()]


def test_a_session_a_port() -> None:
    """Every port has its session, and sends what the far end finds it by."""
    for node in plan_of(TEXT).nodes.values():
        found = lines(node.name)
        for port in node.ports:
            assert f"neighbor {port.name} interface peer-group fabric" in found
        assert len(node.ports) == found.count("ipv6 nd ra-interval 1")


def test_timers_are_the_files() -> None:
    """BFD's interval and multiplier are those of the topology; 300 ms and 3 if it says none."""
    assert {"receive-interval 300", "transmit-interval 300", "detect-multiplier 3"} < set(lines("h0"))
    faster = lines("p0-t1-0", f"{TEXT}bgp: {{bfd: {{interval: 50ms, multiplier: 4}}}}\n")
    assert {"receive-interval 50", "transmit-interval 50", "detect-multiplier 4"} < set(faster)


def test_as_numbers() -> None:
    """Each node has an AS number of its own, but T1s of a plane share one; router ids all differ."""
    nodes = plan_of(TEXT).nodes.values()
    by_asn: dict[int, set[str]] = {}
    for node in nodes:
        assert node.speaker is not None
        assert 4_200_000_000 <= node.speaker.asn <= 4_294_967_294
        by_asn.setdefault(node.speaker.asn, set()).add(node.name)
    shared = [names for names in by_asn.values() if len(names) > 1]
    assert [{f"p{plane}-t1-{number}" for number in range(3)} for plane in (0, 1)] == shared
    assert len(nodes) == len({node.speaker.router_id for node in nodes if node.speaker})


def test_only_hosts_have_prefixes_and_pass_none_on() -> None:
    """A host tells its own address and nothing else; a switch has none to tell."""
    host, switch = lines("h3"), lines("p1-t0-1")
    assert "network fd4d:5200:ffff::4/128" in host
    assert {"bgp as-path access-list own permit ^$", "neighbor fabric filter-list own out"} < set(host)
    assert not [line for line in switch if line.startswith(("network", "bgp as-path"))]


def test_who_does_not_speak() -> None:
    """A node of another routing has no configuration."""
    with pytest.raises(ValueError, match="p0-t0-0 does not speak BGP"):
        frr_conf(plan_of(TEXT.replace("bgp", "ecmp")).nodes["p0-t0-0"])
