"""One volume, two processes: how long a tenant is still when the first is killed, or replaced, and what it needs.

    failover.py LOCKSTEP [PEOPLE] [ROUNDS]

The first daemon is killed with SIGKILL while changes flow both ways, and a second is started on the same directory at once,
which is what a container engine or a StatefulSet does. Then the same with SIGTERM: a rolling upgrade. Prints, for each, when
/livez and /readyz answered 200 and when the first write arrived, counted from the signal. At the end both sides are compared.
"""

import functools
import os
import signal
import statistics
import sys
import tempfile
import threading
import time

from stage import TOKEN, Daemon, Sandbox, ask, configured

print = functools.partial(print, flush=True)
LOCKSTEP, PEOPLE, ROUNDS = sys.argv[1], int((sys.argv[2:3] or [10000])[0]), int((sys.argv[3:4] or [10])[0])


def size(folder):
    return sum(os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk(folder) for f in files)


def shown(name, seconds):
    ordered = sorted(seconds)
    print(f"  {name}: median {statistics.median(ordered):.2f} s, worst {ordered[-1]:.2f} s")


def main(place):
    sandbox = Sandbox(LOCKSTEP, PEOPLE)
    leads = [record["Id"] for record in sandbox.query("SELECT Id FROM Lead")]
    config = configured(place, sandbox)
    daemon = Daemon(LOCKSTEP, config)
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
            daemon = Daemon(LOCKSTEP, config)
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
