"""Is NSCC fair? An 8:1 incast in the simulator, several seeds."""

from __future__ import annotations

from collections.abc import Iterator

from benches.figure import Figure, figure

WARM, END, STEP = 150_000, 600_000, 5_000  # ns
SEEDS = 3


def nscc_fair() -> Iterator[Figure]:
    """nscc-fair: Jain's index of eight flows into one host of 4p-16t0-8t1, after 28 base RTTs."""
    from tests.support.incast import UET, incast, jain

    runs = [incast(UET, END, STEP, seed) for seed in range(1, SEEDS + 1)]
    targets = [run.knobs.target_delay_ns / run.knobs.base_rtt_ns for run in runs]
    queues = [float(run.queue[run.at > WARM].mean() / run.bdp) for run in runs]
    near = all(abs(queue / target - 1) <= 0.2 for queue, target in zip(queues, targets, strict=True))
    yield figure(
        "nscc-fair",
        [jain(run.between(WARM, END)) for run in runs],
        "Jain index",
        0.98,
        at_most=False,
        sound=near,
        digits=4,
        queue_bdp=[round(queue, 2) for queue in queues],
        target_bdp=targets[0],
        payload_gbps=[round(float(run.between(WARM, END).sum()) * 8 / (END - WARM), 1) for run in runs],
        trimmed=[int(run.trimmed[-1]) for run in runs],
    )
