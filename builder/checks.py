"""What a worker's answers must be, judged from outside: each problem is one clause of a sentence.

No engine, no container: documents in, problems out; an empty list is a good answer.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from builder.stage import End

Document = Mapping[str, Any]

# worker/football/vocabulary.py has them; a test holds the two together.
TONES = frozenset({"DEFAULT", "EXCITED", "ANGRY", "SAD", "CALM", "QUESTION", "EMPHASIS"})
COMMIT = re.compile(r"[0-9a-f]{40}")
TOLD = 3  # problems of one kind that are told one by one
LONGEST = 300  # characters of somebody else's message
IN_FLIGHT = 2  # jobs that must be under way when the worker is told to stop
KILLED = 137  # 128 + SIGKILL


def script(job: Document, actions: Sequence[Document], *, fallback_ok: bool) -> list[str]:
    """A commentary job's one result: a line for each action, in order."""
    if problem := failure(job):
        return [problem]
    results = job["output"]
    if len(results) != 1 or not isinstance(results[0], dict):
        return [f"the output has {len(results)} parts instead of one result"]
    lines = results[0].get("script")
    if not isinstance(lines, list):
        return ["the result has no script"]
    return _few(_of_lines(lines, actions, fallback_ok=fallback_ok))


def stream(job: Document, actions: Sequence[Document], *, fallback_ok: bool) -> list[str]:
    """A streamed commentary's chunks: each line once, with its place, then a result without them.

    What was sent as it came must be what the job came to.
    """
    if problem := failure(job):
        return [problem]
    *chunks, last = job["output"] or [None]
    if len(job["chunks"]) != len(job["output"]):
        return [f"{len(job['chunks'])} chunks were streamed, but the output has {len(chunks) + 1}"]
    if job["chunks"] != job["output"]:
        return ["the chunks that were streamed are not those of the output"]
    if not isinstance(last, dict) or last.get("status") != "DONE" or "line" in last:
        return ["it does not end with a result whose status is DONE"]
    lines = {chunk["index"]: chunk.get("line") for chunk in chunks if _has_place(chunk)}
    if len(chunks) != len(actions) or sorted(lines) != list(range(len(actions))):
        told = f"{len(chunks)} chunks for {len(lines)} places"
        return [f"{told} were streamed for {len(actions)} actions"]
    return _few(_of_lines([lines[at] for at in sorted(lines)], actions, fallback_ok=fallback_ok))


def served_name(job: Document, name: str | None) -> list[str]:
    """The answer of /v1/models: the model goes by its own name."""
    if problem := failure(job):
        return [problem]
    told = _first(job).get("data")
    models = told if isinstance(told, list) else []
    served = [model.get("id") for model in models if isinstance(model, dict)]
    if not name:
        return [f"the image has no MODEL_NAME to compare with; it serves {_listed(served)}"]
    return [] if name in served else [f"{name} is served as {_listed(served)}"]


def labelled(name: str | None, label: str | None) -> list[str]:
    """The image's label and its MODEL_NAME are the same."""
    if name == label:
        return []
    return [f"the label ai.commentary.model.name is {label}, but MODEL_NAME is {name}"]


def probe(job: Document, name: str | None, revisions: Mapping[str, str | None]) -> list[str]:
    """The probe's model: its name, and the commit of its files.

    Args:
        job: the answered one.
        name: the model's.
        revisions: what the image says the revision is, by where; what is no commit is left out.
    """
    if problem := failure(job):
        return [problem]
    told = _first(job).get("model")
    model = told if isinstance(told, dict) else {}
    commit = str(model.get("revision"))
    problems = [] if model.get("id") == name else [f"the model is {model.get('id')}, not {name}"]
    if not COMMIT.fullmatch(commit):
        return [*problems, f"the model's revision is {commit}, which is no commit"]
    return problems + [
        f"the model's revision is {commit}, but {place} is {said}"
        for place, said in revisions.items()
        if COMMIT.fullmatch(said or "") and said != commit
    ]


def drain(
    jobs: Iterable[Document],
    actions: Sequence[Document],
    at_stop: Sequence[str],
    end: End,
    stop_timeout_s: int,
) -> list[str]:
    """What becomes of jobs when their worker is told to stop: all that it has, it answers.

    Args:
        jobs: those of the drain, as the platform knows them when the worker is gone.
        actions: theirs.
        at_stop: the ids of those in flight when it was told.
        end: of the worker.
        stop_timeout_s: seconds that it was given.
    """
    problems = []
    if len(at_stop) < IN_FLIGHT:
        problems.append(
            f"{len(at_stop)} jobs were in flight at the stop instead of {IN_FLIGHT} or more: "
            "nothing is proven; raise --jobs"
        )
    if end.exit_code:
        late = f", not done after {stop_timeout_s} s" if end.exit_code == KILLED else ""
        problems.append(f"the worker ended with {end}{late}, not with 0")
    taken = [job for job in jobs if job["taken"]]
    lost = [job["id"] for job in taken if not job["ended"]]
    if lost:
        problems.append(f"jobs were handed out and not answered: {_listed(lost)}")
    return problems + _few(
        f"{job['id']}: {problem}"
        for job in taken
        if job["ended"]
        for problem in script(job, actions, fallback_ok=True)
    )


def failure(job: Document) -> str | None:
    """That a job failed, with its error; or that its answer is none."""
    if job["error"]:
        return f"the job failed: {shortened(str(job['error']))}"
    return None if isinstance(job["output"], list) else "the job's output is no list"


def _first(job: Document) -> Document:
    """The first part of an output, if it is an object."""
    first = job["output"][0] if job["output"] else None
    return first if isinstance(first, dict) else {}


def shortened(text: str) -> str:
    """Somebody else's message, on one short line."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"


def _has_place(chunk: object) -> bool:
    return isinstance(chunk, dict) and type(chunk.get("index")) is int


def _of_lines(
    lines: Sequence[Any], actions: Sequence[Document], *, fallback_ok: bool
) -> Iterator[str]:
    if len(lines) != len(actions):
        yield f"{len(lines)} lines for {len(actions)} actions"
        return
    for index, (line, action) in enumerate(zip(lines, actions, strict=True)):
        told = _of_line(line, action) if isinstance(line, dict) else ["is no object"]
        yield from (f"line {index} {problem}" for problem in told)
    if not fallback_ok and all(_source(line) == "fallback" for line in lines):
        yield (
            "the model spoke no line: all of them are fallback (a model of random weights never "
            "speaks: --fallback-ok)"
        )


def _source(line: object) -> object:
    return line.get("source") if isinstance(line, dict) else None


def _of_line(line: Document, action: Document) -> Iterator[str]:
    for key in ("actionId", "timeSeconds"):
        if not _is_echo(line.get(key), action, key):
            yield f"has {key} {line.get(key)!r}, not its action's {action.get(key)!r} as text"
    if str(line.get("tone")) not in TONES:
        yield f"has the tone {line.get('tone')!r}"
    text = line.get("description")
    if not isinstance(text, str) or not text.strip() or text.splitlines() != [text]:
        yield "has a description that is not one line of text"


def _is_echo(told: object, action: Document, key: str) -> bool:
    """Whether a value is its action's, as text: a string as it was sent, a number as a number."""
    sent = action.get(key)
    if sent is None:
        return told is None or (isinstance(told, str) and key not in action)
    if isinstance(sent, str):
        return told == sent
    try:
        return isinstance(told, str) and Decimal(told) == Decimal(str(sent))
    except InvalidOperation:
        return False


def _few(problems: Iterable[str]) -> list[str]:
    listed = list(problems)
    more = [f"and {len(listed) - TOLD} more of such"] if len(listed) > TOLD else []
    return listed[:TOLD] + more


def _listed(names: Iterable[Any]) -> str:
    return ", ".join(map(str, names)) or "nothing"
