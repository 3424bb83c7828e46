"""The files of a rendered pod, laid out as the kubelet lays them out, read by the real daemon as the user it has there.

    pod.py LOCKSTEP RENDERED...

With root, the daemon is run as user 65532 and secrets belong to root, as in a pod. Without, that part cannot be tried, and
the last line says so.
"""

import os
import subprocess
import sys
import tempfile

import yaml

USER = 65532
ROOT = os.geteuid() == 0


def project(folder, files, mode):
    """A ConfigMap or Secret as a volume: a folder with a time, a link to it, and a link a file."""
    data = os.path.join(folder, "..2026_11_01_00_00_00.1")
    os.makedirs(data)
    for name, text in files.items():
        path = os.path.join(data, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        if ROOT:
            os.chown(path, 0, USER)  # fsGroup
        os.symlink(os.path.join("..data", name), os.path.join(folder, name))
    os.symlink(os.path.basename(data), os.path.join(folder, "..data"))


def secrets():
    key = subprocess.run(
        ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-quiet"],
        check=True, capture_output=True, text=True,
    ).stdout
    names = ["salesforce-secret", "engage-secret", "engage-webhook", "admin-token"]
    return {"salesforce.pem": key} | {name: f"{name}-0123456789abcdef" for name in names}


def moved(text, mounts, root):
    for mount in mounts:
        text = text.replace(f'"{mount["mountPath"]}', f'"{root}{mount["mountPath"]}')
    return text


def check(lockstep, manifests, mode):
    """`lockstep check` on what one pod sees. Paths begin at a folder of our own, and nothing else is changed."""
    pods = next(m for m in manifests if m["kind"] == "StatefulSet")
    maps = {m["metadata"]["name"]: m["data"] for m in manifests if m["kind"] == "ConfigMap"}
    spec = pods["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    with tempfile.TemporaryDirectory() as root:
        os.chmod(root, 0o755)
        mounts = spec["containers"][0]["volumeMounts"]
        for mount in mounts:
            folder = root + mount["mountPath"]
            os.makedirs(folder)
            volume = volumes.get(mount["name"], {})
            if "configMap" in volume:
                files = maps[volume["configMap"]["name"]]
                project(folder, {name: moved(text, mounts, root) for name, text in files.items()}, 0o644)
            elif "secret" in volume:
                project(folder, secrets(), mode or volume["secret"]["defaultMode"])
            else:
                # `lockstep login` has left it there.
                token = os.path.join(folder, "refresh-token")
                with open(token, "w", encoding="utf-8") as file:
                    file.write("a-token")
                os.chmod(token, 0o600)
                for path in [folder, token] if ROOT else []:
                    os.chown(path, USER, USER)
        as_user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"] if ROOT else []
        # No -c: it must be found from the image's working directory.
        return subprocess.run(
            [*as_user, lockstep, "check"], cwd=f"{root}/etc/lockstep", capture_output=True, text=True, env={"NO_COLOR": "1"}
        )


def main(lockstep, files):
    with tempfile.TemporaryDirectory() as place:
        # Where another user can reach it.
        os.chmod(place, 0o755)
        binary = f"{place}/lockstep"
        subprocess.run(["install", "-m", "755", lockstep, binary], check=True)
        for file in files:
            with open(file, encoding="utf-8") as text:
                manifests = [manifest for manifest in yaml.safe_load_all(text) if manifest]
            releases = {}
            for manifest in manifests:
                releases.setdefault(manifest["metadata"]["labels"]["app.kubernetes.io/instance"], []).append(manifest)
            for release, of_one in releases.items():
                checked = check(binary, of_one, None)
                if checked.returncode != 0:
                    print(f"{file} {release}: lockstep check exits {checked.returncode}\n{checked.stdout}{checked.stderr}")
                    return 1
                config = next(m["data"]["lockstep.toml"] for m in of_one if "lockstep.toml" in m.get("data", {}))
                if ROOT and "private_key_file" in config:
                    open_to_all = check(binary, of_one, 0o444)
                    if open_to_all.returncode != 3 or "others can read the private key" not in open_to_all.stdout:
                        print(f"{file} {release}: a private key that everybody can read is not refused")
                        return 1
                print(f"{file} {release}: well")
    if not ROOT:
        print("not tried as user 65532, since only root can become another")
    return 0


sys.exit(main(sys.argv[1], sys.argv[2:]))
