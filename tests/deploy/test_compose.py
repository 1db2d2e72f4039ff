"""The compose files, as Docker Compose itself understands them, and the Dockerfile, as hadolint reads it."""

import subprocess
from typing import Any

import pytest

from shared.runtime.settings import PREFIX, Settings
from tests.deploy.manifests import TOOLS, compose, composed
from tests.servers import REPOSITORY

OURS = {"gateway", "detector", "refiner", "augmenter", "angles"}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = composed("docker-compose.yml")["services"]
    return found


def test_every_service_has_an_image_of_its_own(services: dict[str, Any]):
    assert set(services) == OURS | {"nats", "minio"}
    assert len({services[name]["image"] for name in OURS}) == len(OURS)
    assert {services[name]["build"]["target"] for name in OURS} == OURS


def test_no_container_has_a_capability_or_can_gain_one(services: dict[str, Any]):
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged"), name


def test_only_the_gateway_and_the_store_are_published_and_only_on_this_machine(services: dict[str, Any]):
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert set(published) == {"gateway", "minio"}
    assert {port["host_ip"] for ports in published.values() for port in ports} == {"127.0.0.1"}


def test_our_root_file_systems_are_read_only(services: dict[str, Any]):
    assert all(services[name]["read_only"] for name in OURS)


def test_the_store_is_pinned_to_the_maintained_fork(services: dict[str, Any]):
    assert services["minio"]["image"] == (
        "pgsty/silo:RELEASE.2026-09-16T00-00-00Z"
        "@sha256:635197cb9f36d01bee221d34d1c7d7960f6a95c48b0b6c01d99cd13bdae51a46"
    )


def test_every_setting_is_one_that_the_services_know(services: dict[str, Any]):
    for name in OURS:
        settings = Settings.from_environment(services[name]["environment"])
        assert (settings.host, settings.published_on) == ("0.0.0.0", "127.0.0.1")
        assert set(services[name]["environment"]) <= {f"{PREFIX}{field.upper()}" for field in Settings.model_fields}


def test_without_a_secret_nothing_starts():
    configuration = compose("docker-compose.yml")
    assert configuration.returncode != 0
    assert "see .env.example" in configuration.stderr


def test_publishing_opens_no_port_to_others_and_needs_a_name():
    public = composed("docker-compose.yml", "docker-compose.public.yml", HUMANPOSE3D_PUBLIC_NAME="pose.example.org")
    ports = [port for service in public["services"].values() for port in service.get("ports", [])]
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}
    nameless = compose("docker-compose.yml", "docker-compose.public.yml", HUMANPOSE3D_S3_SECRET_KEY="secret")
    assert nameless.returncode != 0
    assert "HUMANPOSE3D_PUBLIC_NAME" in nameless.stderr


def test_behind_a_proxy_index_base_image_and_certificates_can_be_configured():
    named = {"PIP_INDEX_URL": "https://pypi.lab.example/simple", "HUMANPOSE3D_CA_BUNDLE": "lab.pem"}
    services = composed("docker-compose.yml", HUMANPOSE3D_BASE_IMAGE="lab/python", **named)["services"]
    for name in OURS:
        arguments = services[name]["build"]["args"]
        assert arguments["BASE_IMAGE"] == "lab/python"
        assert arguments["PIP_INDEX_URL"] == "https://pypi.lab.example/simple"
        assert arguments["CA_BUNDLE"] == "lab.pem"


def test_the_gpu_goes_to_the_services_that_run_networks():
    merged = composed("docker-compose.yml", "docker-compose.gpu.yml")["services"]
    with_gpu = {
        name
        for name, service in merged.items()
        for device in service.get("deploy", {}).get("resources", {}).get("reservations", {}).get("devices", [])
        if device["driver"] == "nvidia"
    }
    assert with_gpu == {"detector", "refiner", "augmenter"}
    assert all(merged[name]["build"]["args"]["FLAVOUR"] == "-gpu" for name in with_gpu)


def test_the_dockerfile_is_clean_and_builds_every_service():
    checked = subprocess.run([TOOLS / "hadolint", "deploy/Dockerfile"], cwd=REPOSITORY, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
    targets = [
        line.split()[-1] for line in (REPOSITORY / "deploy/Dockerfile").read_text().splitlines() if " AS " in line
    ]
    assert set(targets) >= OURS
