import pytest

from benchmarks.own_time import own_ms


@pytest.mark.anyio
@pytest.mark.parametrize("fanout", [1, 5, 10])
async def test_our_own_code_takes_the_instant_engines_lines_at_every_fanout(fanout):
    assert await own_ms(fanout, jobs=3) > 0
