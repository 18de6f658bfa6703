"""The options that say what a fabric is rendered for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from mrcnet.errors import InputError
from mrcnet.render.model import HOST_IMAGE, SCHEMA_VERSION, ClabVersion, Nos, Wish

OLDEST, NEWEST = 70, 81  # of containerlab, 0.x
WISHES = ("nos", "mixed", "clab_version", "host_image", "switch_image")  # by the parameters' names


def wish_parameters(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the parameters in WISHES; `read_wish` makes one of them."""
    options = (
        click.option("--nos", type=click.Choice([str(nos) for nos in Nos]), help="What switches run."),
        click.option("--mixed", is_flag=True, help="Another NOS in each plane, beginning with --nos."),
        click.option(
            "--clab-version",
            metavar="0.N",
            default=str(SCHEMA_VERSION),
            show_default=True,
            help=f"0.{OLDEST} to 0.{NEWEST}.",
        ),
        click.option(
            "--host-image", metavar="IMAGE", default=HOST_IMAGE, show_default=True, help="Image of the hosts."
        ),
        click.option("--switch-image", metavar="IMAGE", help="Image of the switches that run --nos."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def read_wish(
    nos: str | None, mixed: bool, clab_version: str, host_image: str, switch_image: str | None
) -> Wish:
    """What to render for. UsageError without a NOS, InputError for words that name no version or image."""
    if nos is None:
        raise click.UsageError(f"say with --nos what switches run: {', '.join(Nos)}")
    return Wish(
        Nos(nos), mixed, _version(clab_version), _image(host_image), switch_image and _image(switch_image)
    )


def _version(text: str) -> ClabVersion:
    major, _, minor = text.partition(".")
    if major == "0" and minor.isdecimal() and len(minor) < 4 and OLDEST <= int(minor) <= NEWEST:
        return ClabVersion(int(minor))
    raise InputError(f"--clab-version {text}: not one of 0.{OLDEST} to 0.{NEWEST}")


def _image(text: str) -> str:
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise InputError(f"{text!r} is no image's name")
    return text
