"""How many jobs an engine can work at, out of what it says of itself."""

from worker.engine import About
from worker.football.schema import MAX_ACTIONS

UNKNOWN = 8  # jobs at once where the engine is elsewhere and does not say what it can do
# Tokens that a job's requests hold in the cache together, their prompt shared: well above the 1500
# that ten lines take. A larger job only has the engine put some of its requests off for a moment.
JOB_TOKENS = 4096
USUAL_ACTIONS = 10  # of a job; MAX_ACTIONS are the contract's bound


def jobs_at_once(about: About) -> int:
    """As many jobs as the KV cache holds, and whose requests find room in the engine.

    More would not be faster: they would wait inside the engine, and be refused beyond its queue.
    Fewer would be slower: a job's lines end one by one, and those of the next take their places.
    """
    if not (about.kv_cache_tokens and about.max_model_len and about.max_num_seqs):
        return UNKNOWN
    by_cache = about.kv_cache_tokens // min(about.max_model_len, JOB_TOKENS)
    return max(1, min(by_cache, _by_requests(about.max_num_seqs, about.max_num_queued_reqs)))


def _by_requests(decoded: int, queued: int | None) -> int:
    """Jobs that fill the engine twice, or, where its queue has a bound, that never overflow it."""
    return 2 * decoded // USUAL_ACTIONS if queued is None else (decoded + queued) // MAX_ACTIONS
