"""The jq line of docs/logs.md, run on the log of a real daemon: it tells one person's whole story and nobody else's.

    story.py LOCKSTEP
"""

import re
import signal
import subprocess
import sys
import tempfile
import time

from stage import Daemon, Sandbox, configured


def line_of_the_page():
    with open("docs/logs.md", encoding="utf-8") as page:
        return re.search(r"```sh\n(jq .*)\n```", page.read()).group(1)


def main(lockstep, place):
    sandbox = Sandbox(lockstep, 20)
    config = configured(place, sandbox, level="debug")
    log = f"{place}/lockstep.log"
    daemon = Daemon(lockstep, config, log)
    daemon.wait("/readyz")
    daemon.settled()
    leads = {record["Id"]: record["Status"] for record in sandbox.query("SELECT Id, Status FROM Lead")}
    one, other = [lead for lead, status in leads.items() if status == "Attempting to contact"][:2]
    for lead in [other, one]:
        sandbox.edit(lead, "Nurture")
    began = time.monotonic()
    while daemon.writes < 2:
        assert time.monotonic() - began < 60, "nothing is written"
        time.sleep(0.05)
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait() == 0
    daemon.reader.join()
    sandbox.process.kill()
    line = line_of_the_page().replace("00Q5f000005bwLFEAY", one).replace("lockstep.log", log)
    told = subprocess.run(["bash", "-c", line], check=True, capture_output=True, text=True).stdout
    print(told, end="")
    events = [row.split("\t")[1] for row in told.splitlines()]
    assert "change.taken_in" in events and events[-1] == "status.written", events
    assert other not in told, "it tells of somebody else"


with tempfile.TemporaryDirectory() as folder:
    main(sys.argv[1], folder)
