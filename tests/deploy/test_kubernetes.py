"""The manifests, rendered by kubectl and validated against the schemas of Kubernetes and the fields of KEDA."""

import os
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from shared.runtime.bus.nats import PARTS, STAGES, consumer_name
from shared.runtime.settings import PREFIX, Settings

K8S = Path(__file__).resolve().parents[2] / "deploy" / "k8s"
KUBECTL = Path(sysconfig.get_path("scripts")) / "kubectl"
WORKERS = {"detector", "refiner", "augmenter", "angles"}
OVERLAYS = ("lab-cpu", "lab-gpu")

# https://keda.sh/docs/2.17/scalers/nats-jetstream/
KEDA_FIELDS = {
    "natsServerMonitoringEndpoint",
    "account",
    "stream",
    "consumer",
    "lagThreshold",
    "activationLagThreshold",
}

Resource = dict[str, Any]


def render(folder: Path) -> list[Resource]:
    made = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return [resource for resource in yaml.safe_load_all(made.stdout) if resource]


@pytest.fixture(scope="module", params=OVERLAYS)
def resources(request: pytest.FixtureRequest) -> list[Resource]:
    return render(K8S / "overlays" / request.param)


@pytest.fixture(scope="module")
def gpu() -> list[Resource]:
    return render(K8S / "overlays" / "lab-gpu")


def of_kind(resources: list[Resource], *kinds: str) -> dict[str, Resource]:
    return {resource["metadata"]["name"]: resource for resource in resources if resource["kind"] in kinds}


def pods(resources: list[Resource]) -> dict[str, Resource]:
    return {
        name: resource["spec"]["template"] for name, resource in of_kind(resources, "Deployment", "StatefulSet").items()
    }


def test_every_resource_follows_its_schema(resources: list[Resource]):
    for resource in resources:
        if not resource["apiVersion"].startswith("keda.sh/"):
            kubernetes_validate.validate(resource, "1.34", strict=True)


def test_every_stage_scales_on_its_own_consumers(resources: list[Resource]):
    scaled = of_kind(resources, "ScaledObject")
    consumers: dict[str, list[tuple[str, str]]] = {}
    for name, resource in scaled.items():
        assert resource["spec"]["scaleTargetRef"]["name"] in of_kind(resources, "Deployment")
        for trigger in resource["spec"]["triggers"]:
            assert trigger["type"] == "nats-jetstream"
            assert set(trigger["metadata"]) == KEDA_FIELDS
            queue = trigger["metadata"]["stream"], trigger["metadata"]["consumer"]
            consumers.setdefault(name, []).append(queue)
    assert consumers == {
        "detector-worker": [(STAGES, consumer_name("detector")), (PARTS, consumer_name("detector"))],
        "refiner-worker": [(STAGES, consumer_name("refiner.depth")), (STAGES, consumer_name("refiner.joints"))],
        "augmenter-worker": [(STAGES, consumer_name("augmenter"))],
        "angles-worker": [(STAGES, consumer_name("angles"))],
    }


def test_keda_asks_a_service_that_exists(resources: list[Resource]):
    services = of_kind(resources, "Service")
    for resource in of_kind(resources, "ScaledObject").values():
        for trigger in resource["spec"]["triggers"]:
            host, port = trigger["metadata"]["natsServerMonitoringEndpoint"].split(":")
            name, namespace = host.split(".")[:2]
            assert services[name]["metadata"]["namespace"] == namespace
            assert int(port) in [item["port"] for item in services[name]["spec"]["ports"]]


def test_selectors_find_exactly_their_own_pods(resources: list[Resource]):
    templates = pods(resources)
    workloads = of_kind(resources, "Deployment", "StatefulSet")
    for name, workload in workloads.items():
        wanted = workload["spec"]["selector"]["matchLabels"].items()
        found = [other for other, pod in templates.items() if wanted <= pod["metadata"]["labels"].items()]
        assert found == [name]
    for service in of_kind(resources, "Service").values():
        wanted = service["spec"]["selector"].items()
        assert sum(wanted <= pod["metadata"]["labels"].items() for pod in templates.values()) == 1


def test_no_pod_is_root_or_writes_to_its_image_or_has_a_capability(resources: list[Resource]):
    for name, pod in pods(resources).items():
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True, name
        assert pod["spec"]["automountServiceAccountToken"] is False, name
        for container in pod["spec"]["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, name
            assert container["securityContext"]["allowPrivilegeEscalation"] is False, name
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}, name


def test_every_container_has_probes_and_resources(resources: list[Resource]):
    for name, pod in pods(resources).items():
        for container in pod["spec"]["containers"]:
            assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container), name
            assert {"cpu", "memory"} <= set(container["resources"]["requests"]), name
            assert "memory" in container["resources"]["limits"], name


def test_secrets_are_referred_to_and_never_written(resources: list[Resource]):
    assert not of_kind(resources, "Secret")
    for resource in of_kind(resources, "ConfigMap").values():
        assert not [key for key in resource["data"] if "SECRET" in key or key.endswith("_KEY")]


def test_every_setting_is_one_that_the_services_know(resources: list[Resource]):
    shared = next(item for name, item in of_kind(resources, "ConfigMap").items() if name.startswith("humanpose3d-"))
    secrets = {"HUMANPOSE3D_S3_ACCESS_KEY": "a", "HUMANPOSE3D_S3_SECRET_KEY": "b"}
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    assert set(shared["data"]) <= known
    assert Settings.from_environment({**shared["data"], **secrets}).stream_replicas == 3


def test_every_workload_of_ours_survives_a_drain(resources: list[Resource]):
    budgets = of_kind(resources, "PodDisruptionBudget")
    assert {f"{name}-worker" for name in WORKERS} | {"gateway", "nats"} <= set(budgets)


def test_nats_is_three_servers_with_disks_that_sync_always(resources: list[Resource]):
    nats = of_kind(resources, "StatefulSet")["nats"]
    assert nats["spec"]["replicas"] == 3
    assert nats["spec"]["volumeClaimTemplates"]
    configuration = next(item for name, item in of_kind(resources, "ConfigMap").items() if name.startswith("nats-"))
    assert "sync_interval: always" in configuration["data"]["nats-server.conf"]
    shared = next(item for name, item in of_kind(resources, "ConfigMap").items() if name.startswith("humanpose3d-"))
    assert shared["data"]["HUMANPOSE3D_STREAM_REPLICAS"] == "3"


def test_traffic_is_denied_unless_allowed(resources: list[Resource]):
    policies = of_kind(resources, "NetworkPolicy")
    assert policies["deny-all"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_gpu_stages_sit_on_gpu_nodes_and_scale_to_zero(gpu: list[Resource]):
    deployments, scaled = of_kind(gpu, "Deployment"), of_kind(gpu, "ScaledObject")
    for stage in WORKERS:
        limits = deployments[f"{stage}-worker"]["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
        needs_gpu = stage != "angles"
        assert ("nvidia.com/gpu" in limits) is needs_gpu
        assert (scaled[f"{stage}-worker"]["spec"]["minReplicaCount"] == 0) is needs_gpu


def test_an_external_store_takes_the_place_of_ours(tmp_path: Path):
    overlay = K8S / "overlays" / "lab-cpu"
    (tmp_path / "kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: humanpose3d\n"
        f"resources: [{relative(overlay, tmp_path)}]\n"
        f"components: [{relative(K8S / 'components' / 'external-s3', tmp_path)}]\n"
    )
    resources = render(tmp_path)
    assert not [item for item in resources if item["metadata"]["name"] == "minio"]
    settings = next(item for name, item in of_kind(resources, "ConfigMap").items() if name.startswith("humanpose3d-"))
    assert settings["data"]["HUMANPOSE3D_S3_ENDPOINT"] == "https://s3.example"


def relative(path: Path, start: Path) -> str:
    return os.path.relpath(path, start)
