"""How many jobs at once: as many as the cache holds and the engine's queue takes."""

from dataclasses import replace

import pytest

from worker.capacity import UNKNOWN, jobs_at_once
from worker.engine import About

# An L4 with A.X-4.0-Light in FP8: about 13 GiB of cache at 56 KiB a token.
L4 = About(
    "m", kv_cache_tokens=240_000, max_model_len=8192, max_num_seqs=64, max_num_queued_reqs=256
)


@pytest.mark.parametrize(
    ("changes", "jobs"),
    [
        ({}, 16),  # 320 requests of at most twenty a job
        ({"kv_cache_tokens": 40_000}, 9),  # the cache holds nine jobs
        ({"kv_cache_tokens": 40_000, "max_model_len": 2048}, 16),  # and more of shorter ones
        ({"max_model_len": 32_768}, 16),  # no job is as long as that
        ({"max_num_queued_reqs": None}, 12),  # no bound to the queue: twice what decodes at once
        ({"kv_cache_tokens": 3_000}, 1),  # one job must always fit
        ({"max_num_seqs": 4, "max_num_queued_reqs": 4}, 1),
    ],
)
def test_the_narrower_of_cache_and_queue_decides(changes, jobs):
    """More jobs than that would wait in the engine, or be refused by it."""
    assert jobs_at_once(replace(L4, **changes)) == jobs


@pytest.mark.parametrize("unknown", ["kv_cache_tokens", "max_model_len", "max_num_seqs"])
def test_an_engine_that_does_not_say_gets_a_plain_number(unknown):
    """A server elsewhere tells none of it."""
    assert jobs_at_once(replace(L4, **{unknown: None})) == UNKNOWN
