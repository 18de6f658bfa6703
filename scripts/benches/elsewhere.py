"""Files for other programs: valid by their schemas, the same when they come back, defects found in them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from benches.figure import MRCNET, ROOT, Figure, figure, mrcnet

SHAPES = sorted(path.stem for path in (ROOT / "topologies").glob("*.yaml"))
NOSES = ("frr", "sonic-vs", "ceos")
WISHES = (*(("--nos", nos) for nos in NOSES), ("--nos", "frr", "--mixed"))
CHECKS = "clab_file_is_valid or config_db_is_valid or vtysh_parses"


def render_valid() -> Iterator[Figure]:
    """render-valid: five shapes x three NOS by schema, YANG and vtysh; none may fail or be skipped."""
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/unit/render",
        "-k",
        CHECKS,
    ]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ)
    last = (done.stdout.strip().splitlines() or [""])[-1]
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|skipped|error)", last)}
    amiss = sum(counts.get(word, 0) for word in ("failed", "skipped", "error"))
    sound = bool(counts.get("passed"))
    yield figure("render-valid", [amiss], "checks amiss", 0, at_most=True, sound=sound, **counts)


def round_trip() -> Iterator[Figure]:
    """round-trip: shipped topologies, for each NOS and mixed, whose import after render has another plan."""
    differing = []
    with tempfile.TemporaryDirectory() as folder:
        for shape, wish in product(SHAPES, WISHES):
            lab, back = Path(folder) / f"{shape}{'-'.join(wish)}", Path(folder) / "back.yaml"
            mrcnet("render", shape, *wish, "-o", str(lab))
            mrcnet("import", str(lab / f"{shape}.clab.yml"), "-o", str(back))
            if _of(shape) != _of(str(back)):
                differing.append(f"{shape} {' '.join(wish)}")
    tried = len(SHAPES) * len(WISHES)
    yield figure(
        "round-trip", [len(differing)], "differing", 0, at_most=True, tried=tried, differing=differing
    )


def _of(topology: str) -> object:
    """What a topology resolves to, by this program's own reading."""
    code = (
        "import sys; from mrcnet.api.topologies import find; from mrcnet.topology.load import load_text;"
        "source = find(sys.argv[1]); print(load_text(source.text, source.file))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, topology], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return done.stdout


def lint_defects() -> Iterator[Figure]:
    """lint-defects: of ten sown defects for FRR and ten for SONiC, those named by line; no false alarm."""
    from mrcnet.plan.build import build_plan
    from mrcnet.render.model import Nos
    from mrcnet.topology.load import load_text
    from tests.support.defects import FRR, SONIC, found, sow

    shape = ROOT / "topologies" / "2p-2t0-2t1.yaml"
    plan = build_plan(load_text(shape.read_text(encoding="utf-8"), shape.name))
    missed, named = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for nos, defects in ((Nos.FRR, FRR), (Nos.SONIC, SONIC)):
            for number, defect in enumerate(defects):
                lab = Path(folder) / f"{nos}-{number}"
                sow(plan, nos, lab, defect)
                if found(defect, lab, mrcnet("lint", str(lab), check=False)["remarks"]):
                    named += 1
                else:
                    missed.append(f"{nos}: {defect.name}")
        alarms = sum(_alarms(Path(folder) / "clean", shape, wish) for shape, wish in product(SHAPES, WISHES))
    yield figure(
        "lint-defects",
        [named],
        "of 20",
        20,
        at_most=False,
        sound=not alarms,
        missed=missed,
        false_alarms=alarms,
    )


def _alarms(lab: Path, shape: str, wish: tuple[str, ...]) -> int:
    """Remarks on a clean folder."""
    lab = lab / f"{shape}{'-'.join(wish)}"
    mrcnet("render", shape, *wish, "-o", str(lab))
    done = subprocess.run([*MRCNET, "lint", str(lab)], capture_output=True, text=True, cwd=ROOT, check=False)
    return len(done.stdout.strip().splitlines()) - 1 + (done.returncode != 0)
