"""`mrcnet top`."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import asdict

import click

from mrcnet.api.watching import Watch
from mrcnet.cli.command import UsesLab, command, wants_json
from mrcnet.cli.labs import lab_parameter
from mrcnet.cli.output import Answer, progress
from mrcnet.drill.interrupt import asked_to_end
from mrcnet.watch.screen import Line, plain, screen
from mrcnet.watch.summary import Summary, summary

_PATIENCE_S = 0.1


@command("mrcnet top 4p-2t0-4t1", "mrcnet top --once", cls=UsesLab)
@lab_parameter
@click.option("--once", is_flag=True, help="Look for the time of --every, print, and end.")
@click.option(
    "--every", type=click.FloatRange(0.2, 60), default=1.0, show_default=True, help="Wall seconds of a look."
)
def top_(lab_name: str, once: bool, every: float) -> Answer:
    """Watch a lab: goodput and EVs of its planes, ports that mark, trim or drop, recent events.

    It fills the terminal until Ctrl-C. An EV is a sign: . well, s skipped, x given up, d denied, o its port
    down; large letters if it is so in all QPs. Ports with faults stand first, then those that drop, trim or
    mark most; `12+3` is 12 in all, 3 of them new. Rates are the fabric's. Where stdout is no terminal it is
    --once; so it is with --json.
    """
    progress("")
    with Watch(lab_name) as watch, asked_to_end() as asked:
        if not once and not wants_json() and _watched(watch, every, asked):
            return Answer({}, [])
        seen = _next(watch, every, asked)
    size = shutil.get_terminal_size((80, 24))
    return Answer(asdict(seen), plain(screen(seen, size.columns, size.lines)))


def _next(watch: Watch, every: float, asked: Callable[[], bool]) -> Summary:
    before = watch.look()
    _wait(every, asked)
    return summary(before, watch.look())


def _wait(seconds: float, asked: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while not asked() and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, _PATIENCE_S))


def _watched(watch: Watch, every: float, asked: Callable[[], bool]) -> bool:
    """Fill the terminal until Ctrl-C, and put it back; False if there is none that could be filled."""
    from rich.console import Console, Group  # a tenth of a second that no other command needs to spend
    from rich.live import Live
    from rich.text import Text

    console = Console()
    if not console.is_terminal or console.is_dumb_terminal:
        return False

    def drawn(lines: list[Line]) -> Group:
        return Group(*(Text.assemble(*line, no_wrap=True) for line in lines))

    before = watch.look()
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while not asked():
            now = watch.look()
            lines = screen(summary(before, now), console.width, console.height)
            live.update(drawn(lines), refresh=True)
            _wait(every, asked)
            before = now
    return True
