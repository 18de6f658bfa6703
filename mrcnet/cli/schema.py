"""`mrcnet schema`."""

from __future__ import annotations

import json

from mrcnet.cli.command import command
from mrcnet.cli.output import Answer
from mrcnet.topology.schema import json_schema


@command("mrcnet schema > topology.schema.json")
def schema_() -> Answer:
    """Print the JSON Schema of topology files, for editors."""
    schema = json_schema()
    return Answer(schema, [json.dumps(schema, indent=2)])
