"""What /metrics of a real daemon answers, on standard output.

    scrape.py LOCKSTEP
"""

import sys
import tempfile
import urllib.request

from stage import OPENER, TOKEN, Daemon, Sandbox, configured

with tempfile.TemporaryDirectory() as place:
    sandbox = Sandbox(sys.argv[1], 20)
    daemon = Daemon(sys.argv[1], configured(place, sandbox))
    daemon.wait("/readyz")
    daemon.settled()
    asked = urllib.request.Request(f"http://{daemon.address}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    with OPENER.open(asked, timeout=20) as answer:
        print(answer.read().decode(), end="")
    for process in [daemon.process, sandbox.process]:
        process.kill()
        process.wait()
