"""
Renders deploy/helm as `helm lint` and `helm template` do, and checks what comes of it against Kubernetes' own schemas.

    python -m venv /tmp/check && /tmp/check/bin/pip install helm-python-sdk==0.2.2 kubernetes-validate==1.37.0
    /tmp/check/bin/python scripts/check-deploy.py

Helm 4's Go code is in the first package, the schemas are in the second: no helm, cluster or network is needed. The kinds of
InferencePool and PodMonitor are not in the schemas.
"""
import json
from pathlib import Path

import helm_python as helm
import jsonschema
import kubernetes_validate
import yaml

KUBERNETES = "1.34"
ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / "deploy/helm"
BACKENDS = json.loads((ROOT / "docs/backends.schema.json").read_text())

on = {"enabled": True}
off = {"enabled": False}
peers = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
CASES = {
    "as it is": {},
    "everything": {
        "secrets": {"stores": "ocellus-stores"},
        "imagePullSecrets": [{"name": "registry"}],
        "gateway": {"autoscaling": on},
        "server": {**on, "model": "qwen=/models/qwen", "modelsClaim": "models"},
        "batchWorker": {**on, "model": "Qwen/Qwen3-VL-2B-Instruct", "pull": "Qwen/Qwen3-VL-2B-Instruct"},
        "vllm": {"replicas": 3, "huggingFaceSecret": "hf", "nodeSelector": {"gpu": "l4"}, "tolerations": [{"key": "gpu", "operator": "Exists"}]},
        "podMonitor": on,
        "networkPolicy": {"from": peers, "scrapers": peers},
        "inferencePool": on,
    },
    "vLLM as a pool": {"inferencePool": {**on, "of": "vllm"}},
    "servers only": {"gateway": off, "vllm": off, "server": on},
    "nothing": {"gateway": off, "vllm": off, "networkPolicy": off},
}


def main() -> None:
    report = helm.lint(str(CHART))
    assert not report["errors"], report
    chart = helm.Chart.load(str(CHART))
    for name, values in CASES.items():
        files = chart.render(values, name="vision")
        documents = [document for text in files.values() for document in yaml.safe_load_all(text) if document]
        names = [f"{document['kind']}/{document['metadata']['name']}" for document in documents]
        assert len(set(names)) == len(names), names
        unknown = [document["kind"] for document in documents if not is_valid(document)]
        print(f"{name}: {len(names)} objects; without a schema: {', '.join(unknown) or 'none'}")
    print(f"helm {helm.helm_sdk_version()}, Kubernetes {KUBERNETES}: no faults")


def is_valid(document: dict) -> bool:
    """False where there is no schema. Raises at a fault."""
    if document["kind"] == "ConfigMap":
        jsonschema.validate(json.loads(document["data"]["backends.json"]), BACKENDS)
    try:
        kubernetes_validate.validate(document, KUBERNETES, strict=True)
        return True
    except kubernetes_validate.SchemaNotFoundError:
        return False


if __name__ == "__main__":
    main()
