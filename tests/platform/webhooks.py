"""Results posted to the address that a job has given, as often as the platform tries."""

import asyncio
from http import HTTPStatus

import httpx

from tests.platform.jobs import Job

TRIES = 3  # the first and two more, ten seconds apart; https://docs.runpod.io/serverless
PAUSE_S = 10.0
PATIENCE_S = 30.0  # our choice


class Webhooks:
    """Deliveries under way. A job's `deliveries` say what each try met."""

    def __init__(self, pause_s: float = PAUSE_S) -> None:
        self._pause_s = pause_s
        self._under_way: set[asyncio.Task[None]] = set()

    def deliver(self, job: Job) -> None:
        """Begin to post a job's envelope, if it has an address for it."""
        if job.webhook:
            task = asyncio.get_running_loop().create_task(self._deliver(job, job.webhook))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _deliver(self, job: Job, address: str) -> None:
        async with httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False) as client:
            for _ in range(TRIES):
                job.deliveries.append(await _post(client, address, job))
                if job.deliveries[-1] == HTTPStatus.OK:
                    return
                await asyncio.sleep(self._pause_s)


async def _post(client: httpx.AsyncClient, address: str, job: Job) -> int | str:
    try:
        return (await client.post(address, json=job.envelope())).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return type(error).__name__
