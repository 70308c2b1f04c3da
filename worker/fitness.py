"""What the SDK asks before the first job: is everything there that jobs will need?

The SDK ends the process where a check raises, and tells the platform which one did.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from worker.ending import kill_children
from worker.engine import Engine
from worker.errors import StartupError
from worker.settings import Settings, is_path
from worker.warmup import warm_up

WEIGHTS = ("*.safetensors", "*.bin", "*.pt", "*.gguf")


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
        """A local model still has its configuration and its weights, or StartupError."""
        model = self._settings.model_name or ""
        if self._settings.engine_url or not is_path(model):
            return
        folder = Path(model).expanduser()
        with _or_none_survives():
            if not (folder / "config.json").is_file():
                raise StartupError(f"The model folder {folder.name} has no config.json.")
            if "LOAD_FORMAT" in self._settings.engine_variables:
                return  # whatever it reads, it has read
            if not any(file.stat().st_size for kind in WEIGHTS for file in folder.glob(kind)):
                raise StartupError(f"The model folder {folder.name} has no weights.")

    async def warm_up(self) -> None:
        """The engine answers a commentary from beside the SDK, too, or StartupError."""
        with _or_none_survives():
            await warm_up(self._engine, self._settings.commentary)
