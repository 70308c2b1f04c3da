"""A byte-level BPE tokenizer, split as the Qwen and EXAONE families split: each digit alone."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from tqdm import tqdm  # type: ignore[import-untyped]

from builder.corpus import DOCUMENTS, documents

ASSETS = Path(__file__).parent / "assets"
VOCABULARY = 12288  # room for every common syllable, and for words of one and two of them
# Every token is shorter than this, in bytes: two syllables and their space. Longer ones would make
# this small vocabulary pack Korean, and the keys of JSON, tighter than a real model's does.
LONGEST_TOKEN = 8
# A word with the sign before it, one digit, a run of signs, line ends, spaces.
SPLIT = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


@dataclass(frozen=True, slots=True)
class Chat:
    """The special tokens of a family's chat form; `end` ends a turn and the generation."""

    end: str
    pad: str
    begin: str | None = None
    others: tuple[str, ...] = ()

    @property
    def special(self) -> tuple[str, ...]:
        """All of them, in the order of their ids from 0."""
        return (self.pad, *((self.begin,) if self.begin else ()), *self.others, self.end)


CHATS = {
    "exaone": Chat(
        others=("[EOS]", "[UNK]", "[|system|]", "[|user|]", "[|assistant|]"),
        end="[|endofturn|]",
        pad="[PAD]",
        begin="[BOS]",
    ),
    "qwen2": Chat(others=("<|im_start|>",), end="<|im_end|>", pad="<|endoftext|>"),
}


def write(folder: Path, arch: str, seed: int) -> dict[str, int]:
    """Train on the text of `seed` and write the files; returns the ids that configurations name."""
    chat = CHATS[arch]
    tokenizer = train(documents(seed), chat.special)
    tokenizer.save(str(folder / "tokenizer.json"))
    _dump(folder / "tokenizer_config.json", _configuration(arch, chat))
    roles = {"eos_token_id": chat.end, "pad_token_id": chat.pad, "bos_token_id": chat.begin}
    return {role: chat.special.index(token) for role, token in roles.items() if token}


def train(texts: Iterable[str], special: Iterable[str]) -> Tokenizer:
    """A tokenizer of exactly `VOCABULARY` tokens, `special` first."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    bar = tqdm(texts, desc="tokenizer", total=DOCUMENTS, unit=" texts")
    tokenizer.train_from_iterator(bar, _trainer(special))
    return tokenizer


def _trainer(special: Iterable[str]) -> trainers.BpeTrainer:
    return trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        max_token_length=LONGEST_TOKEN,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in special],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )


def _configuration(arch: str, chat: Chat) -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "chat_template": (ASSETS / f"{arch}.jinja").read_text("utf-8"),
        "clean_up_tokenization_spaces": False,
        "bos_token": chat.begin,
        "eos_token": chat.end,
        "pad_token": chat.pad,
    }


def _dump(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", "utf-8")
