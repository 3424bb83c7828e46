"""One volume, two processes: how long a tenant is still when the first is killed, or replaced, and what it needs.

    failover.py LOCKSTEP [PEOPLE] [ROUNDS]

The first daemon is killed with SIGKILL while changes flow both ways, and a second is started on the same directory at once,
which is what a container engine or a StatefulSet does. Then the same with SIGTERM: a rolling upgrade. Prints, for each, when
/livez and /readyz answered 200 and when the first write arrived, counted from the signal. At the end both sides are compared.
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

LOCKSTEP, PEOPLE, ROUNDS = sys.argv[1], int((sys.argv + ["10000"])[2]), int((sys.argv + ["", "10"])[3] or 10)
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
    def __init__(self, place):
        self.process = subprocess.Popen(
            [LOCKSTEP, "sandbox", "--json", "--salesforce", "127.0.0.1:0", "--pubsub", "127.0.0.1:0", "--engage",
             "127.0.0.1:0", "--records", str(PEOPLE)], stdout=subprocess.PIPE, text=True)
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

    def __init__(self, config):
        self.born = time.monotonic()
        self.process = subprocess.Popen([LOCKSTEP, "run", "-c", config], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.address = self.first_write = None
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            try:
                line = json.loads(line)
            except ValueError:
                print(line, end="", file=sys.stderr)
                continue
            if line["event"] == "admin.listening":
                self.address = line["address"]
            if line["event"] == "status.written" and not self.first_write:
                self.first_write = time.monotonic()

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


def configured(place, sandbox):
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
[engage]
base_url = "{sandbox.said['engage']}"
client_id = "{sandbox.said['client_id']}"
client_secret_file = "secret"
changes = ["poll"]
poll_every = "1s"
[store]
path = "store"
[admin]
listen = "127.0.0.1:0"
token_file = "token"
[log]
format = "json"
''')
    return f"{place}/lockstep.toml"


def size(folder):
    return sum(os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk(folder) for f in files)


def shown(name, seconds):
    ordered = sorted(seconds)
    print(f"  {name}: median {statistics.median(ordered):.2f} s, worst {ordered[-1]:.2f} s")


def main(place):
    sandbox = Sandbox(place)
    leads = [record["Id"] for record in sandbox.query("SELECT Id FROM Lead")]
    config = configured(place, sandbox)
    daemon = Daemon(config)
    daemon.wait("/readyz")
    daemon.settled()
    print(f"{len(leads)} people; first pass done after {time.monotonic() - daemon.born:.1f} s")
    time.sleep(20)
    used, began = daemon.cpu(), time.monotonic()
    time.sleep(20)
    print(f"idle: {daemon.memory()['VmRSS']} MiB, peak of the first pass {daemon.memory()['VmHWM']} MiB, "
          f"{1000 * (daemon.cpu() - used) / (time.monotonic() - began):.0f} thousandths of a core, store {size(place + '/store') >> 20} MiB")

    stop, turn = threading.Event(), [0]
    statuses = ["Nurture", "Attempting to contact", "Not interested", "In progress"]
    last = {}

    def load():
        while not stop.is_set():
            turn[0] += 1
            lead, status = leads[turn[0] % len(leads)], statuses[turn[0] // len(leads) % len(statuses)]
            sandbox.edit(lead, status)
            last[lead] = status
            time.sleep(0.02)

    loading = threading.Thread(target=load)
    loading.start()
    for name, sent in [("kill -9 (the process or its node dies)", signal.SIGKILL), ("SIGTERM (a rolling upgrade)", signal.SIGTERM)]:
        ended, alive, ready, write = [], [], [], []
        for _ in range(ROUNDS):
            before = turn[0]
            while not daemon.first_write or turn[0] < before + 100:
                time.sleep(0.05)
            at = time.monotonic()
            daemon.process.send_signal(sent)
            code = daemon.process.wait()
            if sent == signal.SIGTERM and code != 0:
                raise SystemExit(f"SIGTERM ended with {code}")
            ended.append(time.monotonic() - at)
            daemon = Daemon(config)
            alive.append(daemon.wait("/livez") - at)
            ready.append(daemon.wait("/readyz") - at)
            while not daemon.first_write:
                time.sleep(0.005)
            write.append(daemon.first_write - at)
        print(f"{name}, {ROUNDS} times, at 30 to 50 changes a second")
        for what, seconds in [("ended", ended), ("/livez 200", alive), ("/readyz 200", ready), ("the first write", write)]:
            shown(what, seconds)
    print(f"under load: {daemon.memory()['VmRSS']} MiB, peak {daemon.memory()['VmHWM']} MiB")
    stop.set()
    loading.join()
    daemon.settled()
    time.sleep(3)
    daemon.settled()
    status = daemon.status()
    wrong = [lead["Id"] for lead in sandbox.query("SELECT Id, Status FROM Lead")
             if lead["Id"] in last and lead["Status"] != last[lead["Id"]]]
    print(f"after all that: {len(last)} Leads were edited, {len(wrong)} of them lost their edit, "
          f"{status['held']} conflicts, {status['parked']} parked")
    held = ask(f"http://{daemon.address}/api/v1/conflicts", headers={"Authorization": f"Bearer {TOKEN}"})
    for reason in sorted({f"{conflict['kind']}: {conflict['reason']}" for conflict in held}):
        print(f"  held: {reason}")
    daemon.process.terminate()
    daemon.process.wait()
    sandbox.process.terminate()
    sandbox.process.wait()


with tempfile.TemporaryDirectory() as folder:
    main(folder)
