"""Every metric, label and label value that alerts and dashboard use is one that the daemon really emits.

    metrics.py SCRAPE PROMTOOL

SCRAPE is what /metrics of a running daemon answered. Each expression is read by promtool too.
"""

import json
import re
import subprocess
import sys

import yaml

# What Prometheus itself adds to whatever it scrapes, and what we have it add (tenant).
ADDED = {"job", "instance", "tenant"}
# Of Prometheus itself.
OWN = {"up": {}}
MATCHER = re.compile(r'([a-z_]+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')


def scraped(text):
    """Each metric's name, and for each of its labels the values that were seen."""
    found = {}
    for line in text.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        name, _, labels = line.rpartition(" ")[0].partition("{")
        known = found.setdefault(name, {})
        for label, _, value in MATCHER.findall(labels):
            known.setdefault(label, set()).add(value)
    return found


def problems(where, expression, known):
    for name, labels in re.findall(r"\b(lockstep_[a-z_]+|up)\b(?:\{([^}]*)\})?", expression):
        if name not in known:
            yield f"{where}: the daemon emits no {name}"
            continue
        for label, operator, value in MATCHER.findall(labels):
            if label in ADDED:
                continue
            values = known[name].get(label)
            if values is None:
                yield f"{where}: {name} has no label {label}"
                continue
            for one in value.split("|") if "~" in operator else [value]:
                if one not in values:
                    yield f"{where}: {name} never has {label}=\"{one}\""
    every = set().union(*(labels.keys() for labels in known.values())) | ADDED | {"le"}
    grouped = re.findall(r"\b(?:by|on|ignoring|without|unless on)\s*\(([^)]*)\)", expression)
    for label in {label.strip() for group in grouped for label in group.split(",")} - every:
        yield f"{where}: nothing has the label {label}"


def shown(where, text, expression, known):
    """`{{ $labels.x }}` and `{{x}}`: of the metrics that the expression reads."""
    names = [name for name in re.findall(r"\b(lockstep_[a-z_]+|up)\b", expression) if name in known]
    has = ADDED.union(*(known[name].keys() for name in names))
    for label in re.findall(r"\{\{\s*(?:\$labels\.)?([a-z_]+)\s*\}\}", text):
        if label not in has:
            yield f"{where}: shows the label {label}, which {', '.join(names)} do not have"


def main(scrape, promtool):
    with open(scrape, encoding="utf-8") as text:
        known = OWN | scraped(text.read())
    found, used = [], 0
    with open("deploy/prometheus/alerts.yaml", encoding="utf-8") as text:
        rules = [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
    for rule in rules:
        found += problems(rule["alert"], rule["expr"], known)
        found += shown(rule["alert"], " ".join(rule["annotations"].values()), rule["expr"], known)
        used += 1
    with open("deploy/grafana/lockstep.json", encoding="utf-8") as text:
        dashboard = json.load(text)
    targets = [(p["title"], t["expr"], t["legendFormat"]) for p in dashboard["panels"] for t in p.get("targets", [])]
    targets += [(a["name"], a["expr"], "") for a in dashboard["annotations"]["list"]]
    for title, expression, legend in targets:
        found += problems(title, expression, known)
        found += shown(title, legend, expression, known)
        used += 1
    # promtool reads rules, so the panels become some; Grafana's own variables become what they stand for.
    plain = [e.replace("$__rate_interval", "1m").replace("$tenant", ".*") for _, e, _ in targets]
    rules = {"groups": [{"name": "panels", "rules": [{"record": f"panel:{i}", "expr": e} for i, e in enumerate(plain)]}]}
    read = subprocess.run([promtool, "check", "rules", "/dev/stdin"], input=yaml.safe_dump(rules), text=True, capture_output=True)
    if read.returncode != 0:
        found.append(f"a panel's expression cannot be read: {read.stdout}{read.stderr}")
    unused = {name for name in known if name.startswith("lockstep_")}
    everything = " ".join([rule["expr"] for rule in yaml.safe_load(open("deploy/prometheus/alerts.yaml"))["groups"][0]["rules"]] + plain)
    unused = sorted(name for name in unused if re.sub("_(bucket|sum|count)$", "", name) not in everything)
    if unused:
        found.append(f"neither shown nor watched: {', '.join(unused)}")
    print("\n".join(found) or f"{used} expressions use what the daemon emits, and all of it")
    return 1 if found else 0


sys.exit(main(*sys.argv[1:]))
