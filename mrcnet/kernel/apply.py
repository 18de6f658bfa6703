"""Carry out a set of changes: few batches, in an order in which each thing finds what it stands on."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count

from mrcnet.errors import EnvironmentFault
from mrcnet.kernel import daemons, links, marks, netns, routes, shaper, sysctls, tc
from mrcnet.kernel.handles import Handles
from mrcnet.kernel.model import (
    Address,
    Cable,
    Change,
    Device,
    Kind,
    Neighbour,
    Op,
    PortQueue,
    Setting,
    Sysctl,
)
from mrcnet.kernel.netlink import NetlinkSocket, Refusal
from mrcnet.kernel.program import PortProgram
from mrcnet.kernel.routes import RouteSeen
from mrcnet.plan.model import Action, Route
from mrcnet.port.model import PortConfig
from mrcnet.topology.model import End

CUT_PRIORITY = 1  # the first filter to see a packet: what a cut link eats, no other filter counts
FIRST_INDEX = 1000  # our interfaces' numbers, unique within a lab, begin well above what a kernel hands out
_QUEUE_LENGTH = 1 << 16  # frames: the program's thresholds decide, not the shaper's own queues
_PATIENCE_S = 5.0
_SHOWN = 3

Indices = dict[tuple[str, str], int]
Step = tuple[bytes, Change]


def apply(handles: Handles, changes: Iterable[Change], indices: Mapping[tuple[str, str], int]) -> None:
    """Make the changes real. `indices`: the numbers of the interfaces found, by (node, name).

    Raises EnvironmentFault naming what the kernel refused; what was done until then stays.
    """
    by_node: dict[str, list[Change]] = {}
    cables: list[Change] = []
    for change in changes:
        is_cable = change.kind is Kind.LINK and change.op is Op.ADD
        (cables if is_cable else by_node.setdefault(change.node, [])).append(change)
    numbers = dict(indices)
    _Applier(handles, numbers, by_node).run(cables)


class _Applier:
    def __init__(self, handles: Handles, indices: Indices, by_node: dict[str, list[Change]]) -> None:
        self.handles = handles
        self.indices = indices
        self.by_node = by_node
        # The lowest that nobody has: a link that comes and goes must not use the ports' rows up.
        taken = frozenset(indices.values())
        self.free_indices = (number for number in count(FIRST_INDEX + 1) if number not in taken)

    def run(self, cables: list[Change]) -> None:
        for node, changes in self.by_node.items():
            if any(map(_is(Op.REMOVE, Kind.NAMESPACE), changes)):
                self._remove_node(node, changes)
            else:
                self._batch(node, changes, _is(Op.REMOVE, Kind.LINK), self._remove_link)
        for node, changes in self.by_node.items():
            if any(map(_is(Op.ADD, Kind.NAMESPACE), changes)):
                self._create(node, changes)
            else:
                self._touch_up(node, changes)
        raised = self._lay(cables)
        self._prepare_queues()
        for node in dict.fromkeys((*self.by_node, *raised)):
            changes = self.by_node.get(node, [])
            steps = self._queues(node, changes)
            steps += [(links.set_up(index), change) for index, change in raised.get(node, ())]
            late = [change for change in sorted(changes, key=_order) if _late(change)]
            steps += [(self._message(change), change) for change in late if not self._stored(change)]
            if steps:
                _send(self.handles.socket(node), steps)
        daemons.change(
            self.handles.lab,
            [one for changes in self.by_node.values() for one in changes if one.kind is Kind.DAEMON],
        )

    def _remove_node(self, node: str, changes: list[Change]) -> None:
        """All links at once, and now: the kernel frees a namespace later, and the far ends with it."""
        going = [change for change in changes if change.kind is Kind.LINK]
        _send(self.handles.socket(node), [(links.delete_ours(), change) for change in going[:1]])
        self.handles.delete(node)

    def _create(self, node: str, changes: list[Change]) -> None:
        settings = [change.item for change in changes if isinstance(change.item, Sysctl)]
        is_bridge = _is(Op.ADD, Kind.PORT)
        first = next(change for change in changes if change.kind is Kind.NAMESPACE)

        def furnish(socket: NetlinkSocket) -> None:
            sysctls.write(settings)
            steps = [(links.add_altname(marks.LO, marks.mark(self.handles.lab, node)), first)]
            steps.append((links.set_up(marks.LO), first))
            self.indices[node, "lo"] = marks.LO
            steps += [(self._add_device(change), change) for change in changes if is_bridge(change)]
            _send(socket, steps)

        self.handles.create(node, furnish)

    def _touch_up(self, node: str, changes: list[Change]) -> None:
        settings = [change.item for change in changes if isinstance(change.item, Sysctl)]
        if settings:
            with netns.inside(netns.path_of(self.handles.lab, node)):
                sysctls.write(settings)
        self._batch(node, changes, _is(Op.ADD, Kind.PORT), self._add_device)

    def _lay(self, cables: list[Change]) -> dict[str, list[tuple[int, Change]]]:
        """Make the links in one batch; the ends that are to be raised afterwards, by node."""
        steps: list[Step] = []
        raised: dict[str, list[tuple[int, Change]]] = {}
        for change in cables:
            assert isinstance(change.item, Cable)
            cable, ends = change.item, []
            for end, mac in ((cable.a, cable.mac_a), (cable.b, cable.mac_b)):
                index = self._new_index(end.node, end.port)
                raised.setdefault(end.node, []).append((index, change))
                namespace = self.handles.descriptor(end.node)
                ends.append(links.LinkEnd(namespace, index, end.port, mac, cable.mtu))
            steps.append((links.add_veth(*ends), change))
        if steps:
            with NetlinkSocket() as socket:
                _send(socket, steps)
        return raised

    def _prepare_queues(self) -> None:
        """Find or load the ports' program, if one of the changes needs it."""
        queues = (c for changes in self.by_node.values() for c in changes if c.kind is Kind.QUEUE)
        wanted = any(isinstance(one.item, PortQueue) and one.item.config for one in queues)
        if wanted and self.handles.program is None:
            self.handles.program = PortProgram.fresh(max(self.indices.values()))

    def _queues(self, node: str, changes: list[Change]) -> list[Step]:
        """Queues before ports come up: a port that is up would be out of service for a moment."""
        queues = [(change, change.item) for change in changes if isinstance(change.item, PortQueue)]
        if not queues:
            return []
        with netns.inside(netns.path_of(self.handles.lab, node)):
            return [
                (one, change)
                for change, queue in queues
                for one in self._queue(node, self.indices[node, queue.port], queue)
            ]

    def _queue(self, node: str, index: int, queue: PortQueue) -> list[bytes]:
        was = queue.was or PortQueue(queue.port, 0, None)
        return [*self._told(index, queue.config, was.config), *self._shaped(node, index, queue, was)]

    def _told(self, index: int, config: PortConfig | None, was: PortConfig | None) -> list[bytes]:
        """The program on a port, and what it is told."""
        program = self.handles.program
        if program is None or config == was:
            return []
        if config is None:
            return program.detach(index)
        steps = []
        if was is None:
            steps = program.attach(index)
            program.maps.forget(index)
        program.maps.configure(index, config)
        return steps

    def _shaped(self, node: str, index: int, queue: PortQueue, was: PortQueue) -> list[bytes]:
        if queue.rate == was.rate:
            return []
        if queue.rate and was.rate:
            return [shaper.set_rate(index, queue.rate)]
        if queue.was is not None:  # of a port that was there; something half-made may stand on it
            self.handles.socket(node).send([shaper.delete_shaper(index)])
        if not queue.rate:
            return []
        return [links.set_queue_length(index, _QUEUE_LENGTH), *shaper.add_shaper(index, queue.rate)]

    def _stored(self, change: Change) -> bool:
        """Carry out what is a store into the program's memory; False for what is not."""
        item, program = change.item, self.handles.program
        if not isinstance(item, Setting) or program is None:
            return False
        index = self.indices[change.node, item.port]
        if item.name == "faults":
            program.maps.heal(index)
            return True
        if item.name == "silenced" and program.maps.is_cut(index):
            program.maps.cut(index, False)
            return True
        return False

    def _batch(
        self,
        node: str,
        changes: list[Change],
        wanted: Callable[[Change], bool],
        encode: Callable[[Change], bytes],
    ) -> None:
        steps = [(encode(change), change) for change in changes if wanted(change)]
        if steps:
            _send(self.handles.socket(node), steps)

    def _new_index(self, node: str, name: str) -> int:
        index = self.indices[node, name] = next(self.free_indices)
        return index

    def _add_device(self, change: Change) -> bytes:
        assert isinstance(change.item, Device)
        return links.add_bridge(change.item.name, self._new_index(change.node, change.item.name))

    def _remove_link(self, change: Change) -> bytes:
        assert isinstance(change.item, End)
        return links.delete_link(self.indices[change.node, change.item.port])

    def _message(self, change: Change) -> bytes:
        item, adding = change.item, change.op is Op.ADD
        match item:
            case Setting():
                return self._set(change.node, item)
            case Address():
                index = self.indices[change.node, item.port]
                return (links.add_address if adding else links.delete_address)(index, item.cidr)
            case Neighbour():
                index = self.indices[change.node, item.port]
                if adding:
                    return links.add_neighbour(index, item.address, item.mac)
                return links.delete_neighbour(index, item.address)
            case Route():
                if adding:
                    return routes.add_route(item, self.indices[change.node, item.dev])
                hop = (self.indices[change.node, item.dev], item.via) if item.action is Action.ECMP else None
                return routes.delete_route(item.dst, routes.PROTOCOL, routes.METRIC, hop)
            case RouteSeen():
                return routes.delete_route(item.dst, item.protocol, item.metric)
            case _:
                raise AssertionError(f"no message for {change}")

    def _set(self, node: str, setting: Setting) -> bytes:
        index = self.indices[node, setting.port]
        match setting.name:
            case "mtu":
                return links.set_mtu(index, setting.value)
            case "up":
                return links.set_up(index, bool(setting.value))
            case _:
                found = map(shaper.read_qdisc, self.handles.socket(node).dump(tc.list_qdiscs()))
                for one in found:
                    if one.index == index and one.kind == shaper.BLACKHOLE:
                        return shaper.end_silence(index, shaped=one.parent != shaper.ROOT)
                return tc.delete_filter(index, tc.EGRESS, CUT_PRIORITY)


def _is(op: Op, kind: Kind) -> Callable[[Change], bool]:
    return lambda change: change.op is op and change.kind is kind


_LATE = (Kind.PORT, Kind.ADDRESS, Kind.NEIGHBOUR, Kind.ROUTE)


def _late(change: Change) -> bool:
    """Whether a change belongs into a node's last batch, when its ports are there."""
    return change.kind in _LATE and not isinstance(change.item, Device)


def _order(change: Change) -> tuple[bool, int]:
    """Settings, then removals from the top down, then additions from the ground up."""
    rank = _LATE.index(change.kind) if change.kind in _LATE else 0
    is_add = change.op is Op.ADD
    return is_add, -rank if change.op is Op.REMOVE else rank - len(_LATE) * (change.op is Op.SET)


def _send(socket: NetlinkSocket, steps: list[Step]) -> None:
    """Send a batch.

    To a burst of SRv6 routes a kernel short of per-CPU memory for a moment says ENOMEM: ask again.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while steps:
        refusals = socket.send([message for message, _ in steps])
        hopeless = [one for one in refusals if one.errno != errno.ENOMEM]
        if hopeless or (refusals and time.monotonic() > deadline):
            raise _fault([(steps[one.index][1], one) for one in hopeless or refusals])
        steps = [steps[one.index] for one in refusals]
        if steps:
            time.sleep(0.001)


def _fault(refused: list[tuple[Change, Refusal]]) -> EnvironmentFault:
    shown = "; ".join(_words(refused[:_SHOWN]))
    more = f" and {len(refused) - _SHOWN} more" if len(refused) > _SHOWN else ""
    codes = {refusal.errno for _, refusal in refused}
    remedy = "`mrcnet doctor` tells what this machine lacks"
    if errno.EPERM in codes:
        remedy = "run it as root (sudo), or with CAP_NET_ADMIN"
    if errno.EEXIST in codes:
        remedy = "something that is not of mrcnet stands there: remove it, or `mrcnet down` and start afresh"
    return EnvironmentFault(f"the kernel refused: {shown}{more}", remedy=remedy)


def _words(refused: list[tuple[Change, Refusal]]) -> Iterator[str]:
    for change, refusal in refused:
        yield f"{change.op} {change.kind} {change.node}: {change.what}: {refusal}"
