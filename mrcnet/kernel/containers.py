"""A lab whose nodes are containers: rendered, deployed by containerlab, adopted, mended where it is ours."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from mrcnet.errors import EnvironmentFault, InputError, PartialError
from mrcnet.kernel import adoption, containerlab, lab, marks, netns, parts, state
from mrcnet.kernel.apply import apply
from mrcnet.kernel.diff import ChangeSet, diff, ours
from mrcnet.kernel.handles import Handles
from mrcnet.kernel.model import Change, Kind
from mrcnet.kernel.observe import observe
from mrcnet.plan.model import Plan
from mrcnet.render.containerlab import render_containerlab
from mrcnet.render.model import Wish

TABLES_WITHIN_S = 60.0
_LOOK_EVERY_S = 0.2


def up(
    plan: Plan, name: str, source_file: str, source_text: str, wish: Wish, *, allow_degraded: bool = False
) -> lab.UpResult:
    """Bring lab `name` up in containers. A second time: mend what is ours in it.

    InputError for what containers cannot carry, and if there is another lab of that name, before anything is
    made. EnvironmentFault if containerlab is missing or fails: what it had made is gone again then.
    `lacking` of the result tells which planned routes FRR has not put into its kernel.
    """
    lab.check(plan, name)
    begin = time.perf_counter()
    topology = replace(plan.topology, name=name)
    files = render_containerlab(replace(plan, topology=topology), wish)
    netns.share_directory()
    with state.locked(name) as lock:
        stored = _standing(name, source_text, plan.topology.dilation, wish)
        fresh = stored is None
        if stored is None:
            containerlab.demand()
            _refuse_strangers(plan, name)
            containers = state.Containers(str(wish.nos), wish.mixed)
            stored = state.Stored(
                name, source_file, source_text, tuple(plan.nodes), plan.topology.dilation, (), containers
            )
            stored = replace(stored, degraded=lab.lacks(plan, allow_degraded))
        try:
            if fresh:
                state.save(stored)
                for file in files:
                    path = state.folder(name) / file.path
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(file.text, encoding="utf-8")
                containerlab.deploy(state.folder(name) / f"{name}.clab.yml", lock)
                adoption.adopt(plan, name)
            with Handles(name, len(plan.nodes)) as handles:
                if fresh:
                    macs = adoption.other_macs(handles, plan)
                    stored = replace(stored, containers=replace(containers, macs=macs))
                changes, lacking = _mend(handles, plan, stored)
            assert stored.containers is not None
            state.save(replace(stored, containers=replace(stored.containers, whole=True)))
        except BaseException as error:
            raise lab.undone(name, fresh=fresh, error=error, lock=lock) from error
    return lab.UpResult(name, changes, time.perf_counter() - begin, stored.degraded, tuple(map(str, lacking)))


def _standing(name: str, text: str, dilation: int, wish: Wish) -> state.Stored | None:
    """The lab of that name, if it is this one. InputError if it is another, PartialError if half-made."""
    if name not in lab.labs():
        return None
    stored = lab.load(name)
    same = stored.containers is not None and (stored.containers.nos, stored.containers.mixed) == (
        str(wish.nos),
        wish.mixed,
    )
    if not same or stored.text != text or stored.dilation != dilation:
        raise InputError(
            f"lab {name!r} is up and is another: containers cannot be changed into it",
            remedy=f"`mrcnet down {name}` first, or choose another name with --lab",
        )
    return stored


def _refuse_strangers(plan: Plan, name: str) -> None:
    """Nothing that is there may be taken for what containerlab is going to make: `down` would remove it."""
    names = list(containerlab.inspect(name))
    for node in plan.nodes:
        names += [
            path.name
            for path in (containerlab.space_of(name, node), netns.path_of(name, node))
            if path.exists()
        ]
    if names:
        raise InputError(
            f"{names[0]} exists and is not of a lab of mrcnet's",
            remedy="choose another name with --lab, or remove it: containerlab destroy",
        )


def _mend(handles: Handles, plan: Plan, stored: state.Stored) -> tuple[ChangeSet, Sequence[Change]]:
    """Make the changes that are ours, and wait for the tables of those who keep them in the kernel."""
    assert stored.containers is not None
    plan = adoption.adopted(plan, stored.containers)
    without = parts.named(stored.degraded)
    found = observe(handles, [one.node for one in marks.owned(stored.lab)])
    changes = diff(plan, found.nodes, without)
    for change in changes:
        if change.kind in (Kind.NAMESPACE, Kind.LINK):
            raise PartialError(
                f"not as rendered: {change}", remedy=f"`mrcnet down {stored.lab}`, then up again"
            )
    mine = tuple(change for change in changes if ours(plan, change))
    apply(handles, mine, found.indices)
    deadline = time.monotonic() + TABLES_WITHIN_S
    while rest := diff(plan, observe(handles, plan.nodes).nodes, without):
        if left := [change for change in rest if ours(plan, change)]:
            raise EnvironmentFault(f"the kernel does not hold what it was told: {left[0]}")
        if time.monotonic() > deadline:
            return mine, rest
        time.sleep(_LOOK_EVERY_S)
    return mine, ()
