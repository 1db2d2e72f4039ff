"""The documented way to publish compose, without a container engine: the gateway with the compose files' settings,
a key made as documented, and a real Caddy or nginx with the shipped configuration in front of gateway and store.
"""

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.deploy.manifests import composed
from tests.servers import ACCESS_KEY, REPOSITORY, SECRET_KEY, NatsServer, S3Server, free_port, wait_until

PROXY = REPOSITORY / "deploy" / "proxy"
SAMPLE = REPOSITORY / "examples" / "sample.mp4"
NAME = "pose.example.org"
LARGE = 12_000_000
"""More than nginx's default limit of 1 MB and than one part of an upload."""


class ToThisMachine(httpx.HTTPTransport):
    """Resolves every name to loopback, as a laboratory's DNS would; the certificate is checked for the name."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions["sni_hostname"] = request.url.host
        request.url = request.url.copy_with(host="127.0.0.1")
        return super().handle_request(request)


@dataclass(frozen=True)
class Site:
    """The published site: its origin, the authority that signed its certificate, and an API key."""

    origin: str
    trust: ssl.SSLContext
    key: str

    def client(self, **headers: str) -> httpx.Client:
        return httpx.Client(base_url=self.origin, transport=ToThisMachine(verify=self.trust), headers=headers)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pose.pem and pose.key, for the public name."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed, which makes the certificate")
    folder = tmp_path_factory.mktemp("certificate")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "1", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    command += ["-keyout", str(folder / "pose.key"), "-out", str(folder / "pose.pem")]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module", params=["caddy", "nginx"])
def site(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    certificate: Path,
    s3_server: S3Server,
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp(request.param)
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    port, behind = free_port(), free_port()
    nats = NatsServer(folder)
    with contextlib.ExitStack() as stack:
        nats.start()
        stack.callback(nats.stop)
        key = make_key(folder / "keys")
        environment = settings(f"https://{NAME}:{port}", nats.url, s3_server.url, folder / "keys", behind)
        gateway = stack.enter_context(running([sys.executable, "-m", "gateway.app"], folder, **environment))
        wait_until(lambda: answers(f"http://127.0.0.1:{behind}/readyz"), gateway, within_s=120)
        command = COMMANDS[request.param](folder, certificate, port, behind, s3_server.port)
        proxy = stack.enter_context(running(command, folder, XDG_DATA_HOME=str(folder), HOME=str(folder)))
        trust = ssl.create_default_context(cafile=str(certificate / "pose.pem"))
        site = Site(f"https://{NAME}:{port}", trust, key)
        wait_until(lambda: accepts(port), proxy)
        yield site


def make_key(file: Path) -> str:
    """Uses the command of the compose service that makes keys."""
    services = composed(*FILES, HUMANPOSE3D_PUBLIC_NAME=NAME, COMPOSE_PROFILES="keys")["services"]
    [mount] = services["keys"]["volumes"]
    assert mount["target"] == "/keys"
    assert "read_only" not in mount
    interpreter, *words = services["keys"]["entrypoint"]
    assert (interpreter, words.pop()) == ("python3", "/keys/keys")
    words += [str(file), "--owner", "lab"]
    made = subprocess.run([sys.executable, *words], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return made.stdout.split()[-1]


FILES = ("docker-compose.yml", "docker-compose.public.yml")


def settings(origin: str, nats: str, store: str, keys: Path, port: int) -> dict[str, str]:
    """The settings of the compose files, with the test's addresses and paths instead of the container's."""
    gateway = composed(*FILES, HUMANPOSE3D_PUBLIC_NAME=NAME)["services"]["gateway"]
    [mount] = gateway["volumes"]
    assert (mount["target"], mount["read_only"]) == ("/keys", True)
    environment: dict[str, str] = gateway["environment"]
    assert environment.pop("HUMANPOSE3D_API_KEYS_FILE") == "/keys/keys"
    assert environment.pop("HUMANPOSE3D_HOST") == "0.0.0.0"
    assert environment["HUMANPOSE3D_S3_PUBLIC_ENDPOINT"] == f"https://{NAME}"
    return environment | {
        "HUMANPOSE3D_API_KEYS_FILE": str(keys),
        "HUMANPOSE3D_PORT": str(port),
        "HUMANPOSE3D_NATS_URL": nats,
        "HUMANPOSE3D_S3_ENDPOINT": store,
        "HUMANPOSE3D_S3_PUBLIC_ENDPOINT": origin,
        "HUMANPOSE3D_S3_ACCESS_KEY": ACCESS_KEY,
        "HUMANPOSE3D_S3_SECRET_KEY": SECRET_KEY,
    }


def caddy(folder: Path, certificate: Path, port: int, gateway: int, store: int) -> list[str]:
    """The Caddyfile with a test certificate, since no authority can sign one here."""
    text = here((PROXY / "Caddyfile").read_text(), gateway, store)
    own = f"tls {certificate / 'pose.pem'} {certificate / 'pose.key'}"
    text = text.replace(f"{NAME} {{\n", f"{NAME}:{port} {{\n\t{own}\n")
    (folder / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + text)
    return ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


def nginx(folder: Path, certificate: Path, port: int, gateway: int, store: int) -> list[str]:
    """The server block of nginx.conf within a minimal nginx configuration."""
    text = here((PROXY / "nginx.conf").read_text(), gateway, store)
    text = text.replace("listen 443 ", f"listen 127.0.0.1:{port} ").replace(
        "listen 80;", f"listen 127.0.0.1:{free_port()};"
    )
    text = text.replace("/etc/ssl/", f"{certificate}/")
    paths = "".join(f"{kind}_temp_path {folder};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log stderr;\n"
        f"events {{}}\nhttp {{ access_log off; {paths}\n{text} }}\n"
    )
    return ["nginx", "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]


COMMANDS = {"caddy": caddy, "nginx": nginx}


def here(text: str, gateway: int, store: int) -> str:
    """The configuration with the test's ports."""
    assert text.count("127.0.0.1:8000") == text.count("127.0.0.1:9000") == 1
    return text.replace("127.0.0.1:8000", f"127.0.0.1:{gateway}").replace("127.0.0.1:9000", f"127.0.0.1:{store}")


@contextlib.contextmanager
def running(command: list[str], folder: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / f"{Path(command[0]).name}.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=REPOSITORY, env={**os.environ, **environment}, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def answers(url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(url).status_code == 200
    return False


def accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def test_the_page_is_served_over_tls_and_the_api_requires_a_key(site: Site):
    with site.client() as anybody:
        assert anybody.get("/").status_code == 200
        assert anybody.get("/api/runs/").status_code == 401
        assert anybody.get("/api/runs/", headers={"Authorization": f"Bearer {site.key}"}).status_code == 200


def test_the_page_itself_may_use_the_api(site: Site):
    """With the headers that a browser sends: the public name, the same origin."""
    browser = {"Origin": site.origin, "Sec-Fetch-Site": "same-origin", "Authorization": f"Bearer {site.key}"}
    with site.client(**browser) as page:
        assert page.post("/api/uploads/").status_code == 201


def test_a_large_video_is_uploaded_through_the_gateway_and_to_the_store(site: Site):
    with site.client(Authorization=f"Bearer {site.key}") as client:
        begun = client.post("/api/uploads/").json()
        part = client.put(f"/api/uploads/{begun['upload_key']}/parts/1", content=bytes(8 << 20), timeout=30)
        assert part.status_code in {200, 204}, part.text
        direct = client.post(f"/api/uploads/{begun['upload_key']}/parts/2").json()["url"]
        assert direct.startswith(f"{site.origin}/humanpose3d/")
    with site.client() as browser:  # there only the store's own signature counts
        assert browser.put(direct, content=bytes(1000)).status_code == 200
        form = begun.get("form", begun)
        whole = browser.post(form["url"], data=form["fields"], files={"file": bytes(LARGE)}, timeout=60)
        assert whole.status_code in {200, 204}, whole.text


def test_the_store_is_only_written_to_and_only_with_a_signature(site: Site):
    with site.client() as anybody:
        for answer in (anybody.get("/humanpose3d/x"), anybody.delete("/humanpose3d/x")):
            assert answer.status_code in {403, 404, 405}
            assert "<Error>" not in answer.text, "the request reached the store"
        unsigned = anybody.put("/humanpose3d/x", content=b"x")
        assert (unsigned.status_code, "<Error>" in unsigned.text) == (403, True)


def test_a_request_reaches_the_gateway_before_its_body_is_complete(site: Site):
    """A buffering proxy would fill its disk and report a missing key only after an hour's upload."""
    port = int(site.origin.rsplit(":", 1)[1])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as connection,
        site.trust.wrap_socket(connection, server_hostname=NAME) as secure,
    ):
        head = f"POST /api/runs/ HTTP/1.1\r\nHost: {NAME}:{port}\r\nContent-Length: 100000000\r\n"
        secure.sendall(f"{head}Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n".encode())
        answer = b""
        for _ in range(100):
            secure.settimeout(None)
            secure.sendall(bytes(1 << 16))
            secure.settimeout(0.1)
            with contextlib.suppress(TimeoutError):
                answer = secure.recv(100)
                break
        assert answer.startswith(b"HTTP/1.1 401 ")


def test_events_are_delivered_as_they_happen(site: Site):
    with site.client(Authorization=f"Bearer {site.key}") as client:
        form: dict[str, Any] = {"height": "1.72", "weight": "70", "consent": "accepted"}
        run_key = client.post("/api/runs/", data=form, files={"video": SAMPLE.read_bytes()}).json()["run_key"]
        begun = time.monotonic()
        with client.stream("GET", f"/api/runs/{run_key}/events", timeout=10) as events:
            first = next(events.iter_lines())
        assert first.startswith("event: ")
        assert time.monotonic() - begun < 5
        assert client.delete(f"/api/runs/{run_key}/").status_code in {200, 204}
