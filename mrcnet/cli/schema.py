"""`mrcnet schema`."""

from __future__ import annotations

import json

import click

from mrcnet.cli.command import command
from mrcnet.cli.output import Answer
from mrcnet.drill.load import json_schema as drill_schema
from mrcnet.plan.profile import json_schema as profile_schema
from mrcnet.report.resultfile import json_schema as result_schema
from mrcnet.topology.schema import json_schema as topology_schema
from mrcnet.topology.schemefile import json_schema as scheme_schema
from mrcnet.workload.eventlog import json_schema as events_schema

SCHEMAS = {
    "topology": topology_schema,
    "drill": drill_schema,
    "scheme": scheme_schema,
    "ev-profile": profile_schema,
    "events": events_schema,
    "result": result_schema,
}


@command("mrcnet schema > topology.schema.json", "mrcnet schema drill > drill.schema.json")
@click.argument(
    "kind", metavar=f"[{'|'.join(SCHEMAS)}]", type=click.Choice(list(SCHEMAS)), default="topology"
)
def schema_(kind: str) -> Answer:
    """Print the JSON Schema of topology, drill, SID scheme, EV profile, events or result files.

    In an editor with the YAML language server, `# yaml-language-server: $schema=topology.schema.json` as a
    file's first line then checks it while it is written.
    """
    schema = SCHEMAS[kind]()
    return Answer(schema, [json.dumps(schema, indent=2)])
