"""One worker on the proving ground for all the promises that leave it alive."""

import pytest

from tests.platform.ground import Ground
from tests.platform.made import MARK

AT_ONCE = 32  # jobs, as the promise about load has it
DEADLINE = "20"  # seconds; of nonsense, some is a valid wish for more tokens than anybody waits for
# Tokens; a step that reads more of a long prompt takes longer here than a second, and the engine
# hears of nothing before its end.
STEP = "2048"


def on_mini(folders, **variables):
    """Variables of a worker with a real engine on the tiny model."""
    return {
        "MODEL_NAME": str(folders["exaone"]),
        "TRUST_REMOTE_CODE": "true",
        "GPU_MEMORY_UTILIZATION": "0.3",
        "GUARD": "off",  # what is promised here is delivery; the tiny model's words are never true
    } | variables


@pytest.fixture(scope="session")
def standing(mini_folders, tmp_path_factory):
    """A platform whose worker serves all these tests, and has done nothing wrong at their end."""
    with Ground(tmp_path_factory.mktemp("ground")) as ground:
        variables = on_mini(
            mini_folders,
            SERVED_MODEL_NAME="commentary, caster",
            TOOL_CALL_PARSER="hermes",
            ENABLE_AUTO_TOOL_CHOICE="true",
            MAX_CONCURRENCY=str(AT_ONCE),
            JOB_DEADLINE=DEADLINE,
            ENABLE_CHUNKED_PREFILL="true",  # as with a GPU
            MAX_NUM_BATCHED_TOKENS=STEP,
        )
        worker = ground.start(**variables)
        yield ground
        assert ground.anomalies == []
        assert worker.stop() == 0
        ground.until(lambda: worker.processes() == [], 5.0)
        assert "Traceback" not in worker.log()
        assert MARK not in worker.log()


@pytest.fixture
def worker(standing):
    """The standing worker, alive before the test and after it."""
    (only,) = standing.workers
    assert only.returncode is None
    yield only
    assert only.returncode is None
