"""The proving ground: RunPod's platform on loopback, driven by the unmodified SDK and real clients.

    from tests.platform.faults import Call
    from tests.platform.ground import Ground

    with Ground(tmp_path) as ground:                          # a platform, no worker yet
        worker = ground.start(MODEL_NAME=str(folder), TRUST_REMOTE_CODE="true")  # asks for jobs now
        job = ground.run({"prompt": "공이", "stream": True})  # /run gives an id
        assert list(ground.stream(job)) == ground.wait(job)["output"]
        with ground.paused():                                 # nothing is handed out in here
            job = ground.run({"prompt": "공이", "stream": True})
            gate = ground.hold(Call.STREAM, job, after=2)     # its third chunk waits here
        ground.until(lambda: gate.arrived)
        ground.cancel(job)                                    # the worker gets a stop signal
        gate.open()
        assert worker.stop() == 0                             # SIGTERM, drain, exit code
        assert worker.processes() == []                       # nothing of it is left
        assert ground.anomalies == []                         # and it did nothing wrong

Clients nobody here wrote use `ground.base` (`http://127.0.0.1:<port>/v2/local`), `<base>/openai/v1`
and `ground.key`.

* `jobs`: a job, its envelope and its limits. `plane`: queue, workers, clocks. `faults`: mishaps.
* `app`: the addresses. `wire`: bodies and limits. `webhooks`: results posted.
* `worker`: a process. `server`: plane and app on a thread. `ground`: all of it for a test.
* `trivial`: a program on the SDK that is not our worker, to prove the ground itself.
* `__main__`: `make platform`. `usage`: what it tells a person.

Where the platform's documentation is silent, this is our choice: a job whose worker died four times
fails; an OpenAI caller who goes cancels the job; a job queued again forgets what it streamed.
"""
