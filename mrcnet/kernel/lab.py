"""Labs: bring one up, change it, take it down, say what there is. One command at a time for each lab."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

from mrcnet.errors import EnvironmentFault, InputError, MrcnetError, PartialError
from mrcnet.kernel import adoption, containerlab, daemons, marks, netns, parts, privilege, processes, state
from mrcnet.kernel.apply import apply
from mrcnet.kernel.convergence import await_learned
from mrcnet.kernel.diff import ChangeSet, diff
from mrcnet.kernel.handles import Handles
from mrcnet.kernel.model import Change, Kind, Op
from mrcnet.kernel.observe import LabState, observe
from mrcnet.plan.build import build_plan, dilated
from mrcnet.plan.model import Plan
from mrcnet.port.config import LEAST_RATE, MOST_RATE, wall_rate
from mrcnet.topology.load import load_text
from mrcnet.topology.model import AUTO, Routing
from mrcnet.units import format_rate

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class UpResult:
    """What `up` did (or, if dry, would do), and how long the kernel took: observe, apply, read back.

    `lacking`: what a program that keeps its own tables in a kernel has not put there.
    """

    lab: str
    changes: tuple[Change, ...]
    apply_seconds: float
    degraded: tuple[str, ...] = ()  # the parts of its ports' model that this machine does not give
    lacking: tuple[str, ...] = ()


def up(
    plan: Plan,
    lab: str,
    source_file: str,
    source_text: str,
    dry_run: bool = False,
    *,
    allow_degraded: bool = False,
) -> UpResult:
    """Make lab `lab` what the plan says, from whatever it is now; and read it back.

    `source_text` (with its variables expanded) is kept, so that commands work without the file. InputError
    if the plan has errors or a namespace of that name is not ours. EnvironmentFault if the kernel refuses:
    a fresh lab is gone again then; also if it lacks what shaped ports need, unless `allow_degraded`.
    PartialError if something half-made is left.
    """
    privilege.demand()
    check(plan, lab)
    if plan.topology.routing is Routing.BGP:
        daemons.demand()
    _refuse_containers(lab)
    begin = time.perf_counter()
    if dry_run:
        _refuse_strangers(plan, lab, clean=False)
        without = lacks(plan, allow_degraded)
        changes = diff(plan, _see(lab).nodes, parts.named(without))
        return UpResult(lab, changes, time.perf_counter() - begin, without)
    netns.share_directory()
    with state.locked(lab) as lock:
        _refuse_strangers(plan, lab, clean=True)
        before = tuple(one.node for one in marks.owned(lab))
        stored = state.Stored(lab, source_file, source_text, tuple(plan.nodes), plan.topology.dilation)
        stored = replace(stored, degraded=lacks(plan, allow_degraded))
        changes = _change(plan, lab, before, stored, lock)
    return UpResult(lab, changes, time.perf_counter() - begin, stored.degraded)


def down(lab: str) -> tuple[str, ...]:
    """Remove a lab: its runs, the processes in its namespaces, the namespaces. Their names.

    InputError if there is no such lab.
    """
    marks.lab_name(lab)
    if lab not in labs():
        raise unknown(lab)
    with state.locked(lab) as lock:
        return _tear_down(lab, lock)


def down_all() -> tuple[str, ...]:
    """Remove every lab, and the locks of killed commands; the names of the namespaces removed.

    One that cannot be removed does not keep the others: its fault is raised when they are gone.
    """
    removed: list[str] = []
    faults: list[Exception] = []
    for lab in labs():
        try:
            removed += down(lab)
        except InputError:  # another command has taken it down meanwhile
            continue
        except (MrcnetError, OSError) as fault:
            faults.append(fault)
    state.sweep()
    if faults:
        raise faults[0]
    return tuple(removed)


def labs() -> tuple[str, ...]:
    """Every lab of which a namespace or a file exists. Who may have none sees none."""
    if not privilege.able():
        return ()
    return tuple(sorted({one.lab for one in marks.owned()} | set(state.remembered())))


def load(lab: str) -> state.Stored:
    """The topology of a lab as it was brought up. InputError if there is no such lab."""
    marks.lab_name(lab)
    stored = state.recall(lab) if privilege.able() else None
    whole = stored is not None and (stored.containers is None or stored.containers.whole)
    if stored is not None and whole and marks.owned(lab):
        return stored
    if lab in labs():
        raise PartialError(f"lab {lab!r} is not whole", remedy=f"`mrcnet down {lab}`, then `mrcnet up` again")
    raise unknown(lab)


def degraded(lab: str) -> tuple[str, ...]:
    """The parts of its ports' model that a lab goes without, each with the reason."""
    stored = state.recall(lab)
    return () if stored is None else stored.degraded


def plan_of(stored: state.Stored) -> Plan:
    """The plan of a lab from its memory, at the dilation at which it runs."""
    plan = dilated(build_plan(load_text(stored.text, stored.file)), stored.dilation)
    return plan if stored.containers is None else adoption.adopted(plan, stored.containers)


def not_whole(name: str) -> PartialError:
    """What is said of a lab that lacks some of its nodes."""
    return PartialError(f"lab {name!r} is not whole", remedy="`mrcnet up` mends it")


def unknown(lab: str) -> InputError:
    """The error for a lab that does not exist."""
    known = ", ".join(labs())
    remedy = f"the labs are: {known}" if known else "`mrcnet up` makes one"
    if privilege.ordinary():
        remedy += "; root's labs are root's to see (sudo mrcnet)"
    return InputError(f"there is no lab {lab!r}", remedy=remedy)


def _refuse_containers(lab: str) -> None:
    if state.folder(lab).exists():
        raise InputError(
            f"lab {lab!r} is up in containers",
            remedy=f"`mrcnet down {lab}` first, or choose another name with --lab",
        )


def check(plan: Plan, lab: str) -> None:
    """Raise InputError, or EnvironmentFault, for a plan that no lab of that name can hold."""
    errors = [finding.message for finding in plan.lint if finding.severity == "error"]
    if errors:
        raise InputError("this fabric cannot work: " + "; ".join(errors))
    if plan.topology.dilation == AUTO:
        raise ValueError("the dilation of a lab must be settled before it comes up")
    if plan.topology.routing is Routing.BGP and plan.topology.dilation != 1:
        raise InputError(
            "routing: bgp runs at dilation 1: its daemons keep wall time", remedy="leave --dilation out"
        )
    for node in plan.nodes:
        marks.mark(lab, node)
    _check_rates(plan)


def _check_rates(plan: Plan) -> None:
    """Every shaped port's rate is one that the shaper can keep."""
    dilation = plan.topology.dilation
    for end, queue in plan.wiring.queues.items():
        rate = 8 * wall_rate(queue, dilation)
        if not LEAST_RATE <= rate <= MOST_RATE:
            shown, at = format_rate(queue.rate_bps), f" at dilation {dilation}" if dilation > 1 else ""
            least, most = format_rate(LEAST_RATE), format_rate(MOST_RATE)
            raise InputError(
                f"{end}: {shown}{at} is not between {least} and {most} of wall time, which can be shaped",
                remedy=f"set `dilation`, e.g. {max(1, queue.rate_bps // 10**8)}, or another rate",
            )


def _refuse_strangers(plan: Plan, lab: str, clean: bool) -> None:
    """No node's namespace may be another's. What a killed `up` left unmounted goes, if the journal has it."""
    stored = state.recall(lab)
    journal = frozenset(stored.nodes) if stored else frozenset()
    ours = {one.node for one in marks.owned(lab)}
    for node in plan.nodes:
        path = netns.path_of(lab, node)
        if node in ours or not path.exists():
            continue
        if netns.is_namespace(path) or node not in journal:
            raise InputError(
                f"namespace {path.name} exists and is not of lab {lab!r}",
                remedy=f"choose another name with --lab, or remove it: ip netns del {path.name}",
            )
        if clean:
            path.unlink(missing_ok=True)


def _see(lab: str) -> LabState:
    nodes = [one.node for one in marks.owned(lab)]
    with Handles(lab, len(nodes)) as handles:
        return observe(handles, nodes)


def _change(plan: Plan, lab: str, before: tuple[str, ...], stored: state.Stored, lock: int) -> ChangeSet:
    with Handles(lab, len(plan.nodes) + len(before)) as handles:
        found = observe(handles, before)
        without = parts.named(stored.degraded)
        changes = diff(plan, found.nodes, without)
        journal = dict.fromkeys((*stored.nodes, *before))
        state.save(replace(stored, nodes=tuple(journal)))
        try:
            _leave(lab, changes)
            apply(handles, changes, found.indices)
            rest = diff(plan, observe(handles, plan.nodes).nodes, without) if changes else ()
            if rest:
                raise EnvironmentFault(f"the kernel does not hold what it was told: {_first(rest)}")
            await_learned(handles, plan)
        except BaseException as error:
            raise undone(lab, fresh=not before, error=error, lock=lock) from error
    if set(journal) != set(stored.nodes):
        with suppress(EnvironmentFault):  # a full disk: names too many, which harm nothing
            state.save(stored)
    return changes


def lacks(plan: Plan, allowed: bool = False) -> tuple[str, ...]:
    """What a shaped lab must go without here. EnvironmentFault if that is not allowed.

    An ordinary user goes without what the kernel gives to root alone.
    """
    if not plan.topology.shaped:
        return ()
    found = parts.missing()
    rootless = privilege.inside()
    if not allowed and any(part not in parts.ROOTS or not rootless for part in parts.named(found)):
        raise parts.refuse(found)
    return found


def _leave(lab: str, changes: Iterable[Change]) -> None:
    """End what runs in the namespaces that are to go."""
    going = [one.node for one in changes if one.op is Op.REMOVE and one.kind is Kind.NAMESPACE]
    processes.end(processes.inhabitants(netns.path_of(lab, node) for node in going))


def undone(lab: str, *, fresh: bool, error: BaseException, lock: int) -> BaseException:
    """After a failure: a fresh lab is torn down again, an old one cannot be. The error to raise."""
    words = str(error) if str(error) else type(error).__name__
    half = PartialError(f"lab {lab!r} is half-made: {words}", remedy=f"`mrcnet down {lab}`")
    if not fresh:
        return half
    try:
        _tear_down(lab, lock)
    except (OSError, MrcnetError):
        return half
    return EnvironmentFault(f"lab {lab!r} failed: {words}") if isinstance(error, OSError) else error


def _tear_down(lab: str, lock: int) -> tuple[str, ...]:
    processes.end(processes.registered(lab))
    ours = marks.owned(lab)
    inhabitants = processes.inhabitants(one.path for one in ours)
    file = state.folder(lab) / f"{lab}.clab.yml"
    if file.exists():
        processes.end(processes.native(inhabitants))
        containerlab.destroy(file, lab, lock)
    else:
        processes.end(inhabitants)
    for one in ours:
        netns.delete(one.path)
    stored = state.recall(lab)
    for node in stored.nodes if stored else ():
        path = netns.path_of(lab, node)
        if path.exists() and not netns.is_namespace(path):  # killed between its making and its mount
            path.unlink(missing_ok=True)
    daemons.forget(lab)
    state.forget(lab)
    return tuple(one.path.name for one in ours)


def _first(changes: ChangeSet) -> str:
    more = f" and {len(changes) - _SHOWN} more" if len(changes) > _SHOWN else ""
    return "; ".join(map(str, changes[:_SHOWN])) + more
