"""The pytest plugin: a lab as a fixture, drills as tests. docs/python.md shows it.

Every run of pytest loads it, so what it needs is imported when a test needs it.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mrcnet.api.lab import Lab
    from mrcnet.api.sim import Sim
    from mrcnet.api.topologies import Source
    from mrcnet.drill.model import Drill
    from mrcnet.drill.result import DrillResult

_FABRICS = ("kernel", "sim")
_SCOPES = ("function", "class", "module", "package", "session")
_numbers = itertools.count()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mrcnet", "MRC fabrics")
    group.addoption("--mrc-topology", metavar="TOPO", help="of mrc_lab and mrc_sim: a file or a shipped name")
    group.addoption("--mrc-on", choices=_FABRICS, help="where drills run that do not say it: kernel, sim")
    parser.addini("mrc_topology", "the same, relative to the ini-file", default="2p-2t0-2t1")
    parser.addini("mrc_on", "the same", default="kernel")
    parser.addini("mrc_scope", f"how long a lab stays up: {', '.join(_SCOPES)}", default="module")
    parser.addini("mrc_drills", "patterns of drill files that are tests, e.g. *.drill.yaml", type="args")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "mrc_topology(file): of the test's mrc_lab or mrc_sim")
    config.addinivalue_line(
        "markers",
        "drill(file, on=None, seed=None, **variables): run a drill; the test begins if it passed",
    )
    for name, known in (("mrc_on", _FABRICS), ("mrc_scope", _SCOPES)):
        if config.getini(name) not in known:
            raise pytest.UsageError(f"{name} is one of {', '.join(known)}, not {config.getini(name)!r}")


def pytest_itemcollected(item: pytest.Item) -> None:
    if not isinstance(item, pytest.Function) or item.get_closest_marker("drill") is None:
        return
    if "mrc_drill" not in item.fixturenames:
        item.fixturenames.append("mrc_drill")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if any(file_path.match(pattern) for pattern in parent.config.getini("mrc_drills")):
        found: pytest.Collector = DrillFile.from_parent(parent, path=file_path)
        return found
    return None


def _scope(fixture_name: str, config: pytest.Config) -> Any:  # noqa: ARG001
    return config.getini("mrc_scope")


@pytest.fixture(scope=_scope)
def _mrc_labs() -> Iterator[Callable[[str | Path], Lab]]:
    """Labs by topology, each up when it is first wanted, all down at the end of the scope."""
    from mrcnet.api.lab import Lab

    labs: dict[str | Path, Lab] = {}
    with ExitStack() as stack:

        def lab_of(topology: str | Path) -> Lab:
            if topology not in labs:
                name = f"pytest-{os.getpid()}-{next(_numbers)}"
                labs[topology] = stack.enter_context(Lab.up(topology, name))
            return labs[topology]

        yield lab_of


@pytest.fixture
def mrc_lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A running lab of the test's topology, without a fault; what the test broke is healed after it.

    Skips where there is no privilege to have labs.
    """
    _need_privilege()
    lab: Lab = request.getfixturevalue("_mrc_labs")(_topology(request))
    yield lab
    if lab.up_still:
        lab.fault.heal_all()


@pytest.fixture
def mrc_sim(request: pytest.FixtureRequest) -> Sim:
    """The simulator over the test's topology."""
    from mrcnet.api.sim import Sim

    return Sim(_topology(request))


@pytest.fixture
def mrc_drill(request: pytest.FixtureRequest) -> DrillResult:
    """The result of the drill that the test's marker names; the test fails if it did not pass."""
    from mrcnet.api.drills import run_drill

    marker = request.node.get_closest_marker("drill")
    if marker is None or len(marker.args) != 1:
        pytest.fail("mrc_drill needs @pytest.mark.drill(FILE)", pytrace=False)
    asked: dict[str, Any] = {"on": _on(request.config), **marker.kwargs}
    if asked["on"] == "kernel":
        _need_privilege()
    result = run_drill(_beside(marker.args[0], request.path.parent), **asked)
    if result.verdict != "passed":
        pytest.fail(_told(result), pytrace=False)
    return result


class DrillFile(pytest.File):
    """A drill file: a test for each choice of its matrix."""

    def collect(self) -> Iterable[pytest.Item]:
        from mrcnet.api.drillfiles import read_drills
        from mrcnet.errors import MrcnetError

        try:
            drills = read_drills(self.path)
        except MrcnetError as error:
            raise self.CollectError(str(error)) from None
        for drill, source in drills:
            name = ",".join(f"{name}={value}" for name, value in drill.choice) or drill.name
            yield DrillItem.from_parent(self, name=name, drill=drill, source=source)


class DrillItem(pytest.Item):
    """A drill, which passes, or fails with what was expected and what came."""

    def __init__(self, *, drill: Drill, source: Source, **more: Any) -> None:
        super().__init__(**more)
        self._drill = drill
        self._source = source

    def runtest(self) -> None:
        from mrcnet.api.drills import Stage

        on = _on(self.config)
        if on == "kernel":
            _need_privilege()
        stage = Stage(on)
        result = stage.run(self._drill, stage.job(self._drill, self._source), self._source)
        if result.verdict != "passed":
            pytest.fail(_told(result), pytrace=False)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"drill {self.name}"


def _on(config: pytest.Config) -> str:
    return str(config.getoption("mrc_on") or config.getini("mrc_on"))


def _topology(request: pytest.FixtureRequest) -> str | Path:
    """What the marker says, beside the test's file; else the option, from here; else the ini-file."""
    marker = request.node.get_closest_marker("mrc_topology")
    if marker is not None:
        return _beside(marker.args[0], request.path.parent)
    if option := request.config.getoption("mrc_topology"):
        return _beside(option, request.config.invocation_params.dir)
    return _beside(request.config.getini("mrc_topology"), request.config.rootpath)


def _beside(name: str | Path, folder: Path) -> str | Path:
    """A file in this folder, or else what the name means by itself."""
    return folder / name if (folder / name).exists() else name


def _need_privilege() -> None:
    from mrcnet.kernel import privilege

    if not privilege.able():
        pytest.skip(f"no privilege to have labs: {privilege.lacking()}; run pytest as root")


def _told(result: DrillResult) -> str:
    from mrcnet.drill.verdict import spell

    lines = [f"drill {result.drill}: {result.verdict}, seed {result.seed}, on {result.on}", *result.reasons]
    return "\n  ".join([*lines, *map(spell, result.judgements)])
