"""What others can watch: captures that tshark reads as we do."""

from __future__ import annotations

import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benches.figure import MRCNET, ROOT, Figure, figure, mrcnet

ALL = {"0xc6", "0xc7", "0xc8", "0xd8", "0xd9", "0xdc", "0xdd", "0xde"}  # opcodes of a run
# Drills whose captures hold every kind of packet that a run sends: a silent cut on the kernel's fabric
# (writes, SACKs, probes), trimming switches (NACKs, trimmed packets), a NIC's port that goes down
# (port status).
KERNEL = f"""name: watched
topology: {ROOT}/topologies/4p-2t0-4t1.yaml
traffic: {{pattern: pair, hosts: [h0, h4], message: 16KiB, rate: 100Mbps, duration: 3s}}
transport: {{backup_share: 0.25, timeout_exponent: 19}}
actions:
  - {{at: 1s, do: cut, target: "p0-t0-0:p0-t1-1", silent: true}}
  - {{at: 2s, do: heal, target: "p0-t0-0:p0-t1-1"}}
"""
TRIM = f"""name: trimming
topology: {ROOT}/labs/trim/trim-on.yaml
bin: 1us
capture: ["h0:eth1"]
traffic: {{pattern: incast, hosts: [h0, h4, h5, h6], message: 64KiB, size: 1MiB}}
actions:
  - {{at: 20us, do: loss, target: "h4:eth1", share: 1%, for: 1us}}
"""
PORT = f"""name: port
topology: {ROOT}/labs/port-notice/topology.yaml
bin: 1us
capture: ["h0:eth2", "h1:eth2"]
traffic: {{pattern: pair, hosts: [h0, h1], message: 64KiB, duration: 300us}}
actions:
  - {{at: 100us, do: nic-port, target: "h1:eth1", name: down}}
"""


def tshark_agrees() -> Iterator[Figure]:
    """tshark-agrees: fields of drills' captures that tshark has otherwise than we, errors included."""
    from scapy.utils import RawPcapNgReader

    from tests.support.tshark import disagreements, dissected, is_mrc

    found: list[str] = []
    kinds: Counter[str] = Counter()
    fields = 0
    with tempfile.TemporaryDirectory() as folder:
        _watched(Path(folder))
        for name, text in (("trim", TRIM), ("port", PORT)):
            drill = Path(folder) / f"{name}.yaml"
            drill.write_text(text)
            mrcnet("drill", str(drill), "--on", "sim", "-o", f"{folder}/{name}.json")
        for file in sorted(Path(folder).glob("*.pcapng")):
            frames = [(data, meta.wirelen) for data, meta in RawPcapNgReader(str(file))]
            rows = dissected(file)
            mine = [(frame, row) for frame, row in zip(frames, rows, strict=True) if is_mrc(frame[0])]
            found += [f"{file.name}: {one}" for one in disagreements(*zip(*mine, strict=True))]
            found += [
                f"{file.name}: a frame of ours is none"
                for frame, row in zip(frames, rows, strict=True)
                if not is_mrc(frame[0]) and "mrc.bth.opcode" in row
            ]
            kinds.update(row["mrc.bth.opcode"] for _, row in mine)
            fields += sum(name.startswith("mrc.") for _, row in mine for name in row)
    sound = ALL <= kinds.keys()
    yield figure(
        "tshark-agrees",
        [len(found)],
        "differing",
        0,
        at_most=True,
        sound=sound,
        frames=sum(kinds.values()),
        fields=fields,
        opcodes=dict(kinds),
        differing=found[:5],
    )


def _watched(folder: Path) -> None:
    """All frames of a port throughout a drill on the kernel's fabric: `mrcnet capture`, while its lab is."""
    drill = folder / "watched.yaml"
    drill.write_text(KERNEL)
    with subprocess.Popen(
        [*MRCNET, "drill", str(drill), "--json"], stdout=subprocess.DEVNULL, cwd=ROOT
    ) as run:
        while run.poll() is None:
            taken = mrcnet("capture", "watched", "h4:eth1", "-w", str(folder / "kernel.pcapng"), check=False)
            if taken.get("frames"):
                break
    if run.returncode:
        raise SystemExit(f"the drill to watch exited with {run.returncode}")
