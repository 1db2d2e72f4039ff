"""`humanpose3d view`: what it writes, what it serves, what it refuses. The viewer itself: tests/page/test_viewer.py."""

import http.client
import re
import threading
from pathlib import Path

import numpy as np
import pytest

from cli import view
from cli.main import main
from humanpose3d.formats.trc import write_trc
from humanpose3d.motion import Markers


@pytest.fixture
def trc(tmp_path: Path) -> Path:
    path = tmp_path / "</script><b>.trc".replace("/", "_")
    write_trc(path, Markers(np.arange(3) / 30, ("A<b", "B"), np.ones((3, 2, 3))))
    return path


def test_html_is_one_file_that_names_no_other(trc: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["view", str(trc), "--html", str(tmp_path / "out.html")]) == 0
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "out.html" in capsys.readouterr().out
    assert not re.search(r"""(src|href)=["'](?!data:)""", page)
    assert "A<b" not in page
    assert "<b>" not in page
    assert "script-src 'unsafe-inline' data:" in page


def test_it_serves_the_page_on_loopback_and_nothing_else():
    with view.viewer_server(b"page") as server:
        assert server.server_address[0] == "127.0.0.1"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            answers = []
            for path in ("/", "/etc/passwd"):
                connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
                connection.request("GET", path)
                answer = connection.getresponse()
                answers.append((answer.status, answer.read()))
                connection.close()
        finally:
            server.shutdown()
            thread.join()
    assert answers == [(200, b"page"), (404, b"")]


def test_it_opens_the_browser_at_its_address(trc: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)

    def interrupted(server: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("http.server.ThreadingHTTPServer.serve_forever", interrupted)
    assert main(["view", str(trc)]) == 0
    assert opened[0] in capsys.readouterr().out
    assert opened[0].startswith("http://127.0.0.1:")


@pytest.mark.parametrize("content", [None, "no trc", "empty"])
def test_what_is_no_motion_is_refused(content: str | None, trc: Path, tmp_path: Path, capsys):
    path = tmp_path / "file.trc"
    if content == "empty":
        path.write_text("".join(trc.read_text(encoding="utf-8").splitlines(keepends=True)[:5]), encoding="utf-8")
    elif content:
        path.write_text(content, encoding="utf-8")
    assert main(["view", str(path), "--html", str(tmp_path / "out.html")]) == 2
    assert "file.trc" in capsys.readouterr().err
    assert not (tmp_path / "out.html").exists()


def test_a_missing_folder_is_named(trc: Path, tmp_path: Path, capsys):
    assert main(["view", str(trc), "--html", str(tmp_path / "nowhere" / "out.html")]) == 2
    assert "out.html" in capsys.readouterr().err
