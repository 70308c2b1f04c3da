"""How many jobs an engine can work at, out of what it says of itself."""

from worker.engine import About
from worker.football.schema import MAX_ACTIONS

UNKNOWN = 8  # jobs at once where the engine is elsewhere and does not say what it can do


def jobs_at_once(about: About) -> int:
    """As many jobs as the KV cache holds at full length, and whose requests all find room.

    A job takes MAX_MODEL_LEN tokens at most (the side-by-side requests of a commentary share their
    prompt, and are together shorter than that), and at most one request for each of its actions.
    More would not be faster: they would wait inside the engine, and be refused beyond its queue.
    """
    if not (about.kv_cache_tokens and about.max_model_len and about.max_num_seqs):
        return UNKNOWN
    by_cache = about.kv_cache_tokens // about.max_model_len
    by_requests = (about.max_num_seqs + (about.max_num_queued_reqs or 0)) // MAX_ACTIONS
    return max(1, min(by_cache, by_requests))
