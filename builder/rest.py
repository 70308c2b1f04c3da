"""RunPod's REST API v2, as far as an endpoint needs it, and a rehearsal of it.

https://docs.runpod.io/api-reference-v2/overview; the schema is at
https://api.runpod.io/v2/openapi.json. Version 1 was to be retired on 15 November 2026:
https://docs.runpod.io/api-reference-v2/migrate-from-v1
"""

import json
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from builder.errors import BuildError

if TYPE_CHECKING:
    import httpx
    from stamina.instrumentation import RetryDetails

KEY = "RUNPOD_API_KEY"
KEYS_PAGE = "https://www.console.runpod.io/user/settings"
AGENT = "football-commentary-builder"  # the API's front may refuse a library's default name
ANSWER_S = 30.0
ATTEMPTS = 4  # of what may be asked twice
FIRST_WAIT_S = 0.5

ID = re.compile(r"[\w-]+")
WORDS = re.compile(r"\S.*")  # the ids of GPU types: "NVIDIA L4"
HIDDEN = "***"
SHORTEST_SECRET = 4  # characters; shorter values are not looked for in what RunPod answers
SHOWN_LENGTH = 300  # characters of an answer that an error shows
BUSY = 429
REFUSED_KEY = (401, 403)


class Api(Protocol):
    """Reading and writing; `path` starts with a slash."""

    def read(self, path: str, name: str, ids: re.Pattern[str] = ID) -> list[dict[str, Any]]:
        """What the list of that name holds."""

    def write(
        self, method: str, path: str, body: Mapping[str, Any], hidden: Collection[str]
    ) -> dict[str, Any]:
        """What was created or changed, as it stands now; nothing `hidden` is in an error."""


@dataclass(frozen=True, slots=True)
class _Request:
    """What is asked; an answer may repeat values that shall stay hidden."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    hidden: Collection[str] = ()

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Rest:
    """The API itself. A GET and a PATCH are tried again; a POST is not, it could create twice.

    Args:
        client: that knows the API's address and sends the key.
        key: of the account; it is in no error.
    """

    def __init__(self, client: "httpx.Client", key: str) -> None:
        self._client = client
        self._key = key

    def read(self, path: str, name: str, ids: re.Pattern[str] = ID) -> list[dict[str, Any]]:
        """What the list of that name holds, with ids of that form; raises BuildError."""
        request = _Request("GET", path)
        answer = self._asked(request)
        items = answer.get(name) if isinstance(answer, dict) else None
        if not (isinstance(items, list) and all(_is_thing(item, ids) for item in items)):
            raise _nonsense(request)
        return items

    def write(
        self, method: str, path: str, body: Mapping[str, Any], hidden: Collection[str]
    ) -> dict[str, Any]:
        """What was created or changed, as it stands now; raises BuildError."""
        request = _Request(method, path, body, hidden)
        thing = self._asked(request)
        if not _is_thing(thing, ID):
            raise _nonsense(request)
        answer: dict[str, Any] = thing
        return answer

    def _asked(self, request: _Request) -> Any:
        import httpx

        try:
            return self._tried(request).json()
        except httpx.HTTPStatusError as error:
            raise BuildError(self._refusal(request, error.response)) from None
        except httpx.RequestError as error:
            raise BuildError(f"{self._silence(request, error)}; {_again(request)}") from None
        except ValueError:
            raise _nonsense(request) from None

    def _tried(self, request: _Request) -> "httpx.Response":
        import stamina

        if request.method == "POST":
            return self._sent(request)
        with _retries_told(lambda error: self._passing(request, error)):
            for attempt in stamina.retry_context(
                on=_passes, attempts=ATTEMPTS, wait_initial=FIRST_WAIT_S
            ):
                with attempt:
                    response = self._sent(request)
        return response

    def _sent(self, request: _Request) -> "httpx.Response":
        answer = self._client.request(request.method, request.path, json=request.body)
        return answer.raise_for_status()

    def _passing(self, request: _Request, error: Exception) -> str:
        """What happened to a request that is tried again."""
        import httpx

        if isinstance(error, httpx.HTTPStatusError):
            return f"RunPod answered {self._said(request, error.response)}"
        return self._silence(request, error)

    def _refusal(self, request: _Request, response: "httpx.Response") -> str:
        """What to do about an answer that is not a success."""
        said = self._said(request, response)
        if response.status_code in REFUSED_KEY:
            return (
                f"RunPod refused the key in {KEY} for {said}; make one that may read and write at "
                f"{KEYS_PAGE}, and export it."
            )
        if response.status_code == BUSY:
            return f"RunPod answered {said}; it was asked too often, try again in a minute."
        if response.is_server_error:
            return f"RunPod answered {said}; {_again(request)}"
        return f"RunPod refused {said}; change what it names and try again."

    def _said(self, request: _Request, response: "httpx.Response") -> str:
        message = self._clean(_message(response), request)
        return f"{request} with {response.status_code}: {message}"

    def _silence(self, request: _Request, error: Exception) -> str:
        about = self._clean(str(error) or type(error).__name__, request)
        address = str(self._client.base_url).rstrip("/")
        return f"{request.method} {address}{request.path} was not answered ({about})"

    def _clean(self, text: str, request: _Request) -> str:
        """The text without the key, and without what else is hidden."""
        forms = {form for secret in (self._key, *request.hidden) for form in _forms(secret)}
        for form in sorted(forms, key=len, reverse=True):  # one may be a part of another
            if len(form) >= SHORTEST_SECRET:
                text = text.replace(form, HIDDEN)
        return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}…"


@contextmanager
def connected(address: str, key: str) -> Iterator[Rest]:
    """The API at that address (without a slash at its end), for the time of a `with`."""
    import httpx

    headers = {"Authorization": f"Bearer {key}", "User-Agent": AGENT}
    with httpx.Client(base_url=address, headers=headers, timeout=ANSWER_S) as client:
        yield Rest(client, key)


class Rehearsal:
    """Tells the requests in `told` and counts `writes`, none of which is sent.

    Args:
        address: of the API, without a slash at its end.
        open_names: variables whose values may be shown.
        looked_up: where lists are read; without it they are empty.
    """

    def __init__(self, address: str, open_names: frozenset[str], looked_up: Rest | None) -> None:
        self.told: list[str] = []
        self.writes = 0
        self._address = address
        self._open_names = open_names
        self._looked_up = looked_up

    def read(self, path: str, name: str, ids: re.Pattern[str] = ID) -> list[dict[str, Any]]:
        """What the list of that name holds, as far as it is looked up."""
        self._tell("GET", path)
        return self._looked_up.read(path, name, ids) if self._looked_up else []

    def write(
        self, method: str, path: str, body: Mapping[str, Any], hidden: Collection[str] = ()
    ) -> dict[str, Any]:
        """Nothing is created: its id says what it stands for."""
        self.writes += 1
        self._tell(method, path, "Content-Type: application/json")
        shown = dict(body)
        if "env" in body:
            shown["env"] = {name: self._shown(name, body["env"][name]) for name in body["env"]}
        self.told += [*json.dumps(shown, ensure_ascii=False, indent=2).splitlines(), ""]
        return {"id": f"<the id that {method} {path} answers>"}

    def _shown(self, name: str, value: str) -> str:
        return value if name in self._open_names else HIDDEN

    def _tell(self, method: str, path: str, *headers: str) -> None:
        lines = (f"{method} {self._address}{path}", f"Authorization: Bearer {HIDDEN}", *headers, "")
        self.told += lines


@contextmanager
def _retries_told(tell: Callable[[Exception], str]) -> Iterator[None]:
    """Each retry is one line of ours, for the time of a `with`, instead of stamina's own log."""
    from stamina import instrumentation

    hooks = instrumentation.get_on_retry_hooks()
    instrumentation.set_on_retry_hooks([lambda details: _tell_retry(tell, details)])
    try:
        yield
    finally:
        instrumentation.set_on_retry_hooks(hooks)


def _tell_retry(tell: Callable[[Exception], str], details: "RetryDetails") -> None:
    number, pause = details.retry_num + 1, details.wait_for
    about = tell(details.caused_by)
    sys.stderr.write(f"endpoint: {about}; try {number} of {ATTEMPTS} in {pause:.1f} s\n")


def _passes(error: Exception) -> bool:
    """Whether the same request may well succeed in a moment."""
    import httpx

    if isinstance(error, httpx.HTTPStatusError):
        return error.response.is_server_error or error.response.status_code == BUSY
    return isinstance(error, httpx.TransportError)


def _again(request: _Request) -> str:
    if request.method == "POST":
        return "it may have been created nonetheless: run the command again, it finds it by name."
    return "try again in a few minutes: the command goes on from where it is."


def _message(response: "httpx.Response") -> str:
    """What the body says, on one line: all of it where it is no problem (RFC 9457)."""
    try:
        body = response.json()
    except ValueError:
        body = response.text
    if isinstance(body, dict):
        body = _problem(body) or body
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return " ".join(text.split()) or "no message"


def _problem(body: Mapping[str, Any]) -> str:
    """An ErrorResponse: its detail, else its title, and its single errors."""
    about = body.get("detail") or body.get("title") or body.get("message") or body.get("error")
    errors = body.get("errors")
    single = "; ".join(map(str, errors)) if isinstance(errors, list) else ""
    return " ".join(str(part) for part in (about, f"({single})" if single else "") if part)


def _forms(secret: str) -> tuple[str, ...]:
    """As it is, as JSON writes it, and on one line."""
    return secret, json.dumps(secret, ensure_ascii=False)[1:-1], " ".join(secret.split())


def _is_thing(item: Any, ids: re.Pattern[str]) -> bool:
    return isinstance(item, dict) and bool(ids.fullmatch(str(item.get("id", ""))))


def _nonsense(request: _Request) -> BuildError:
    return BuildError(
        f"{request} was answered by something that is not RunPod's API; unset "
        "RUNPOD_REST_URL, or try again later."
    )
