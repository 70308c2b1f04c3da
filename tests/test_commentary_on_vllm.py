"""The whole path on the real engine, on both architectures."""

import asyncio
import re
from contextlib import aclosing

import pytest

from tests.fakes import unguarded
from tests.rows import request_document
from worker.commentary.guard import Context, check
from worker.commentary.lines import LETTERS, grammar, parse_line
from worker.commentary.pipeline import GuardMode, Line, Script, Source, commentate
from worker.commentary.prompt import Prompt
from worker.football.facts import facts_of
from worker.football.schema import CommentaryRequest, Persona, TableForm

pytestmark = [pytest.mark.engine, pytest.mark.anyio]

SPEAKABLE = re.compile(r"[가-힣A-Za-z0-9 ,.!?:%~'-]+")
FOREIGN = "สวัสดี ฟุตบอล 球員射門得分 キーパー Цель عربي 🎉"


@pytest.fixture(params=["engine", "qwen_engine"])
def real(request):
    """The real engine, once on EXAONE's architecture and once on A.X's."""
    return request.getfixturevalue(request.param)


async def commentary(engine, document=None, **options):
    """A request's lines as they came, and its script."""
    request = CommentaryRequest.parse(document or request_document())
    async with aclosing(commentate(request, engine, unguarded(**options))) as items:
        got = [item async for item in items]
    [script] = [item for item in got if isinstance(item, Script)]
    return [item for item in got if isinstance(item, Line)], script


def obeys(line, fact):
    """Whether a line is what its fact's grammar admits."""
    return parse_line(f"{LETTERS[line.tone]}|{line.text}", fact) is not None


@pytest.mark.parametrize("fanout", [None, 5, 1])
async def test_every_line_is_the_models_and_obeys_its_grammar(real, fanout):
    """Ten lines in order, each with a possible tone, within its budget, ended like a sentence."""
    lines, script = await commentary(real, fanout=fanout, temperature=1.0)
    facts = facts_of(CommentaryRequest.parse(request_document()))
    assert [line.index for line in script.lines] == list(range(10))
    assert sorted(line.index for line in lines) == list(range(10))
    assert {line.source for line in script.lines} == {Source.MODEL}
    assert all(obeys(line, fact) for line, fact in zip(script.lines, facts, strict=True))
    assert script.warnings == ()


@pytest.mark.parametrize("table", TableForm)
async def test_every_table_form_gives_a_script(engine, table):
    """Facts, coordinates and JSON all lead to ten lines."""
    _, script = await commentary(engine, table=table)
    assert {line.source for line in script.lines} == {Source.MODEL}


async def test_other_scripts_are_impossible(real):
    """Even with every bias towards Thai, Chinese, Kana and emoji, only Korean can be decoded."""
    async with real.route("POST", "/tokenize", {"model": real.model, "prompt": FOREIGN}) as reply:
        answer = b"".join([piece async for piece in reply.body])
    tokens = [int(token) for token in re.findall(rb"\d+", answer.partition(b'"tokens"')[2])]
    request = CommentaryRequest.parse(request_document())
    facts = facts_of(request)
    body = {
        "model": real.model,
        "messages": Prompt(request, facts, TableForm.FACTS).messages(facts, Persona.CASTER),
        "structured_outputs": {"regex": grammar(facts)},
        "logit_bias": {str(token): 100 for token in tokens},
        "max_tokens": 2000,
        "seed": 7,
    }
    completion = await real.chat(body)
    texts = [line.partition("|")[2] for line in completion.text.split("\n")]
    assert len(texts) == 10
    assert all(SPEAKABLE.fullmatch(text) for text in texts)
    free = await real.chat({**body, "structured_outputs": None, "max_tokens": 40})
    assert not SPEAKABLE.fullmatch(free.text)


async def test_side_by_side_requests_share_the_prompt(real):
    """The part of the prompt that all lines share is computed once: the rest comes cached."""
    document = request_document(matchInfo={"venue": "처음 보는 경기장"})
    _, script = await commentary(real, document)
    assert script.usage.cached > script.usage.prompt * 0.6
    assert script.usage.completion > 0


async def test_a_seed_makes_a_script_reproducible(real):
    """The same request with the same seed says the same; another seed says something else."""
    document = request_document(seed=11)
    texts = [[line.text for line in (await commentary(real, document))[1].lines] for _ in range(2)]
    assert texts[0] == texts[1]
    _, other = await commentary(real, request_document(seed=12))
    assert [line.text for line in other.lines] != texts[0]


async def test_leaving_early_frees_the_engine(engine):
    """A caller who stops listening leaves no request behind him."""
    request = CommentaryRequest.parse(request_document())
    requests = engine._client.output_processor
    async with aclosing(commentate(request, engine, unguarded(fanout=2))) as items:
        await anext(items)
        assert requests.has_unfinished_requests()
    for _ in range(500):
        if not requests.has_unfinished_requests():
            return
        await asyncio.sleep(0.01)
    pytest.fail("the engine still holds requests of a commentary that nobody hears")


@pytest.mark.parametrize("fanout", [None, 1])
async def test_a_model_that_always_lies_is_not_heard(real, fanout):
    """The tiny model writes nonsense under the grammar: every line that comes out is true instead.

    Complete, in order, and each replaced line says so: what was wrong, and where it comes from.
    """
    document = request_document(styles=["CASTER", "FRIEND"], seed=3)
    request = CommentaryRequest.parse(document)
    _, script = await commentary(real, document, fanout=fanout, guard=GuardMode.REPAIR)
    facts = facts_of(request)
    for persona, lines in script.scripts.items():
        about = Context.of(request, facts, persona)
        assert [line.index for line in lines] == list(range(10))
        assert all(check(line.text, line.fact, about) == () for line in lines)
        replaced = [line for line in lines if line.source is Source.FALLBACK]
        assert len(replaced) >= 8  # it could write a true line by accident, but hardly two
        assert all(line.first for line in replaced)
    assert script.violations["name"] >= 16
    assert any("guard (" in warning for warning in script.warnings)
