"""The log line of a job: JSON, one line, figures that can be added up."""

import json
import logging

from worker.engine import Usage
from worker.record import Record


def test_the_line_is_json_with_its_figures_flat(caplog):
    """A log collector needs no knowledge of ours."""
    record = Record("job-1", usage=Usage(prompt=7, cached=4, completion=2), waited_ms=1.26)
    with caplog.at_level(logging.INFO, "worker.jobs"):
        record.write()
    said = json.loads(caplog.messages[0].removeprefix("job "))
    assert [said[f"{name}_tokens"] for name in ("prompt", "cached", "completion")] == [7, 4, 2]
    assert (said["waited_ms"], said["queue_ms"], said["finish"]) == (1.3, None, "cancelled")
    assert said["total_ms"] >= 0


def test_an_id_cannot_break_the_line(caplog):
    """Whatever an id holds, the line stays one line of JSON."""
    with caplog.at_level(logging.INFO, "worker.jobs"):
        Record('a"\nERROR b').write()
    [message] = caplog.messages
    assert "\n" not in message
    assert json.loads(message.removeprefix("job "))["id"] == 'a"\nERROR b'
