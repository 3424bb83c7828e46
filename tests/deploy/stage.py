"""A sandbox, a daemon in front of it, and what one asks of them; for the scripts beside this one."""

import json
import os
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

MAPPING = open("mapping/example.toml", encoding="utf-8").read() + "\n[limits]\nchanged_share = 1.0\n"
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
TOKEN = "0123456789abcdef"


def ask(url, method="GET", body=None, headers=None, form=False):
    data = None
    headers = dict(headers or {})
    if body is not None:
        data = urllib.parse.urlencode(body).encode() if form else json.dumps(body).encode()
        if not form:
            headers["Content-Type"] = "application/json"
    with OPENER.open(urllib.request.Request(url, data, headers, method=method), timeout=20) as answer:
        text = answer.read()
    return json.loads(text) if text[:1] in b"{[" and text else {}


class Sandbox:
    def __init__(self, lockstep, people):
        ports = [word for side in ["salesforce", "pubsub", "engage"] for word in [f"--{side}", "127.0.0.1:0"]]
        self.process = subprocess.Popen(
            [lockstep, "sandbox", "--json", *ports, "--records", str(people)], stdout=subprocess.PIPE, text=True)
        text = ""
        while True:
            text += self.process.stdout.readline()
            try:
                self.said = json.loads(text)
                break
            except ValueError:
                pass
        self.salesforce = self.said["salesforce"]
        grant = {"grant_type": "client_credentials", "client_id": self.said["client_id"],
                 "client_secret": self.said["client_secret"]}
        answer = ask(self.salesforce + "/services/oauth2/token", "POST", grant, form=True)
        self.headers = {"Authorization": f"Bearer {answer['access_token']}"}

    def query(self, soql):
        found, url = [], f"{self.salesforce}/services/data/v67.0/query?q={urllib.parse.quote(soql)}"
        while url:
            page = ask(url, headers=self.headers)
            found += page["records"]
            url = self.salesforce + page["nextRecordsUrl"] if "nextRecordsUrl" in page else None
        return found

    def edit(self, lead, status):
        ask(f"{self.salesforce}/services/data/v67.0/sobjects/Lead/{lead}", "PATCH", {"Status": status}, self.headers)


class Daemon:
    """With a port of its own for each process, as each pod has an address of its own."""

    def __init__(self, lockstep, config, log=os.devnull):
        self.born = time.monotonic()
        self.process = subprocess.Popen(
            [lockstep, "run", "-c", config], env=os.environ | {"MALLOC_ARENA_MAX": "2"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.address = self.first_write = None
        self.writes = 0
        self.log = open(log, "w", encoding="utf-8")
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for text in self.process.stdout:
            self.log.write(text)
            try:
                line = json.loads(text)
            except ValueError:
                print(text, end="", file=sys.stderr)
                continue
            if line["event"] == "admin.listening":
                self.address = line["address"]
            if line["event"] == "status.written":
                self.first_write = self.first_write or time.monotonic()
                self.writes += 1
        self.log.close()

    def wait(self, path):
        while True:
            if self.address:
                try:
                    ask(f"http://{self.address}{path}")
                    return time.monotonic()
                except OSError:
                    pass
            time.sleep(0.005)

    def status(self):
        return ask(f"http://{self.address}/api/v1/status", headers={"Authorization": f"Bearer {TOKEN}"})

    def settled(self):
        while True:
            status = self.status()
            if status["first_pass_done"] and status["due"] == 0:
                return
            time.sleep(0.2)

    def memory(self):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as status:
            lines = dict(line.split(":", 1) for line in status)
        return {name: int(lines[name].split()[0]) // 1024 for name in ["VmRSS", "VmHWM"]}

    def cpu(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as stat:
            words = stat.read().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def configured(place, sandbox, level="info"):
    """With a short look back: everybody in this sandbox is younger than the ten minutes that polls usually look back."""
    for name, text in [("mapping.toml", MAPPING), ("secret", sandbox.said["client_secret"]), ("token", TOKEN)]:
        with open(f"{place}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
    with open(f"{place}/lockstep.toml", "w", encoding="utf-8") as file:
        file.write(f'''
tenant = "failover"
mapping = "mapping.toml"
[salesforce]
login_url = "{sandbox.salesforce}"
flow = "client-credentials"
client_id = "{sandbox.said['client_id']}"
client_secret_file = "secret"
changes = ["pubsub", "poll"]
pubsub_endpoint = "{sandbox.said['pubsub']}"
poll_every = "1s"
overlap = "30s"
[engage]
base_url = "{sandbox.said['engage']}"
client_id = "{sandbox.said['client_id']}"
client_secret_file = "secret"
changes = ["poll"]
poll_every = "1s"
overlap = "30s"
[store]
path = "store"
[admin]
listen = "127.0.0.1:0"
token_file = "token"
[log]
format = "json"
level = "{level}"
''')
    return f"{place}/lockstep.toml"
