import json
from contextlib import aclosing
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from tests.fakes import ScriptedEngine, once, say, unguarded
from tests.rows import request_document
from tests.shapes.canned import context, gathered
from worker.commentary.pipeline import GuardMode, Script, commentate
from worker.errors import WorkerError
from worker.handler import Handler
from worker.shapes import commentary

pytestmark = pytest.mark.anyio


async def test_the_record_tells_how_many_lines_took_a_second_try():
    """They are the model's, repaired, in the answer, and no fallback in the log."""
    on = context(ScriptedEngine(once(lambda _: say(""))))
    [result] = await gathered(commentary.read(request_document()), on)
    assert {line["source"] for line in result["script"]} == {"repaired"}
    assert (on.record.repaired, on.record.fallback) == (10, 0)


async def test_a_record_of_good_lines_has_none_repaired():
    """Nothing was asked for twice."""
    on = context(ScriptedEngine())
    await gathered(commentary.read(request_document()), on)
    assert on.record.repaired == 0


@pytest.mark.parametrize("stream", [True, False])
async def test_it_tells_that_all_is_generated_before_the_result(stream):
    """The result may wait for the platform; by then the engine is free."""
    engine, told = ScriptedEngine(), []
    on = context(engine, generated=lambda: told.append(engine.open))
    request = commentary.read(request_document(stream=stream))
    async with aclosing(request.answers(on)) as answers:
        answer = await anext(answers)
        while "line" in answer:
            assert told == []
            answer = await anext(answers)
    assert told == [0]


async def result_of(engine=None, **changes):
    """The one result of a job with `changes`."""
    request = commentary.read(request_document(**changes))
    on = context(engine or ScriptedEngine())
    [result] = await gathered(request, on)
    return result


KEYS = ["actionId", "timeSeconds", "tone", "description", "source"]


async def test_what_nobody_asks_for_is_not_there():
    """The contract's keys, and where each line comes from."""
    result = await result_of()
    assert {tuple(line) for line in result["script"]} == {tuple(KEYS)}
    assert not {"scripts", "ssml", "ssmls"} & set(result)


async def test_ssml_is_a_document_for_each_line_and_one_for_the_script():
    """Each can be sent to a voice as it is."""
    result = await result_of(ssml=True)
    for line in result["script"]:
        assert list(line) == [*KEYS, "ssml"]
        assert line["description"] in "".join(ET.fromstring(line["ssml"]).itertext())
    spoken = "".join(ET.fromstring(result["ssml"]).itertext())
    assert spoken == "".join(line["description"] for line in result["script"])


async def test_an_explanation_tells_what_a_line_rests_on():
    """Facts, violations of the first try, faithfulness and seconds, after the contract's keys."""
    result = await result_of(explain=True, minSalience=1.0)
    for line in result["script"]:
        assert list(line) == [*KEYS, "facts", "violations", "faithfulness", "seconds"]
        assert all(list(ground) == ["field", "text"] for ground in line["facts"])
        assert all(list(each) == ["kind", "text", "reason"] for each in line["violations"])
        assert 0 <= line["faithfulness"] <= 1
        assert line["seconds"] > 0


async def test_counts_add_up():
    """Every line comes from somewhere, and what the guard found is counted by class."""
    on = context(ScriptedEngine(), guard=GuardMode.REPAIR)
    [result] = await gathered(commentary.read(request_document()), on)
    counts = result["counts"]
    assert list(counts) == ["model", "repaired", "fallback", "violations"]
    assert counts["model"] + counts["repaired"] + counts["fallback"] == 10
    assert (counts["fallback"], on.record.fallback) == (10, 10)
    assert counts["violations"]["name"] == 20  # nobody is named, twice
    assert on.record.violations == sum(counts["violations"].values())


async def test_styles_give_a_script_each():
    """`script` is the first one's, as for a job with that style alone."""
    result = await result_of(styles=["FRIEND", "ANALYST"], style="CASTER", ssml=True)
    assert list(result["scripts"]) == ["FRIEND", "ANALYST"]
    assert result["script"] == result["scripts"]["FRIEND"]
    assert all(len(lines) == 10 for lines in result["scripts"].values())
    assert list(result["ssmls"]) == ["FRIEND", "ANALYST"]
    assert result["ssml"] == result["ssmls"]["FRIEND"]


async def test_streamed_lines_of_several_styles_say_whose_they_are():
    """Put back in their places they are the scripts of the same job unstreamed."""
    request = commentary.read(request_document(styles=["CASTER", "FRIEND"], stream=True, seed=1))
    *chunks, last = await gathered(request, context(ScriptedEngine()))
    scripts = {style: [None] * 10 for style in ("CASTER", "FRIEND")}
    for chunk in chunks:
        assert list(chunk) == ["line", "index", "style"]
        scripts[chunk["style"]][chunk["index"]] = chunk["line"]
    whole = await result_of(styles=["CASTER", "FRIEND"], seed=1)
    assert scripts == whole["scripts"]
    assert not {"script", "scripts"} & set(last)
    assert list(last) == [key for key in whole if key not in ("script", "scripts")]


async def test_a_streamed_job_has_the_script_s_ssml_in_its_last_chunk():
    """The document of the whole is there when the whole is."""
    request = commentary.read(request_document(ssml=True, stream=True, seed=1))
    *chunks, last = await gathered(request, context(ScriptedEngine()))
    assert last["ssml"] == (await result_of(ssml=True, seed=1))["ssml"]
    assert all("ssml" in chunk["line"] for chunk in chunks)


def faulty(change):
    """A pipeline each of whose items goes through `change`, which gives those to tell instead."""

    async def pipeline(*arguments):
        async with aclosing(commentate(*arguments)) as items:
            async for item in items:
                for told in change(item):
                    yield told

    return pipeline


def shortened(item):
    """A script that has lost its last line."""
    if not isinstance(item, Script):
        return [item]
    return [replace(item, scripts={who: lines[:-1] for who, lines in item.scripts.items()})]


def swapped(item):
    """A script in the opposite order."""
    if not isinstance(item, Script):
        return [item]
    return [replace(item, scripts={who: lines[::-1] for who, lines in item.scripts.items()})]


def spoken_as(text):
    """A script whose lines all say `text`."""

    def change(item):
        if not isinstance(item, Script):
            return [replace(item, text=text)]
        scripts = {
            who: tuple(replace(line, text=text) for line in lines)
            for who, lines in item.scripts.items()
        }
        return [replace(item, scripts=scripts)]

    return change


def twice(item):
    """Every line once more."""
    return [item] if isinstance(item, Script) else [item, item]


def without_the_last(item):
    """No line of the last action."""
    return [] if not isinstance(item, Script) and item.index == 9 else [item]


BREACHES = [
    (False, shortened, "script must be a list of 10 lines"),
    (False, swapped, "script[0].actionId must be its action's, as text"),
    (False, spoken_as(""), "script[0].description must be one line of text"),
    (False, spoken_as("골!\n골!"), "script[0].description must be one line of text"),
    (True, spoken_as("골!\n골!"), "line.description must be one line of text"),
    (True, twice, "index must come once"),
    (True, without_the_last, "line must come 10 times, not 9"),
]


@pytest.mark.parametrize(("stream", "change", "told"), BREACHES)
async def test_a_job_whose_contract_is_broken_fails(monkeypatch, caplog, stream, change, told):
    """Its last answer is an error, which the platform makes a failed job of; no result leaves."""
    monkeypatch.setattr(commentary, "commentate", faulty(change))
    handler = Handler(ScriptedEngine(), unguarded(), 1, print)
    job = {"id": "1", "input": request_document(stream=stream)}
    async with aclosing(handler.answers(job)) as answers:
        *chunks, last = [answer async for answer in answers]
    error = json.loads(last["error"])
    assert error["code"] == "internal_error"
    assert f"contract: {told}" in error["message"]
    assert not [chunk for chunk in chunks if "status" in chunk]
    assert error["message"] in caplog.messages
    assert (handler.state.failed, handler.state.served) == (1, 0)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_wrong_word_of_the_wire_fails_a_job(monkeypatch, stream):
    """Whoever writes the line, a tone that is none does not leave."""
    good = commentary.script_line
    monkeypatch.setattr(commentary, "script_line", lambda *given: good(*given) | {"tone": "HAPPY"})
    with pytest.raises(WorkerError, match=r"\.tone must be one of DEFAULT, EXCITED"):
        await gathered(commentary.read(request_document(stream=stream)), context(ScriptedEngine()))


@pytest.mark.parametrize("key", ["jobId", "gameId", "status"])
@pytest.mark.parametrize("stream", [True, False])
async def test_a_wrong_result_fails_a_job(monkeypatch, key, stream):
    """Also the result of a job all of whose lines have left."""
    good = commentary.result
    monkeypatch.setattr(commentary, "result", lambda *given: good(*given) | {key: "x"})
    with pytest.raises(WorkerError, match=f"contract: {key} must be"):
        await gathered(commentary.read(request_document(stream=stream)), context(ScriptedEngine()))
