"""A stand-in for the program `wireshark`, which wants a screen: `-k -i -` is read by Debian's tshark instead.

It prints what Wireshark would list of MRC's packets, by the shipped dissector. It fails if there is none, or
if the capture ends in the middle of a packet.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile

from tests.support.schemas import ROOT

_DISSECTOR = ROOT / "templates" / "wireshark" / "mrc.lua"
SHOWN = "wireshark shows"


def main() -> int:
    if sys.argv[1:] != ["-k", "-i", "-"]:
        sys.exit(f"this stand-in for wireshark takes `-k -i -`, not {sys.argv[1:]}")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Wireshark has a window: its pipe ends, no more
    line = ["tshark", "-X", f"lua_script:{_DISSECTOR}", "-r", "-", "-Y", "mrc", "-l"]
    shown = False
    with (
        tempfile.TemporaryDirectory() as home,  # without what a user has installed for it
        subprocess.Popen(
            line, stdout=subprocess.PIPE, env=os.environ | {"HOME": home}, start_new_session=True
        ) as tshark,
    ):
        assert tshark.stdout is not None
        for packet in tshark.stdout:
            print(f"{SHOWN}: {packet.decode().strip()}", flush=True)
            shown = True
    return tshark.returncode or int(not shown)


if __name__ == "__main__":
    sys.exit(main())
