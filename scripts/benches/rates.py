"""Who gets which share of the line, MRC against RoCEv2, in virtual time: permutation, incast, mixed NICs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import mean

from benches.collectives import PORTS, plan_of, shipped
from benches.figure import ROOT, Figure, figure
from mrcnet.mrc.settings import Settings
from mrcnet.mrc.wire.layout import ICRC, WRITE_HEAD
from mrcnet.plan.model import Plan
from mrcnet.sim.fit import fit
from mrcnet.sim.run import run_traffic
from mrcnet.workload.congestion import FIXED, NSCC, controlled
from mrcnet.workload.flow import Flow
from mrcnet.workload.job import Job
from mrcnet.workload.summary import Recording, summarise
from mrcnet.workload.transport import MRC, over

PAYLOAD = 4_096
LINE = PAYLOAD / (PAYLOAD + WRITE_HEAD + ICRC)  # payload's share of a full frame on the wire
MESSAGE = 64 << 10
SEEDS = range(1, 7)

Pairs = Sequence[tuple[str, str]]


def rates(
    plan: Plan, pairs: Pairs, transport: str, *, duration_ns: int, seed: int = 1, congestion: str = FIXED
) -> tuple[list[float], Recording]:
    """What each pair gets, Gb/s of payload, in the later half; SystemExit if a byte is wrong."""
    flows = tuple(Flow(at, src, dst, None, MESSAGE, None) for at, (src, dst) in enumerate(pairs))
    settings = replace(Settings(payload=PAYLOAD, icrc=False), backup_share=0.0)
    settings = controlled(settings, plan, congestion)
    job = fit(over(Job("bench", plan, flows, settings, seed, 10_000), transport))
    recording = run_traffic(job, duration_ns)
    problems = summarise(recording).problems
    if problems:
        raise SystemExit(f"{transport}: {problems}")
    return [_later(recording, flow, duration_ns) for flow in flows], recording


def _later(recording: Recording, flow: Flow, duration_ns: int) -> float:
    """Gb/s of the flow's messages that completed in the later half."""
    source = recording.sources[flow.number]
    ends = [at - recording.start_at for at in source.ends]
    inside = [at for at in ends if duration_ns // 2 <= at < duration_ns]
    if len(inside) < 2:
        return 0.0
    return (len(inside) - 1) * MESSAGE * 8 / (inside[-1] - inside[0])


# ---- permutation ---------------------------------------------------------------------------------

RACKS = {MRC: "paper-fig18/topology", "rocev2": "paper-fig18/rocev2-topology"}
ACROSS = [(f"h{number}", f"h{8 + number}") for number in range(8)]
NEAR = 0.25  # of its share, that DCQCN may leave a flow off it


def permutation() -> Iterator[Figure]:
    """permutation: the slowest of MRC's flows over the fastest, eight hosts to eight others over eight
    uplinks of one plane. Sound if RoCEv2's single paths show their collisions: flows that share an uplink
    with none, one and two others get about 1, 1/2 and 1/3 of the line, each group in its mean. The seed is
    the first by whose source ports one, two and three flows meet, as in the paper's figure.
    """
    plan = shipped(RACKS[MRC])
    sprayed, _ = rates(plan, ACROSS, MRC, duration_ns=1_000_000, congestion=NSCC)
    plan = shipped(RACKS["rocev2"])
    seed = next(seed for seed in range(1, 1_000) if {1, 2, 3} == set(_crowd(plan, seed)))
    single, _ = rates(plan, ACROSS, "rocev2", duration_ns=10_000_000, seed=seed)
    crowd = _crowd(plan, seed)
    groups = {
        size: mean(rate for rate, many in zip(single, crowd, strict=True) if many == size)
        * size
        / (100 * LINE)
        for size in (1, 2, 3)
    }
    met = {
        f"flows that share an uplink with {size - 1} get about 1/{size}": abs(one - 1) <= NEAR
        for size, one in groups.items()
    }
    yield figure(
        "permutation",
        [min(sprayed) / max(sprayed)],
        "slowest over fastest",
        0.98,
        at_most=False,
        sound=all(met.values()),
        criteria=met,
        mrc=[round(rate, 1) for rate in sprayed],
        rocev2=[round(rate, 1) for rate in single],
        sharing=crowd,
        of_share=[round(one, 2) for one in groups.values()],
    )


def _crowd(plan: Plan, seed: int) -> list[int]:
    """How many flows are on each flow's uplink, by their source ports alone."""
    _, recording = rates(plan, ACROSS, "rocev2", duration_ns=1, seed=seed)
    uplinks = [
        next(row.ev & 0xFFFF for row in recording.sources[at].evs if row.active) for at in range(len(ACROSS))
    ]
    return [uplinks.count(uplink) for uplink in uplinks]


# ---- incast and its victim -----------------------------------------------------------------------

INCAST = [(f"h{number}", "h0") for number in range(8, 15)]
VICTIM = [("h15", "h1")]


def incast_victim() -> Iterator[Figure]:
    """incast-victim: what a flow to a host beside the target of a 7:1 incast gets, over what it gets alone,
    under MRC; the mean of six seeds. Sound if RoCEv2 with DCQCN loses more, by 5 % of the rate at least.
    """
    kept: dict[str, list[float]] = {}
    for transport, congestion in ((MRC, NSCC), ("rocev2", FIXED)):
        plan = shipped(RACKS[transport])
        for seed in SEEDS:
            shares = []
            for pairs in (VICTIM, [*VICTIM, *INCAST]):
                got, _ = rates(
                    plan, pairs, transport, duration_ns=1_000_000, seed=seed, congestion=congestion
                )
                shares.append(got[0])
            kept.setdefault(transport, []).append(shares[1] / shares[0])
    met = {"RoCEv2's victim loses 5 % more, at least": mean(kept["rocev2"]) < mean(kept[MRC]) - 0.05}
    yield figure(
        "incast-victim",
        [mean(kept[MRC])],
        "of its rate alone",
        0.95,
        at_most=False,
        sound=all(met.values()),
        criteria=met,
        mrc=[round(one, 3) for one in kept[MRC]],
        rocev2=[round(one, 3) for one in kept["rocev2"]],
    )


# ---- utilisation ---------------------------------------------------------------------------------

PLANES = """\
name: planes
fabric: {{planes: {planes}, t0: 2, t1: 4, hosts_per_t0: 4}}
defaults: {{rate: {rate}, delay: 500ns}}
ports: {ports}
"""
CROSS = [(f"h{number}", f"h{(number + 4) % 8}") for number in range(8)]


def utilisation() -> Iterator[Figure]:
    """utilisation: what eight hosts on four planes get together under MRC, each to one across the T1s and
    from one, over what their ports carry of payload. What the others get is noted: RoCEv2 has one plane of
    the same rate together, for one QP uses one port.
    """
    shares: dict[str, float] = {}
    for transport in (MRC, "spray", "rocev2", "rocev2x16"):
        wide = transport in (MRC, "spray")
        plan = plan_of(
            PLANES.format(planes=4, rate="100Gbps", ports="{}")
            if wide
            else PLANES.format(planes=1, rate="400Gbps", ports=PORTS)
        )
        got, _ = rates(
            plan,
            CROSS,
            transport,
            duration_ns=200_000 if wide else 1_000_000,
            congestion=NSCC if wide else FIXED,
        )
        shares[transport] = sum(got) / (len(CROSS) * 400 * LINE)
    yield figure(
        "utilisation",
        [shares[MRC]],
        "of line rate",
        0.92,
        at_most=False,
        **{name: round(share, 3) for name, share in shares.items() if name != MRC},
    )


# ---- mixed NICs ----------------------------------------------------------------------------------

MIXED = ROOT / "topologies" / "mixed-nics.yaml"
ALIKE = """\
name: alike
fabric: {planes: 8, t0: 2, t1: 4, hosts_per_t0: 4}
defaults: {rate: 100Gbps, delay: 500ns}
kinds: {fabric: {rate: 200Gbps}}
ports: {}
"""
UNLIKE = [("h0", "h6"), ("h6", "h3"), ("h3", "h4"), ("h4", "h2"), ("h2", "h7"), ("h7", "h0")]


def mixed_nics() -> Iterator[Figure]:
    """mixed-nics: goodput over installed port capacity where hosts have 8 ports of 100 Gb/s, 4 of 200 or 8 of
    50, over the same of a fabric where all have 8 of 100; each host to its like across the T1s and from it.
    Noted: pairs of unlike hosts, over the capacity of the planes that they share.
    """
    mixed, alike = plan_of(MIXED.read_text()), plan_of(ALIKE)
    used = {}
    for name, plan, pairs in (("mixed", mixed, CROSS), ("alike", alike, CROSS), ("unlike", mixed, UNLIKE)):
        got, _ = rates(plan, pairs, MRC, duration_ns=150_000, congestion=NSCC)
        capacity = [_shared(plan, src, dst) * LINE for src, dst in pairs]
        used[name] = sum(got) / sum(capacity)
        used[f"{name}, slowest pair"] = min(one / most for one, most in zip(got, capacity, strict=True))
    yield figure(
        "mixed-nics",
        [used["mixed"] / used["alike"]],
        "of a fabric of like hosts",
        0.95,
        at_most=False,
        **{name: round(share, 3) for name, share in used.items()},
    )


def _shared(plan: Plan, src: str, dst: str) -> float:
    """Gb/s that a pair's ports carry in the planes where both have one."""
    there = {port.plane: port.rate_bps for port in plan.nodes[dst].ports}
    return sum(min(port.rate_bps, there.get(port.plane, 0)) for port in plan.nodes[src].ports) / 1e9
