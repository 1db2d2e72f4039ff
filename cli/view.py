"""`humanpose3d view`: a TRC or C3D file in the 3D viewer, in the browser or as one HTML file."""

import argparse
import webbrowser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from humanpose3d.errors import InvalidMotion
from humanpose3d.formats.files import write_atomic
from humanpose3d.language import LANGUAGES


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments, and the function that runs the command."""
    parser.add_argument("file", type=Path, metavar="FILE", help="markers, of HumanPose3D or any other source")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write one self-contained HTML file instead")
    parser.add_argument("--language", choices=LANGUAGES, default="en", help="of the viewer (default %(default)s)")
    parser.set_defaults(command=_command)


def _command(parsed: argparse.Namespace) -> int:
    # Deferred: importing the C3D library takes longer than printing a usage error should.
    from humanpose3d.formats.foreign import read_foreign

    found = read_foreign(parsed.file, strict=False)
    markers = found.markers
    for note in found.notes:
        print(f"note: {note}")
    if not markers.times.size:
        raise InvalidMotion(f"{parsed.file.name} holds no frames.")
    # Deferred: importing the gateway takes longer than printing a usage error should.
    from gateway.viewer_page import viewer_page

    page = viewer_page(parsed.file.stem, markers, parsed.language).encode()
    if parsed.html is None:
        _serve(page)
    else:
        with write_atomic(parsed.html) as file:
            file.write(page)
        print(f"Wrote {parsed.html} ({len(page) / 1e6:.1f} MB)")
    return 0


def _serve(page: bytes) -> None:
    """Show the page in the browser, from this machine only, until Ctrl-C."""
    with viewer_server(page) as server:
        url = f"http://127.0.0.1:{server.server_port}/"
        print(f"Viewer at {url} (Ctrl-C ends it)", flush=True)
        webbrowser.open(url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


def viewer_server(page: bytes) -> ThreadingHTTPServer:
    """A server on a free port of the loopback address that answers `/` with the page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page) if found else 0))
            self.end_headers()
            self.wfile.write(page if found else b"")

        def log_message(self, *_arguments: object) -> None:
            """Suppress the server's log."""

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)
