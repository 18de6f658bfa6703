"""Which names there are, which of them are quick, and the loop that runs them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping

from benches import (
    ceiling,
    core,
    dilated,
    drills,
    elsewhere,
    fabric,
    failover,
    headline,
    incast,
    kill,
    loss,
    nscc,
    outages,
    pages,
    port,
    properties,
    rates,
    rootless,
    simulator,
    size,
    soak,
    start,
    storm,
    transport,
    watching,
    wheel,
)
from benches.figure import Figure

# The figures of one measurement come together: asking for one of them prints them all.
FIGURES: Mapping[tuple[str, ...], Callable[[], Iterator[Figure]]] = {
    ("up-seconds", "up-over-floor", "down-seconds"): fabric.up_and_down,
    ("verify-all",): fabric.verify_all,
    ("pair-pps",): transport.pair_pps,
    ("goodput-over-ceiling",): ceiling.goodput_over_ceiling,
    ("dilated-line-rate",): dilated.dilated_line_rate,
    ("trim-incast",): incast.trim_incast,
    ("idle-lab", "lab-memory"): dilated.idle_lab,
    ("failover-ratio", "failover-ratio-loud"): failover.failover_ratio,
    ("cut-recovery",): transport.cut_recovery,
    ("catalogue",): drills.catalogue,
    ("silent-cut", "silent-cut-detection", "silent-cut-leanest"): drills.silent_cut,
    ("sim-agrees",): drills.sim_agrees,
    ("red-when-broken",): drills.red_when_broken,
    ("report-browser",): drills.report_browser,
    ("kill-clean",): kill.kill_clean,
    ("rootless-demo",): rootless.rootless_demo,
    ("kill-storm",): storm.kill_storm,
    ("soak",): soak.soak,
    ("port-rate-error",): port.port_rate_error,
    ("port-cost",): port.port_cost,
    ("mark-trim-agreement",): port.mark_trim_agreement,
    ("headline",): headline.headline,
    ("paper-fig8",): outages.figure_8,
    ("paper-fig9a", "paper-fig9b", "paper-fig9c", "paper-fig9d"): outages.figure_9,
    ("loss-sweep-ring", "loss-sweep-all-to-all", "loss-sweep"): loss.loss_sweep,
    ("permutation",): rates.permutation,
    ("incast-victim",): rates.incast_victim,
    ("utilisation",): rates.utilisation,
    ("mixed-nics",): rates.mixed_nics,
    ("nscc-fair",): nscc.nscc_fair,
    ("sim-pps",): simulator.sim_pps,
    ("core-requester", "core-responder"): core.core,
    ("render-valid",): elsewhere.render_valid,
    ("round-trip",): elsewhere.round_trip,
    ("lint-defects",): elsewhere.lint_defects,
    ("size-131072",): size.size,
    ("node-131072", "pair-131072"): size.parts,
    ("tables-131072", "tables-memory"): size.tables,
    ("start-up",): start.start_up,
    ("wheel",): wheel.wheel,
    ("docs-run",): pages.docs_run,
    ("spec-coverage",): properties.spec_coverage,
    ("schedules",): properties.schedules,
    ("frame-fuzz",): properties.frame_fuzz,
    ("parser-fuzz",): properties.parser_fuzz,
    ("tshark-agrees",): watching.tshark_agrees,
}
SLOW = {
    "wheel",
    "render-valid",
    "round-trip",
    "lint-defects",
    "loss-sweep-ring",
    "loss-sweep-all-to-all",
    "loss-sweep",
    "permutation",
    "incast-victim",
    "utilisation",
    "mixed-nics",
    "dilated-line-rate",
    "trim-incast",
    "idle-lab",
    "lab-memory",
    "port-rate-error",
    "port-cost",
    "mark-trim-agreement",
    "goodput-over-ceiling",
    "cut-recovery",
    "catalogue",
    "silent-cut",
    "silent-cut-detection",
    "silent-cut-leanest",
    "sim-agrees",
    "red-when-broken",
    "report-browser",
    "failover-ratio",
    "failover-ratio-loud",
    "kill-clean",
    "rootless-demo",
    "kill-storm",
    "soak",
    "schedules",
    "frame-fuzz",
    "parser-fuzz",
    "tshark-agrees",
    "tables-131072",
    "tables-memory",
}


def main(names: list[str]) -> int:
    """Run the named figures, or the quick ones; 1 if a bar is missed, 2 for an unknown name."""
    known = [name for group in FIGURES for name in group]
    if "--list" in names or "--help" in names:
        print("\n".join(f"{name}{' (slow)' if name in SLOW else ''}" for name in known))
        return 0
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"bench: unknown {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    wanted = names or [name for name in known if name not in SLOW]
    ok = True
    for group, measure in FIGURES.items():
        if set(group) & set(wanted):
            for found in measure():
                print(found.line(), flush=True)
                ok &= found.ok
    return 0 if ok else 1
