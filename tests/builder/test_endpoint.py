"""The endpoint: what is printed, what is sent, and what comes of RunPod's every answer."""

import json
import re
from pathlib import Path

import pytest
import stamina

from builder import endpoint
from builder.__main__ import main
from tests.builder.runpod_api import runpod_api
from worker.commentary.script import CommentaryOptions
from worker.presets import PRESETS

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "docker.io/acme/commentary:1.2.0"
KEY = "rpa_TESTKEY0123456789"
TOKEN = "hf_TESTTOKEN0123456789"
NAME = "commentary-l4"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """No key, no secret and no proxy of the person who runs the tests; retries without a wait."""
    for name in (endpoint.KEY, endpoint.ADDRESS, "HF_TOKEN", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with stamina.set_testing(True, attempts=3):
        yield monkeypatch


@pytest.fixture
def api(environment):
    """The API on loopback, and the key to it in the environment."""
    with runpod_api(KEY) as api:
        environment.setenv(endpoint.KEY, KEY)
        environment.setenv(endpoint.ADDRESS, api.url)
        yield api


@pytest.fixture
def builder(capsys):
    """Runs `endpoint IMAGE --gpu l4 …`; gives the exit code, what it printed and its error."""

    def run(*arguments, image=IMAGE, gpu="l4"):
        code = main(["endpoint", image, "--gpu", gpu, *arguments])
        written = capsys.readouterr()
        return code, written.out, written.err

    return run


@pytest.fixture
def refused(builder):
    """The one line that a refused command line, or a failed request, ends with."""

    def run(*arguments, **options):
        code, out, err = builder(*arguments, **options)
        assert (code, err.count("\n")) == (1, 1), (out, err)
        return err

    return run


# What it would set up


@pytest.mark.parametrize(
    ("gpu", "gpu_type", "preset"),
    [("l4", "NVIDIA L4", "ax-l4"), ("a40", "NVIDIA A40", "ax-a40")],
)
def test_alone_it_says_what_to_fill_in(builder, gpu, gpu_type, preset):
    """Without a flag a person reads every setting, and nothing needs a key or a network."""
    code, out, _ = builder(gpu=gpu)
    assert code == 0
    for told in (IMAGE, gpu_type, f"PRESET={preset}", f"commentary-{gpu}", "60 s", "600 s"):
        assert told in out
    assert "Nothing was sent" in out


def test_a_cards_presets_are_the_workers():
    """Every preset of a card that the worker knows can be chosen, with its model, and no other."""
    for card in ("l4", "a40"):
        known = {name: PRESETS[name] for name in PRESETS if name.endswith(f"-{card}")}
        models = {name: preset["MODEL_NAME"] for name, preset in known.items()}
        assert endpoint.CARDS[card].presets == models


def test_a_second_worker_is_started_when_the_first_has_its_sequences_full():
    """The scaler's value follows the presets: MAX_NUM_SEQS over a job's dozen requests."""
    for card in endpoint.CARDS.values():
        for preset in card.presets:
            assert card.jobs == int(PRESETS[preset]["MAX_NUM_SEQS"]) // 12


def test_the_platform_does_not_end_a_job_before_the_worker_does():
    """The execution timeout is above the deadline that the worker really has."""
    assert CommentaryOptions().deadline_s == endpoint.JOB_DEADLINE_S < endpoint.EXECUTION_TIMEOUT_S


def test_the_hub_and_the_builder_ask_for_the_same():
    """Container disk and CUDA version do not depend on the way an endpoint comes to be."""
    config = json.loads((ROOT / ".runpod/hub.json").read_text("utf-8"))["config"]
    assert config["containerDiskInGb"] == endpoint.DISK_GB
    assert min(config["allowedCudaVersions"]) == endpoint.CUDA


def test_a_preset_that_is_named_brings_its_model(builder):
    """Alone, the image's own model is served; it is not replaced by the first preset's."""
    assert "MODEL_NAME" not in builder()[1]
    assert f"MODEL_NAME={endpoint.EXAONE}\n" in builder("--preset", "exaone-l4")[1]
    own = builder("--preset", "exaone-l4", "--env", "MODEL_NAME=acme/mine")[1]
    assert "MODEL_NAME=acme/mine\n" in own


def test_the_hosts_driver_is_as_new_as_the_locked_cuda():
    """The CUDA version asked of a host is that of the runtime in the GPU lock."""
    lock = (ROOT / "requirements.txt").read_text("utf-8")
    locked = re.search(r"^nvidia-cuda-runtime==(\d+\.\d+)\.", lock, re.MULTILINE)
    assert locked
    assert locked[1] == endpoint.CUDA


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("commentary:1", "commentary-l4"),
        ("localhost:5000/acme/commentary", "commentary-l4"),
        ("ghcr.io/acme/commentary:1@sha256:ab", "commentary-l4"),
    ],
)
def test_the_name_is_the_images(builder, image, name):
    """Registry, account, tag and digest are no part of an endpoint's name."""
    assert re.search(rf"Endpoint name +{name}\n", builder(image=image)[1])


@pytest.mark.parametrize("image", ["acme/commentary", "acme/commentary:latest"])
def test_an_image_without_a_version_is_advised_against(builder, image):
    """Workers keep the image they have, so an update under the same name would not arrive."""
    assert "name a version" in builder(image=image)[1]
    assert "name a version" not in builder(image="acme/commentary:1")[1]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--preset", "ax-a40"], "choose ax-l4, exaone-l4, exaone-awq-l4"),
        (["--min", "3"], "raise --max"),
        (["--name", ""], "--name must be"),
        (["--name", "n" * 192], "--name must be"),
        (["--volume", "a/b"], "--volume must be an id"),
        (["--registry-auth", "user:pw"], "--registry-auth must be an id"),
        (["--env", "a b=1"], "--env takes KEY=VALUE"),
        (["--env", "PRESET=ax-l4"], "use --preset"),
        (["--env", "HF_TOKEN"], "HF_TOKEN is not in the environment"),
        (["--execution-timeout", "120"], "JOB_DEADLINE, 120 s; raise it"),
        (["--env", "JOB_DEADLINE=600"], "JOB_DEADLINE, 600 s; raise it"),
        (["--env", "JOB_DEADLINE=nan"], "JOB_DEADLINE, nan s; raise it"),
        (["--env", "JOB_DEADLINE=x"], "must be a number of seconds"),
    ],
)
def test_what_cannot_be_is_refused_by_the_name_of_its_option(refused, arguments, told):
    """One sentence names the option and what to do, before anything is sent."""
    assert told in refused(*arguments)


@pytest.mark.parametrize("image", ["", "a b", "https://hub.docker.com/r/acme/commentary "])
def test_what_is_no_image_is_refused(refused, image):
    """An address or a blank is told from an image's reference."""
    assert "IMAGE" in refused(image=image)


@pytest.mark.parametrize(
    "wrong",
    [
        *(["--gpu", "h100"], ["--preset", "gpt"], ["--max", "-1"], ["--max", "two"]),
        *(["--idle-timeout", "3601"], ["--execution-timeout", "4"], ["--min-cuda", "14"]),
    ],
)
def test_a_number_or_name_that_runpod_does_not_have_is_a_usage_error(wrong):
    """A GPU that we have no preset for, and what RunPod's bounds exclude, is never sent."""
    with pytest.raises(SystemExit) as exit_:
        main(["endpoint", IMAGE, "--gpu", "l4", *wrong])
    assert exit_.value.code == 2


# Secrets


@pytest.mark.parametrize("name", ["HF_TOKEN", "ENGINE_API_KEY", "my_secret", "DB_PASSWORD"])
def test_a_secret_on_the_command_line_is_refused_and_not_repeated(refused, name):
    """It would stand in the shell's history; the error tells the two other ways."""
    error = refused("--env", f"{name}={TOKEN}")
    assert TOKEN not in error
    assert f"--env {name} alone" in error
    assert f"RUNPOD_SECRET_{name.lower()}" in error


def test_a_count_of_tokens_is_no_secret(builder):
    """vLLM's own variables pass, although they speak of tokens."""
    assert "MAX_NUM_BATCHED_TOKENS=8192" in builder("--env", "MAX_NUM_BATCHED_TOKENS=8192")[1]


@pytest.mark.parametrize("mode", [[], ["--dry-run"], ["--apply"]])
def test_a_secret_is_never_printed(builder, api, environment, mode):
    """Neither its value nor the key is in any output, in whatever mode."""
    environment.setenv("HF_TOKEN", TOKEN)
    code, out, err = builder("--env", "HF_TOKEN", *mode)
    assert code == 0
    assert TOKEN not in out + err
    assert KEY not in out + err
    assert "{{ RUNPOD_SECRET_hf_token }}" in out


def test_a_secret_by_name_is_sent(builder, api, environment):
    """The template holds what the variable holds here."""
    environment.setenv("HF_TOKEN", TOKEN)
    builder("--env", "HF_TOKEN", "--apply")
    assert api.templates[0]["env"]["HF_TOKEN"] == TOKEN


def test_a_runpod_secret_is_sent_as_it_stands(builder, api):
    """RunPod itself puts the value in, so the reference may be seen."""
    reference = "{{ RUNPOD_SECRET_hf_token }}"
    _, out, _ = builder("--env", f"HF_TOKEN={reference}", "--apply")
    assert api.templates[0]["env"]["HF_TOKEN"] == reference
    assert "safer" not in out


def test_a_secret_that_runpod_repeats_is_not_printed(refused, api, environment):
    """An error's message goes through without the values that were sent."""
    environment.setenv("HF_TOKEN", TOKEN)
    api.fail("POST", "/templates", 400, json.dumps({"message": f"env: {TOKEN} of {KEY}"}))
    assert "env: *** of ***" in refused("--env", "HF_TOKEN", "--apply")


# Creating


def test_apply_creates_the_template_and_its_endpoint(builder, api):
    """Two requests, which RunPod's schema takes, and in which the settings stand."""
    code, _, _ = builder(
        *("--env", "GUARD=flag", "--volume", "vol1", "--registry-auth", "auth1", "--apply")
    )
    assert code == 0
    assert [(request.method, request.path) for request in api.writes] == [
        ("POST", "/templates"),
        ("POST", "/endpoints"),
    ]
    assert api.writes[0].body == {
        "name": NAME,
        "imageName": IMAGE,
        "isServerless": True,
        "containerDiskInGb": 60,
        "volumeInGb": 0,
        "containerRegistryAuthId": "auth1",
        "env": {"PRESET": "ax-l4", "RUNPOD_INIT_TIMEOUT": "800", "GUARD": "flag"},
    }
    assert api.writes[1].body == {
        "name": NAME,
        "templateId": api.templates[0]["id"],
        "computeType": "GPU",
        "gpuTypeIds": ["NVIDIA L4"],
        "gpuCount": 1,
        "minCudaVersion": "13.0",
        "workersMin": 0,
        "workersMax": 2,
        "idleTimeout": 60,
        "executionTimeoutMs": 600_000,
        "flashboot": True,
        "scalerType": "REQUEST_COUNT",
        "scalerValue": 5,
        "networkVolumeId": "vol1",
    }


def test_the_command_lines_numbers_are_sent(builder, api):
    """Each flag arrives in its own field, in the field's own unit."""
    builder(
        *("--min", "1", "--max", "4", "--idle-timeout", "5", "--execution-timeout", "200"),
        *("--disk", "80", "--min-cuda", "12.9", "--preset", "exaone-awq-a40", "--name", "live"),
        *("--env", "RUNPOD_INIT_TIMEOUT=1200", "--apply"),
        gpu="a40",
    )
    template, made = api.templates[0], api.endpoints[0]
    assert (template["name"], template["containerDiskInGb"]) == ("live", 80)
    assert template["env"] == {
        "PRESET": "exaone-awq-a40",
        "MODEL_NAME": endpoint.EXAONE_AWQ,
        "RUNPOD_INIT_TIMEOUT": "1200",
    }
    assert (made["workersMin"], made["workersMax"], made["idleTimeout"]) == (1, 4, 5)
    assert (made["executionTimeoutMs"], made["minCudaVersion"]) == (200_000, "12.9")
    assert (made["gpuTypeIds"], made["scalerValue"]) == (["NVIDIA A40"], 10)


def test_it_ends_with_what_to_ask_the_endpoint_with(builder, api):
    """Id, address and a curl line that takes the key from the environment."""
    _, out, _ = builder("--apply")
    id_ = api.endpoints[0]["id"]
    told, address, curl = out.splitlines()[-3:]
    assert told == f"id: {id_}"
    assert address == f"address: https://api.runpod.ai/v2/{id_}/runsync"
    assert f"https://api.runpod.ai/v2/{id_}/runsync" in curl
    assert "Bearer $RUNPOD_API_KEY" in curl
    assert "input" in json.loads((ROOT / curl.rpartition("@")[2]).read_text("utf-8"))


def test_what_runpod_made_otherwise_is_told(builder, api):
    """A limit of the account that is applied without an error does not pass unseen."""
    api.held = {"workersMax": 1}
    code, out, _ = builder("--apply")
    assert code == 0
    assert "RunPod made workersMax 1, not 2" in out


# Again


def test_the_same_command_again_changes_nothing(builder, api):
    """A changed template would restart the workers, so nothing is sent without a difference."""
    builder("--apply")
    sent = len(api.writes)
    code, out, _ = builder("--apply")
    assert (code, len(api.writes)) == (0, sent)
    assert out.count("unchanged") == 2
    assert "under a new version" in out


def test_a_new_image_changes_the_template_alone(builder, api):
    """An update is one request, about the template that stands; the endpoint keeps its id."""
    builder("--apply")
    sent = len(api.writes)
    builder("--apply", image=IMAGE.replace("1.2.0", "1.3.0"))
    (change,) = api.writes[sent:]
    assert (change.method, change.path) == ("PATCH", f"/templates/{api.templates[0]['id']}")
    assert api.templates[0]["imageName"].endswith(":1.3.0")
    assert (len(api.templates), len(api.endpoints)) == (1, 1)


def test_new_settings_change_the_endpoint_alone(builder, api):
    """The endpoint is found although RunPod has put its FlashBoot mark behind the name."""
    builder("--apply")
    sent = len(api.writes)
    builder("--apply", "--max", "3")
    (change,) = api.writes[sent:]
    assert (change.method, change.path) == ("PATCH", f"/endpoints/{api.endpoints[0]['id']}")
    assert api.endpoints[0]["workersMax"] == 3
    assert api.endpoints[0]["name"] == f"{NAME} -fb"


def test_flashboot_that_was_turned_off_is_turned_on(builder, api):
    """Its mark is missing behind the name, which is a difference like any other."""
    builder("--apply")
    api.endpoints[0]["name"] = NAME
    builder("--apply")
    assert api.writes[-1].method == "PATCH"
    assert api.endpoints[0]["name"] == f"{NAME} -fb"


def test_an_endpoint_of_another_template_is_given_ours(builder, api):
    """The image that was named runs, whatever the endpoint of that name ran before."""
    api.templates.append({"id": "old", "name": "other", "isServerless": True})
    api.endpoints.append({"id": "e1", "name": NAME, "templateId": "old"})
    builder("--apply")
    (ours,) = [item for item in api.templates if item["name"] == NAME]
    assert api.endpoints[0]["templateId"] == ours["id"]
    assert len(api.endpoints) == 1


def test_what_was_set_elsewhere_stays_and_is_named(builder, api):
    """A token, a volume and a login from the console outlive an update that does not name them."""
    builder("--apply", "--volume", "vol1", "--registry-auth", "auth1")
    api.templates[0]["env"]["HF_TOKEN"] = TOKEN
    _, out, _ = builder("--apply", "--env", "GUARD=off")
    assert api.templates[0]["env"]["HF_TOKEN"] == TOKEN
    assert api.templates[0]["env"]["GUARD"] == "off"
    assert api.templates[0]["containerRegistryAuthId"] == "auth1"
    assert api.endpoints[0]["networkVolumeId"] == "vol1"
    assert "kept as they are: HF_TOKEN" in out
    assert TOKEN not in out


@pytest.mark.parametrize("mode", ["--apply", "--dry-run"])
@pytest.mark.parametrize("kind", ["endpoints", "templates"])
def test_two_of_one_name_are_left_alone(refused, api, kind, mode):
    """Which one is meant is not guessed: both ids are named, and nothing is written."""
    api.endpoints += [
        {"id": "e1", "name": f"{NAME} -fb", "templateId": "t1"},
        {"id": "e2", "name": NAME if kind == "endpoints" else "other", "templateId": "t2"},
    ]
    api.templates += [
        {"id": "t1", "name": NAME, "isServerless": True},
        {"id": "t2", "name": NAME if kind == "templates" else "other", "isServerless": True},
    ]
    error = refused(mode)
    assert f"2 {kind} named {NAME} ({kind[0]}1, {kind[0]}2)" in error
    assert "choose --name" in error
    assert api.writes == []


def test_a_pods_template_is_not_touched(refused, api):
    """A template of that name that is somebody's Pod stays as it is."""
    api.templates.append({"id": "t1", "name": NAME, "isServerless": False})
    assert "is a Pod's" in refused("--apply")
    assert api.writes == []


# The dry run


def requests(out):
    """The requests of a dry run: method, path with the address, body."""
    parts = re.split(r"^(GET|POST|PATCH) (\S+)$", out, flags=re.MULTILINE)[1:]
    shown = zip(*[iter(parts)] * 3, strict=True)
    bodies = re.compile(r"^\{$.*?^\}$", re.MULTILINE | re.DOTALL)
    return [
        (method, url, json.loads(found[0]) if (found := bodies.search(rest)) else None)
        for method, url, rest in shown
    ]


def test_a_dry_run_changes_nothing(builder, api):
    """It only reads, even beside --apply."""
    code, out, _ = builder("--dry-run", "--apply")
    assert code == 0
    assert api.writes == []
    assert "Nothing was changed. --apply sends these." in out


@pytest.mark.parametrize("before", [False, True])
def test_a_dry_run_shows_what_apply_sends(builder, api, environment, before):
    """Method, address and body of every request, where nothing stands and where something does."""
    environment.setenv("HF_TOKEN", TOKEN)
    if before:
        builder("--apply", image="acme/commentary:0.9")
    told = requests(builder("--dry-run", "--max", "3", "--env", "HF_TOKEN")[1])
    done = len(api.requests)
    builder("--apply", "--max", "3", "--env", "HF_TOKEN")
    sent = [(item.method, f"{api.url}{item.path}", item.body) for item in api.requests[done:]]
    made = api.templates[0]["id"]
    for _, _, body in sent:
        if body and "env" in body:
            body["env"]["HF_TOKEN"] = "***"
    for _, _, body in told:
        if body and str(body.get("templateId")).startswith("<"):
            body["templateId"] = made
    assert told == sent


def test_a_dry_run_shows_no_value_that_it_did_not_set(builder, api):
    """A variable from the console may be somebody's secret."""
    builder("--apply")
    api.templates[0]["env"]["WORD"] = TOKEN
    _, out, _ = builder("--dry-run", "--env", "GUARD=off")
    assert TOKEN not in out
    assert '"WORD": "***"' in out
    assert '"GUARD": "off"' in out


def test_a_dry_run_without_a_key_shows_what_creates(builder, api, environment):
    """Nothing is asked, and that is said."""
    environment.delenv(endpoint.KEY)
    _, out, _ = builder("--dry-run")
    assert [method for method, _, _ in requests(out)] == ["GET", "GET", "POST", "POST"]
    assert "nothing was looked up" in out
    assert api.requests == []


def test_a_dry_run_of_what_stands_says_so(builder, api):
    """Where nothing would be sent, only the look-ups are shown."""
    builder("--apply")
    _, out, _ = builder("--dry-run")
    assert [method for method, _, _ in requests(out)] == ["GET", "GET"]
    assert "--apply need not" in out


def test_the_address_is_runpods(builder):
    """Unless a test says otherwise, the requests go to RunPod's REST API."""
    urls = [url for _, url, _ in requests(builder("--dry-run")[1])]
    assert all(url.startswith("https://rest.runpod.io/v1/") for url in urls)


# What can go wrong


def test_without_a_key_apply_says_where_to_get_one(refused, api, environment):
    """The variable and the page are named, and nothing is asked."""
    environment.delenv(endpoint.KEY)
    error = refused("--apply")
    assert "RUNPOD_API_KEY" in error
    assert "https://www.console.runpod.io/user/settings" in error
    assert api.requests == []


def test_a_key_that_cannot_be_one_is_not_sent(refused, api, environment):
    """A pasted line break or letter is refused here, and the key is not repeated."""
    environment.setenv(endpoint.KEY, f"{KEY}\nx")
    error = refused("--apply")
    assert "characters that no key has" in error
    assert KEY not in error
    assert api.requests == []


@pytest.mark.parametrize(
    "address",
    ["http://rest.runpod.io/v1", "rest.runpod.io", "https://", "https://a:port", "https://["],
)
def test_the_key_does_not_travel_in_the_open(refused, api, environment, address):
    """Another address must be https, or on this machine."""
    environment.setenv(endpoint.ADDRESS, address)
    assert "RUNPOD_REST_URL must be https://" in refused("--apply")


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_said_to_be_one(refused, api, status):
    """Whether wrong or not allowed to write, what helps is another key."""
    api.fail("GET", "/templates", status)
    assert f"RunPod refused the key in RUNPOD_API_KEY ({status}); make one" in refused("--apply")
    assert len(api.requests) == 1


def test_a_wrong_key_is_refused_by_the_api_itself(refused, api, environment):
    """The key is sent as a bearer's, which the API checks."""
    environment.setenv(endpoint.KEY, "rpa_ANOTHER")
    error = refused("--apply")
    assert "refused the key" in error
    assert "rpa_ANOTHER" not in error


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('{"message": "bad\\n image"}', "bad image"),
        ('{"error": "bad image"}', "bad image"),
        ('[{"problems": ["bad image"]}]', '[{"problems": ["bad image"]}]'),
        ("<p>bad image</p>", "<p>bad image</p>"),
        ("", "no message"),
        ("x" * 400, f"{'x' * 300}…"),
    ],
)
def test_a_refused_request_says_what_runpod_said(refused, api, body, told):
    """The message is on one line, with what was asked and what to do."""
    api.fail("POST", "/templates", 400, body)
    error = refused("--apply")
    assert f"RunPod refused POST /templates with 400: {told}; change what it names" in error
    assert len(api.writes) == 1


@pytest.mark.parametrize("status", [None, 500, 503, 429])
@pytest.mark.parametrize(("method", "path"), [("GET", "/templates"), ("GET", "/endpoints")])
def test_a_look_up_is_tried_again(builder, api, method, path, status):
    """A passing fault of a read is not seen by anybody."""
    api.fail(method, path, status)
    assert builder("--apply")[0] == 0
    assert (len(api.templates), len(api.endpoints)) == (1, 1)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("status", [None, 500])
@pytest.mark.parametrize("path", ["/templates", "/endpoints"])
def test_a_change_is_tried_again(builder, api, path, status, late):
    """A PATCH says what shall be, so it may be said twice."""
    builder("--apply", "--max", "1", image="acme/commentary:0.9")
    api.fail("PATCH", path, status, late=late)
    assert builder("--apply", "--max", "3")[0] == 0
    assert api.templates[0]["imageName"] == IMAGE
    assert api.endpoints[0]["workersMax"] == 3


@pytest.mark.parametrize("status", [None, 500, 502])
@pytest.mark.parametrize("path", ["/templates", "/endpoints"])
def test_a_creation_is_never_tried_twice(refused, builder, api, path, status):
    """What may have been created is looked for by the next command, not created once more."""
    api.fail("POST", path, status, late=True)
    error = refused("--apply")
    assert "it may have been created nonetheless: run the command again" in error
    assert [request.path for request in api.writes].count(path) == 1
    assert builder("--apply")[0] == 0
    assert (len(api.templates), len(api.endpoints)) == (1, 1)


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (None, "was not answered"),
        (500, "with 500: no message; try again in a few minutes"),
        (429, "asked too often, try again in a minute"),
    ],
)
def test_a_fault_that_stays_is_told(refused, api, status, told):
    """After the last try the error says what was asked, what came and what to do."""
    api.fail("GET", "/endpoints", status, times=9)
    error = refused("--apply")
    assert told in error
    assert "GET " in error
    assert [request.path for request in api.requests].count("/endpoints") == 3
    assert api.writes == []


def test_an_api_that_is_not_there_is_told(refused, api, environment):
    """A closed port is an error of one sentence that names the address."""
    environment.setenv(endpoint.ADDRESS, "http://127.0.0.1:9")
    assert "http://127.0.0.1:9/templates" in refused("--apply")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/templates", "<html>"),
        ("GET", "/templates", "{}"),
        ("GET", "/endpoints", '[{"name": "no id"}]'),
        ("POST", "/templates", "{}"),
        ("POST", "/endpoints", '{"id": "../x"}'),
    ],
)
def test_an_answer_that_is_not_runpods_is_told(refused, api, method, path, body):
    """Half an answer is not built upon."""
    api.fail(method, path, 200, body)
    assert f"{method} {path}" in (error := refused("--apply"))
    assert "not RunPod's API" in error
