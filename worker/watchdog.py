"""Notices that the engine is gone, or there and stuck, when no job would."""

import asyncio

from worker.engine import Engine
from worker.errors import EngineDead

LOOK_SECONDS = 0.2  # between two looks


async def fault_of(engine: Engine, stall_s: float) -> EngineDead:
    """Wait for the engine to fail, and say how; while all is well, this never returns.

    Args:
        engine: the engine to look after.
        stall_s: seconds for which it may hold requests and produce nothing; 0 is for ever.
    """
    while True:
        if engine.dead:
            return EngineDead("The engine has died.")
        silent_s = engine.load().silent_s
        if stall_s and silent_s > stall_s:
            return EngineDead(f"The engine has produced nothing for {silent_s:.0f} s.")
        await asyncio.sleep(LOOK_SECONDS)
