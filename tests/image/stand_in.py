"""A worker without a model, by the standard library alone: it does, and fails to do, what is asked.

The image's ENTRYPOINT in tests of `builder smoke`; STAND_IN says how it behaves.
"""

import json
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request

HOW = os.environ.get("STAND_IN", "well")
KEY = os.environ["RUNPOD_AI_API_KEY"]
NAME, COMMIT = os.environ["MODEL_NAME"], os.environ["MODEL_REVISION"]
JOB_S = 1.0  # that a job of the drain takes
told_to_leave = threading.Event()


def call(url, body=None):
    request = urllib.request.Request(url, body and json.dumps(body).encode())  # noqa: S310
    request.add_header("Authorization", KEY)
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return json.loads(answer.read() or "null")
    except urllib.error.HTTPError:
        return None


def address(name, job=""):
    return os.environ[name].replace("$RUNPOD_POD_ID", "smoke").replace("$ID", job or "smoke")


def output(given):
    if "probe" in given:
        return [{"model": {"id": NAME, "revision": COMMIT}}]
    if "openai_route" in given:
        return [{"data": [{"id": NAME if HOW != "by its path" else "/model"}]}]
    lines = [line(row) for row in given["rawData"]]
    if given["stream"]:
        return [*({"line": told, "index": at} for at, told in enumerate(lines)), {"status": "DONE"}]
    return [{"status": "DONE", "script": lines}]


def line(row):
    told = {"actionId": str(row["actionId"]), "timeSeconds": str(row["timeSeconds"])}
    tone = "HAPPY" if HOW == "in a wrong tone" else "CALM"
    return told | {"tone": tone, "description": "하나", "source": "model"}


def answer(job):
    if job["id"].startswith(("drain", "late")):
        time.sleep(JOB_S)
    parts = output(job["input"])
    for part in parts if len(parts) > 1 else ():
        call(address("RUNPOD_WEBHOOK_POST_STREAM", job["id"]), {"output": part})
    call(address("RUNPOD_WEBHOOK_POST_OUTPUT", job["id"]), {"output": parts})


def leave(_number, _frame):
    if HOW == "losing jobs":
        os._exit(0)
    if HOW != "deaf":
        told_to_leave.set()


def main():
    signal.signal(signal.SIGTERM, leave)
    if HOW == "not at all":
        sys.stderr.write("CRITICAL 2031-01-01 00:00:00,000 worker: startup_failed: no model\n")
        return 1
    if HOW == "showing its key":
        sys.stderr.write(f"Authorization: {KEY}\n")
    batch = address("RUNPOD_WEBHOOK_GET_JOB").replace("job-take", "job-take-batch")
    at_work = []
    while HOW == "idly":
        time.sleep(0.1)
    while not told_to_leave.is_set():
        for job in call(f"{batch}&batch_size=3") or []:
            at_work.append(threading.Thread(target=answer, args=[job]))
            at_work[-1].start()
    for thread in at_work:
        thread.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
