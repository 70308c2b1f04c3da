"""The wire contract of a commentary's answers, and what breaks it.

Clients refuse a whole batch for one invented tone or one missing id, so nothing that they would
refuse may leave: a job whose answers break the contract, for whatever reason, is a failed job.
Nothing here trusts how the answers were made.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from worker.errors import WorkerError
from worker.football.schema import Action, CommentaryRequest
from worker.football.vocabulary import Tone

Document = Mapping[str, Any]

LINE: Final[Mapping[str, str]] = {
    "actionId": "must be its action's, as text",
    "timeSeconds": "must be its action's, as text, or null",
    "tone": f"must be one of {', '.join(Tone)}",
    "description": "must be one line of text",
}
"""The keys that every line of a script begins with, in order; what is ours stands after them."""

RESULT: Final[Mapping[str, str]] = {
    "jobId": "must be the job's",
    "gameId": "must be the request's",
    "status": "must be DONE",
}
"""The keys that a result has beside its script."""

_TONES: Final = frozenset(tone.value for tone in Tone)


class Contract:
    """What one job's answers must be: each is held against it, in turn, before it leaves.

    Its methods raise WorkerError with the place that is broken (`script[3].tone`), never with what
    stands there.

    Args:
        request: what was asked for.
        job_id: the platform's.
    """

    def __init__(self, request: CommentaryRequest, job_id: str) -> None:
        self._request, self._job_id = request, job_id
        self._actions = request.actions
        self._styles = [persona.value for persona in request.personas]
        self._told: set[tuple[str, int]] = set()

    @property
    def unstreamed(self) -> "Contract":
        """The contract of the same job without its stream."""
        return Contract(replace(self._request, stream=False), self._job_id)

    def check_chunk(self, chunk: Document) -> None:
        """A streamed line is its action's, and has a place that no line had before."""
        style = chunk.get("style") if len(self._styles) > 1 else self._styles[0]
        if style not in self._styles:
            raise _broken("style", f"must be one of {', '.join(self._styles)}")
        index = chunk.get("index")
        if type(index) is not int or not 0 <= index < len(self._actions):
            raise _broken("index", f"must be a whole number from 0 to {len(self._actions) - 1}")
        if (style, index) in self._told:
            raise _broken("index", f"must come once, and {index} comes again")
        self._told.add((style, index))
        _check_line(chunk.get("line"), self._actions[index], "line")

    def check_result(self, result: Document) -> None:
        """A result is the job's and done; every line is in it, or streamed, has come before it."""
        told = {"jobId": self._job_id, "gameId": self._request.game_id, "status": "DONE"}
        for key, law in RESULT.items():
            if key not in result or result[key] != told[key]:
                raise _broken(key, law)
        if self._request.stream:
            self._check_told()
        else:
            self._check_scripts(result)

    def _check_told(self) -> None:
        wanted = len(self._styles) * len(self._actions)
        if len(self._told) != wanted:  # each is a place of the request's, and none comes twice
            raise _broken("line", f"must come {wanted} times, not {len(self._told)}")

    def _check_scripts(self, result: Document) -> None:
        """`script`, and where more personas were asked for, the script of each by its name."""
        self._check_script(result.get("script"), "script")
        if len(self._styles) == 1:
            return
        scripts = result.get("scripts")
        if not isinstance(scripts, dict) or list(scripts) != self._styles:
            raise _broken("scripts", f"must hold {', '.join(self._styles)}, in this order")
        for style, script in scripts.items():
            self._check_script(script, f"scripts.{style}")

    def _check_script(self, script: object, place: str) -> None:
        """One line per action, in the order of the actions."""
        if not isinstance(script, list) or len(script) != len(self._actions):
            raise _broken(place, f"must be a list of {len(self._actions)} lines")
        for index, (line, action) in enumerate(zip(script, self._actions, strict=True)):
            _check_line(line, action, f"{place}[{index}]")


def _check_line(line: object, action: Action, place: str) -> None:
    if not isinstance(line, dict) or list(line)[: len(LINE)] != list(LINE):
        raise _broken(place, f"must begin with {', '.join(LINE)}")
    kept = {
        "actionId": _is_echo(line["actionId"], action.action_id),
        "timeSeconds": _is_echo(line["timeSeconds"], action.time_text),
        "tone": isinstance(line["tone"], str) and line["tone"] in _TONES,
        "description": _is_one_line(line["description"]),
    }
    for key, law in LINE.items():
        if not kept[key]:
            raise _broken(f"{place}.{key}", law)


def _is_echo(value: object, sent: str | None) -> bool:
    return value == sent and (value is None or isinstance(value, str))


def _is_one_line(text: object) -> bool:
    return isinstance(text, str) and bool(text.strip()) and text.splitlines() == [text]


def _broken(place: str, law: str) -> WorkerError:
    return WorkerError(f"The answer breaks its contract: {place} {law}.")
