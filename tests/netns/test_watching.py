"""Watching a lab that is up: live captures."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from scapy.utils import RawPcapNgReader

from mrcnet.kernel import lab as labs
from mrcnet.plan.model import Plan
from mrcnet.watch.look import Looker
from tests.netns.fabric import NEEDS_ROOT, SMALL, bring_up, new_name, running
from tests.netns.forked import Forked
from tests.netns.traffic import mrcnet, start, wait_for
from tests.support.tshark import TSHARK, Frame, disagreements, dissected, is_mrc
from tests.unit.plan.fabrics import ROOT

pytestmark = NEEDS_ROOT
TRAFFIC = ("--pattern", "ring", "--rate", "20Mbps", "--message", "16KiB", "--duration", "1h")


@pytest.fixture(scope="module")
def lab() -> Iterator[tuple[str, Plan]]:
    """A small fabric."""
    with running() as found:
        yield found


@pytest.fixture(scope="module")
def busy(lab: tuple[str, Plan]) -> Iterator[Forked]:
    """Traffic in it, as long as somebody watches."""
    with start("traffic", lab[0], *TRAFFIC) as run:
        yield run
        run.send_signal(signal.SIGINT)
        run.wait(30)


def frames_of(data: bytes) -> list[Frame]:
    """The frames of a capture file: their bytes, and their lengths on the wire."""
    return [(frame, meta.wirelen) for frame, meta in RawPcapNgReader(io.BytesIO(data))]


@pytest.mark.usefixtures("busy")
@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed: apt-get install tshark")
def test_whole_frames(lab: tuple[str, Plan], tmp_path: Path) -> None:
    """A live capture holds whole frames, both ways; tshark reads each as we do, and their ICRCs are right."""
    file = tmp_path / "live.pcapng"
    code, told, _ = mrcnet("capture", lab[0], "h0:eth1", "-w", str(file), "--count", "300")
    assert (0, 300, 0) == (code, told["frames"], told["missed"])
    frames, rows = frames_of(file.read_bytes()), dissected(file)
    assert 300 == len(frames)
    mine = [(frame, row) for frame, row in zip(frames, rows, strict=True) if is_mrc(frame[0])]
    assert [] == disagreements([frame for frame, _ in mine], [row for _, row in mine])
    assert {"1"} == {row["mrc.icrc.status"] for _, row in mine}
    assert {"0xc6", "0xdc"} <= {row["mrc.bth.opcode"] for _, row in mine}
    assert {"1", "2"} == directions(file)
    assert f"lab {lab[0]}; times are wall time; dilation 1".encode() in file.read_bytes()


def directions(file: Path) -> set[str]:
    """Whether frames were received (1) or sent (2)."""
    words = ["tshark", "-r", str(file), "-T", "fields", "-e", "frame.packet_flags_direction"]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return {str(int(line, 0)) for line in told.split()}


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_end_at_any_time(lab: tuple[str, Plan], tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C is the usual end of a capture, TERM an end as well: the file is whole, to its last block."""
    file = tmp_path / "live.pcapng"
    with start("capture", lab[0], "p0-t0-0:p0-t1-1", "-w", str(file)) as run:
        wait_for(lambda: file.exists() and file.stat().st_size > 100_000)
        run.send_signal(number)
        assert (0 if number == signal.SIGINT else 128 + number) == run.wait(10)
    data = file.read_bytes()
    assert len(frames_of(data)) > 20
    length = int.from_bytes(data[-4:], "little")
    assert 5 == int.from_bytes(data[-length : 4 - length], "little")  # the statistics, whole


@pytest.mark.usefixtures("busy")
def test_a_line_a_packet(lab: tuple[str, Plan]) -> None:
    """Without a file each packet is a line, with hosts by name; `--snaplen` leaves what MRC says in it."""
    with start("capture", lab[0], "h0:eth1", "--count", "50", "--snaplen", "200") as run:
        out, err = run.communicate(30)
    lines = out.splitlines()
    assert 50 == len(lines)
    assert any(" out h0 > h1 write first QP 0x" in line for line in lines)
    assert any(" in  h3 > h0 " in line for line in lines)
    assert "50 frames of h0:eth1" in err


def test_seconds(lab: tuple[str, Plan], tmp_path: Path) -> None:
    """A capture ends by itself after so much time, with or without frames."""
    file = tmp_path / "short.pcapng"
    code, told, _ = mrcnet("capture", lab[0], "p1-t0-1:p1-t1-1", "-w", str(file), "--seconds", "0.2")
    assert (0, told["frames"]) == (code, len(frames_of(file.read_bytes())))


def test_the_lab_goes_down(tmp_path: Path) -> None:
    """A capture ends when its lab does, and holds nothing of it."""
    name, file = new_name(), tmp_path / "live.pcapng"
    bring_up(name)
    with start("capture", name, "h0:eth1", "-w", str(file)) as run:
        wait_for(lambda: file.exists() and file.stat().st_size)
        labs.down(name)
        assert 0 == run.wait(10)
        assert "the lab went down" in run.communicate(1)[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [(("h0:nowhere",), "has no link to 'nowhere'"), (("h0:eth1", "-w", "/nonexistent/x"), "cannot write")],
)
def test_what_cannot_be(lab: tuple[str, Plan], words: tuple[str, ...], said: str) -> None:
    """A port that is none, a file that cannot be: said, and nothing is made."""
    with start("capture", lab[0], *words) as run:
        assert said in run.communicate(30)[1]
        assert run.wait(0) in (2, 3)


@pytest.mark.usefixtures("busy")
def test_metrics(lab: tuple[str, Plan]) -> None:
    """Prometheus' parser reads the lab's metrics; what the run delivers and ports send grows."""
    first, then = (wait_for(partial(delivering, lab[0])) for _ in range(2))
    for name in ("mrcnet_run_delivered_bytes_total", "mrcnet_port_sent_bytes_total"):
        assert 0 < total(first, name) < total(then, name)
    assert 32 == len([one for one in then if one.name == "mrcnet_port_sent_frames_total"])
    evs = [one for one in then if one.name == "mrcnet_run_evs"]
    assert 4 * 2 * 2 == sum(one.value for one in evs)  # four QPs, each with two EVs in two planes
    assert {"0", "1"} == {one.labels["plane"] for one in evs if one.labels["state"] == "GOOD" and one.value}


def delivering(lab: str) -> list[Sample] | None:
    """All samples, once a run says that bytes arrive."""
    code, told, said = mrcnet("metrics", lab)
    assert 0 == code, said
    samples = [one for family in text_string_to_metric_families(told["metrics"]) for one in family.samples]
    return samples if total(samples, "mrcnet_run_delivered_bytes_total") else None


def total(samples: list[Sample], name: str) -> float:
    """All samples of a name together."""
    return sum(one.value for one in samples if one.name == name)


@pytest.mark.usefixtures("busy")
def test_metrics_are_served(lab: tuple[str, Plan]) -> None:
    """`--listen` answers at /metrics alone, again and again, until it is ended."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with start("metrics", lab[0], "--listen", f"127.0.0.1:{port}") as run:
        page = wait_for(partial(fetched, f"http://127.0.0.1:{port}/metrics"))
        assert f'mrcnet_dilation{{lab="{lab[0]}"}} 1' in page
        assert fetched(f"http://127.0.0.1:{port}/metrics")
        assert fetched(f"http://127.0.0.1:{port}/other") is None
        run.send_signal(signal.SIGINT)
        assert 130 == run.wait(10)


def test_who_looks_follows_an_edit() -> None:
    """Ports that an `up` takes away are no longer seen, and those that it brings are, with their queues."""
    text = SMALL + "dilation: 2000\n"
    with running(text) as (name, _), closing(Looker(name)) as looker:
        before = looker.look().ports
        bring_up(name, text + 'omit: ["p0-t0-0:p0-t1-1"]\n')
        gone = {one.end for one in before} - {one.end for one in looker.look().ports}
        assert {"p0-t0-0", "p0-t1-1"} == {end.node for end in gone}
        bring_up(name, text)
        now = looker.look().ports
        assert [one.end for one in before] == [one.end for one in now]
        assert all(one.queue is not None for one in now)


def fetched(url: str) -> str | None:
    """What is served there; None if nothing is."""
    try:
        with urlopen(url, timeout=5) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            return str(answer.read().decode())
    except OSError:
        return None


def test_a_reader_that_has_seen_enough(lab: tuple[str, Plan]) -> None:
    """`port --watch` ends well when nobody reads its lines any more."""
    port = "p0-t0-0:eth1"
    assert 0 == mrcnet("fault", lab[0], "loss", port, "--share", "1%")[0]
    line = [sys.executable, "-m", "mrcnet.cli.main", "port", lab[0], port, "--watch"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watch:
        assert watch.stdout is not None
        assert watch.stderr is not None
        assert watch.stdout.readline().startswith(f"{port} holds")
        watch.stdout.close()
        assert (0, "") == (watch.wait(30), watch.stderr.read())
    assert 0 == mrcnet("fault", lab[0], "heal", "--all")[0]


@pytest.mark.usefixtures("busy")
def test_top_once(lab: tuple[str, Plan]) -> None:
    """`--once` prints goodput by plane, EVs and the busiest ports under traffic; with --json as data."""
    wait_for(partial(delivering, lab[0]))
    with start("top", lab[0], "--once", "--every", "0.5") as run:
        out, err = run.communicate(30)
    assert "" == err
    told = out.splitlines()
    assert told[0].startswith(f"{lab[0]}  2 planes, 4 hosts")
    assert re.match(r"run \d+: 4 QPs, for .* of fabric time, .*bps goodput", told[1])
    assert [True, True] == [line.endswith("  ..") for line in told[3:5]]
    code, seen, _ = mrcnet("top", lab[0], "--every", "0.5")
    assert (0, 2, 32) == (code, len(seen["planes"]), len(seen["ports"]))
    assert all(plane["goodput_bps"] > 1e6 for plane in seen["planes"])
    # On a busy machine a port may have marked or dropped some: those come first.
    counters = ("marked", "trimmed", "dropped")
    calm = [port for port in seen["ports"] if not any(port[one] and port[one]["total"] for one in counters)]
    rates = [port["sent_bps"] for port in calm]
    assert rates == sorted(rates, reverse=True)
    assert max(port["sent_bps"] for port in seen["ports"]) > 1e6


ENTER, LEAVE, HIDE, SHOW = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?25l", b"\x1b[?25h"


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_top_in_a_terminal(lab: tuple[str, Plan], number: signal.Signals) -> None:
    """It fills the terminal again and again; Ctrl-C gives back the screen, the cursor and the modes."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    modes = termios.tcgetattr(theirs)
    words = [sys.executable, "-m", "mrcnet.cli.main", "top", lab[0], "--every", "0.2"]
    variables = {**os.environ, "TERM": "xterm-256color"}
    shown = b""
    with subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, env=variables, cwd=ROOT) as run:
        while shown.count(b"events") < 3:
            shown += os.read(ours, 1 << 16)
        run.send_signal(number)
        while LEAVE not in shown:
            shown += os.read(ours, 1 << 16)
        assert (0 if number == signal.SIGINT else 128 + number) == run.wait(10)
    assert modes == termios.tcgetattr(theirs)
    os.set_blocking(ours, False)
    with suppress(BlockingIOError):
        shown += os.read(ours, 1 << 16)
    os.close(ours)
    os.close(theirs)
    assert shown.index(ENTER) < shown.index(b"2 planes, 4 hosts") < shown.rindex(LEAVE)
    assert shown.rindex(HIDE) < shown.rindex(SHOW)


def test_top_of_a_lab_that_goes() -> None:
    """When the lab goes down, its screen ends with the usual error."""
    name = new_name()
    bring_up(name)
    with start("top", name, "--once", "--every", "3") as run:
        wait_for(lambda: any(one.startswith("/run/netns") or "net/dev" in one for one in open_files(run.pid)))
        labs.down(name)
        assert 2 == run.wait(20)
        assert f"there is no lab '{name}'" in run.communicate(1)[1]


def open_files(pid: int) -> list[str]:
    """What a process has open."""
    found = []
    with suppress(OSError):
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                found.append(os.readlink(file))
    return found
