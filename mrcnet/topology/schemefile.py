"""Text of a scheme file to a `Scheme`; which schemes are shipped; a scheme that a topology names."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from itertools import combinations
from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from mrcnet.errors import InputError, Where
from mrcnet.topology.document import Document, parse
from mrcnet.topology.names import TOPOLOGY_NAME, suggest, topology_name
from mrcnet.topology.schema import validate
from mrcnet.topology.scheme import (
    GLOBAL_IDS,
    LOCAL_IDS,
    Decap,
    Lists,
    Pattern,
    Scheme,
    block_pattern,
    usid_pattern,
)

DEFAULT = "f3216"
_FOLDER = files("mrcnet") / "shipped" / "topologies" / "schemes"


def _text(parse_one: Callable[[str], Pattern]) -> BeforeValidator:
    def check(text: object) -> Pattern:
        if not isinstance(text, str):
            raise ValueError("must be a pattern like 1pii")
        return parse_one(text)

    return BeforeValidator(check)


Usid = Annotated[
    Pattern,
    _text(usid_pattern),
    WithJsonSchema({"type": "string", "examples": ["1pii", "001p ppii iiii iiii"]}),
]
Block = Annotated[
    Pattern, _text(block_pattern), WithJsonSchema({"type": "string", "examples": ["fcbb:bb00::/32"]})
]


class _Raw(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Switches(_Raw):
    """The uN of each tier."""

    t0: Usid
    t1: Usid


class Links(_Raw):
    """The uAs of a switch: one a port, or one a neighbour above and below."""

    port: Usid | None = Field(None, description="out of port number i")
    up: Usid | None = Field(None, description="out of a T0, to T1 number i of its plane")
    down: Usid | None = Field(None, description="out of a T1, to T0 number i of its plane")


class RawScheme(_Raw):
    """A scheme file."""

    name: str | None = Field(
        None,
        description="default: the file's name without suffix",
        json_schema_extra={"pattern": TOPOLOGY_NAME},
    )
    block: Block = Field(description="locator block; with p for the plane, one a plane: fc00:pppp::/32")
    un: Switches = Field(description="a switch's own uSID")
    ua: Links = Field(Links(), description="a switch's uSIDs that name a link")
    dst: Usid = Field(description="leads to a host, by its number at its T0; with `decap: t0` without i")
    carrier: Literal["uN", "uA"] = Field("uN", description="what a carrier lists: switches, or links")
    decap: Literal["host", "t0"] = Field("host", description="who takes the carrier off")


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a scheme file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mrcnet SID scheme",
        **RawScheme.model_json_schema(),
    }


def read_scheme(text: str, file: str) -> Scheme:
    """Read a scheme. Raises InputError with file:line:column for anything wrong."""
    document = parse(text, file)
    raw = validate(document, RawScheme)
    try:
        name = topology_name(raw.name or PurePath(file).stem)
    except ValueError as wrong:
        raise InputError(str(wrong), where=document.where(("name",)), remedy="give it a name") from None
    scheme = Scheme(
        name=name,
        block=raw.block,
        t0=raw.un.t0,
        t1=raw.un.t1,
        dst=raw.dst,
        port=raw.ua.port,
        up=raw.ua.up,
        down=raw.ua.down,
        lists=Lists(raw.carrier),
        decap=Decap(raw.decap),
    )
    _check(scheme, document)
    return scheme


def _check(scheme: Scheme, document: Document) -> None:
    """Raise InputError for a scheme whose uSIDs would be mistaken for each other, or lead nowhere."""

    def wrong(key: str, message: str, remedy: str) -> InputError:
        error = document.error(tuple(key.split(".")), message)
        error.remedy = remedy
        return error

    patterns = scheme.patterns()
    at_t0 = scheme.decap is Decap.T0
    for key, one in patterns.items():
        largest = ~one.known & 0xFFFF | one.fixed
        if key.startswith("ua.") and one.fixed < LOCAL_IDS.start:
            raise wrong(
                key, f"{one.text!r} is no local uSID (e000 to ffff, RFC 9800)", "begin it with e or f"
            )
        if not key.startswith("ua.") and largest not in GLOBAL_IDS:
            raise wrong(key, f"{one.text!r} is no global uSID (0001 to dfff, RFC 9800)", "fix its first bits")
        if one.index is None and not (key == "dst" and at_t0):
            raise wrong(key, f"{one.text!r} has no i, and so one number for all", "give it some bits i")
        if key == "dst" and at_t0 and one.index is not None:
            remedy = "write digits in place of i, or `decap: host`"
            raise wrong(key, f"{one.text!r} counts hosts, which the T0 tells by the inner address", remedy)
    for (key, one), (other_key, other) in combinations(patterns.items(), 2):
        if one.meets(other):
            message = f"{other.text!r} may be the same uSID as {key}'s {one.text!r}"
            raise wrong(other_key, message, "let their fixed bits differ")
    if (scheme.up is None) != (scheme.down is None):
        raise wrong("ua", "`up` and `down` go together", "give both, or `port`")
    if scheme.up is not None and scheme.port is not None:
        raise wrong(
            "ua.port", "goes without `up` and `down`", "a link has one uA: give it by port or by neighbour"
        )
    if scheme.lists is Lists.UA:
        if scheme.up is None:
            raise wrong("carrier", "a carrier of uAs needs `ua: {up: ..., down: ...}`", "or `carrier: uN`")
        if scheme.block.plane is None:
            message = (
                "a carrier of uAs does not name the source's T0, so that only the block can tell the plane"
            )
            raise wrong("block", message, "give every plane a block: fc00:pppp::/32")


def shipped() -> list[str]:
    """The names of the shipped schemes."""
    return sorted(one.name.removesuffix(".yaml") for one in _FOLDER.iterdir() if one.name.endswith(".yaml"))


@cache
def scheme_called(name: str) -> Scheme:
    """A shipped scheme. Raises KeyError if there is none of that name."""
    file = _FOLDER / f"{name}.yaml"
    if name not in shipped():
        raise KeyError(name)
    return read_scheme(file.read_text(encoding="utf-8"), f"{name}.yaml")


@cache
def scheme_of(word: str) -> Scheme:
    """What a topology says of its scheme: a shipped name, or the whole text of one. Raises InputError."""
    if word.startswith("{"):
        return read_scheme(word, "the scheme's text")
    try:
        return scheme_called(word)
    except KeyError:
        known = shipped()
    if is_file(word):
        raise InputError(
            f"the scheme {word!r} is a file, which cannot be read from here",
            remedy="put the scheme's text, in one line, in its place",
        )
    raise InputError(
        f"there is no scheme {word!r}{suggest(word, known)}",
        remedy=f"shipped are {', '.join(known)}; a file of your own is named with a slash: ./mine.yaml",
    )


def word_of(scheme: Scheme) -> str:
    """The shortest word from which `scheme_of` makes the scheme: a shipped name, or its text."""
    return scheme.name if scheme.name in shipped() and scheme_called(scheme.name) == scheme else scheme.text()


def is_file(word: str) -> bool:
    """Whether a topology's word for its scheme names a file."""
    return not word.startswith("{") and ("/" in word or word.endswith((".yaml", ".yml")))


def with_scheme(
    text: str, file: str, read: Callable[[str], Scheme], outside: Callable[[str], bool] = is_file
) -> str:
    """The text of a topology in which the file that it names as its scheme is replaced by what that says.

    `read` makes the scheme of the file's name, or of another word that is `outside` of what is shipped. As
    with variables, columns of later errors on such a line count in the new line. Raises InputError for a
    wrong scheme, with its own place.
    """
    if "scheme" not in text:
        return text
    document = parse(text, file)
    section = document.data.get("srv6")
    word = section.get("scheme") if isinstance(section, dict) else None
    if not isinstance(word, str) or not outside(word):
        return text
    scheme = read(word)
    place: Where = document.where(("srv6", "scheme"))
    lines = text.split("\n")
    line, start = lines[place.line - 1], place.column - 1
    if (at := line.find(word, start)) < 0:
        raise InputError("a file's name must stand on one line", where=place)
    end = at + len(word)
    end += 1 if line[start] in "'\"" else 0
    lines[place.line - 1] = f"{line[:start]}{json.dumps(word_of(scheme))}{line[end:]}"
    return "\n".join(lines)
