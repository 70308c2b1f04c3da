from time import sleep
from types import SimpleNamespace

import pytest

from worker.engine import Load
from worker.engine.pulse import Pulse

A_WHILE = 0.02  # seconds


class Processor:
    """The part of vLLM's that is listened to."""

    def __init__(self):
        self.request_states = {}

    def has_request(self, request_id):
        return request_id in self.request_states

    def add_request(self, request_id):
        self.request_states[request_id] = None

    def abort_requests(self, request_ids, internal):
        assert internal
        return [one for one in request_ids if self.request_states.pop(one, self) is None]

    def process_outputs(self, outputs, timestamp=None):
        for one in outputs:
            self.request_states.pop(one, None)
        return "processed"

    def update_scheduler_stats(self, stats):
        pass


def stats(running=0, waiting=0, skipped=0, usage=0.0):
    return SimpleNamespace(
        num_running_reqs=running,
        num_waiting_reqs=waiting,
        num_skipped_waiting_reqs=skipped,
        kv_cache_usage=usage,
    )


@pytest.fixture
def processor():
    return Processor()


@pytest.fixture
def pulse(processor):
    return Pulse(processor, counts=True)


def test_an_engine_without_requests_is_not_silent(pulse):
    """However long it has had nothing to say."""
    sleep(A_WHILE)
    assert pulse.load() == Load(0, 0.0)


def test_the_calls_are_made_as_they_were(processor, pulse):
    """Listening changes neither what they are given nor what they give."""
    processor.add_request("a")
    assert processor.process_outputs(["a"], timestamp=1.0) == "processed"
    processor.add_request("b")
    assert processor.abort_requests(["b"], internal=True) == ["b"]


def test_silence_begins_with_the_first_request_of_an_idle_engine(processor, pulse):
    """Not with the engine's last word, and not anew with the second request."""
    sleep(5 * A_WHILE)
    processor.add_request("a")
    assert pulse.load().silent_s < 4 * A_WHILE
    sleep(A_WHILE)
    processor.add_request("b")
    assert pulse.load().requests == 2
    assert pulse.load().silent_s >= A_WHILE


def test_tokens_end_the_silence_and_no_request_does_so_for_good(processor, pulse):
    """A finished request leaves nothing behind."""
    processor.add_request("a")
    sleep(5 * A_WHILE)
    processor.process_outputs(["another"])
    assert pulse.load().silent_s < 4 * A_WHILE
    processor.process_outputs(["a"])
    assert pulse.load() == Load(0, 0.0)


def test_a_long_prompt_is_progress_and_a_step_that_changes_nothing_is_none(processor, pulse):
    """A prompt in parts fills the cache; an engine that only turns round is stuck."""
    processor.add_request("a")
    processor.update_scheduler_stats(stats(running=1, usage=0.1))
    sleep(5 * A_WHILE)
    processor.update_scheduler_stats(stats(running=1, usage=0.1))
    assert pulse.load().silent_s >= 5 * A_WHILE
    processor.update_scheduler_stats(stats(running=1, usage=0.2))
    assert pulse.load().silent_s < 4 * A_WHILE


def test_what_the_engine_still_holds_counts_although_nobody_waits_for_it(processor, pulse):
    """The client forgets a request at once; the engine says when it has."""
    processor.add_request("a")
    processor.update_scheduler_stats(stats(running=1))
    processor.abort_requests(["a"], internal=True)
    sleep(A_WHILE)
    assert pulse.load().requests == 1
    assert pulse.load().silent_s >= A_WHILE
    processor.update_scheduler_stats(stats())
    assert pulse.load() == Load(0, 0.0)


def test_a_request_given_up_before_the_engine_spoke_of_it_counts_until_it_speaks(processor, pulse):
    """It may be in the middle of its prompt; it makes no silence, since it may never have begun."""
    processor.add_request("a")
    processor.abort_requests(["a"], internal=True)
    assert pulse.load() == Load(1, 0.0)
    processor.update_scheduler_stats(stats())
    assert pulse.load() == Load(0, 0.0)


def test_a_request_that_is_not_there_is_not_given_up(processor, pulse):
    """A second abort of it, or one after its end, counts nothing."""
    processor.abort_requests(["nobody"], internal=True)
    assert pulse.load() == Load(0, 0.0)


def test_waiting_requests_count_whatever_they_wait_for(processor, pulse):
    """Running, waiting for room, or put off."""
    processor.update_scheduler_stats(stats(running=1, waiting=2, skipped=3))
    assert pulse.load().requests == 6


def test_an_engine_that_tells_no_counts_is_known_by_the_clients(processor):
    """With DISABLE_LOG_STATS nothing would end the wait for its word."""
    pulse = Pulse(processor, counts=False)
    processor.add_request("a")
    processor.update_scheduler_stats(None)
    assert pulse.load().requests == 1
    processor.abort_requests(["a"], internal=True)
    assert pulse.load() == Load(0, 0.0)
