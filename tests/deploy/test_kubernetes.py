"""The manifests, rendered by kubectl and validated against the schemas of Kubernetes and the fields of KEDA."""

import os
import shutil
from pathlib import Path

import kubernetes_validate
import pytest

from shared.runtime.bus.streams import PARTS, STAGES, consumer_name
from shared.runtime.settings import PREFIX, Settings
from tests.deploy.manifests import K8S, OVERLAYS, Resource, of_kind, render
from tests.servers import REPOSITORY

WORKERS = {"detector", "refiner", "augmenter", "angles"}

# https://keda.sh/docs/2.17/scalers/nats-jetstream/
KEDA_FIELDS = {
    "natsServerMonitoringEndpoint",
    "account",
    "stream",
    "consumer",
    "lagThreshold",
    "activationLagThreshold",
}


@pytest.fixture(scope="module", params=OVERLAYS)
def resources(request: pytest.FixtureRequest) -> list[Resource]:
    return render(K8S / "overlays" / request.param)


@pytest.fixture(scope="module")
def gpu() -> list[Resource]:
    return render(K8S / "overlays" / "lab-gpu")


def of_settings(resources: list[Resource]) -> dict[str, str]:
    """The settings that every service gets."""
    [found] = [item for name, item in of_kind(resources, "ConfigMap").items() if name.startswith("humanpose3d-")]
    settings: dict[str, str] = found["data"]
    return settings


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
        "angles-worker": [(STAGES, consumer_name("angles")), (STAGES, consumer_name("analysis"))],
    }


def test_keda_queries_a_service_that_exists(resources: list[Resource]):
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
    secrets = {"HUMANPOSE3D_S3_ACCESS_KEY": "a", "HUMANPOSE3D_S3_SECRET_KEY": "b"}
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    assert set(of_settings(resources)) <= known
    assert Settings.from_environment({**of_settings(resources), **secrets}).stream_replicas == 3


def test_every_own_workload_survives_a_drain(resources: list[Resource]):
    budgets = of_kind(resources, "PodDisruptionBudget")
    assert {f"{name}-worker" for name in WORKERS} | {"gateway", "nats"} <= set(budgets)


def test_nats_is_three_servers_with_disks_that_sync_always(resources: list[Resource]):
    nats = of_kind(resources, "StatefulSet")["nats"]
    assert nats["spec"]["replicas"] == 3
    assert nats["spec"]["volumeClaimTemplates"]
    configuration = next(item for name, item in of_kind(resources, "ConfigMap").items() if name.startswith("nats-"))
    assert "sync_interval: always" in configuration["data"]["nats-server.conf"]
    assert of_settings(resources)["HUMANPOSE3D_STREAM_REPLICAS"] == "3"


def test_traffic_is_denied_unless_allowed(resources: list[Resource]):
    policies = of_kind(resources, "NetworkPolicy")
    assert policies["deny-all"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_every_image_has_a_tag_that_a_node_does_not_ask_the_registry_for_each_time(resources: list[Resource]):
    for name, pod in pods(resources).items():
        for container in pod["spec"]["containers"]:
            tag = container["image"].split("/")[-1].partition(":")[2]
            assert tag, name
            assert tag != "latest", name
            assert container.get("imagePullPolicy", "IfNotPresent") == "IfNotPresent", name


def test_the_namespaces_of_others_are_admitted_by_a_label_of_its_own(resources: list[Resource]):
    admitted = {
        name: sorted(
            label
            for rule in policy["spec"].get("ingress", [])
            for source in rule["from"]
            for label in source.get("namespaceSelector", {"matchLabels": {}})["matchLabels"]
        )
        for name, policy in of_kind(resources, "NetworkPolicy").items()
    }
    assert {name: labels for name, labels in admitted.items() if labels} == {
        "gateway": ["humanpose3d/ingress", "humanpose3d/metrics"],
        "minio": ["humanpose3d/ingress"],
        "nats": ["humanpose3d/scaling"],
        "stages": ["humanpose3d/metrics"],
    }


def test_the_page_and_the_store_are_reached_under_one_name(resources: list[Resource]):
    [ingress] = of_kind(resources, "Ingress").values()
    [rule] = ingress["spec"]["rules"]
    assert {path["path"]: path["backend"]["service"]["name"] for path in rule["http"]["paths"]} == {
        "/": "gateway",
        f"/{of_settings(resources)['HUMANPOSE3D_S3_BUCKET']}": "minio",
    }


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_a_laboratory_configures_is_in_one_file(overlay: str, tmp_path: Path):
    for folder in ("k8s", "nats"):
        shutil.copytree(REPOSITORY / "deploy" / folder, tmp_path / folder)
    site = tmp_path / "k8s" / "site" / "kustomization.yaml"
    text = site.read_text()
    for ours, theirs in {
        "namespace: humanpose3d": "namespace: gait",
        "host=humanpose3d.example": "host=pose.lab.example",
        "tls-secret=humanpose3d-tls": "tls-secret=lab-tls",
        "store-size=500Gi": "store-size=2Ti",
        "nats-size=10Gi": "nats-size=20Gi",
        "name: humanpose3d/angles, newTag: 0.dev0": (
            'name: humanpose3d/angles, newName: "registry.lab.example:5000/pose/angles", newTag: "1.0"'
        ),
    }.items():
        assert text.count(ours) == 1, ours
        text = text.replace(ours, theirs)
    site.write_text(text)
    resources = render(tmp_path / "k8s" / "overlays" / overlay)
    assert {item["metadata"].get("namespace") or item["metadata"]["name"] for item in resources} == {"gait"}
    [ingress] = of_kind(resources, "Ingress").values()
    assert ingress["spec"]["rules"][0]["host"] == "pose.lab.example"
    assert ingress["spec"]["tls"] == [{"hosts": ["pose.lab.example"], "secretName": "lab-tls"}]
    assert of_settings(resources)["HUMANPOSE3D_S3_PUBLIC_ENDPOINT"] == "https://pose.lab.example"
    assert of_settings(resources)["HUMANPOSE3D_PUBLISHED_ON"] == "pose.lab.example"
    sets = of_kind(resources, "StatefulSet")
    claims = {name: item["spec"]["volumeClaimTemplates"][0]["spec"]["resources"] for name, item in sets.items()}
    assert claims == {"minio": {"requests": {"storage": "2Ti"}}, "nats": {"requests": {"storage": "20Gi"}}}
    [angles] = pods(resources)["angles-worker"]["spec"]["containers"]
    assert angles["image"] == "registry.lab.example:5000/pose/angles:1.0"
    test_keda_queries_a_service_that_exists(resources)
    assert "humanpose3d.example" not in str(resources)
    assert "from-site" not in str(resources)


def test_gpu_stages_sit_on_gpu_nodes_and_scale_to_zero(gpu: list[Resource]):
    deployments, scaled = of_kind(gpu, "Deployment"), of_kind(gpu, "ScaledObject")
    for stage in WORKERS:
        pod = deployments[f"{stage}-worker"]["spec"]["template"]["spec"]
        limits = pod["containers"][0]["resources"]["limits"]
        needs_gpu = stage != "angles"
        assert ("nvidia.com/gpu" in limits) is needs_gpu
        assert (pod.get("runtimeClassName") == "nvidia") is needs_gpu
        assert limits["memory"] == ("8Gi" if needs_gpu else "2Gi")
        assert (scaled[f"{stage}-worker"]["spec"]["minReplicaCount"] == 0) is needs_gpu


def test_an_external_store_replaces_the_bundled_one(tmp_path: Path):
    components = (K8S / "site", K8S / "components" / "external-s3")
    (tmp_path / "kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
        f"resources: [{relative(K8S / 'base', tmp_path)}]\n"
        f"components: [{', '.join(relative(component, tmp_path) for component in components)}]\n"
    )
    resources = render(tmp_path)
    assert not [item for item in resources if "minio" in item["metadata"]["name"]]
    [ingress] = of_kind(resources, "Ingress").values()
    assert [path["path"] for path in ingress["spec"]["rules"][0]["http"]["paths"]] == ["/"]
    assert of_settings(resources)["HUMANPOSE3D_S3_ENDPOINT"] == "https://s3.example"
    assert of_settings(resources)["HUMANPOSE3D_S3_PUBLIC_ENDPOINT"] == "https://s3.example"


def relative(path: Path, start: Path) -> str:
    return os.path.relpath(path, start)
