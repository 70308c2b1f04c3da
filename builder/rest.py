"""RunPod's REST API, as far as an endpoint needs it, and a rehearsal of it.

https://docs.runpod.io/api-reference/overview; the schema is at https://rest.runpod.io/v1/openapi.json
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from builder.errors import BuildError

if TYPE_CHECKING:
    import httpx

KEY = "RUNPOD_API_KEY"
KEYS_PAGE = "https://www.console.runpod.io/user/settings"
ANSWER_S = 30.0
ATTEMPTS = 4  # of what may be asked twice
FIRST_WAIT_S = 0.5

ID = re.compile(r"[\w-]+")
HIDDEN = "***"
SHORTEST_SECRET = 4  # characters; shorter values are not looked for in what RunPod answers
SHOWN_LENGTH = 300  # characters of an answer that an error shows
BUSY = 429
REFUSED_KEY = (401, 403)


class Api(Protocol):
    """Reading and writing; `path` starts with a slash."""

    def read(self, path: str) -> list[dict[str, Any]]:
        """What a list holds."""

    def write(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """What was created or changed, as it stands now."""


class Rest:
    """The API itself. A GET and a PATCH are tried again; a POST is not, it could create twice.

    Args:
        client: that knows the API's address and sends the key.
        key: of the account; it is in no error.
        open_names: variables whose values an error may show; those of others it does not.
    """

    def __init__(self, client: "httpx.Client", key: str, open_names: frozenset[str]) -> None:
        self._client = client
        self._key = key
        self._open_names = open_names

    def read(self, path: str) -> list[dict[str, Any]]:
        """What a list holds; raises BuildError."""
        items = self._asked("GET", path, None)
        if not (isinstance(items, list) and all(_is_thing(item) for item in items)):
            raise _nonsense("GET", path)
        return items

    def write(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """What was created or changed, as it stands now; raises BuildError."""
        thing = self._asked(method, path, body)
        if not _is_thing(thing):
            raise _nonsense(method, path)
        answer: dict[str, Any] = thing
        return answer

    def _asked(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        import httpx

        try:
            response = self._tried(lambda: self._sent(method, path, body), method)
            return response.json()
        except httpx.HTTPStatusError as error:
            raise BuildError(self._refusal(method, path, body, error.response)) from None
        except httpx.RequestError as error:
            raise BuildError(self._silence(method, path, error)) from None
        except ValueError:
            raise _nonsense(method, path) from None

    def _tried(self, send: "Callable[[], httpx.Response]", method: str) -> "httpx.Response":
        import stamina

        if method == "POST":
            return send()
        for attempt in stamina.retry_context(
            on=_passes, attempts=ATTEMPTS, wait_initial=FIRST_WAIT_S
        ):
            with attempt:
                response = send()
        return response

    def _sent(self, method: str, path: str, body: Mapping[str, Any] | None) -> "httpx.Response":
        return self._client.request(method, path, json=body).raise_for_status()

    def _refusal(
        self, method: str, path: str, body: Mapping[str, Any] | None, response: "httpx.Response"
    ) -> str:
        """What to do about an answer that is not a success."""
        status = response.status_code
        said = f"{method} {path} with {status}: {self._clean(_message(response), body)}"
        if status in REFUSED_KEY:
            return (
                f"RunPod refused the key in {KEY} ({status}); make one that may read and write at "
                f"{KEYS_PAGE}, and export it."
            )
        if status == BUSY:
            return f"RunPod answered {said}; it was asked too often, try again in a minute."
        if response.is_server_error:
            return f"RunPod answered {said}; {_again(method)}"
        return f"RunPod refused {said}; change what it names and try again."

    def _silence(self, method: str, path: str, error: Exception) -> str:
        about = str(error) or type(error).__name__
        address = str(self._client.base_url).rstrip("/")
        return f"{method} {address}{path} was not answered ({about}); {_again(method)}"

    def _clean(self, text: str, body: Mapping[str, Any] | None) -> str:
        """The text without the key, and without any value of the body that may be a secret."""
        env: Mapping[str, str] = (body or {}).get("env", {})
        hidden = [str(value) for name, value in env.items() if name not in self._open_names]
        for secret in sorted([self._key, *hidden], key=len, reverse=True):
            if len(secret) >= SHORTEST_SECRET:
                text = text.replace(secret, HIDDEN)
        return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}…"


@contextmanager
def connected(address: str, key: str, open_names: frozenset[str]) -> Iterator[Rest]:
    """The API at that address (without a slash at its end), for the time of a `with`."""
    import httpx

    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=address, headers=headers, timeout=ANSWER_S) as client:
        yield Rest(client, key, open_names)


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

    def read(self, path: str) -> list[dict[str, Any]]:
        """What a list holds, as far as it is looked up."""
        self._tell("GET", path)
        return self._looked_up.read(path) if self._looked_up else []

    def write(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
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


def _passes(error: Exception) -> bool:
    """Whether the same request may well succeed in a moment."""
    import httpx

    if isinstance(error, httpx.HTTPStatusError):
        return error.response.is_server_error or error.response.status_code == BUSY
    return isinstance(error, httpx.TransportError)


def _again(method: str) -> str:
    if method == "POST":
        return "it may have been created nonetheless: run the command again, it finds it by name."
    return "try again in a few minutes: the command goes on from where it is."


def _message(response: "httpx.Response") -> str:
    """What the body says, on one line: its `message` or `error`, else all of it."""
    try:
        body = response.json()
    except ValueError:
        body = response.text
    if isinstance(body, dict):
        body = body.get("message") or body.get("error") or body
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return " ".join(text.split()) or "no message"


def _is_thing(item: Any) -> bool:
    return isinstance(item, dict) and bool(ID.fullmatch(str(item.get("id", ""))))


def _nonsense(method: str, path: str) -> BuildError:
    return BuildError(
        f"{method} {path} was answered by something that is not RunPod's API; unset "
        "RUNPOD_REST_URL, or try again later."
    )
