"""What the SDK asks before the first job: is everything there that jobs will need?

The SDK ends the process where a check raises, and tells the platform which one did.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from worker.ending import kill_children
from worker.engine import Engine
from worker.engine.places import lack_of
from worker.errors import StartupError
from worker.settings import Settings
from worker.warmup import warm_up


@contextmanager
def _or_none_survives() -> Iterator[None]:
    """The SDK ends the process without cleaning up, so the engine would outlive it."""
    try:
        yield
    except BaseException:
        kill_children()
        raise


class Fitness:
    """The checks of one worker; the SDK tells the platform their names.

    Args:
        engine: started and warm.
        settings: what it was started with.
    """

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings

    def model_files(self) -> None:
        """The folder that the model was loaded from is still whole, or StartupError.

        There is none where huggingface_hub found the files, or another machine has them.
        """
        folder = self._engine.about().folder
        if folder is None:
            return
        with _or_none_survives():
            # Whatever another load format reads, it has read.
            by_default = "LOAD_FORMAT" not in self._settings.engine_variables
            if lack := lack_of(folder, weights=by_default):
                raise StartupError(f"The model folder {folder.name} {lack}.")

    async def warm_up(self) -> None:
        """The engine answers a commentary from beside the SDK, too, or StartupError."""
        with _or_none_survives():
            await warm_up(self._engine, self._settings.commentary)
