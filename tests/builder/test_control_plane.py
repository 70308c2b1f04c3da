"""The control plane that is put into an image: what a worker and its conductor are told."""

import json
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest

from builder import control_plane as module
from builder.control_plane import Plane, Server
from builder.stage import PLANE, variables
from tests.platform.worker import platform_variables

KEY = "key"
GIVEN = {"text": "하나"}


@pytest.fixture(autouse=True)
def short_polls(monkeypatch):
    monkeypatch.setattr(module, "POLL_S", 0.2)
    monkeypatch.setattr(module, "LOOK_S", 0.005)


@pytest.fixture
def server():
    server = Server(0, KEY)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def call(server):
    """Makes a call with the worker's key; its status and document."""

    def call(path, body=None, key=KEY):
        address = f"http://127.0.0.1:{server.server_address[1]}/{path}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(address, data, {"Authorization": key})
        try:
            with urllib.request.urlopen(request) as answer:  # noqa: S310
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            with error:
                return error.code, None

    return call


def here():
    return False


# What the worker is told


def test_a_poll_without_a_job_is_held_and_then_empty(call):
    began = time.monotonic()
    assert call("job-take/smoke?gpu=none") == (204, None)
    assert time.monotonic() - began >= module.POLL_S


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("job-take/smoke?gpu=none", {"id": "a-0", "input": GIVEN}),
        ("job-take-batch/smoke?gpu=none&batch_size=1", [{"id": "a-0", "input": GIVEN}]),
    ],
)
def test_a_job_comes_alone_or_in_a_list(server, call, path, answer):
    server.plane.add("a", GIVEN)
    assert call(path) == (200, answer)


def test_a_batch_is_in_order_and_no_larger_than_asked_for(server, call):
    server.plane.add("a", GIVEN, 5)
    _, first = call("job-take-batch/smoke?gpu=none&batch_size=3")
    _, rest = call("job-take-batch/smoke?gpu=none&batch_size=3")
    assert [job["id"] for job in first + rest] == ["a-0", "a-1", "a-2", "a-3", "a-4"]
    assert len(first) == 3


def test_a_pending_poll_gets_a_job_at_once(server, call):
    taken = []
    poll = threading.Thread(target=lambda: taken.append(call("job-take/smoke?gpu=none")))
    module.POLL_S = 60.0
    poll.start()
    server.plane.wait({"takes": "1", "seconds": "10"})
    server.plane.add("a", GIVEN)
    poll.join()
    assert taken[0][1]["id"] == "a-0"


def test_nothing_is_handed_to_a_caller_who_has_gone(server):
    """It would count as lost by a worker that never heard of it."""
    module.POLL_S = 60.0
    with socket.create_connection(server.server_address) as caller:
        caller.sendall(f"GET /job-take/s HTTP/1.1\r\nAuthorization: {KEY}\r\n\r\n".encode())
        server.plane.wait({"takes": "1", "seconds": "10"})
    server.plane.add("a", GIVEN)
    assert [job["id"] for job in server.plane.take(1, here)] == ["a-0"]


def test_a_caller_who_goes_as_a_job_comes_leaves_it():
    plane = Plane()
    plane.add("a", GIVEN)
    assert plane.take(1, lambda: True) == []
    assert len(plane.take(1, here)) == 1


def test_what_could_not_be_handed_over_comes_first_again():
    plane = Plane()
    plane.add("a", GIVEN, 3)
    plane.give_back([job["id"] for job in plane.take(2, here)])
    assert [job["id"] for job in plane.take(3, here)] == ["a-0", "a-1", "a-2"]


def test_no_job_is_ever_to_be_stopped(call):
    assert call("job-stop/smoke?gpu=none") == (204, None)


def test_chunks_and_the_answer_are_kept(server, call):
    server.plane.add("a", GIVEN)
    call("job-take/smoke?gpu=none")
    call("job-stream/smoke/a-0?gpu=none&isStream=false", {"output": {"n": 1}})
    call("job-done/smoke/a-0?gpu=none", {"status": "IN_PROGRESS", "output": "half"})
    assert not server.plane.full()[0]["ended"]
    call("job-done/smoke/a-0?gpu=none&isStream=true", {"output": [{"n": 1}]})
    [job] = server.plane.full()
    assert job["chunks"] == job["output"] == [{"n": 1}]
    assert job["taken"]
    assert job["ended"]
    assert job["error"] is None
    assert job["seconds"] >= 0
    assert server.plane.wait({})["wrong"] == []


def test_an_error_is_kept(server, call):
    server.plane.add("a", GIVEN)
    call("job-take/smoke?gpu=none")
    call("job-done/smoke/a-0?gpu=none", {"error": "no"})
    assert server.plane.full()[0]["error"] == "no"


def test_signs_of_life_are_counted(server, call):
    assert call("ping/smoke?job_id=a")[0] == 200
    assert server.plane.wait({})["pings"] == 1


# What no correct worker does


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a-9", {"output": 1}),
        ("b-1", {"output": 1}),
        ("a-0", ["no object"]),
        ("a-0", {"output": [float("nan")]}),
    ],
    ids=["unknown", "not taken", "no object", "not JSON"],
)
def test_an_answer_that_is_none_is_noted(server, call, name, body):
    server.plane.add("a", GIVEN)
    call("job-take/smoke?gpu=none")
    server.plane.add("b", GIVEN)
    call(f"job-done/smoke/{name}?gpu=none", body)
    [wrong] = server.plane.wait({})["wrong"]
    assert name in wrong
    assert not any(job["ended"] for job in server.plane.full())


def test_a_second_answer_is_noted_and_changes_nothing(server, call):
    server.plane.add("a", GIVEN)
    call("job-take/smoke?gpu=none")
    call("job-done/smoke/a-0?gpu=none", {"output": [1]})
    call("job-done/smoke/a-0?gpu=none", {"output": [2]})
    assert server.plane.full()[0]["output"] == [1]
    assert len(server.plane.wait({})["wrong"]) == 1


@pytest.mark.parametrize("path", ["job-take/smoke", "ping/smoke", "job-done/smoke/a-0"])
def test_who_does_not_show_the_key_gets_nothing(server, call, path):
    server.plane.add("a", GIVEN)
    body = {"output": 1} if "done" in path else None
    assert call(path, body, key="another")[0] == 401
    [wrong] = server.plane.wait({})["wrong"]
    assert wrong.endswith("without its key")
    assert server.plane.wait({})["takes"] == server.plane.wait({})["pings"] == 0


# What the conductor is told


def test_the_conductor_needs_no_key_and_adds_jobs(server, call):
    body = {"name": "a", "given": GIVEN, "count": 2, "late": False}
    assert call("control/jobs", body, key="") == (200, ["a-0", "a-1"])
    assert [job["id"] for job in call("control/jobs", key="")[1]] == ["a-0", "a-1"]


def test_a_wait_ends_when_it_is_met(server, call):
    waited = []
    wait = threading.Thread(target=lambda: waited.append(call("control/wait?takes=1&seconds=60")))
    wait.start()
    call("job-take/smoke?gpu=none")
    wait.join()
    assert waited[0][1]["met"]


def test_a_wait_ends_unmet_when_its_time_is_over(call):
    assert call("control/wait?takes=1&seconds=0.01")[1]["met"] is False


def test_jobs_are_waited_for_by_name():
    plane = Plane()
    plane.add("a", GIVEN, 2)
    plane.take(2, here)
    plane.posted("job-done", "a-0", {"output": []})
    assert plane.wait({"ended": "a-0"})["met"]
    assert not plane.wait({"ended": "a-0,a-1"})["met"]


def test_jobs_in_flight_are_waited_for_and_marked():
    """Those that were handed out and are not answered, and no others."""
    plane = Plane()
    plane.add("a", GIVEN, 4)
    plane.take(1, here)
    assert not plane.wait({"in_flight": "2", "mark": "1"})["met"]
    assert plane.wait({})["atStop"] is None
    plane.take(2, here)
    plane.posted("job-done", "a-0", {"output": []})
    assert plane.wait({"in_flight": "2", "mark": "1"})["atStop"] == ["a-1", "a-2"]


def test_a_worker_too_quick_to_have_two_jobs_at_once_is_not_waited_for():
    plane = Plane()
    plane.add("a", GIVEN)
    plane.take(1, here)
    plane.posted("job-done", "a-0", {"output": []})
    state = plane.wait({"in_flight": "2", "mark": "1"})
    assert state["met"]
    assert state["atStop"] == []


def test_late_jobs_come_after_the_mark(monkeypatch):
    monkeypatch.setattr(module, "LATE_S", 0.01)
    plane = Plane()
    plane.add("late", GIVEN, late=True)
    assert plane.take(1, here) == []
    plane.wait({"mark": "1"})
    monkeypatch.setattr(module, "POLL_S", 60.0)
    assert [job["id"] for job in plane.take(1, here)] == ["late-0"]


# In an image


def test_it_runs_in_any_python_with_the_standard_library_alone():
    """As the image gets it: by `-c`, isolated from all that is installed."""
    code = f"import sys\nsource = open({str(PLANE)!r}).read()\nexec(compile(source, 'p', 'exec'))"
    run = f"__name__ = 'plane'\n{code}\nassert 'builder' not in sys.modules\nServer(0, 'k')"
    subprocess.run([sys.executable, "-I", "-S", "-c", run], check=True)


def test_its_worker_is_told_what_the_platform_tells_workers():
    """By the same names, in the same forms."""
    ours, theirs = variables("key"), platform_variables("http://127.0.0.1:8719", "smoke", "key")
    assert ours == theirs | {"RUNPOD_PING_INTERVAL": ours["RUNPOD_PING_INTERVAL"]}
