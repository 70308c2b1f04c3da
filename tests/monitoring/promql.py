"""What monitoring/ asks of Prometheus, and which series it asks for."""

import json
import re
from pathlib import Path

import yaml
from prometheus_client.parser import text_string_to_metric_families

MONITORING = Path(__file__).resolve().parents[2] / "monitoring"
DASHBOARD = MONITORING / "grafana/dashboards/commentary.json"

WORDS = {"and", "or", "unless", "bool", "offset"}
PROMETHEUS_OWN = {"up", "ALERTS"}
TARGETS_OWN = {"job", "instance"}  # labels that the scrape adds
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}


def dashboard():
    """The dashboard, as Grafana reads it."""
    return json.loads(DASHBOARD.read_text("utf-8"))


def targets():
    """Each query of the dashboard, with its panel's title."""
    return [
        (panel["title"], target)
        for panel in dashboard()["panels"]
        for target in panel.get("targets", [])
    ]


def alerts():
    """Each rule of alerts.yml."""
    document = yaml.safe_load((MONITORING / "alerts.yml").read_text("utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def plain(expression):
    """A query of the dashboard's with Grafana's own variables filled in."""
    return expression.replace("$__rate_interval", "1m").replace("$instance", ".*")


def expressions():
    """Every query there is, by what it is for."""
    asked = {f"{title} {target['refId']}": plain(target["expr"]) for title, target in targets()}
    return asked | {rule["alert"]: rule["expr"] for rule in alerts()}


def names(expression):
    """The series that a query asks for."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", expression)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    found = re.findall(r"(?<![\w:.])([a-zA-Z_:][\w:]*)(?!\s*\(|[\w:])", bare)
    return set(found) - WORDS


def matchers(expression):
    """What a query wants of labels: series, label, operator, value."""
    return [
        (name, *matcher)
        for name, inside in re.findall(r"([a-zA-Z_:][\w:]*)\{([^}]*)\}", expression)
        for matcher in re.findall(r'(\w+)(=~|!~|!=|=)"([^"]*)"', inside)
    ]


def families(text):
    """The families of metrics that a text defines, in its order; one may come twice."""
    return list(text_string_to_metric_families(text))


def series(text):
    """The names of all series in a text, also of those that have no sample yet."""
    found = set()
    for family in families(text):
        suffixes = SUFFIXES.get(family.type, ("",))
        found |= {family.name + suffix for suffix in suffixes}
        found |= {sample.name for sample in family.samples}
    return found
