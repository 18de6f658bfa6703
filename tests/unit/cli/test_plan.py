"""`mrcnet plan` shows what the plan says, in the JSON that scripts rely on."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from .conftest import Run

TOO_SMALL = "name: x\nfabric: {planes: 1, t0: 2, t1: 1, hosts_per_t0: 1}\ndefaults: {mtu: 1500}\n"


def test_overview(run: Run) -> None:
    """Without options the JSON holds the name, the sizes and what lint found."""
    ran = run("plan", "4p-2t0-4t1", "--json")
    counts = {"planes": 4, "t0": 8, "t1": 16, "hosts": 8, "links": 64, "evs_per_pair": 16}
    assert {"name": "4p-2t0-4t1", "counts": counts, "lint": []} == ran.json
    assert (0, "") == (ran.code, ran.err)


def test_pair(run: Run) -> None:
    """`--pair` lists each EV with its carrier and the address at every hop."""
    evs = run("plan", "4p-2t0-4t1", "--pair", "h0:h5", "--json").json["evs"]
    assert 16 == len(evs)
    assert {
        "ev": 0x30004,
        "plane": 3,
        "carrier": "fcbb:bb00:2c01:4c04:2c02:6c02::",
        "hops": [
            {"node": "h0", "da": "fcbb:bb00:2c01:4c04:2c02:6c02::"},
            {"node": "p3-t0-0", "da": "fcbb:bb00:2c01:4c04:2c02:6c02::"},
            {"node": "p3-t1-3", "da": "fcbb:bb00:4c04:2c02:6c02::"},
            {"node": "p3-t0-1", "da": "fcbb:bb00:2c02:6c02::"},
            {"node": "h5", "da": "fcbb:bb00:6c02::"},
        ],
    } == evs[-1]


def test_node(run: Run) -> None:
    """`--node` lists a switch's locator and its whole table."""
    answer = run("plan", "2p-2t0-2t1", "--node", "p1-t1-0", "--json").json
    assert "fcbb:bb00:4401::/48" == answer["locator"]
    assert ["uN", "forward", "forward", "uA", "uA"] == [route["action"] for route in answer["routes"]]
    assert {"dst", "action", "via", "dev"} <= set(answer["routes"][0])


def test_variables_stand_for_options(run: Run) -> None:
    """Options may come from the environment: MRCNET_<COMMAND>_<OPTION>, and MRCNET_JSON for all commands."""
    ran = run("plan", "2p-2t0-2t1", MRCNET_PLAN_NODE="h0", MRCNET_JSON="1")
    assert {"locator", "routes"} == set(ran.json)


def test_host_has_no_locator(run: Run) -> None:
    """A host's locator is null."""
    assert run("plan", "2p-2t0-2t1", "--node", "h0", "--json").json["locator"] is None


def test_text_shows_the_way(run: Run) -> None:
    """For people an EV is one line with its way through the fabric."""
    out = run("plan", "4p-2t0-4t1", "--pair", "h0:h1").out.splitlines()
    assert ["EV", "plane", "carrier", "hops"] == out[0].split()
    assert "0x00000001      0  fcbb:bb00:2001:6002::  h0 > p0-t0-0 > h1" == out[1]


def test_lint_errors_fail_but_are_shown(run: Run) -> None:
    """A fabric that would not work is shown all the same, and the exit code is 1."""
    ran = run("plan", "-", "--json", stdin=TOO_SMALL)
    assert (1, "") == (ran.code, ran.err)
    assert ["error", "mtu"] == [ran.json["lint"][0][key] for key in ("severity", "code")]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["--pair", "h0:h9"], "'h9' is no host"),
        (["--pair", "h0"], "'' is no host"),
        (["--pair", "h1:h1"], "no path to itself"),
        (["--pair", "p0-t0-0:h1"], "'p0-t0-0' is no host"),
        (["--node", "p0-t0-9"], "no such node; did you mean 'p0-t0-"),
        (["--node", "h0", "--pair", "h0:h1"], "exclude each other"),
    ],
)
def test_wrong_questions(run: Run, line: list[str], words: str) -> None:
    """A question about what is not there is refused with exit code 2, and stdout stays empty."""
    ran = run("plan", "2p-2t0-2t1", "--json", *line)
    assert (2, "") == (ran.code, ran.out)
    assert words in ran.err


def test_bad_file_is_named_with_its_place(run: Run) -> None:
    """A mistake in a file is reported like a compiler does: file, line, column."""
    Path("bad.yaml").write_text("name: x\nfabrik: {planes: 1}\n", encoding="utf-8")
    ran = run("plan", "bad.yaml")
    assert 2 == ran.code
    assert ran.err.startswith("mrcnet: bad.yaml:2:1: unknown key 'fabrik'; did you mean 'fabric'?")


def test_schemas_print_as_json(run: Run) -> None:
    """`schema` prints a JSON Schema with and without --json, for topologies and for drills."""
    for line in (["schema"], ["schema", "--json"], ["schema", "drill"]):
        assert "object" == json.loads(run(*line).out)["type"]


HUGE = "name: huge\nfabric: {planes: 8, t0: 512, t1: 256, hosts_per_t0: 256}\n"


def test_huge_fabric(run: Run) -> None:
    """131 072 hosts have an overview, with lint of the longest ways; what needs them all is refused."""
    counts = {"planes": 8, "t0": 4096, "t1": 2048, "hosts": 131072, "links": 2097152, "evs_per_pair": 2048}
    assert {"name": "huge", "counts": counts, "lint": []} == run("plan", "-", "--json", stdin=HUGE).json
    ran = run("graph", "-", stdin=HUGE)
    assert (2, "") == (ran.code, ran.out)
    assert "part by part (--node, --pair, --tables, --each-link)" in ran.err


def test_huge_host(run: Run) -> None:
    """A host among very many has its own routes and, instead of one a peer, a template a destination T0."""
    answer = run("plan", "-", "--node", "h131071", "--json", stdin=HUGE).json
    assert {"decap", "forward"} == {route["action"] for route in answer["routes"]}
    first = {"dst": "fd4d:5200:0:1::/64", "dev": "eth1", "template": "fcbb:bb00:2200:4000:2001:6000::"}
    assert first == answer["steering"][0]


def test_ev_profiles_are_what_ev_profile_prints(run: Run) -> None:
    """`--ev-profiles` writes a file for each group of hosts that hang alike, which holds for all of them."""
    answer = run("plan", "4p-2t0-4t1", "--ev-profiles", "out", "--json").json
    assert {"directory": "out", "profiles": 2, "hosts": 8, "templates": 16} == answer
    files = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in Path("out").iterdir()}
    assert {"h0": ["h0", "h1", "h2", "h3"], "h4": ["h4", "h5", "h6", "h7"]} == {
        first: one["hosts"] for first, one in files.items()
    }
    for one in files.values():
        for host in one["hosts"]:
            assert {**one, "hosts": [host]} == run("plan", "4p-2t0-4t1", "--ev-profile", host, "--json").json
    again = run("plan", "4p-2t0-4t1", "--ev-profiles", "out")
    assert (2, True) == (again.code, "out is already there" in again.err)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("4p-2t0-4t1", "--ev-profile", "h9"), "--ev-profile h9: 'h9' is no host"),
        (
            ("ecmp.yaml", "--ev-profile", "h0"),
            "EV profiles name paths by carriers; this fabric has routing: ecmp",
        ),
        (("4p-2t0-4t1", "--ev-profile", "h0", "--node", "h0"), "--node and --ev-profile exclude each other"),
    ],
)
def test_no_such_profile(run: Run, words: tuple[str, ...], complaint: str) -> None:
    """What has no EV profile is said."""
    Path("ecmp.yaml").write_text("fabric: {planes: 1, t0: 2, t1: 1, hosts_per_t0: 1}\nrouting: ecmp\n")
    ran = run("plan", *words)
    assert (2, True) == (ran.code, complaint in ran.err), ran.err


def test_tables_are_what_node_prints(run: Run) -> None:
    """`--tables` writes every switch's table, byte for byte what `--node --json` prints."""
    answer = run("plan", "2p-2t0-2t1", "--tables", "out/tables", "--json").json
    files = {file.stem: file.read_text(encoding="utf-8") for file in Path("out/tables").iterdir()}
    assert {f"p{p}-{t}-{i}" for p in (0, 1) for t in ("t0", "t1") for i in (0, 1)} == set(files)
    assert files == {name: run("plan", "2p-2t0-2t1", "--node", name, "--json").out for name in files}
    entries = sum(len(json.loads(text)["routes"]) for text in files.values())
    assert (8, entries, 4, []) == tuple(answer[key] for key in ("switches", "entries", "most_usids", "lint"))
    assert sum(map(len, files.values())) == answer["bytes"]


def test_tables_without_srv6(run: Run) -> None:
    """A fabric that routes by prefixes has tables of these, and no carriers."""
    text = "name: x\nrouting: ecmp\nfabric: {planes: 2, t0: 2, t1: 1, hosts_per_t0: 2}\n"
    answer = run("plan", "-", "--tables", "tables", "--json", stdin=text).json
    assert (6, 6 * 4, 0, []) == tuple(answer[key] for key in ("switches", "entries", "most_usids", "lint"))


def test_tables_overwrite_nothing(run: Run) -> None:
    """What is there already is refused and left as it is: a directory, a file, what a killed run has left."""
    Path("there").mkdir()
    Path("there/mine").write_text("x", encoding="utf-8")
    for taken in ("there", "there/mine", "."):
        ran = run("plan", "2p-2t0-2t1", "--tables", taken)
        assert (2, "", f"mrcnet: {taken} is already there") == (ran.code, ran.out, ran.err.splitlines()[0])
    assert ["there/mine"] == [str(path) for path in Path("there").iterdir()]
    assert 3 == run("plan", "2p-2t0-2t1", "--tables", "there/mine/tables").code
    Path("killed.part").mkdir()
    ran = run("plan", "2p-2t0-2t1", "--tables", "killed")
    assert (2, "") == (ran.code, ran.out)
    assert "killed.part is in the way" in ran.err


def test_tables_are_whole_or_not_there(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills half way leaves nothing behind, and exit code 3."""
    files = iter(range(3))

    def full(path: Path, *_: object, **__: object) -> None:
        if next(files, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        path.touch()

    monkeypatch.setattr(Path, "write_text", full)
    ran = run("plan", "2p-2t0-2t1", "--tables", "tables")
    assert (3, "", []) == (ran.code, ran.out, list(Path().iterdir()))
    assert "make room on the disk" in ran.err


def test_each_link(run: Run) -> None:
    """`--each-link` has a row for all that fails alike, the worst first."""
    rows = run("plan", "4p-2t0-4t1", "--each-link", "--json").json["each_link"]
    assert ["T1", "T0", "T0-T1 link", "host link"] == [row["what"] for row in rows]
    assert {"count": 32, "example": "p0-t0-0:p0-t1-0", "hosts": 4, "of_node": 0.25}.items() <= rows[2].items()
