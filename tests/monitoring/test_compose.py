"""compose.yaml and Grafana's provisioning: what stands in them exists and fits together."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.monitoring import promql
from tests.monitoring.promql import MONITORING
from worker.settings import ServeMode, Settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "compose.yaml"
GRAFANA = MONITORING / "grafana/provisioning"
DOCUMENT = yaml.safe_load(COMPOSE.read_text("utf-8"))
SERVICES = DOCUMENT["services"]


def read(path):
    return yaml.safe_load(path.read_text("utf-8"))


def mounts(service):
    """What a service mounts: from where, and the rest of what is said of it."""
    return [mount.split(":", 1) for mount in SERVICES[service]["volumes"]]


def test_compose_takes_it():
    """By Compose's own schema."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, COMPOSE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("service", ["prometheus", "grafana"])
def test_other_peoples_images_have_a_version(service):
    """What runs tomorrow is what runs today."""
    _, _, version = SERVICES[service]["image"].partition(":")
    assert version.lstrip("v").count(".") == 2


@pytest.mark.parametrize("service", list(SERVICES))
def test_no_port_is_open_to_others_unless_somebody_says_so(service):
    """Nothing here speaks TLS."""
    for port in SERVICES[service]["ports"]:
        assert port.startswith(("127.0.0.1:", "${BIND_ADDRESS:-127.0.0.1}:"))


def test_nothing_starts_without_keys_and_password():
    """Each variable that must be set says what it is where it is not."""
    needed = {
        "worker": ("image", "environment.API_KEYS"),
        "grafana": ("environment.GF_SECURITY_ADMIN_PASSWORD",),
    }
    for service, places in needed.items():
        for place in places:
            value = SERVICES[service]
            for key in place.split("."):
                value = value[key]
            assert value.startswith("${")
            assert ":?" in value


def test_nobody_sees_grafana_without_signing_in():
    """And nobody can sign up."""
    said = SERVICES["grafana"]["environment"]
    assert said["GF_AUTH_ANONYMOUS_ENABLED"] == said["GF_USERS_ALLOW_SIGN_UP"] == "false"


def test_the_worker_s_variables_are_settings():
    """An HTTP service on the port that is published, with its metrics where Prometheus asks."""
    said = SERVICES["worker"]["environment"] | {"API_KEYS": "one,two"}
    settings = Settings.from_env(said)
    assert settings.serve_mode is ServeMode.HTTP
    assert not set(said) & set(settings.engine_variables)
    [port] = SERVICES["worker"]["ports"]
    assert port.endswith(f":{settings.port}")
    [scrape] = read(MONITORING / "prometheus.yml")["scrape_configs"]
    assert scrape["static_configs"] == [{"targets": [f"worker:{settings.metrics_port}"]}]
    assert SERVICES["worker"]["expose"] == [str(settings.metrics_port)]


def test_the_worker_has_a_gpu_and_time_to_end():
    """What has been taken is answered before it is killed, and a dead engine is not the end."""
    worker = SERVICES["worker"]
    [device] = worker["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    assert float(worker["stop_grace_period"].removesuffix("s")) > Settings().job_deadline
    assert worker["restart"] == "unless-stopped"


def test_what_is_kept_is_the_image_s_own_folder():
    """A volume on it begins with what the image has there, its owner included."""
    [(volume, place)] = mounts("worker")
    assert volume in DOCUMENT["volumes"]
    assert f"HOME={place}" in (ROOT / "Dockerfile").read_text("utf-8")


@pytest.mark.parametrize("service", ["prometheus", "grafana"])
def test_what_is_mounted_exists(service):
    """Files of this repository, read only; anything else is a volume."""
    for source, rest in mounts(service):
        if source.startswith("./"):
            assert (ROOT / source).exists()
            assert rest.endswith(":ro")
        else:
            assert source in DOCUMENT["volumes"]


def test_prometheus_finds_its_rules():
    """Beside its configuration, as in this repository."""
    places = {place.removesuffix(":ro") for _, place in mounts("prometheus")}
    [flag] = [word for word in SERVICES["prometheus"]["command"] if "config.file" in word]
    config = Path(flag.partition("=")[2])
    for rules in read(MONITORING / "prometheus.yml")["rule_files"]:
        assert str(config.with_name(rules)) in places


def test_grafana_finds_prometheus_and_the_dashboard():
    """By the names that the others have."""
    [source] = read(GRAFANA / "datasources/prometheus.yml")["datasources"]
    assert source["url"] == "http://prometheus:9090"
    [provider] = read(GRAFANA / "dashboards/commentary.yml")["providers"]
    places = {place.removesuffix(":ro"): source for source, place in mounts("grafana")}
    folder = places[provider["options"]["path"]]
    assert (ROOT / folder / "commentary.json") == promql.DASHBOARD
    asked = {target["datasource"]["uid"] for _, target in promql.targets()}
    assert asked == {source["uid"]}
    interval = read(MONITORING / "prometheus.yml")["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == interval


def test_the_dashboard_s_panels_have_their_places():
    """Each an id and a place of its own in Grafana's 24 columns, and a word on what it shows."""
    panels = promql.dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
        assert panel["type"] == "row" or panel["description"].endswith(".")
