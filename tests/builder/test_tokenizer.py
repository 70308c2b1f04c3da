import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from builder import corpus
from builder.tokenizer import CHATS, VOCABULARY, train
from tests.rows import ten_rows

TALK = [
    {"role": "system", "content": "규칙"},
    {"role": "user", "content": "하나"},
    {"role": "assistant", "content": "둘"},
    {"role": "user", "content": "셋"},
]
FORMS = {
    "exaone": "[|system|]규칙[|endofturn|]\n[|user|]하나\n[|assistant|]둘[|endofturn|]\n"
    "[|user|]셋\n[|assistant|]",
    "qwen2": "<|im_start|>system\n규칙<|im_end|>\n<|im_start|>user\n하나<|im_end|>\n"
    "<|im_start|>assistant\n둘<|im_end|>\n<|im_start|>user\n셋<|im_end|>\n<|im_start|>assistant\n",
}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train(corpus.documents(0), CHATS["exaone"].special)


@given(text=st.text())
def test_any_text_comes_back(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text


@given(number=st.integers(0, 10**9))
def test_every_digit_is_a_token_of_its_own(tokenizer, number):
    assert tokenizer.encode(str(number)).tokens == list(str(number))


def test_the_chat_form_is_the_familys(checkpoint, arch):
    loaded = AutoTokenizer.from_pretrained(checkpoint)
    form = loaded.apply_chat_template(TALK, tokenize=False, add_generation_prompt=True)
    assert form == FORMS[arch]


def test_exaone_gets_an_empty_system_turn_where_none_is_given(checkpoint, arch):
    loaded = AutoTokenizer.from_pretrained(checkpoint)
    form = loaded.apply_chat_template(TALK[1:2], tokenize=False)
    assert form.startswith("[|system|][|endofturn|]\n[|user|]") == (arch == "exaone")


def test_the_marks_of_the_chat_form_are_one_token_each(checkpoint, arch):
    loaded = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    assert all(len(loaded.encode(mark).ids) == 1 for mark in CHATS[arch].special)
    assert loaded.get_vocab_size() == VOCABULARY


def test_a_generation_ends_at_the_end_of_a_turn(checkpoint, arch):
    generation = json.loads((checkpoint / "generation_config.json").read_text())
    loaded = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    assert loaded.id_to_token(generation["eos_token_id"]) == CHATS[arch].end


def test_json_rows_cost_what_they_cost_a_real_model(tokenizer):
    """Qwen's own tokenizer takes 2293 and 2434 tokens for ten rows of all fields."""
    shift = 0.123456  # the feed has six decimals, the sample rows have one
    rows = [
        {key: value + shift if key[-1] in "XYxy" else value for key, value in row.items()}
        for row in ten_rows()
    ]
    for spell in (corpus._same, corpus._snake):
        respelt = [{spell(key): value for key, value in row.items()} for row in rows]
        text = json.dumps(respelt, ensure_ascii=False, indent=2)
        assert 2200 < len(tokenizer.encode(text).ids) < 2700


def test_korean_costs_what_it_costs_a_real_model(tokenizer):
    """Nearer to a token a syllable than to a token a word, or the benchmark would flatter us."""
    text = "문새벽이 가로챈 공을 백가람에게 전달하고, 하도율이 왼쪽 측면에서 크로스를 올립니다!"
    syllables = sum("가" <= letter <= "힣" for letter in text)
    assert 0.55 < len(tokenizer.encode(text).ids) / syllables < 0.9


def test_every_common_syllable_is_a_token(tokenizer):
    common = "".join(corpus._alphabet()).split()
    assert len(set(common)) == 2350
    assert all(len(tokenizer.encode(syllable).ids) == 1 for syllable in set(common))
