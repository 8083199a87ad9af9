"""Every overlay of cluster/k8s renders to objects that Kubernetes knows, field by field."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from lmao.paths import ROOT

VERSIONS = ["1.31", "1.37"]  # the first that has all of the Job's fields for good, and the newest with a schema
QUEUES = {"ResourceFlavor", "ClusterQueue", "LocalQueue"}  # Kueue's own, which no schema here knows
PASSWORD = "a-password-that-nobody-has"

kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="pip install -e '.[dev]'")
pytestmark = pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed: it renders the overlays")

Manifest = dict[str, Any]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[Manifest]]:
    folder = tmp_path_factory.mktemp("k8s") / "k8s"
    shutil.copytree(ROOT / "cluster/k8s", folder)
    (folder / "base/password").write_text(PASSWORD)
    known: dict[str, list[Manifest]] = {}

    def render(overlay: str) -> list[Manifest]:
        if overlay not in known:
            command = ["kubectl", "kustomize", str(folder / "overlays" / overlay)]
            text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            assert PASSWORD not in text
            known[overlay] = list(yaml.safe_load_all(text))
        return known[overlay]

    return render


def validate(manifest: Manifest, version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


def named(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    [found] = [one for one in manifests if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


def pods(manifests: list[Manifest]) -> Iterator[Manifest]:
    """Their specs."""
    for manifest in manifests:
        if manifest["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield manifest["spec"]["template"]["spec"]


OVERLAYS = ["spot", "kueue", "gke"]


def test_every_overlay_is_tested() -> None:
    assert {path.name for path in (ROOT / "cluster/k8s/overlays").iterdir()} == set(OVERLAYS)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kubernetes_knows_every_field(rendered: Callable[[str], list[Manifest]], overlay: str, version: str) -> None:
    manifests = rendered(overlay)
    unknown = set()
    for manifest in manifests:
        try:
            validate(manifest, version)
        except kubernetes_validate.SchemaNotFoundError:
            unknown.add(manifest["kind"])
    assert unknown == (QUEUES if overlay == "kueue" else set())


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("podFailurePolicy", "podFailiurePolicy"), ("parallelism", "paralellism"), ("suspend", "suspended")],
)
def test_a_misspelt_field_is_refused(rendered: Callable[[str], list[Manifest]], right: str, wrong: str) -> None:
    job = named(rendered("spot"), "Job", "worker")
    spec = {wrong if name == right else name: value for name, value in job["spec"].items()}
    with pytest.raises(kubernetes_validate.ValidationError, match=wrong):
        validate({**job, "spec": spec}, VERSIONS[0])


def test_workers_are_a_work_queue_that_preemption_does_not_fail(rendered: Callable[[str], list[Manifest]]) -> None:
    for overlay in OVERLAYS:
        spec = named(rendered(overlay), "Job", "worker")["spec"]
        assert "completions" not in spec and spec["suspend"] and spec["podReplacementPolicy"] == "Failed"
        preempted, mistake, away = spec["podFailurePolicy"]["rules"]
        assert (preempted["action"], preempted["onPodConditions"][0]["type"]) == ("Ignore", "DisruptionTarget")
        assert (mistake["action"], mistake["onExitCodes"]["values"]) == ("FailJob", [2])
        assert (away["action"], away["onExitCodes"]["values"]) == ("Ignore", [75, 143])
        assert spec["backoffLimit"] >= 20  # for an exit code that no rule names
        assert spec["template"]["spec"]["restartPolicy"] == "Never"


def test_a_mistake_fails_what_prepares_at_once_and_its_log_stays(rendered: Callable[[str], list[Manifest]]) -> None:
    for overlay in OVERLAYS:
        spec = named(rendered(overlay), "Job", "prepare")["spec"]
        mistake, away = spec["podFailurePolicy"]["rules"]
        assert (mistake["action"], mistake["onExitCodes"]["values"]) == ("FailJob", [2])
        assert (away["action"], away["onExitCodes"]["values"]) == ("Ignore", [75, 143])
        assert spec["template"]["spec"]["restartPolicy"] == "Never"


@pytest.mark.parametrize("name", ("prepare", "worker"))
def test_runs_lie_where_every_pod_reaches_them(rendered: Callable[[str], list[Manifest]], name: str) -> None:
    for overlay in OVERLAYS:
        pod = named(rendered(overlay), "Job", name)["spec"]["template"]["spec"]
        [container] = pod["containers"]
        [folder] = [one.partition("=")[2] for one in container["args"] if one.startswith("hydra.sweep.dir=")]
        [mount] = [one["name"] for one in container["volumeMounts"] if folder.startswith(f"{one['mountPath']}/")]
        assert "persistentVolumeClaim" in next(one for one in pod["volumes"] if one["name"] == mount)


def test_pods_have_what_they_ask_for_and_no_rights(rendered: Callable[[str], list[Manifest]]) -> None:
    for overlay in OVERLAYS:
        for pod in pods(rendered(overlay)):
            assert pod["securityContext"]["runAsNonRoot"] and not pod["automountServiceAccountToken"]
            for container in pod["containers"]:
                assert container["resources"]["requests"] == container["resources"]["limits"]
                assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
                assert container["securityContext"]["readOnlyRootFilesystem"]
                assert not container["securityContext"]["allowPrivilegeEscalation"]
                assert ":" in container["image"] and not container["image"].endswith(":latest")


def test_nothing_is_reached_from_outside(rendered: Callable[[str], list[Manifest]]) -> None:
    for overlay in OVERLAYS:
        manifests = rendered(overlay)
        assert "Ingress" not in {one["kind"] for one in manifests}
        services = [one["spec"] for one in manifests if one["kind"] == "Service"]
        assert [service.get("type", "ClusterIP") for service in services] == ["ClusterIP", "ClusterIP"]
        closed = named(manifests, "NetworkPolicy", "closed")["spec"]
        assert (closed["podSelector"], closed["policyTypes"]) == ({}, ["Ingress", "Egress"])
        assert "ingress" not in closed


def test_kueues_objects_name_each_other(rendered: Callable[[str], list[Manifest]]) -> None:
    manifests = rendered("kueue")
    queue, job = named(manifests, "LocalQueue", "lmao"), named(manifests, "Job", "worker")
    [group] = named(manifests, "ClusterQueue", queue["spec"]["clusterQueue"])["spec"]["resourceGroups"]
    [flavor] = group["flavors"]
    assert named(manifests, "ResourceFlavor", flavor["name"])
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == queue["metadata"]["name"]
    assert queue["metadata"]["namespace"] == job["metadata"]["namespace"]
    [container] = job["spec"]["template"]["spec"]["containers"]
    assert set(container["resources"]["requests"]) == set(group["coveredResources"])
    # Its workers don't wait for `prepare`, so they may have to download what it would have.
    selector = named(manifests, "NetworkPolicy", "prepare")["spec"]["podSelector"]
    assert selector == {"matchExpressions": [{"key": "app", "operator": "In", "values": ["prepare", "worker"]}]}
