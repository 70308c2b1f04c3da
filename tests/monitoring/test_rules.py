"""What promtool says of monitoring/ and of a worker's series; and that each alert has its tests."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.fakes import ScriptedEngine
from tests.monitoring import promql
from tests.monitoring.ground import program
from tests.monitoring.promql import MONITORING
from worker.commentary.script import CommentaryOptions
from worker.metrics import Metrics, scraped
from worker.state import WorkerState
from worker.warmup import warm_up

TESTS = Path(__file__).with_name("alerts_test.yml")
LINTED = 3  # promtool's exit code where it reads the text and does not like it


def promtool(*words, told=b""):
    """Exit code of promtool and what it says."""
    command = [program("promtool"), *map(str, words)]
    done = subprocess.run(command, input=told, capture_output=True, check=False)
    return done.returncode, (done.stdout + done.stderr).decode()


def watching(engine):
    """The metrics of a worker on an engine."""
    metrics = Metrics()
    metrics.watch(WorkerState(1), engine)
    metrics.started({"load": 1.0})
    return metrics


def test_prometheus_takes_the_configuration_and_the_rules():
    """As they stand in monitoring/."""
    code, said = promtool("check", "config", MONITORING / "prometheus.yml")
    assert code == 0, said
    assert f"{len(promql.alerts())} rules found" in said


def test_each_alert_fires_when_it_should():
    """And is silent beside it."""
    code, said = promtool("test", "rules", TESTS)
    assert code == 0, said


def test_each_alert_is_tested():
    """With a case in which it fires, and another instance or moment in which it does not."""
    fired = set(re.findall(r'alertname="(\w+)"', TESTS.read_text("utf-8")))
    assert fired == {rule["alert"] for rule in promql.alerts()}


@pytest.mark.parametrize("rule", promql.alerts(), ids=lambda rule: rule["alert"])
def test_each_alert_says_what_is_wrong_and_what_to_do(rule):
    """In one line with the worker's address, and in a few sentences; its severity says how soon."""
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert "{{ $labels.instance }}" in rule["annotations"]["summary"]
    assert rule["annotations"]["description"].endswith(".")


@pytest.mark.parametrize(
    ("change", "into"),
    [
        (r"up\{job=\"commentary\"\} == 0", 'up{job="commentary"} == 2'),
        (r" and commentary_job_slots > 0", ""),
        (r"silent_seconds > 45", "silent_seconds > 75"),
        (r"commentary_job_slots == 0\n *for: 15m", "commentary_job_slots == 0\n        for: 1m"),
        (r"\[30m\]\) > 2", "[30m]) > 0"),
        (
            r"> 0\.05\n          and sum by \(job, instance\) \(increase\(commentary_lines",
            r"> 0.03\n          and sum by (job, instance) (increase(commentary_lines",
        ),
        (r">= 50", ">= 0"),
        (r',shape!="probe"', ""),
        (r'(failures_total)\{fault!="caller"\}', r"\1"),
        (r"and sum by \(job, instance\) \(increase\(commentary_job_failures.*> 1\.5", ""),
        (r"and sum by \(job, instance\) \(increase\(commentary_callbacks.*> 1\.5", ""),
        (r"> 10\n", "> 30\n"),
        (r"> 5\n", "> 1\n"),
        (r'\{status="503"\}', ""),
    ],
)
def test_a_changed_alert_fails_its_tests(tmp_path, change, into):
    """The tests hold each threshold and each condition of a rule."""
    rules = (MONITORING / "alerts.yml").read_text("utf-8")
    changed = re.sub(change, into, rules)
    assert changed != rules
    assert_caught(changed, tmp_path)


HELD = [rule["alert"] for rule in promql.alerts() if "for" in rule]


@pytest.mark.parametrize("alert", HELD)
def test_an_alert_that_does_not_wait_fails_its_tests(tmp_path, alert):
    """The tests hold that what passes by itself is no alert."""
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text("utf-8"))
    for group in rules["groups"]:
        for rule in group["rules"]:
            if rule["alert"] == alert:
                del rule["for"]
    assert_caught(yaml.safe_dump(rules), tmp_path)


def assert_caught(rules, folder):
    """Of rules that are wrong, the tests say so."""
    (folder / "alerts.yml").write_text(rules, "utf-8")
    tests = yaml.safe_load(TESTS.read_text("utf-8")) | {"rule_files": ["alerts.yml"]}
    (folder / "test.yml").write_text(yaml.safe_dump(tests), "utf-8")
    code, said = promtool("test", "rules", folder / "test.yml")
    assert (code, "FAILED" in said) == (1, True), said


def test_prometheus_takes_each_query_of_the_dashboard(tmp_path):
    """As a recording rule, which its own parser reads."""
    rules = [
        {"record": f"query_{number}", "expr": query}
        for number, query in enumerate(promql.expressions().values())
    ]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}), "utf-8")
    code, said = promtool("check", "rules", file)
    assert code == 0, said
    assert f"{len(rules)} rules found" in said


def test_our_series_have_nothing_to_complain_about():
    """Names, types, units and help texts are as Prometheus's own conventions have them."""
    text = watching(ScriptedEngine()).exposition()
    assert promtool("check", "metrics", told=text) == (0, "")


@pytest.mark.engine
@pytest.mark.anyio
async def test_prometheus_reads_ours_and_vllms_as_one_text(engine):
    """What it does not like is vLLM's: names with a colon, and `_total` on a histogram."""
    metrics = watching(engine)
    await warm_up(engine, CommentaryOptions())
    code, said = promtool("check", "metrics", told=await scraped(metrics, engine))
    assert code in (0, LINTED), said
    assert [line for line in said.splitlines() if not line.startswith("vllm:")] == []
    assert "vllm:" in said
