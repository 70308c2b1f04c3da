"""What the image is made of: layers in the order of their change, no secret, no root."""

import io
import json
import re
import subprocess
import time

from packaging.utils import canonicalize_name

from builder.build import Plan, buildkit, words_of
from builder.layers import layers_of
from tests.image.base import PACKAGES
from tests.image.conftest import LABEL, MODEL, ROOT, TOKEN

EDITED = "football-commentary-test/worker:edited"
ANEW = "football-commentary-test/worker:anew"


def inside(client, image, *words):
    """What a command in the image writes."""
    return client.containers.run(
        image, list(words), entrypoint="", network_mode="none", labels=[LABEL], remove=True
    ).decode()


def made_by(client, image):
    """The steps that made the image's layers, latest first."""
    return [step["CreatedBy"] for step in client.images.get(image).history() if step["Size"]]


def test_without_a_token_a_gated_model_is_not_built(builder):
    """The build says, before it begins, which terms to accept and where the token goes."""
    done = builder.run("build", *builder.words, "--tag", EDITED, HF_TOKEN="")
    assert done.returncode == 1
    assert f"huggingface.co/{MODEL}" in done.stdout
    assert "HF_TOKEN" in done.stdout


def test_the_build_tells_the_layers_and_what_a_push_would_upload(builder, image):
    """Every layer has a line with its size; nothing was pushed, so all of it would be."""
    told = builder.build("--tag", image)
    assert re.search(r"^ *[\d.]+ kB +new +COPY worker worker$", told, re.MULTILINE)
    assert re.search(r"a push to \S+/worker uploads (\d+) of \1 layers, [\d.]+ GB", told)


def test_the_model_is_baked_with_its_manifest(client, image, hub):
    """The image holds the model's files at the hub's commit, and no cache of a download."""
    files = inside(client, image, "find", "/model", "-type", "f").split()
    manifest = json.loads(inside(client, image, "cat", "/model/manifest.json"))
    assert (manifest["model"], manifest["revision"]) == (MODEL, hub.commit(MODEL))
    expected = [f"/model/{name}" for name in [*manifest["files"], "manifest.json"]]
    assert sorted(files) == sorted(expected)


def test_the_image_says_what_it_is(client, image, hub, builder):
    """OCI's labels have version and revision; ours, and the environment, the model's commit."""
    settings = client.images.get(image).attrs["Config"]
    labels, environment = settings["Labels"], dict(pair.split("=", 1) for pair in settings["Env"])
    version = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert labels["org.opencontainers.image.version"] == version[1]
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert labels["org.opencontainers.image.revision"] == head_of(builder.checkout)
    assert labels["ai.commentary.model.name"] == environment["MODEL_NAME"] == MODEL
    assert labels["ai.commentary.model.revision"] == environment["MODEL_REVISION"]
    assert environment["MODEL_REVISION"] == hub.commit(MODEL)
    assert labels["ai.commentary.model.licence"]
    assert environment["HF_HUB_OFFLINE"] == "1"


def head_of(checkout):
    """The commit that a checkout is at."""
    command = ["git", "-C", checkout, "rev-parse", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_weights_come_before_code(client, image):
    """The layers above the weights are a few kilobytes of ours."""
    steps = made_by(client, image)
    weights = next(number for number, step in enumerate(steps) if "/baked/ /" in step)
    code = next(number for number, step in enumerate(steps) if "worker worker" in step)
    assert code < weights
    sizes = [step["Size"] for step in client.images.get(image).history() if step["Size"]]
    assert sum(sizes[:weights]) < 1_000_000


def test_the_base_s_packages_are_as_they_were(client, image, base):
    """What the base has keeps its version, whatever the lock says; only what it lacks is added."""
    listing = ("python3", "-m", "pip", "list", "--format", "json", "--path", f"/{PACKAGES}")
    before, after = (
        {one["name"]: one["version"] for one in json.loads(inside(client, name, *listing))}
        for name in (base, image)
    )
    assert before["idna"] == "3.10" != _locked("idna")
    assert {name: after[name] for name in before} == before
    added = after.keys() - before.keys()
    assert {name: after[name] for name in added} == {name: _locked(name) for name in added}
    assert "runpod" in added


def _locked(name):
    lock = (ROOT / "requirements/image.txt").read_text()
    return re.search(rf"^{canonicalize_name(name)}==(\S+)", lock, re.MULTILINE)[1]


def test_the_worker_runs_without_rights(client, image):
    """The image's user is not root, and can write to its caches and nowhere else of ours."""
    assert inside(client, image, "id", "-u").strip() == "10001"
    script = "touch /var/cache/worker/x /tmp/x && ! touch /app/x 2>&1 && ! touch /model/x 2>&1"
    assert "denied" in inside(client, image, "sh", "-c", script)


def test_the_worker_can_be_root_where_a_volume_wants_it(client, builder):
    """`--root` changes the user and nothing else: every layer is the same."""
    builder.build("--tag", EDITED, "--root")
    assert inside(client, EDITED, "id", "-u").strip() == "0"


def test_bytecode_is_there_for_what_a_start_imports(client, image):
    """No process of a container compiles vLLM's or torch's sources."""
    script = (
        "import importlib.util, os, sys, vllm, torch, runpod, transformers\n"
        "found = [m.__spec__ for m in list(sys.modules.values()) if getattr(m, '__spec__', None)]\n"
        "lacking = [s.origin for s in found if s.cached and 'dist-packages' in (s.origin or '')"
        " and not os.path.exists(s.cached)]\n"
        "print(len(found), lacking)"
    )
    count, lacking = inside(client, image, "python3", "-c", script).split(maxsplit=1)
    assert int(count) > 500
    assert lacking.strip() == "[]"


def test_vllm_need_not_look_at_the_model_s_class_again(client, image):
    """What it would import the class for at every start is in its cache, which is the worker's."""
    kept = inside(client, image, "sh", "-c", "ls -l /var/cache/worker/vllm/modelinfos")
    assert re.search(r" worker worker .*-ExaoneForCausalLM\.json$", kept, re.MULTILINE)


def test_no_token_is_in_the_image_s_configuration(client, image):
    """Neither environment nor history nor labels have the token; `smoke` searches the layers."""
    built = client.images.get(image)
    assert TOKEN not in json.dumps([built.attrs, built.history()])


def test_an_edit_of_the_handler_makes_one_small_layer_within_half_a_minute(builder, client, image):
    """All layers but the last are the same objects, and a build of them is no work."""
    handler = builder.checkout / "worker/handler.py"
    handler.write_text(handler.read_text() + "\n# An edit.\n")
    began = time.monotonic()
    builder.build("--tag", EDITED)
    assert time.monotonic() - began < 30  # the promise
    before, after = (client.images.get(name).attrs["RootFS"]["Layers"] for name in (image, EDITED))
    assert after[:-1] == before[:-1]
    assert after[-1] != before[-1]


def test_the_weights_layer_is_the_same_whoever_builds(builder, client, image, base):
    """Downloaded anew and on another base, it has the same digest: no registry gets it twice."""
    other = f"{base}-other"
    recipe = io.BytesIO(f"FROM {base}\nLABEL another=base".encode())
    client.images.build(fileobj=recipe, tag=other, rm=True)
    # Not `--no-cache`: of two results of one step, BuildKit may take either the next time.
    builder.build("--tag", ANEW, "--base", other)
    mine, its = (client.images.get(name).attrs["RootFS"]["Layers"] for name in (image, ANEW))
    assert set(its) & set(mine) >= {weights_of(client, image)}
    assert weights_of(client, ANEW) == weights_of(client, image)
    assert its[:3] != mine[:3]
    client.images.remove(ANEW)
    client.images.remove(other)


def weights_of(client, image):
    """The digest of the layer that has the weights."""
    built = client.images.get(image)
    layers = layers_of(built.attrs["RootFS"]["Layers"], built.history())
    [weights] = [layer.diff_id for layer in layers if "/baked/ /" in layer.made_by]
    return weights


def test_a_bad_switch_is_refused(builder, base):
    """BAKE_MODEL is true or false; the Dockerfile says so by itself."""
    client = buildkit()
    plan = Plan((EDITED,), {"BASE_IMAGE": base, "BAKE_MODEL": "yes"})
    done = subprocess.run(
        [*client.words, *words_of(plan), str(builder.checkout)],
        env=builder.environ | dict(client.environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "BAKE_MODEL is true or false, not 'yes'" in done.stdout + done.stderr
