"""What runs on GitHub is pinned, has few rights, and does what is done here."""

import json
import os
import re
import subprocess
import sysconfig
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
DEPENDABOT = ROOT / ".github/dependabot.yml"
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
IMAGE = ROOT / ".github/workflows/image.yml"
SECRETS = {"DOCKERHUB_TOKEN", "DOCKERHUB_USERNAME", "HF_TOKEN"}
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def document(path):
    return yaml.safe_load(path.read_text("utf-8"))


def jobs(path):
    return document(path)["jobs"]


def steps(path):
    return [step for job in jobs(path).values() for step in job.get("steps", [])]


def scripts(path):
    return [step["run"] for step in steps(path) if "run" in step]


def script(name):
    """The shell script of the one step of image.yml that is named so."""
    [found] = [step["run"] for step in steps(IMAGE) if step["name"] == name]
    return found


def targets(text):
    """What `make` is asked for, comments apart."""
    return set(re.findall(r"^[^#\n]*\bmake ([a-z][a-z-]*)\b", text, re.MULTILINE))


def inputs_of(action):
    """What image.yml gives to an action, by the input's name."""
    [found] = [step["with"] for step in steps(IMAGE) if step.get("uses", "").startswith(action)]
    return found


def program(*command):
    """Run one of the environment's own programs; what it printed, when it found nothing."""
    words = [Path(sysconfig.get_path("scripts")) / command[0], *command[1:]]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def shell(text, folder, **variables):
    """Run a script as GitHub does; its exit code, what it printed, what it put out."""
    output = folder / "output"
    output.touch()
    environ = {"PATH": os.environ["PATH"], "GITHUB_OUTPUT": str(output)} | variables
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text]
    done = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    told = dict(line.split("=", 1) for line in output.read_text().splitlines())
    return done.returncode, done.stdout + done.stderr, told


# What linters see


def test_zizmor_finds_nothing():
    """The linter of workflows is silent in its most suspicious mode, with nothing ignored."""
    options = ["--offline", "--no-ignores", "--persona=auditor", "--strict-collection"]
    found = program("zizmor", *options, "--format=json", "--quiet", *WORKFLOWS, DEPENDABOT)
    assert json.loads(found) == []


def test_the_files_have_the_form_that_github_publishes():
    """Workflows and Dependabot's settings fit GitHub's schemas."""
    schemas = {"vendor.github-workflows": WORKFLOWS, "vendor.dependabot": [DEPENDABOT]}
    for schema, files in schemas.items():
        program("check-jsonschema", "--builtin-schema", schema, *files)


@each_workflow
def test_every_script_is_bash(path):
    """No step breaks off at a typing error after an hour."""
    for text in scripts(path):
        subprocess.run(["bash", "-n", "-c", text], check=True)


# What comes from elsewhere


@each_workflow
def test_every_action_is_pinned_to_a_commit_and_says_its_version(path):
    """A tag can be moved, a commit cannot; our own workflow comes from the same commit."""
    uses = re.findall(r"uses: (.*)$", path.read_text("utf-8"), re.MULTILINE)
    assert uses
    pinned = r"[\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+"
    own = r"\$/\.github/workflows/\w+\.yml"
    assert [word for word in uses if not re.fullmatch(f"{pinned}|{own}", word)] == []


def test_an_action_has_one_version_in_all_workflows():
    """Two steps that check out check out alike."""
    texts = "\n".join(path.read_text("utf-8") for path in WORKFLOWS)
    pins = set(re.findall(r"uses: ([^\s@]+)@(.*)$", texts, re.MULTILINE))
    assert len(pins) == len({action for action, _ in pins})


# What it may do


@each_workflow
def test_every_job_has_its_own_few_rights(path):
    """A workflow has none, and each job names the ones that it needs."""
    assert document(path)["permissions"] == {}
    assert all(job["permissions"] for job in jobs(path).values())


def test_only_the_job_that_signs_may_write():
    """Everything else of ours reads, and that job writes nothing but signatures."""
    writing = {
        (path.stem, name, right)
        for path in WORKFLOWS
        for name, job in jobs(path).items()
        for right, extent in job["permissions"].items()
        if extent != "read"
    }
    assert writing == {("image", "image", "id-token"), ("image", "image", "attestations")}


@each_workflow
def test_every_secret_is_one_that_we_name(path):
    """Three secrets, each by its name; never all of them at once."""
    text = path.read_text("utf-8")
    assert set(re.findall(r"\bsecrets\.(\w+)", text)) <= SECRETS
    assert not re.search(r"secrets: inherit|toJSON\(\s*secrets|secrets\[", text)


def test_only_the_job_that_pushes_sees_secrets():
    """What runs code of a pull request has nothing to tell."""
    seeing = {
        (path.stem, name)
        for path in WORKFLOWS
        for name, job in jobs(path).items()
        if "secrets." in json.dumps(job)
    }
    assert seeing == {("image", "image")}


def test_the_head_of_the_file_names_what_must_be_set():
    """Each secret and each variable is explained where a person looks first."""
    text = IMAGE.read_text("utf-8")
    head = text.partition("\nname:")[0]
    used = set(re.findall(r"\b(?:secrets|vars)\.(\w+)", text))
    assert used == set(re.findall(r"\b[A-Z]+_[A-Z]+\b", head))


@each_workflow
def test_no_script_is_written_by_an_expression(path):
    """Values come to a script as variables, so that no name of a branch is run."""
    assert [text for text in scripts(path) if "${{" in text] == []


@each_workflow
def test_every_job_ends_and_no_workflow_runs_beside_itself(path):
    """Each job on a machine has a time-out, each workflow a concurrency group of its own."""
    assert document(path)["concurrency"]["group"].startswith(f"{path.stem}-")
    assert all("timeout-minutes" in job for job in jobs(path).values() if "runs-on" in job)


# What it does


@each_workflow
def test_every_target_that_a_workflow_makes_exists(path):
    """`make X` in a step is a target of the Makefile."""
    known = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert targets("\n".join(scripts(path))) <= known


def test_github_runs_what_ci_runs():
    """Every target of `.ci/run` is one of ci.yml."""
    here = targets((ROOT / ".ci/run").read_text())
    there = targets("\n".join(scripts(ROOT / ".github/workflows/ci.yml")))
    assert {"setup", "lint", "types", "test"} <= here <= there
    assert "image-test" in there


def test_nothing_is_pushed_that_was_not_checked():
    """The job that pushes waits for the whole of ci.yml, the image on the mini model included."""
    found = jobs(IMAGE)
    assert found["smoke"]["uses"] == "$/.github/workflows/ci.yml"
    assert {"plan", "smoke"} <= set(found["image"]["needs"])
    assert not {"if", "continue-on-error"} & (found["image"].keys() | found["smoke"].keys())


def test_every_build_argument_is_the_dockerfiles():
    """The Dockerfile knows each argument that image.yml gives."""
    given = set(re.findall(r"^(\w+)=", inputs_of("docker/build-push-action")["build-args"], re.M))
    known = set(re.findall(r"^ARG (\w+)", DOCKERFILE, re.MULTILINE))
    assert {"MODEL_NAME", "MODEL_REVISION", "MODEL_LICENCE", "VERSION", "VCS_REF"} <= given <= known


def test_the_token_is_a_build_secret_of_the_dockerfiles():
    """The token goes by the name that the Dockerfile mounts, and is no argument or label."""
    given = inputs_of("docker/build-push-action")
    name, variable = given["secret-envs"].split("=")
    assert re.search(rf"--mount=type=secret,id={name}\b", DOCKERFILE)
    assert variable == "HF_TOKEN"
    assert variable not in given["build-args"] + given["labels"]


def test_what_is_pushed_is_signed_by_its_digest():
    """Provenance and bill of materials are made; the signature is of the very push."""
    pushed, signed = inputs_of("docker/build-push-action"), inputs_of("actions/attest")
    assert (pushed["push"], pushed["provenance"], pushed["sbom"]) == (True, "mode=max", True)
    assert signed["subject-digest"] == "${{ steps.push.outputs.digest }}"
    assert signed["push-to-registry"] is True
    assert pushed["tags"].startswith(f"{signed['subject-name']}:")


def test_the_cache_pushes_no_layer_that_the_image_has_not():
    """The cache stands in the image's own repository and holds the image's own layers."""
    given = inputs_of("docker/build-push-action")
    place = given["cache-from"]
    assert given["cache-to"].startswith(f"{place},mode=min")
    assert place.partition("ref=")[2].rpartition(":")[0] == given["tags"].rpartition(":")[0]


# What is to be built

PLAN = {
    "REPOSITORY": "somebody/commentary",
    "MODEL": "skt/A.X-4.0-Light",
    "REVISION": COMMIT,
    "LICENCE": "",
    "GITHUB_REF": f"refs/tags/v{VERSION}",
    "GITHUB_SHA": COMMIT[::-1],
}


def plan(folder, **changes):
    return shell(script("Decide, or say what is missing"), folder, **PLAN | changes)


def test_a_version_tag_builds_the_default_model(tmp_path):
    """The tag is the version; the image's tag says which model is in it."""
    code, _told, decided = plan(tmp_path)
    assert code == 0
    assert decided == {
        "model": "skt/A.X-4.0-Light",
        "revision": COMMIT,
        "licence": "Apache-2.0",
        "version": VERSION,
        "repository": "somebody/commentary",
        "tag": f"{VERSION}-a.x-4.0-light",
        "cache": "cache-a.x-4.0-light",
    }


def test_what_is_decided_is_what_the_jobs_read(tmp_path):
    """Each output of the job is one that its script gives, and each one read is an output."""
    _code, _told, decided = plan(tmp_path)
    outputs = jobs(IMAGE)["plan"]["outputs"]
    assert outputs == {name: f"${{{{ steps.plan.outputs.{name} }}}}" for name in decided}
    read = re.findall(r"needs\.plan\.outputs\.(\w+)", IMAGE.read_text("utf-8"))
    assert set(read) == set(outputs)


def test_a_run_by_hand_is_no_version(tmp_path):
    """What is built from a branch goes by its commit, and takes no version's tag."""
    code, _told, decided = plan(tmp_path, GITHUB_REF="refs/heads/main")
    assert code == 0
    assert decided["version"] == f"git-{COMMIT[::-1][:12]}"


def test_another_model_goes_by_its_own_licence(tmp_path):
    """A model that we do not know is built when its licence is told."""
    code, _told, decided = plan(tmp_path, MODEL="somebody/Model-7B", LICENCE="MIT")
    assert code == 0
    assert (decided["licence"], decided["tag"]) == ("MIT", f"{VERSION}-model-7b")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"REPOSITORY": ""}, "DOCKERHUB_REPOSITORY"),
        ({"REPOSITORY": "Somebody/commentary"}, "DOCKERHUB_REPOSITORY"),
        ({"MODEL": "somebody/model\nrevision=main"}, "MODEL_NAME"),
        ({"MODEL": "/a/folder"}, "MODEL_NAME"),
        ({"REVISION": ""}, "MODEL_REVISION"),
        ({"REVISION": "main"}, "MODEL_REVISION"),
        ({"REVISION": COMMIT[:12]}, "MODEL_REVISION"),
        ({"REVISION": COMMIT.upper()}, "MODEL_REVISION"),
        ({"MODEL": "somebody/Model-7B"}, "MODEL_LICENCE"),
        ({"LICENCE": "Apache-2.0\nmodel=other"}, "MODEL_LICENCE"),
        ({"GITHUB_REF": "refs/tags/v99.9.9"}, "pyproject.toml"),
        ({"MODEL": "LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct"}, "research only"),
        ({"MODEL": "somebody/exaone-tuned", "LICENCE": "MIT"}, "research only"),
    ],
)
def test_what_cannot_be_published_is_refused_at_once(tmp_path, changes, named):
    """A wrong setting, a branch for a revision and EXAONE end the run in one sentence."""
    code, told, decided = plan(tmp_path, **changes)
    assert code == 1
    assert re.match(r"::error::.*\n\Z", told), told
    assert named in told
    assert decided == {}


# Room for it


def machine(folder, free, disks=1):
    """A machine with as many GB free, and programs that only write down what they are asked."""
    folder = folder / "bin"
    folder.mkdir()
    (folder / "df").write_text(f"#!/bin/sh\nprintf 'Avail\\n {free}\\n'\n")
    (folder / "sudo").write_text(f'#!/bin/sh\necho "$@" >> {folder}/log\n')
    (folder / "mountpoint").write_text(f"#!/bin/sh\nexit {2 - disks}\n")
    for path in folder.iterdir():
        path.chmod(0o755)
    (folder / "log").touch()
    return folder


def freed(tmp_path, free, disks=1):
    """Free disk on such a machine: the exit code, what is told, what was done as root."""
    bare = machine(tmp_path, free, disks)
    text = script("Free disk for the base and the weights")
    path = f"{bare}:{os.environ['PATH']}"
    code, told, _ = shell(text, tmp_path, PATH=path, NEEDED_GB="76", SPARE_GB="6")
    return code, told, (bare / "log").read_text()


def test_a_runner_with_room_is_left_as_it_is(tmp_path):
    """Nothing is removed where enough is free."""
    code, _told, done = freed(tmp_path, 76)
    assert (code, done) == (0, "")


def test_a_runner_with_too_little_room_is_told_of_a_larger_one(tmp_path):
    """Removing the toolchains is tried; where it does not suffice, the error says what to do."""
    code, told, done = freed(tmp_path, 75)
    assert code == 1
    assert done.startswith("rm -rf /opt/ghc")
    assert "docker.part" not in done
    assert re.search(r"::error::.*76 GB.*75.*IMAGE_RUNNER", told)


def test_a_second_disk_is_joined_to_the_first(tmp_path):
    """Docker's folder becomes one volume of what both disks can spare."""
    _code, _told, done = freed(tmp_path, 40, disks=2)
    assert "fallocate --length 34G /docker.part\n" in done
    assert "fallocate --length 34G /mnt/docker.part\n" in done
    assert done.index("stop docker") < done.index("mount /dev/docker/all /var/lib/docker")
    assert done.rstrip().endswith("systemctl start docker")
