"""The image's root, as deploy/image lays it out, and in it what deploy/compose.yaml runs: as its user, with nothing else.

    image.py LOCKSTEP [MEGABYTES]

With a number, the whole must be smaller. There is no container engine in this: a chroot has the same files and the same user.
Only root can make one; without, the last line says what was not tried.
"""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time

import yaml

ALLOWED = ("etc/", "lib/", "lib64/", "usr/local/bin/lockstep", "var/lib/dpkg/status.d/")
USER = 65532
WITHIN = 60


def files(root):
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            yield os.path.relpath(path, root), os.lstat(path)


def laid_out(root, lockstep, most):
    subprocess.run(["deploy/image", lockstep, root], check=True)
    found = dict(files(root))
    odd = [path for path in found if not path.startswith(ALLOWED)]
    assert not odd, f"nobody knows why the image has {odd}"
    programs = [p for p, s in found.items() if s.st_mode & 0o111 and stat.S_ISREG(s.st_mode) and "lib" not in p.split("/")[0]]
    assert programs == ["usr/local/bin/lockstep"], programs
    assert not any(s.st_mode & (stat.S_ISUID | stat.S_ISGID | 0o022) for s in found.values()), "a file that others can write"
    size = sum(s.st_size for s in found.values()) / 1e6
    print(f"{len(found)} files, {size:.1f} MB, of which the daemon {found['usr/local/bin/lockstep'].st_size / 1e6:.1f}")
    assert not most or size < float(most), f"more than {most} MB"


def run(root, arguments, environment, **more):
    command = [shutil.which("chroot"), f"--userspec={USER}:{USER}", root, "/usr/local/bin/lockstep", *arguments]
    # The image's working directory is the configuration's; a chroot begins at the root.
    given = {"PATH": "/usr/local/bin", "MALLOC_ARENA_MAX": "2"} | environment
    return subprocess.Popen(command, env=given, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)


def said(process, done):
    text = ""
    while not done(text):
        line = process.stdout.readline()
        assert line, f"it ended: {text}"
        text += line
    return text


def is_json(text):
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def played(root):
    """What the two services of the demo do, on free ports."""
    with open("deploy/compose.yaml", encoding="utf-8") as file:
        services = yaml.safe_load(file)["services"]
    for name, service in services.items():
        for source in [volume.split(":")[0] for volume in service["volumes"]]:
            assert source == "state" or os.path.exists(f"deploy/{source}"), f"{name}: there is no {source}"
    state = os.path.join(root, "var/lib/lockstep")
    os.chown(state, USER, USER)
    for volume in services["lockstep"]["volumes"]:
        source, _, rest = volume.partition(":")
        if source.startswith("."):
            target = root + rest.removesuffix(":ro")
            copy = shutil.copytree if os.path.isdir(f"deploy/{source}") else shutil.copy
            copy(f"deploy/{source}", target)
    loopback = [a.split("=")[0] + "=127.0.0.1:0" if "0.0.0.0" in a else a for a in services["sandbox"]["command"]]
    sandbox = run(root, [*loopback, "--pubsub=127.0.0.1:0", "--json"], {})
    daemon = None
    try:
        at = json.loads(said(sandbox, is_json))
        token = os.path.join(state, "sandbox/admin-token")
        began = time.monotonic()
        while not (os.path.exists(token) and os.path.getsize(token)):
            assert time.monotonic() - began < WITHIN, "the sandbox writes no token"
            time.sleep(0.05)
        environment = services["lockstep"]["environment"] | {
            "LOCKSTEP_SALESFORCE__LOGIN_URL": at["salesforce"],
            "LOCKSTEP_SALESFORCE__PUBSUB_ENDPOINT": at["pubsub"],
            "LOCKSTEP_ENGAGE__BASE_URL": at["engage"],
            "LOCKSTEP_ADMIN__LISTEN": "0.0.0.0:0",
        }
        config = ["-c", "/etc/lockstep/config/lockstep.toml"]
        daemon = run(root, ["run", *config], environment)
        line = said(daemon, lambda text: "admin.listening" in text).splitlines()[-1]
        port = json.loads(line)["address"].rsplit(":", 1)[1]
        environment["LOCKSTEP_ADMIN__LISTEN"] = f"0.0.0.0:{port}"
        began = time.monotonic()
        while True:
            check = run(root, ["status", "--check", *config], environment)
            answer = check.communicate()[0]
            if check.returncode == 0:
                break
            assert time.monotonic() - began < WITHIN, f"never healthy: {answer}"
            time.sleep(0.1)
        daemon.terminate()
        assert daemon.wait(WITHIN) == 0, "it does not end well"
        print("the demo of deploy/compose.yaml becomes healthy in it, and ends well")
    finally:
        for process in filter(None, [daemon, sandbox]):
            process.kill()
            process.wait()


def main(lockstep, most=None):
    with tempfile.TemporaryDirectory() as root:
        os.chmod(root, 0o755)
        laid_out(root, lockstep, most)
        if os.geteuid() == 0:
            played(root)
        else:
            print("not run in a chroot, which only root can make")


main(*sys.argv[1:])
