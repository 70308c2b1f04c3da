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
    ("gpu", "gpu_type", "pool", "preset"),
    [
        ("l4", "NVIDIA L4", "AMPERE_24 without NVIDIA GeForce RTX 3090, NVIDIA RTX A5000", "ax-l4"),
        ("a40", "NVIDIA A40", "AMPERE_48 without NVIDIA RTX A6000", "ax-a40"),
    ],
)
def test_alone_it_says_what_to_fill_in(builder, gpu, gpu_type, pool, preset):
    """Without a flag a person reads every setting, and nothing needs a key or a network."""
    code, out, _ = builder(gpu=gpu)
    assert code == 0
    for told in (IMAGE, gpu_type, pool, f"PRESET={preset}", f"commentary-{gpu}", "600 s"):
        assert told in out
    assert "Nothing was sent" in out


@pytest.mark.parametrize("mode", [[], ["--dry-run"], ["--apply"]])
def test_it_says_whether_requests_or_an_idle_timeout_count(builder, api, mode):
    """RunPod takes one of the two, and a person reads which, and why, wherever they look."""
    told = builder(*mode)[1]
    assert "scales on the count of requests, with which RunPod's API takes no idle timeout" in told
    told = builder("--idle-timeout", "60", *mode)[1]
    assert "scales on the queue's delay, as RunPod's API takes no idle timeout" in told


def test_what_is_filled_in_is_what_applies(builder):
    """The console's fields name the one scaling that the flags lead to."""
    counted, delayed = builder()[1], builder("--idle-timeout", "60")[1]
    assert re.search(
        r"Auto-scaling type +Request count, 5\n +Idle timeout +does not apply", counted
    )
    assert re.search(r"Auto-scaling type +Queue delay, 4 s\n +Idle timeout +60 s\n", delayed)


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
    """Disk, CUDA version and pools do not depend on the way an endpoint comes to be."""
    config = json.loads((ROOT / ".runpod/hub.json").read_text("utf-8"))["config"]
    assert config["containerDiskInGb"] == endpoint.DISK_GB
    assert min(config["allowedCudaVersions"]) == endpoint.CUDA
    l4, a40 = endpoint.CARDS["l4"].pool, endpoint.CARDS["a40"].pool
    excluded = {f"-{name}" for name in l4.others}
    assert set(config["gpuIds"].split(",")) == {l4.id, a40.id, *excluded}


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
        *(
            ["--idle-timeout", "3601"],
            ["--idle-timeout", "0"],
            ["--execution-timeout", "4"],
            ["--min-cuda", "14"],
        ),
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
    """The endpoint holds what the variable holds here."""
    environment.setenv("HF_TOKEN", TOKEN)
    builder("--env", "HF_TOKEN", "--apply")
    assert api.endpoints[0]["env"]["HF_TOKEN"] == TOKEN


def test_a_runpod_secret_is_sent_as_it_stands(builder, api):
    """RunPod itself puts the value in, so the reference may be seen."""
    reference = "{{ RUNPOD_SECRET_hf_token }}"
    _, out, _ = builder("--env", f"HF_TOKEN={reference}", "--apply")
    assert api.endpoints[0]["env"]["HF_TOKEN"] == reference
    assert "safer" not in out


@pytest.mark.parametrize("token", [TOKEN, 'a "quoted"\nsecret', f"{KEY}-and-more"])
@pytest.mark.parametrize("form", ["detail", "errors", "other"])
def test_a_secret_that_runpod_repeats_is_not_printed(refused, api, environment, token, form):
    """An answer goes through without what was sent, whatever part of it, in whatever spelling."""
    environment.setenv("HF_TOKEN", token)
    said = f"env: {token} of {KEY}"
    body = {"detail": {"detail": said}, "errors": {"errors": [said]}, "other": {"env": [said]}}
    api.fail("POST", "/serverless", 400, json.dumps(body[form]))
    assert "env: *** of ***" in refused("--env", "HF_TOKEN", "--apply")


@pytest.mark.parametrize("setting", ["--max=3", "--env=GUARD=off", "--env=WORD=new-value"])
def test_a_value_from_the_console_that_runpod_repeats_is_not_printed(refused, api, setting):
    """What was there before the command may be somebody's secret, sent again or replaced."""
    api.add(NAME, env={"WORD": TOKEN})
    api.fail("PATCH", "/serverless", 400, json.dumps({"detail": f"WORD is {TOKEN}"}))
    assert "WORD is ***;" in refused(setting, "--apply")


# Creating


def test_apply_creates_the_endpoint(builder, api):
    """One request, which RunPod's schema takes, and in which the settings stand."""
    code, _, _ = builder(
        *("--env", "GUARD=flag", "--volume", "vol1", "--registry-auth", "auth1", "--apply")
    )
    assert code == 0
    (made,) = api.writes
    assert (made.method, made.path) == ("POST", "/serverless")
    assert made.body == {
        "name": NAME,
        "type": "QUEUE",
        "image": IMAGE,
        "registry": "auth1",
        "disk": 60,
        "env": {"PRESET": "ax-l4", "RUNPOD_INIT_TIMEOUT": "800", "GUARD": "flag"},
        "gpu": {
            "pools": ["AMPERE_24"],
            "excludedTypes": ["NVIDIA GeForce RTX 3090", "NVIDIA RTX A5000"],
            "count": 1,
            "allowedCudaVersions": [],
            "minCudaVersion": "13.0",
        },
        "workers": {"min": 0, "max": 2},
        "scaling": {"type": "REQUEST_COUNT", "requestCount": 5},
        "timeout": 600_000,
        "flashboot": "FLASHBOOT",
        "networkVolumes": ["vol1"],
    }


def test_the_command_lines_numbers_are_sent(builder, api):
    """Each flag arrives in its own field, in the field's own unit."""
    builder(
        *("--min", "1", "--max", "4", "--idle-timeout", "5", "--execution-timeout", "200"),
        *("--disk", "80", "--min-cuda", "12.9", "--preset", "exaone-awq-a40", "--name", "live"),
        *("--env", "RUNPOD_INIT_TIMEOUT=1200", "--apply"),
        gpu="a40",
    )
    made = api.endpoints[0]
    assert (made["name"], made["disk"], made["timeout"]) == ("live", 80, 200_000)
    assert made["env"] == {
        "PRESET": "exaone-awq-a40",
        "MODEL_NAME": endpoint.EXAONE_AWQ,
        "RUNPOD_INIT_TIMEOUT": "1200",
    }
    assert made["workers"] == {"min": 1, "max": 4, "idleTimeout": 5}
    assert made["scaling"] == {"type": "QUEUE_DELAY", "queueDelay": 4}
    assert made["gpu"]["minCudaVersion"] == "12.9"
    assert (made["gpu"]["pools"], made["gpu"]["excludedTypes"]) == (
        ["AMPERE_48"],
        ["NVIDIA RTX A6000"],
    )


@pytest.mark.parametrize(("gpu", "jobs"), [("l4", 5), ("a40", 10)])
def test_requests_are_counted_by_card(builder, api, gpu, jobs):
    """Each card's endpoint scales on what that card generates at once."""
    builder("--apply", gpu=gpu)
    assert api.endpoints[0]["scaling"] == {"type": "REQUEST_COUNT", "requestCount": jobs}


def test_the_card_alone_is_taken_from_the_pool_of_now(builder, api):
    """Whatever the catalogue puts beside the card is excluded, and no more than that."""
    api.pools |= {"NVIDIA L4": "ADA_24", "NVIDIA RTX 24, new": "ADA_24"}
    assert builder("--apply")[0] == 0
    gpu = api.endpoints[0]["gpu"]
    assert gpu["pools"] == ["ADA_24"]
    assert gpu["excludedTypes"] == ["NVIDIA GeForce RTX 4090", "NVIDIA RTX 24, new"]


@pytest.mark.parametrize("mode", ["--apply", "--dry-run"])
@pytest.mark.parametrize("pools", [{"NVIDIA L4": None}, {"NVIDIA A40": "AMPERE_48"}])
def test_a_card_that_runpod_does_not_offer_is_told(refused, api, pools, mode):
    """Without a pool, or gone from the catalogue: no other card is taken in its place."""
    api.pools = pools
    assert "--gpu: RunPod offers no NVIDIA L4" in refused(mode)
    assert api.writes == []


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


@pytest.mark.parametrize("before", [False, True])
def test_what_runpod_made_otherwise_is_told(builder, api, before):
    """A limit of the account that is applied without an error does not pass unseen."""
    if before:
        api.add(NAME)
    api.held = {"workers": {"max": 1}, "flashboot": "OFF", "env": {"WORD": TOKEN}}
    code, out, _ = builder("--apply")
    assert code == 0
    assert "RunPod made workers.max 1, not 2" in out
    assert "RunPod made flashboot 'OFF', not 'FLASHBOOT'" in out
    assert TOKEN not in out


def test_what_runpod_does_not_answer_is_not_guessed(builder, api):
    """A field that is missing in the answer says nothing about what was made."""
    api.fail("POST", "/serverless", 200, '{"id": "4m7x2k9q", "timeout": 600000}')
    code, out, _ = builder("--apply")
    assert code == 0
    assert "RunPod made" not in out


# Again


def test_the_same_command_again_changes_nothing(builder, api):
    """A new release would restart the workers, so nothing is sent without a difference."""
    builder("--apply")
    sent = len(api.writes)
    code, out, _ = builder("--apply")
    assert (code, len(api.writes)) == (0, sent)
    assert "unchanged" in out
    assert "must be a new version" in out


def test_an_order_or_a_field_that_runpod_changes_is_no_difference(builder, api):
    """Lists come back in any order, and an empty one may be left out."""
    builder("--apply")
    gpu = api.endpoints[0]["gpu"]
    gpu["excludedTypes"].reverse()
    del gpu["allowedCudaVersions"]
    assert "unchanged" in builder("--apply")[1]


def test_a_new_image_changes_the_image_alone(builder, api):
    """An update is one request with one field, and the endpoint keeps its id."""
    builder("--apply")
    sent, image = len(api.writes), IMAGE.replace("1.2.0", "1.3.0")
    _, out, _ = builder("--apply", image=image)
    (change,) = api.writes[sent:]
    assert (change.method, change.path) == ("PATCH", f"/serverless/{api.endpoints[0]['id']}")
    assert change.body == {"image": image}
    assert api.endpoints[0]["image"] == image
    assert len(api.endpoints) == 1
    assert "until they are replaced" in out


def test_new_settings_make_no_new_release(builder, api):
    """A field of the container that is not sent leaves the workers as they are."""
    builder("--apply")
    sent = len(api.writes)
    _, out, _ = builder("--apply", "--max", "3")
    (change,) = api.writes[sent:]
    assert change.body == {"workers": {"min": 0, "max": 3}}
    assert api.endpoints[0]["workers"]["max"] == 3
    assert "until they are replaced" not in out


def test_scaling_is_switched_to_and_fro(builder, api):
    """An idle timeout arrives with the queue's delay, and is no hindrance to counting again."""
    for _ in range(2):
        assert builder("--apply", "--idle-timeout", "60")[0] == 0
        assert api.endpoints[0]["scaling"]["type"] == "QUEUE_DELAY"
        assert api.endpoints[0]["workers"]["idleTimeout"] == 60
        assert builder("--apply")[0] == 0
        assert api.endpoints[0]["scaling"] == {"type": "REQUEST_COUNT", "requestCount": 5}


def test_flashboot_that_was_turned_off_is_turned_on(builder, api):
    """It is a difference like any other."""
    builder("--apply")
    api.endpoints[0]["flashboot"] = "OFF"
    builder("--apply")
    assert api.writes[-1].body == {"flashboot": "FLASHBOOT"}


def test_an_endpoint_of_the_older_apis_is_found(builder, api):
    """They put a mark of FlashBoot behind the name, which is no part of it."""
    old = api.add(f"{NAME} -fb", image="acme/other:1")
    assert builder("--apply")[0] == 0
    assert old["image"] == IMAGE
    assert len(api.endpoints) == 1


def test_an_exact_set_of_cuda_versions_gives_way_to_a_lowest_one(builder, api):
    """RunPod takes only one of the two, and does not clear the other by itself."""
    api.add(NAME, gpu={"pools": ["AMPERE_24"], "count": 2, "allowedCudaVersions": ["12.8"]})
    assert builder("--apply")[0] == 0
    gpu = api.endpoints[0]["gpu"]
    assert (gpu["allowedCudaVersions"], gpu["minCudaVersion"]) == ([], "13.0")


def test_what_was_set_elsewhere_stays_and_is_named(builder, api):
    """A token, a volume and a login from the console outlive an update that does not name them."""
    builder("--apply", "--volume", "vol1", "--registry-auth", "auth1")
    api.endpoints[0]["env"]["HF_TOKEN"] = TOKEN
    _, out, _ = builder("--apply", "--env", "GUARD=off")
    made = api.endpoints[0]
    assert (made["env"]["HF_TOKEN"], made["env"]["GUARD"]) == (TOKEN, "off")
    assert (made["registry"], made["networkVolumes"]) == ("auth1", ["vol1"])
    assert "kept as they are: HF_TOKEN" in out
    assert TOKEN not in out


@pytest.mark.parametrize(
    ("anew", "model", "gone"),
    [
        ([], None, "MODEL_NAME, MODEL_REVISION"),
        (["--preset", "ax-l4"], endpoint.AX, "MODEL_REVISION"),
    ],
)
def test_a_presets_model_goes_with_the_preset(builder, api, anew, model, gone):
    """The model that one preset brought, and its revision, are not served under another's name."""
    builder("--apply", "--preset", "exaone-awq-l4", "--env", "MODEL_REVISION=abc")
    told = builder("--dry-run", *anew)[1]
    _, out, _ = builder("--apply", *anew)
    env = api.endpoints[0]["env"]
    assert (env["PRESET"], env.get("MODEL_NAME")) == ("ax-l4", model)
    assert "MODEL_REVISION" not in env
    for lines in (told, out):
        assert f"removed with the preset exaone-awq-l4: {gone}\n" in lines


def test_a_model_goes_although_the_preset_is_the_same(builder, api):
    """Named no longer, the preset is the card's alone, and the image's own model is served."""
    builder("--apply", "--preset", "ax-l4")
    builder("--apply")
    assert "MODEL_NAME" not in api.endpoints[0]["env"]


def test_a_model_of_ones_own_outlives_a_preset(builder, api):
    """A name that no preset brought is somebody's own, and stays with its revision."""
    own = {"MODEL_NAME": "acme/mine", "MODEL_REVISION": "abc"}
    api.add(NAME, env={"PRESET": "exaone-awq-l4", **own})
    _, out, _ = builder("--apply")
    assert api.endpoints[0]["env"].items() >= own.items()
    assert "kept as they are: MODEL_NAME, MODEL_REVISION" in out
    assert "removed" not in out


def test_a_revision_stays_with_its_model(builder, api):
    """The same preset again keeps the commit that was set for its model."""
    builder("--apply", "--preset", "exaone-awq-l4", "--env", "MODEL_REVISION=abc")
    _, out, _ = builder("--apply", "--preset", "exaone-awq-l4")
    assert api.endpoints[0]["env"]["MODEL_REVISION"] == "abc"
    assert "kept as they are: MODEL_REVISION" in out


def test_a_revision_that_is_given_anew_is_not_removed(builder, api):
    """What the command line names is set, whatever an earlier preset brought."""
    builder("--apply", "--preset", "exaone-awq-l4", "--env", "MODEL_REVISION=abc")
    builder("--apply", "--preset", "ax-l4", "--env", "MODEL_REVISION=def")
    assert api.endpoints[0]["env"]["MODEL_REVISION"] == "def"


@pytest.mark.parametrize("mode", ["--apply", "--dry-run"])
def test_two_of_one_name_are_left_alone(refused, api, mode):
    """Which one is meant is not guessed: both ids are named, and nothing is written."""
    first, second = api.add(f"{NAME} -fb"), api.add(NAME)
    error = refused(mode)
    assert f"2 endpoints named {NAME} ({first['id']}, {second['id']})" in error
    assert "choose --name" in error
    assert api.writes == []


@pytest.mark.parametrize("kind", [{"type": "LOAD_BALANCER"}, {"cpu": [{"id": "cpu5c"}]}])
def test_an_endpoint_of_another_kind_is_not_touched(refused, api, kind):
    """Neither a load balancer nor a CPU's can be made ours, so it is somebody else's."""
    api.add(NAME, **kind)
    assert "stays as it is; choose --name" in refused("--apply")
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
    for _, _, body in sent:
        if body and "env" in body:
            body["env"]["HF_TOKEN"] = "***"
    assert told == sent


def test_a_dry_run_shows_no_value_that_it_did_not_set(builder, api):
    """A variable from the console may be somebody's secret."""
    builder("--apply")
    api.endpoints[0]["env"]["WORD"] = TOKEN
    _, out, _ = builder("--dry-run", "--env", "GUARD=off")
    assert TOKEN not in out
    assert '"WORD": "***"' in out
    assert '"GUARD": "off"' in out
    assert "kept as they are: WORD" in out


def test_a_dry_run_without_a_key_shows_what_creates(builder, api, environment):
    """Nothing is asked, and that is said."""
    environment.delenv(endpoint.KEY)
    _, out, _ = builder("--dry-run")
    assert [method for method, _, _ in requests(out)] == ["GET", "GET", "POST"]
    assert "nothing was looked up" in out
    assert "GPU pool as it is documented" in out
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
    assert all(url.startswith("https://api.runpod.io/v2/") for url in urls)


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
    ["http://api.runpod.io/v2", "api.runpod.io", "https://", "https://a:port", "https://["],
)
def test_the_key_does_not_travel_in_the_open(refused, api, environment, address):
    """Another address must be https, or on this machine."""
    environment.setenv(endpoint.ADDRESS, address)
    assert "RUNPOD_REST_URL must be https://" in refused("--apply")


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_said_to_be_one(refused, api, status):
    """Whether wrong or not allowed to write, what helps is another key."""
    api.fail("GET", "/serverless", status, '{"detail": "access denied"}')
    error = refused("--apply")
    assert f"RunPod refused the key in RUNPOD_API_KEY for GET /serverless with {status}" in error
    assert "access denied; make one" in error
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
        ('{"title": "Bad", "status": 400, "detail": "bad\\n image"}', "bad image"),
        ('{"detail": "bad image", "errors": ["$: a", "$: b"]}', "bad image ($: a; $: b)"),
        ('{"title": "Bad", "status": 400}', "Bad"),
        ('{"errors": ["$: a"]}', "($: a)"),
        ('{"message": "bad image"}', "bad image"),
        ('{"error": "bad image"}', "bad image"),
        ('[{"problems": ["bad image"]}]', '[{"problems": ["bad image"]}]'),
        ("<p>bad image</p>", "<p>bad image</p>"),
        ("", "no message"),
        ("x" * 400, f"{'x' * 300}…"),
    ],
)
def test_a_refused_request_says_what_runpod_said(refused, api, body, told):
    """The message is on one line, with what was asked and what to do."""
    api.fail("POST", "/serverless", 400, body)
    error = refused("--apply")
    assert f"RunPod refused POST /serverless with 400: {told}; change what it names" in error
    assert len(api.writes) == 1


@pytest.mark.parametrize("status", [None, 500, 503, 429])
@pytest.mark.parametrize("path", ["/serverless", "/catalog/gpus"])
def test_a_look_up_is_tried_again(builder, api, path, status):
    """A passing fault of a read does not stop anything."""
    api.fail("GET", path, status)
    assert builder("--apply")[0] == 0
    assert len(api.endpoints) == 1


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("status", [None, 500])
def test_a_change_is_tried_again(builder, api, status, late):
    """A PATCH says what shall be, so it may be said twice."""
    builder("--apply", "--max", "1", image="acme/commentary:0.9")
    api.fail("PATCH", "/serverless", status, late=late)
    assert builder("--apply", "--max", "3")[0] == 0
    assert api.endpoints[0]["image"] == IMAGE
    assert api.endpoints[0]["workers"]["max"] == 3


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (503, r"RunPod answered PATCH /serverless/\w+ with 503: down for \*\*\*"),
        (None, r"PATCH http://127.0.0.1:\d+/v2/serverless/\w+ was not answered \(.+\)"),
    ],
)
def test_each_retry_is_told_in_one_line(builder, api, status, told):
    """What happened, what comes next and when; stamina's own log stays out of it, and as it was."""
    api.add(NAME, env={"WORD": TOKEN})
    api.fail("PATCH", "/serverless", status, json.dumps({"detail": f"down\nfor {TOKEN}"}))
    hooks = stamina.instrumentation.get_on_retry_hooks()
    code, _, err = builder("--apply")
    assert code == 0
    assert re.fullmatch(rf"endpoint: {told}; try 2 of 4 in 0\.0 s\n", err)
    assert stamina.instrumentation.get_on_retry_hooks() == hooks


@pytest.mark.parametrize("status", [None, 500, 502])
def test_a_creation_is_never_tried_twice(refused, builder, api, status):
    """What may have been created is looked for by the next command, not created once more."""
    api.fail("POST", "/serverless", status, late=True)
    error = refused("--apply")
    assert "it may have been created nonetheless: run the command again" in error
    assert [request.method for request in api.writes] == ["POST"]
    assert builder("--apply")[0] == 0
    assert len(api.endpoints) == 1


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (None, "was not answered"),
        (500, "with 500: no message; try again in a few minutes"),
        (429, "asked too often, try again in a minute"),
    ],
)
def test_a_fault_that_stays_is_told(builder, api, status, told):
    """After the last try the error says what was asked, what came and what to do."""
    api.fail("GET", "/catalog/gpus", status, times=9)
    code, _, err = builder("--apply")
    *retries, error = err.splitlines()
    assert code == 1
    assert told in error
    assert "GET " in error
    assert [line.rpartition("; ")[2] for line in retries] == [
        "try 2 of 4 in 0.0 s",
        "try 3 of 4 in 0.0 s",
    ]
    assert [request.path for request in api.requests].count("/catalog/gpus") == 3
    assert api.writes == []


def test_an_api_that_is_not_there_is_told(builder, api, environment):
    """A closed port is an error of one sentence that names the address."""
    environment.setenv(endpoint.ADDRESS, "http://127.0.0.1:9")
    code, _, err = builder("--apply")
    assert code == 1
    assert "builder: GET http://127.0.0.1:9/serverless was not answered" in err.splitlines()[-1]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/serverless", "<html>"),
        ("GET", "/serverless", "[]"),
        ("GET", "/serverless", "{}"),
        ("GET", "/serverless", '{"endpoints": [{"name": "no id"}]}'),
        ("GET", "/serverless", '{"endpoints": [{"id": "../x"}]}'),
        ("GET", "/catalog/gpus", '{"gpus": [{"pool": "ADA_24"}]}'),
        ("POST", "/serverless", "{}"),
        ("POST", "/serverless", '{"id": "../x"}'),
    ],
)
def test_an_answer_that_is_not_runpods_is_told(refused, api, method, path, body):
    """Half an answer is not built upon."""
    api.fail(method, path, 200, body)
    assert f"{method} {path}" in (error := refused("--apply"))
    assert "not RunPod's API" in error
