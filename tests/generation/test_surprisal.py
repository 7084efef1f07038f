"""Surprisal of words and tokens, compared with transformers and with the definition."""

import math
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.generation.language_model import LanguageModel
from gpt_toolkit.tokenizers import load_tokenizer

transformers = pytest.importorskip("transformers")

TEXTS = [
    "Mira gave the lantern to Otto, and  Otto\nthanked her.",
    "one",
    "A well-known   café\tcloses at 5 o'clock; nobody minds.",
]


def random_model(tokenizer: str = "storyworld", n_ctx: int = 64, norm: str = "pre") -> LanguageModel:
    torch.manual_seed(0)
    vocabulary = load_tokenizer(tokenizer)
    shape = {"n_layer": 2, "n_head": 2, "n_embd": 16, "n_ctx": n_ctx, "vocab_size": vocabulary.vocab_size}
    decoder = Decoder(DecoderConfig.from_fields({**shape, "norm": norm}))
    for parameter in decoder.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return LanguageModel(decoder, vocabulary)


def test_bits_of_words_are_sums_of_transformers_log_probabilities(tmp_path: Path) -> None:
    model = random_model()
    model.save(tmp_path / "m")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "m").eval().double()
    encode: Any = transformers.AutoTokenizer.from_pretrained(tmp_path / "m")
    for text, words, tokens in zip(
        TEXTS, model.surprisal(TEXTS), model.surprisal(TEXTS, by="token"), strict=True
    ):
        encoded = encode(text, return_offsets_mapping=True)
        ids = torch.tensor([[model.tokenizer.end_of_text, *encoded["input_ids"]]])
        with torch.no_grad():
            log_p = theirs(ids).logits.log_softmax(dim=-1)[0, :-1].gather(1, ids[0, 1:, None])[:, 0]
        bits = (-log_p / math.log(2)).tolist()
        assert [one.bits for one in tokens] == pytest.approx(bits, abs=1e-5)
        assert [word.text for word in words] == text.split()
        sums = [0.0] * len(words)
        for (_, end), value in zip(encoded["offset_mapping"], bits, strict=True):
            before = text[:end]  # a token of spaces counts to the word after them
            place = len(before.split()) - (not before[-1].isspace())
            sums[place] += value
        assert [word.bits for word in words] == pytest.approx(sums, abs=1e-5)
        assert sum(word.n_tokens for word in words) == len(bits)


@pytest.mark.parametrize("tokenizer", ["storyworld", "bytes"])
def test_words_add_up_to_the_text_that_is_longer_than_the_context(tokenizer: str) -> None:
    model = random_model(tokenizer, n_ctx=8)
    text = " ".join(TEXTS)
    [words], [tokens], [[whole]] = (model.surprisal([text], by=by) for by in ("word", "token", "text"))
    assert math.fsum(word.bits for word in words) == pytest.approx(whole.bits, rel=1e-6)
    assert math.fsum(token.bits for token in tokens) == pytest.approx(whole.bits, rel=1e-6)
    assert whole.n_tokens == len(tokens) == len(model.tokenizer.encode(text))
    ids = torch.tensor([[model.tokenizer.end_of_text, *model.tokenizer.encode(text)]])
    window = model.logits(ids[:, 4:12])[0].log_softmax(dim=1)  # moved by half a context
    expected = [-float(window[i, ids[0, i + 5]]) / math.log(2) for i in range(4, 8)]
    assert [token.bits for token in tokens[8:12]] == pytest.approx(expected, abs=1e-4)


def test_a_token_of_two_words_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model("bytes")
    monkeypatch.setattr(type(model.tokenizer), "encode", lambda self, text: [1])
    with pytest.raises(ValueError, match=r"text 'a b': a token of .* belongs to two words; expected"):
        model.surprisal(["a b"])


def test_texts_without_words_have_none() -> None:
    model = random_model("bytes")
    assert model.surprisal(["", " \n"]) == [[], []]
    assert model.surprisal([]) == []


@pytest.mark.parametrize("vocabulary", ["gpt1", "gpt2"])
def test_words_of_the_released_vocabularies_have_the_tokens_of_the_text(
    vocabulary: str, shared_data: Path
) -> None:
    model = random_model(str(shared_data / "tokenizers" / vocabulary))
    texts = [*TEXTS, "x\u00a0y  z\u3000w", "“Don't” — 1,234.5 %\r\n next", "<|endoftext|> e\u0301"]
    for text, words in zip(texts, model.surprisal(texts), strict=True):
        assert sum(word.n_tokens for word in words) == len(model.tokenizer.encode(text))
        assert "".join(word.text for word in words) == "".join(re.split("[\t\n\r \u3000]+", text))
