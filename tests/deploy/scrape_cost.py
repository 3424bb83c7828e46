"""How long a scrape of /metrics takes where 100,000 people are linked, and a tenth of them held and another tenth parked.

    scrape_cost.py LOCKSTEP
"""

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
import zlib

from stage import OPENER, TOKEN, Daemon, Sandbox, configured

LINKED, HELD, PARKED = 100_000, 10_000, 10_000
SINCE = "2026-11-01T00:00:00Z"
REASONS = [{"reason": "both_changed"}, {"reason": "opt_out_cleared", "side": "engage"},
           {"reason": "refused_by_lifecycle", "wanted": "success"}]


def rows():
    """What a store of so many people has in it."""
    for number in range(LINKED):
        prospect, record = f"p_{number:06}", f"00Q5f{number:010}"
        seen = {"salesforce": {"HasOptedOutOfEmail": False, "Status": "New"}, "engage": "just_added"}
        link = {"prospect": prospect, "salesforce": record, "named_by_engage": record, "baseline": seen, "latch": None}
        yield "link", link
        if number < HELD:
            yield "held", {"id": f"k{number}", "prospect": prospect, "salesforce": record,
                           "reason": REASONS[number % 3], "salesforce_value": "Nurture", "engage_value": "just_added",
                           "since": SINCE, "resolution": None}
        elif number < HELD + PARKED:
            yield "parked", {"prospect": prospect, "salesforce": record,
                             "side": ["salesforce", "engage"][number % 2], "code": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
                             "message": "a nurtured Lead needs a campaign", "attempts": 1, "since": SINCE, "seen": seen}


def write_copy(path, header):
    """In the form of `lockstep store export`."""
    total, lines = 0, 0
    with open(path, "wb") as file:
        def put(kind, row):
            nonlocal total
            rest = f'"kind":"{kind}","row":{json.dumps(row, separators=(",", ":"))}}}'.encode()
            line = b'{"crc":"%08x",' % zlib.crc32(rest) + rest + b"\n"
            total = zlib.crc32(line, total)
            file.write(line)

        put("store", header)
        for kind, row in rows():
            put(kind, row)
            lines += 1
        put("end", [lines, f"{total:08x}"])


def scrape(daemon):
    asked = urllib.request.Request(f"http://{daemon.address}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    begun = time.monotonic()
    with OPENER.open(asked, timeout=60) as answer:
        text = answer.read().decode()
    return (time.monotonic() - begun) * 1000, text


lockstep = sys.argv[1]
with tempfile.TemporaryDirectory() as place:
    sandbox = Sandbox(lockstep, 1)
    config = configured(place, sandbox)
    # Both systems stay away, so that everybody stays as they are here.
    sandbox.process.kill()
    sandbox.process.wait()
    write_copy(f"{place}/copy.jsonl", {"format": 1, "schema": 2, "tenant": "failover", "at": "2026-11-27T00:00:00Z",
                                       "version": "0.1.0", "next": 1, "journal": False})
    subprocess.run([lockstep, "store", "import", f"{place}/copy.jsonl", "-c", config], check=True, stdout=sys.stderr)
    daemon = Daemon(lockstep, config)
    daemon.wait("/livez")
    first, text = scrape(daemon)
    took = sorted(scrape(daemon)[0] for _ in range(50))
    status = daemon.status()
    daemon.process.kill()
    daemon.process.wait()

values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
count = lambda name: sum(float(value) for series, value in values.items() if series.split("{")[0] == name)
for name, expected in [("lockstep_links", LINKED), ("lockstep_held", HELD), ("lockstep_parked", PARKED)]:
    if count(name) != expected:
        sys.exit(f"{name} is {count(name)}, not {expected}")
print(f"{status['links']} linked, {status['held']} held, {status['parked']} parked: the first scrape took {first:.1f} ms, "
      f"of 50 more the median {took[25]:.1f} ms and the longest {took[-1]:.1f} ms; {len(text)} bytes")
