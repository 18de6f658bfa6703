"""Which commands go to where an ordinary user's labs are, before they begin."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from mrcnet.cli.main import COMMANDS, cli
from mrcnet.errors import EnvironmentFault
from mrcnet.kernel import holder

WITHOUT_LAB = {"schema", "plan", "size", "graph", "render", "import", "lint", "report", "compare"}


@pytest.fixture
def entered(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What `holder.enter` is asked for; it ends the command."""
    asked: list[bool] = []

    def enter(*, make: bool) -> None:
        asked.append(make)
        raise EnvironmentFault("entered")

    monkeypatch.setattr(holder, "enter", enter)
    return asked


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - WITHOUT_LAB - {"doctor"}))
def test_commands_on_labs_enter_first(name: str, entered: list[bool]) -> None:
    """Every command that works on the kernel's labs goes in, and no help does."""
    command = cli.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None
    CliRunner().invoke(command, ["--help"])
    assert [] == entered
    CliRunner().invoke(command, ["some", "words"])
    assert 1 == len(entered)


@pytest.mark.parametrize("words", [["--on", "sim"], ["--on=sim"]])
@pytest.mark.parametrize("name", ["traffic", "drill", "collective", "step", "compare-run"])
def test_the_simulator_needs_no_lab(name: str, words: list[str], entered: list[bool]) -> None:
    """What runs on the simulator stays where it is."""
    command = cli.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None
    CliRunner().invoke(command, [*words, "no-such-thing"])
    assert [] == entered


def test_a_variable_may_choose_the_simulator(monkeypatch: pytest.MonkeyPatch, entered: list[bool]) -> None:
    """`--on` by its variable counts like the option."""
    monkeypatch.setenv("MRCNET_DRILL_ON", "sim")
    CliRunner().invoke(cli, ["drill", "no-such-thing"], auto_envvar_prefix="MRCNET")
    assert [] == entered
