"""FRR's daemons in a lab's namespaces: which run, start them, end them, hold on to them while a run lasts.

They run as FRR's own user, so their files stand beside ours and not among them: configuration, log, sockets
and process ids of each node. Whether one runs is asked of the kernel: its process is in the node's namespace.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from mrcnet.errors import EnvironmentFault
from mrcnet.kernel import netns, privilege, processes
from mrcnet.kernel.desired import DAEMONS, LOG
from mrcnet.kernel.marks import lab_name
from mrcnet.kernel.model import Change, Daemon, Op
from mrcnet.plan.model import Plan

DIRECTORY = Path("/run/mrcnet-frr")
PROGRAMS = Path("/usr/lib/frr")
REMEDY = "apt-get install frr"
_CONFIG = "frr.conf"
_USER = "frr"
_START_WITHIN_S = 30.0


def directory_of(lab: str, node: str) -> Path:
    """Where a node's daemons have their files."""
    return DIRECTORY / lab_name(lab) / node


def demand() -> str:
    """Where FRR's programs are. EnvironmentFault with what installs them, or if only root can run them."""
    missing = [name for name in DAEMONS if not (PROGRAMS / name).exists()]
    if missing:
        raise EnvironmentFault(f"routing: bgp needs FRR; there is no {', '.join(missing)}", remedy=REMEDY)
    if privilege.inside():
        raise EnvironmentFault(
            f"routing: bgp needs root: FRR's daemons run as a user of their own, {_USER}",
            remedy="sudo mrcnet, or leave `routing: bgp` out",
        )
    return str(PROGRAMS)


def running(lab: str, node: str) -> tuple[Daemon, ...]:
    """The daemons that run in a node's namespace, with the text that they were given."""
    directory = directory_of(lab, node)
    try:
        config = (directory / _CONFIG).read_text()
    except OSError:
        return ()
    # they know their log by its whole name
    config = config.replace(f"{directory}/{LOG}", LOG)
    return tuple(Daemon(name, config) for name in DAEMONS if process_of(lab, node, name) is not None)


def process_of(lab: str, node: str, name: str) -> int | None:
    """The id of a daemon's process; None if there is none in the node's namespace."""
    try:
        pid = int((directory_of(lab, node) / f"{name}.pid").read_text())
        same = os.stat(f"/proc/{pid}/ns/net").st_ino == os.stat(netns.path_of(lab, node)).st_ino
        return pid if same and Path(f"/proc/{pid}/comm").read_text().strip() == name else None
    except (OSError, ValueError):
        return None


def change(lab: str, changes: Sequence[Change]) -> None:
    """End and start what the changes say. EnvironmentFault if a daemon does not start."""
    ending = [one for one in changes if one.op is not Op.ADD]
    found = (process_of(lab, one.node, str(one.item)) for one in ending)
    processes.end(pid for pid in found if pid is not None)
    starting = [one for one in changes if one.op is not Op.REMOVE]
    if starting:
        demand()
        _make_directory(DIRECTORY)
        processes.end(_strays(lab, {(one.node, str(one.item)) for one in starting}))
    for one in starting:
        assert isinstance(one.item, Daemon)
        _furnish(lab, one.node, one.item)
    for name in DAEMONS:  # all of a kind at once: the others look for zebra when they begin
        _start(lab, [one.node for one in starting if str(one.item) == name], name)


def _strays(lab: str, wanted: set[tuple[str, str]]) -> list[int]:
    """Daemons that a killed `up` had begun, and that nothing tells of: they would be in the new ones' way."""
    found = []
    for node in {node for node, _ in wanted}:
        for pid in processes.inhabitants([netns.path_of(lab, node)]):
            with suppress(OSError):
                if (node, Path(f"/proc/{pid}/comm").read_text().strip()) in wanted:
                    found.append(pid)
    return found


def _furnish(lab: str, node: str, daemon: Daemon) -> None:
    directory = directory_of(lab, node)
    _make_directory(directory)
    try:
        shutil.chown(directory, _USER, _USER)
    except LookupError:
        raise EnvironmentFault(f"there is no user {_USER}, as which FRR runs", remedy=REMEDY) from None
    config = directory / _CONFIG
    config.write_text(daemon.config.replace(f"log file {LOG}", f"log file {directory}/{LOG}"))


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentFault(f"cannot create {path}: {error.strerror}") from error


def _start(lab: str, nodes: Iterable[str], name: str) -> None:
    """Start a program in several nodes at once; each says by its exit that its daemon has begun."""
    begun = []
    for node in nodes:
        directory = directory_of(lab, node)
        with netns.inside(netns.path_of(lab, node)):
            process = subprocess.Popen(
                _command(name, directory),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=(directory / f"{name}.out").open("w"),
                start_new_session=True,
            )
        begun.append((node, process))
    for node, process in begun:
        try:
            failed = process.wait(_START_WITHIN_S) != 0
        except subprocess.TimeoutExpired:
            process.kill()
            failed = True
        if failed:
            words = (directory_of(lab, node) / f"{name}.out").read_text().strip().splitlines()
            raise EnvironmentFault(
                f"{name} of {node} does not start" + (f": {words[-1]}" if words else ""),
                remedy="`mrcnet doctor` tells what this machine lacks",
            )


def _command(name: str, directory: Path) -> list[str]:
    own = {"bfdd": ["--bfdctl", str(directory / "bfdd.sock")]}.get(name, [])
    return [
        *(str(PROGRAMS / name), "--daemon", "--config_file", str(directory / _CONFIG)),
        *("--pid_file", str(directory / f"{name}.pid"), "--socket", str(directory / "zserv.api")),
        *("--vty_socket", str(directory), "--vty_addr", "::1", "--vty_port", "0"),
        *own,
    ]


def forget(lab: str) -> None:
    """Remove the files of a lab's daemons."""
    shutil.rmtree(DIRECTORY / lab_name(lab), ignore_errors=True)
    with suppress(OSError):
        DIRECTORY.rmdir()  # if it was the last


@dataclass(frozen=True, slots=True)
class Held:
    """A daemon under watch."""

    node: str
    name: str
    log: Path


class Watch:
    """Holds on to all daemons of a lab, so that the end of one is noticed. A context manager."""

    def __init__(self, lab: str, plan: Plan) -> None:
        """EnvironmentFault if one that is planned does not run."""
        self._lab = lab
        self._held: dict[int, Held] = {}
        speakers = [node.name for node in plan.nodes.values() if node.speaker is not None]
        netns.room_for_files(len(DAEMONS) * len(speakers))
        try:
            for node in speakers:
                for name in DAEMONS:
                    self._hold(Held(node, name, directory_of(lab, node) / LOG))
        except BaseException:
            self.close()
            raise

    def _hold(self, daemon: Held) -> None:
        pid = process_of(self._lab, daemon.node, daemon.name)
        try:
            if pid is None:
                raise ProcessLookupError
            self._held[os.pidfd_open(pid)] = daemon
        except ProcessLookupError:
            raise EnvironmentFault(
                f"{daemon.name} of {daemon.node} does not run", remedy=self._remedy(daemon)
            ) from None

    @property
    def filenos(self) -> tuple[int, ...]:
        """To wait for: one is readable when its daemon has ended."""
        return tuple(self._held)

    def ended(self) -> EnvironmentFault | None:
        """What to raise if a daemon has ended by now."""
        gone = select.select(self.filenos, [], [], 0)[0] if self._held else []
        return self.fault(gone[0]) if gone else None

    def fault(self, fileno: int) -> EnvironmentFault:
        """What to raise when a descriptor has become readable."""
        daemon = self._held[fileno]
        return EnvironmentFault(
            f"{daemon.name} of {daemon.node} died in the middle of the run", remedy=self._remedy(daemon)
        )

    def _remedy(self, daemon: Held) -> str:
        return f"`mrcnet up` with the topology of {self._lab} starts it again; its log is {daemon.log}"

    def close(self) -> None:
        """Let go of the daemons; they go on."""
        for descriptor in self._held:
            os.close(descriptor)
        self._held.clear()

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
