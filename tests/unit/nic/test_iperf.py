"""What iperf3 is told, and what is read from what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mrcnet.errors import EnvironmentFault
from mrcnet.nic import iperf
from mrcnet.workload.flow import Flow

FLOW = Flow(0, "h0", "h1", 1 << 20, 2 << 20, 10**8)
SENT = {
    "start": {"tcp_mss_default": 0},
    "end": {"sum_sent": {"retransmits": 3}, "streams": [{"sender": {"min_rtt": 250}}]},
}


def test_a_flow_in_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Size, rate and block go to the client; a flow without a size is ended by us; MPTCP goes by mptcpize."""
    monkeypatch.setattr(iperf, "_speaks_mptcp", lambda: False)
    words = iperf.client("tcp", FLOW, "fd00::1", "fd00::2", 5201)
    assert ["iperf3", "-6", "-J", "-R", "-c", "fd00::1", "-B", "fd00::2"] == words[:8]
    assert ["-n", "1048576", "-b", "100000000", "-l", "1048576"] == words[10:]
    odd = iperf.client("tcp", Flow(0, "h0", "h1", 100_001, 1 << 14, None), "fd00::1", "fd00::2", 5201)
    assert ["-l", "14286"] == odd[-2:]  # seven of them, and one byte too many
    endless = iperf.client("mptcp", Flow(0, "h0", "h1", None, 1024, None), "fd00::1", "fd00::2", 5201)
    assert ["mptcpize", "run", "iperf3"] == endless[:3]
    assert "-n" not in endless
    assert "-b" not in endless
    monkeypatch.setattr(iperf, "_speaks_mptcp", lambda: True)
    assert ["iperf3", "--mptcp"] == iperf.client("mptcp", FLOW, "fd00::1", "fd00::2", 5201)[:2]


def test_what_it_tells(tmp_path: Path) -> None:
    """Bytes and segments are the receiver's, what was sent again and the RTT the sender's; what is beyond the
    flow in the last block is left out.
    """
    said = _said(tmp_path, 5001)
    assert iperf.Told(5000, 3, 250_000, 1000, True, None) == iperf.told(*said, 5000, ended=False)


def test_an_end_of_ours(tmp_path: Path) -> None:
    """A flow that we end has no error, but it is not whole if it had a size; of no bytes at all it is one."""
    said = _said(tmp_path, 5000, "interrupt - the client has terminated")
    assert (5000, True, None) == _fate(iperf.told(*said, None, ended=True))
    assert (5000, False, None) == _fate(iperf.told(*said, 6000, ended=True))
    said = _said(tmp_path, 0, "interrupt - the client has terminated")
    error = "0 bytes came: interrupt - the client has terminated"
    assert (0, False, error) == _fate(iperf.told(*said, None, ended=True))


def test_a_part_is_an_error(tmp_path: Path) -> None:
    """Of a flow that ends before all of it came, it is told how much did, and why if iperf3 knows."""
    said = _said(tmp_path, 4999)
    error = "4999 of 5000 bytes came: iperf3 gave no reason"
    assert (4999, False, error) == _fate(iperf.told(*said, 5000, ended=False))
    said = _said(tmp_path, 10, "control socket has closed unexpectedly")
    error = "10 of 5000 bytes came: control socket has closed unexpectedly"
    assert (10, False, error) == _fate(iperf.told(*said, 5000, ended=False))


def _said(folder: Path, received: int, error: str | None = None) -> tuple[Path, Path]:
    """What sender and receiver of iperf3 3.12 wrote, as far as it is read."""
    told = {"start": {"tcp_mss_default": 1000}, "end": {"sum_received": {"bytes": received}}}
    (folder / "sender").write_text(json.dumps(SENT))
    (folder / "receiver").write_text(json.dumps(told if error is None else {**told, "error": error}))
    return folder / "sender", folder / "receiver"


def _fate(said: iperf.Told) -> tuple[int, bool, str | None]:
    return said.received, said.whole, said.error


@pytest.mark.parametrize("text", ["", "{", "[]", '{"end": 3}', '{"end": {"streams": []}}'])
def test_rubbish_is_an_error(text: str, tmp_path: Path) -> None:
    """A sender that said nothing that can be read has failed, and nothing came."""
    for name in ("sender", "receiver"):
        (tmp_path / name).write_text(text)
    found = iperf.told(tmp_path / "sender", tmp_path / "receiver", None, ended=False)
    assert (0, False, "0 bytes came: iperf3 gave no reason") == _fate(found)


def test_without_the_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing iperf3, or what MPTCP wants besides, is told with the command that installs it."""
    there = {"iperf3": "/usr/bin/iperf3"}
    monkeypatch.setattr(iperf.shutil, "which", lambda name: there.get(name))
    monkeypatch.setattr(iperf, "_speaks_mptcp", lambda: False)
    assert "/usr/bin/iperf3" == iperf.demand("tcp")
    monkeypatch.setattr(iperf.socket, "socket", lambda *_: open("/dev/null"))  # noqa: SIM115
    with pytest.raises(EnvironmentFault) as refused:
        iperf.demand("mptcp")
    assert "apt-get install mptcpize" == refused.value.remedy
    there.clear()
    with pytest.raises(EnvironmentFault) as refused:
        iperf.demand("tcp")
    assert "apt-get install iperf3" == refused.value.remedy
