"""Result files: what is written is what the schema says, and what is read again."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import jsonschema
import pytest

from mrcnet.errors import InputError
from mrcnet.report import resultfile
from tests.unit.report import results


@pytest.mark.parametrize("made", [results.data, results.aborted])
def test_what_is_written_keeps_to_the_schema(made: Any) -> None:
    """A result file, of whatever verdict, is valid by the shipped schema and is read back as it was."""
    data = made()
    text = resultfile.as_text(data)
    jsonschema.Draft202012Validator(resultfile.json_schema()).validate(json.loads(text))
    assert resultfile.from_data(data) == resultfile.read(text, "result.json")


def test_the_drills_own_words_stand_in_it() -> None:
    """The file holds the drill's figures under their names, as `--json` prints them."""
    data = results.data()
    assert ("x", "passed", 7) == (data["drill"], data["verdict"], data["seed"])
    assert (3.0, 2) == (data["metrics"]["detection_ms"], data["metrics"]["packets_lost_on_dead_evs"])


def test_a_digest_is_that_of_sha256sum() -> None:
    """A file's digest can be checked without mrcnet."""
    expected = "sha256:" + hashlib.sha256(results.TEXT.encode()).hexdigest()
    assert expected == results.data()["origin"]["digest"]


def test_keys_of_later_versions_are_passed_over() -> None:
    """A file with keys that this version does not know is read nevertheless."""
    data = results.data() | {"novelty": 1}
    data["metrics"] = data["metrics"] | {"novel_ms": 2.5}
    assert 2.5 == (resultfile.read(json.dumps(data), "r.json").metrics or {})["novel_ms"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "r.json:1:1: this is not JSON"),
        ("[]", "r.json: this is not a result of format mrcnet-result/1"),
        ('{"format": "mrcnet-result/9"}', "but of 'mrcnet-result/9'"),
        ('{"format": "mrcnet-result/1"}', "r.json: drill: "),
    ],
)
def test_what_is_no_result_is_refused(text: str, told: str) -> None:
    """A file that is no result is refused with its name, the place, and what is wrong there."""
    with pytest.raises(InputError) as caught:
        resultfile.read(text, "r.json")
    assert told in str(caught.value)


def test_a_wrong_figure_is_named() -> None:
    """A figure that is none is named by its key."""
    data = results.data()
    data["picture"] = data["picture"] | {"length_ms": "long"}
    with pytest.raises(InputError) as caught:
        resultfile.from_data(data, "r.json")
    assert str(caught.value).startswith("r.json: picture.length_ms: ")
