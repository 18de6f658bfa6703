"""`mrcnet metrics`."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, HTTPServer
from socket import AF_INET, AF_INET6
from typing import Any

import click

from mrcnet.api.watching import Watch
from mrcnet.cli.command import UsesLab, command, wants_json
from mrcnet.cli.labs import lab_parameter
from mrcnet.cli.output import Answer, note
from mrcnet.errors import EnvironmentFault, MrcnetError

_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@command("mrcnet metrics 4p-2t0-4t1", "mrcnet metrics --listen 127.0.0.1:9464", cls=UsesLab)
@lab_parameter
@click.option("--listen", metavar="ADDR:PORT", help="Serve them there, at /metrics, until Ctrl-C.")
def metrics_(lab_name: str, listen: str | None) -> Answer:
    """Print what ports and runs of a lab count, as Prometheus reads it.

    Frames and bytes of every port; marks, trims, drops by cause, queues and faults where ports are shaped; of
    runs under way payload delivered by plane, the states of EVs, and events.
    """
    address = None if listen is None else _address(listen)
    with Watch(lab_name) as watch:
        if address is not None:
            _serve(watch, *address)
        text = watch.metrics()
    return Answer({"metrics": text}, text.splitlines())


def _address(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 0xFFFF:
        raise click.UsageError(f"--listen {listen}: write ADDR:PORT, e.g. 127.0.0.1:9464 or [::1]:9464")
    return host.strip("[]"), int(port)


def _serve(watch: Watch, host: str, port: int) -> None:
    """Answer questions one by one, until Ctrl-C, which ends the command."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 5  # of a client that says nothing

        def do_GET(self) -> None:
            if self.path.partition("?")[0] != "/metrics":
                self.send_error(404)
                return
            try:
                body = watch.metrics().encode()
            except MrcnetError as error:
                self.send_error(503, error.message)
                return
            self.send_response(200)
            self.send_header("Content-Type", _TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing: stdout is for answers."""

    class Server(HTTPServer):
        address_family = AF_INET6 if ":" in host else AF_INET

    try:
        server = Server((host, port), Handler)
    except OSError as error:
        raise EnvironmentFault(f"cannot listen on {host}:{port}: {error.strerror}") from None
    with server:
        if not wants_json():
            note(f"serving http://{host}:{server.server_port}/metrics")
        server.serve_forever()
