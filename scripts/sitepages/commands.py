"""What click knows of the commands, as a page: usage, words, arguments and options, examples."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import cleandoc

import click

from mrcnet.cli.main import ALIASES, COMMANDS, cli
from sitepages.markdown import fence, row


def commands_page() -> str:
    """Every command with its subcommands, in the order of `mrcnet --help`."""
    top = click.Context(cli, info_name="mrcnet")
    also = ", ".join(f"`{other}` is `{name}`" for other, name in ALIASES.items())
    lines = ["# Commands", "", f"What `mrcnet COMMAND --help` says. {also}."]
    for name in COMMANDS:
        found = cli.get_command(top, name)
        assert found is not None
        lines += _command(found, click.Context(found, parent=top, info_name=name), 2)
    return "\n".join(lines) + "\n"


def _command(command: click.Command, context: click.Context, level: int) -> Iterator[str]:
    yield from ("", f"{'#' * level} {context.command_path}", "", *_words(cleandoc(command.help or "")))
    yield from fence("text", f"{context.command_path} {' '.join(command.collect_usage_pieces(context))}")
    options = [one for one in command.get_params(context) if isinstance(one, click.Option) and not one.hidden]
    yield from ("", row("option", "means"), row("---", "---"))
    for option in options:
        if record := option.get_help_record(context):
            yield row(f"`{record[0]}`", record[1])
    if command.epilog:
        yield from ("", *fence("sh", *(line.removeprefix("Example: ") for line in _examples(command.epilog))))
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _command(found, click.Context(found, parent=context, info_name=name), level + 1)


def _examples(epilog: str) -> list[str]:
    return [line for line in epilog.splitlines() if line.startswith("Example: ")]


def _words(text: str) -> Iterator[str]:
    """Paragraphs as they are; what click is told to leave alone (`\\b`) as a block."""
    for paragraph in text.split("\n\n"):
        if paragraph.lstrip().startswith("\b"):
            yield from fence("text", *paragraph.strip("\b\n ").splitlines())
        else:
            yield paragraph.replace("<", "\\<").replace("*", "\\*")
        yield ""
