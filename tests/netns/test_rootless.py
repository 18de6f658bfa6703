"""Labs of an ordinary user, in namespaces of their own, from up to down."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mrcnet.kernel import lab as labs
from tests.netns.fabric import NEEDS_ROOT
from tests.netns.ordinary import User, ordinary_user
from tests.netns.traffic import wait_for

pytestmark = NEEDS_ROOT
SMALL = "2p-2t0-2t1"
LINK = "p0-t0-0:p0-t1-1"
SHAPED = "name: shaped\nfabric: {planes: 2, t0: 2, t1: 2, hosts_per_t0: 1}\nports: {}\ndilation: 1000\n"


@pytest.fixture
def user() -> Iterator[User]:
    with ordinary_user() as found:
        yield found


@pytest.fixture
def own_lab(user: User) -> str:
    done = user.mrcnet("up", SMALL, "--lab", "own")
    assert (0, "") == (done.returncode, done.stderr)
    return "own"


def test_every_command_finds_the_lab_and_nobody_else_does(user: User, own_lab: str) -> None:
    """Status and exec see an ordinary user's lab; root and other users do not, nor does `ip netns`."""
    assert {own_lab: "up"} == user.states()
    seen = user.mrcnet("exec", own_lab, "h0", "--", "ip", "-br", "link")
    assert "eth1" in seen.stdout
    assert own_lab not in labs.labs()
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    assert "mrcnet-own" not in listed
    with ordinary_user(1) as other:
        assert {} == other.states()
        assert "there is no lab" in other.mrcnet("exec", own_lab, "h0", "--", "true").stderr


def test_the_state_is_private(user: User, own_lab: str) -> None:
    """What is kept of a lab lies in a folder that is its user's alone."""
    found = user.folder.stat()
    assert (user.number, 0o700) == (found.st_uid, found.st_mode & 0o777)
    assert f"{own_lab}.json" in os.listdir(user.folder)


def test_the_last_lab_takes_the_holder_with_it(user: User, own_lab: str) -> None:
    """One small process holds all labs of a user, and ends with the last of them."""
    user.mrcnet("up", SMALL, "--lab", "second")
    assert 1 == len(user.holders())
    user.mrcnet("down", own_lab)
    assert {"second": "up"} == user.states()
    user.mrcnet("down", "second")
    assert [] == user.holders()
    assert ["holder"] == os.listdir(user.folder)


def test_a_command_that_makes_no_lab_leaves_no_holder(user: User) -> None:
    """Neither looking around nor a failed `up` leaves a process."""
    assert 0 == user.mrcnet("status").returncode
    assert 0 == user.mrcnet("down", "--all").returncode
    assert 2 == user.mrcnet("up", "no-such-topology").returncode
    assert [] == user.holders()


def test_every_path_works_and_a_silent_cut_shows(user: User, own_lab: str) -> None:
    """Without BPF a link can be cut silently as well: `verify` names it, and healing mends it."""
    assert 0 == user.mrcnet("verify", own_lab).returncode
    assert 0 == user.mrcnet("fault", own_lab, "cut", LINK, "--silent").returncode
    assert {own_lab: "degraded"} == user.states()
    broken = user.mrcnet("verify", own_lab)
    assert 1 == broken.returncode
    assert "was not forwarded to p0-t1-1" in broken.stdout
    assert 0 == user.mrcnet("fault", own_lab, "heal", LINK).returncode
    assert {own_lab: "up"} == user.states()
    assert 0 == user.mrcnet("verify", own_lab).returncode


def test_traffic_arrives_and_kernels_do_not_answer(user: User, own_lab: str) -> None:
    """MRC runs without BPF, every byte right, and no host's kernel says that nobody has the port."""
    done = user.mrcnet("traffic", own_lab, "--size", "1MiB", "--json")
    assert 0 == done.returncode, done.stderr
    assert json.loads(done.stdout)["verified"]
    answers = user.mrcnet("exec", own_lab, "h3", "--", "cat", "/proc/net/snmp6").stdout
    assert ["0"] == [line.split()[1] for line in answers.splitlines() if "Icmp6OutDestUnreachs" in line]


def test_ports_keep_their_rates_and_the_rest_is_said_once(user: User) -> None:
    """A shaped lab comes up with the shaper alone, which is said once; silent cuts work there, too."""
    (file := user.folder.parent / f"{user.folder.name}.yaml").write_text(SHAPED)
    try:
        done = user.mrcnet("up", str(file))
    finally:
        file.unlink()
    assert 0 == done.returncode
    assert 1 == done.stderr.count("BPF is root's alone")
    assert {"shaped": "up"} == user.states()
    shaped = user.mrcnet("exec", "h0", "--", "tc", "class", "show", "dev", "eth1").stdout
    assert "htb 1:10" in shaped
    assert "goes without port queues" in user.mrcnet("port", "h0:eth1").stderr
    for verb, state in (("cut", "degraded"), ("heal", "up")):
        silent = ["--silent"] if verb == "cut" else []
        assert 0 == user.mrcnet("fault", verb, LINK, *silent).returncode
        assert {"shaped": state} == user.states()
    refused = user.mrcnet("fault", "loss", f"{LINK.partition(':')[0]}:eth1", "--share", "1%")
    assert (3, True) == (refused.returncode, "run it as root (sudo)" in refused.stderr)


def test_where_user_namespaces_are_forbidden(user: User) -> None:
    """Then `up` says so and names the setting that forbids them; `doctor` still tells all the rest."""
    forbid = 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"'
    inside = ["unshare", "-Ur", "sh", "-c", forbid, "-"]
    done = user.run(*inside, *user.line("up", SMALL))
    assert 3 == done.returncode
    assert "sudo sysctl -w user.max_user_namespaces=10000" in done.stderr
    told = user.run(*inside, *user.line("doctor"))
    assert 3 == told.returncode
    assert "user.max_user_namespaces" in told.stdout
    assert "ok      memory" in told.stdout


def test_a_root_without_bpf() -> None:
    """Root of a user namespace gets labs like an ordinary user's, apart from the machine's own."""
    script = f"""
        set -e
        mrcnet() {{ {sys.executable} -m mrcnet.cli.main "$@"; }}
        mrcnet up {SMALL} --lab inner >&2; mrcnet verify inner >&2; mrcnet status --json; mrcnet down >&2
        rm -r /tmp/mrcnet-0-$(stat -Lc %i /proc/self/ns/user)
    """
    done = subprocess.run(
        ["unshare", "-Urnm", "sh", "-c", script], capture_output=True, text=True, check=False, timeout=100
    )
    assert 0 == done.returncode, done.stderr
    assert ["inner"] == [one["lab"] for one in json.loads(done.stdout)["labs"]]


@pytest.mark.parametrize("enters", [True, False])
def test_a_program_may_go_inside(user: User, enters: bool) -> None:
    """A program of the user's own has labs once it went in; else it is told how, and nothing is made."""
    going = "from mrcnet.api import enter; enter()\n" if enters else ""
    program = f"{going}from mrcnet.api import Lab\nwith Lab.up({SMALL!r}): print('up')"
    done = user.run(user.line()[0], "-c", program)
    assert (0, "up\n") == (done.returncode, done.stdout) if enters else 1 == done.returncode, done.stderr
    assert enters == ("mrcnet.api.enter()" not in done.stderr)
    assert [] == user.holders()


def test_two_at_once_share_a_holder(user: User) -> None:
    """Commands that begin at the same time find one holder, and each makes its lab."""
    names = [f"lab{number}" for number in range(4)]
    begun = [user.begin(*user.line("up", SMALL, "--lab", name)) for name in names]
    for process in begun:
        process.communicate(timeout=100)
    assert [0] * 4 == [process.returncode for process in begun]
    assert 1 == len(user.holders())
    assert dict.fromkeys(names, "up") == user.states()


@pytest.mark.parametrize("does", ["pass", f"Lab.up({SMALL!r}).down()"], ids=["no lab yet", "no lab any more"])
def test_a_holder_that_nobody_ends_ends_itself(user: User, does: str) -> None:
    """A program that is killed before it has a lab, or after its last, leaves nothing for long."""
    program = f"import os; from mrcnet.api import Lab, enter; enter(); {does}; os.kill(os.getpid(), 9)"
    assert -9 == user.run(user.line()[0], "-c", program).returncode
    assert 1 == len(user.holders())
    wait_for(lambda: not user.holders())


def test_a_killed_holder_takes_the_labs_with_it(user: User, own_lab: str) -> None:
    """What ran inside is ended by the next command; the lab is partial until `down` or another `up`."""
    program = user.begin(*user.line("exec", own_lab, "h0", "--", "sleep", "600"))
    while Path(f"/proc/{program.pid}/comm").read_text() != "sleep\n":
        time.sleep(0.02)
    (holder,) = user.holders()
    os.kill(holder, signal.SIGKILL)
    assert {own_lab: "partial"} == user.states()
    assert program.wait(timeout=10) != 0
    program.communicate()
    assert 0 == user.mrcnet("up", SMALL, "--lab", own_lab).returncode
    assert {own_lab: "up"} == user.states()
    os.kill(user.holders()[0], signal.SIGKILL)
    assert 0 == user.mrcnet("down", "--all").returncode
    assert {} == user.states()
    assert [] == user.holders()


def test_a_folder_of_somebody_else_is_refused(user: User) -> None:
    """Whoever made a folder of that name first gains nothing: no state is written there."""
    user.folder.mkdir()
    os.chown(user.folder, 1, 1)
    done = user.mrcnet("up", SMALL)
    assert (3, True) == (done.returncode, "is not a folder that is yours alone" in done.stderr)
    user.folder.rmdir()
