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
    "start": {"tcp_mss_default": 1000},
    "end": {"sum_sent": {"retransmits": 3}, "streams": [{"sender": {"min_rtt": 250}}]},
}


def test_a_flow_in_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Size, rate and block go to the client; a flow without a size is ended by us; MPTCP goes by mptcpize."""
    monkeypatch.setattr(iperf, "_speaks_mptcp", lambda: False)
    words = iperf.client("tcp", FLOW, "fd00::1", "fd00::2", 5201)
    assert ["iperf3", "-6", "-J", "-c", "fd00::2", "-B", "fd00::1"] == words[:7]
    assert ["-n", "1048576", "-b", "100000000", "-l", "1048576"] == words[9:]
    endless = iperf.client("mptcp", Flow(0, "h0", "h1", None, 1024, None), "fd00::1", "fd00::2", 5201)
    assert ["mptcpize", "run", "iperf3"] == endless[:3]
    assert "-n" not in endless
    assert "-b" not in endless
    monkeypatch.setattr(iperf, "_speaks_mptcp", lambda: True)
    assert ["iperf3", "--mptcp"] == iperf.client("mptcp", FLOW, "fd00::1", "fd00::2", 5201)[:2]


def test_what_it_tells(tmp_path: Path) -> None:
    """Bytes are the receiver's, segments sent again and the RTT the sender's; an end of ours is no error."""
    sender, receiver = tmp_path / "sender", tmp_path / "receiver"
    sender.write_text(json.dumps({**SENT, "error": "interrupt - the client has terminated"}))
    receiver.write_text(json.dumps({"end": {"sum_received": {"bytes": 5000}}}))
    assert iperf.Told(5000, 3, 250_000, 1000, None) == iperf.told(sender, receiver, ended=True)
    assert "interrupt - the client has terminated" == iperf.told(sender, receiver, ended=False).error


@pytest.mark.parametrize("text", ["", "{", "[]", '{"end": 3}', '{"end": {"streams": []}}'])
def test_rubbish_is_an_error(text: str, tmp_path: Path) -> None:
    """A sender that said nothing that can be read has failed, and nothing came."""
    for name in ("sender", "receiver"):
        (tmp_path / name).write_text(text)
    found = iperf.told(tmp_path / "sender", tmp_path / "receiver", ended=False)
    assert (0, "no result") == (found.received, found.error)


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
