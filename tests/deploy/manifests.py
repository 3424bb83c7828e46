"""What helm rendered: lawful for Kubernetes, and as walled in as docs/operator.md says.

    manifests.py RENDERED...
"""

import sys

import kubernetes_validate
import yaml

# The oldest and the newest Kubernetes that the chart is for.
VERSIONS = ["1.27", "1.37"]
# Their schemas belong to the Prometheus operator.
FOREIGN = {"ServiceMonitor", "PrometheusRule"}
problems = []


def refuse(where, what):
    problems.append(f"{where}: {what}")


def schema(where, manifest):
    if manifest["kind"] in FOREIGN:
        return
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            refuse(where, f"Kubernetes {version}: {error.message} at {'.'.join(map(str, error.path))}")


def walls(where, manifest):
    pod = manifest["spec"]["template"]["spec"]
    whole, container = pod["securityContext"], pod["containers"][0]
    own = container["securityContext"]
    wanted = {
        "one replica": manifest["spec"]["replicas"] == 1,
        "one container": len(pod["containers"]) == 1 and "initContainers" not in pod,
        "not root": whole["runAsNonRoot"] and whole["runAsUser"] == whole["fsGroup"] == 65532,
        "seccomp": whole["seccompProfile"] == {"type": "RuntimeDefault"},
        "read-only root": own["readOnlyRootFilesystem"] is True,
        "no escalation": own["allowPrivilegeEscalation"] is False,
        "no capability": own["capabilities"] == {"drop": ["ALL"]},
        "no token of the cluster": pod["automountServiceAccountToken"] is False,
        "no part of the host": not any(pod.get(key) for key in ["hostNetwork", "hostPID", "hostIPC"]),
        # Who waits for a login has no port to be asked at.
        "three probes": container["args"][0] == "login" or all(f"{kind}Probe" in container for kind in ["startup", "liveness", "readiness"]),
        "memory asked for and limited": "memory" in container["resources"]["requests"]
        and "memory" in container["resources"]["limits"],
        # A killed daemon loses nothing, but one that is let end answers what it has begun.
        "time to end": pod["terminationGracePeriodSeconds"] > 10,
        "whole directories": not any("subPath" in mount for mount in container["volumeMounts"]),
        "only the state can be written": [m["name"] for m in container["volumeMounts"] if not m.get("readOnly")]
        == ["state"],
        "the mapping does not change the pod": not any("mapping" in key for key in annotations(manifest)),
    }
    for name, holds in wanted.items():
        if not holds:
            refuse(where, f"not so: {name}")
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    claims = {claim["metadata"]["name"] for claim in manifest["spec"]["volumeClaimTemplates"]}
    for mount in container["volumeMounts"]:
        if mount["name"] not in volumes.keys() | claims:
            refuse(where, f"nothing is mounted as {mount['name']}")
    if volumes["secrets"]["secret"]["defaultMode"] != 0o440:
        refuse(where, "secrets are not for the pod's group alone")


def annotations(manifest):
    return manifest["spec"]["template"]["metadata"]["annotations"]


def together(where, manifests):
    """What one release's manifests say of each other."""
    pods = next(m for m in manifests if m["kind"] == "StatefulSet")
    labels = pods["spec"]["template"]["metadata"]["labels"]
    ports = {port["name"] for port in pods["spec"]["template"]["spec"]["containers"][0]["ports"]}
    names = {(m["kind"], m["metadata"]["name"]) for m in manifests}
    if len(names) != len(manifests):
        refuse(where, "two manifests have one name")
    if ("Service", pods["spec"]["serviceName"]) not in names:
        refuse(where, "the StatefulSet has no headless Service")
    for manifest in manifests:
        name = f"{where} {manifest['kind']} {manifest['metadata']['name']}"
        spec = manifest.get("spec", {})
        selector = spec.get("podSelector", spec.get("selector", {}))
        if manifest["kind"] == "ServiceMonitor":
            services = [m["metadata"]["labels"] for m in manifests if m["kind"] == "Service"]
            fits = [s for s in services if selector["matchLabels"].items() <= s.items()]
            if len(fits) != 1:
                refuse(name, f"scrapes {len(fits)} services")
            continue
        selected = selector.get("matchLabels", selector)
        if not selected.items() <= labels.items():
            refuse(name, "selects no pod")
        for port in spec.get("ports", []):
            if port["targetPort"] not in ports:
                refuse(name, f"the pod has no port {port['targetPort']}")


def main(files):
    count = 0
    for file in files:
        with open(file, encoding="utf-8") as text:
            manifests = [manifest for manifest in yaml.safe_load_all(text) if manifest]
        releases = {}
        for manifest in manifests:
            where = f"{file} {manifest['kind']} {manifest['metadata']['name']}"
            schema(where, manifest)
            if manifest["kind"] == "StatefulSet":
                walls(where, manifest)
            releases.setdefault(manifest["metadata"]["labels"]["app.kubernetes.io/instance"], []).append(manifest)
            count += 1
        for release, manifests in releases.items():
            together(f"{file} {release}", manifests)
    print("\n".join(problems) or f"{count} manifests are lawful for Kubernetes {' and '.join(VERSIONS)}")
    return 1 if problems or not count else 0


sys.exit(main(sys.argv[1:]))
