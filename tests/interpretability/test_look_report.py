"""The page's data compared with the model, its escapes, its size, and texts that it refuses."""

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.backbone.config import Norm
from gpt_toolkit.generation.language_model import LanguageModel
from gpt_toolkit.interpretability.look_report import look, piece
from gpt_toolkit.tokenizers import load_tokenizer

BYTES = load_tokenizer("bytes")


def small_model(norm: Norm = "pre", **fields: Any) -> LanguageModel:
    torch.manual_seed(0)
    shape = {"vocab_size": 260, "n_ctx": 40, "n_layer": 2, "n_head": 2, "n_embd": 16, "norm": norm} | fields
    decoder = Decoder(DecoderConfig.from_fields(shape))
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.3)
    return LanguageModel(decoder, BYTES)


class Page(HTMLParser):
    """The text of a page, and its tags."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.written = path.read_text(encoding="utf-8")
        self.feed(self.written)
        [self.data] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', self.written)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)


def written(model: LanguageModel, path: Path, text: str, **options: Any) -> Page:
    look(model, text, title="<b>model</b>", output=path, **options)
    return Page(path)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_the_page_has_the_model_s_numbers(norm: Norm, tmp_path: Path) -> None:
    model = small_model(norm)
    data = json.loads(written(model, tmp_path / "page.html", "abcab").data)
    ids = [BYTES.end_of_text, *BYTES.encode("abcab")]
    probabilities = model.logits(torch.tensor([ids]))[0, :, :257].softmax(-1)
    assert data["pieces"] == ["start", "a", "b", "c", "a", "b"]
    assert len(data["tokens"]) == 6
    for place, (bits, rank, alternatives, lens) in enumerate(data["tokens"]):
        best = probabilities[place].topk(5)
        assert alternatives == [
            [piece(model, token), pytest.approx(p, abs=1e-4)]
            for token, p in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ]
        assert lens[-1][:2] == alternatives[0]
        if place < 5:
            p = probabilities[place, ids[place + 1]]
            assert bits == pytest.approx(-p.log2().item(), abs=0.01)
            assert rank == (probabilities[place] > p).sum() + 1
            assert lens[-1][2] == pytest.approx(p.item(), abs=1e-4)
    assert data["tokens"][-1][:2] == [None, None]
    total = sum(row[0] for row in data["tokens"][:-1])
    assert total == pytest.approx(-model.score("", "abcab")[0] / np.log(2), abs=0.05)
    values = np.frombuffer(base64.b64decode(data["attention"]), np.uint8).reshape(2, 2, 21) / 255
    rows, columns = np.tril_indices(6)
    for layer in range(2):
        pattern = model.trace(ids)[f"h.{layer}.attn.pattern"].numpy()
        np.testing.assert_allclose(values[layer], pattern[:, rows, columns], atol=0.5 / 255 + 1e-6)


def test_text_and_title_cannot_become_part_of_the_page(tmp_path: Path) -> None:
    hostile = "</script><img src=x>$lens & \u202e\n"
    model = small_model()
    page = written(model, tmp_path / "page.html", hostile, other_text=f"{hostile[:-1]}?", answers=("<", ">"))
    assert "img" not in page.tags
    assert page.tags.count("script") == 2
    assert "<" not in page.data  # whatever the tokens are
    assert "&lt;b&gt;model&lt;/b&gt;" in page.written
    assert "".join(json.loads(page.data)["pieces"][1:]).startswith("</script><img src=x>$lens & ")
    assert "\u202e" not in page.written


def test_the_page_needs_no_network(tmp_path: Path) -> None:
    page = written(small_model(), tmp_path / "page.html", "abc")
    assert "default-src 'none'" in page.written
    assert not re.search(r"https?:|src=|@import|url\(", page.written)


def test_the_page_of_gpt2_small_and_128_tokens_is_small(tmp_path: Path) -> None:
    model = small_model(n_ctx=129, n_layer=12, n_head=12, n_embd=48)
    written(model, tmp_path / "page.html", "abcd" * 32)
    assert (tmp_path / "page.html").stat().st_size < 3e6


def test_the_effects_of_patching_are_in_the_page(tmp_path: Path) -> None:
    model = small_model()
    page = written(model, tmp_path / "page.html", "aab", other_text="acb", answers=("x", "y"))
    assert page.written.count("<caption>Effect of ") == 3
    for text, expected in (("aab", "first text"), ("acb", "second.")):
        logits = model.logits(torch.tensor([[BYTES.end_of_text, *BYTES.encode(text)]]))[0, -1]
        assert f"<b>{(logits[ord('x')] - logits[ord('y')]).item():+.2f}</b> for the {expected}" in re.sub(
            r"\s+", " ", page.written
        )
    assert "<th scope=col>a / c<th scope=col>b<tbody>" in page.written


def test_pieces_show_what_cannot_be_printed() -> None:
    model = small_model()
    assert [piece(model, token) for token in (10, 32, 97, 0xE4, 0)] == ["↵", " ", "a", "\\xe4", "\\u0000"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "text: 0 tokens; expected 1 to 39 for this model; give a longer text"),
        ("a" * 40, "text: 40 tokens; expected 1 to 39 for this model; give a shorter text"),
    ],
    ids=["empty", "long"],
)
def test_a_text_of_another_length_is_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        written(small_model(), tmp_path / "page.html", text)
    with pytest.raises(ValueError, match="text: 300 tokens; expected 1 to 255"):
        written(small_model(n_ctx=512), tmp_path / "page.html", "a" * 300)
    with pytest.raises(ValueError, match="answer: ''; expected a text"):
        written(small_model(), tmp_path / "page.html", "ab", other_text="ac", answers=("", None))
    assert not list(tmp_path.iterdir())
