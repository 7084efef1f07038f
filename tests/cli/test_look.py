"""``gpt-toolkit look``: the page that it writes, and its errors."""

from pathlib import Path

import pytest
import torch

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.generation.language_model import LanguageModel
from gpt_toolkit.tokenizers import load_tokenizer
from tests.commands import Tell, assert_refused

SAME = ["--answer", "x", "--answer2", "x"]


@pytest.fixture
def model(place: Path) -> str:
    """Write a model folder; return its name."""
    torch.manual_seed(0)
    decoder = Decoder(DecoderConfig(vocab_size=257, n_ctx=16, n_layer=1, n_head=2, n_embd=16, norm="post"))
    LanguageModel(decoder, load_tokenizer("bytes")).save(place / "model")
    return "model"


def test_a_page_is_written(model: str, place: Path, tell: Tell) -> None:
    said = tell("look", model, "--text", "abc", "--device", "cpu")
    assert said.code == 0, said.err
    assert said.out.startswith("look.html: 0.0")
    assert "GPT-1 architecture: n_layer 1, n_head 2, n_embd 16" in (place / "look.html").read_text("utf-8")
    two = ("--text2", "abd", "--answer", "x", "--answer2", "y", "--output", "two.html")
    assert tell("look", model, "--text", "abc", *two).code == 0
    assert "What makes the difference" in (place / "two.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--text", "a" * 16], "text: 16 tokens; expected 1 to 15 for this model; give a shorter text$"),
        (["--text", "abc", "--text2", "ab"], "the two texts have 4 and 3 tokens; expected the same number"),
        (["--text", "abc", "--text2", "abc"], "the two texts have the same tokens"),
        (["--text", "abc", "--answer", "x"], "look: --answer without --text2; expected two texts"),
        (["--text", "abc", "--text2", "abd", *SAME], "both texts have the answer 'x'; .* give --answer or"),
    ],
    ids=["long", "lengths", "equal", "no second text", "answers"],
)
def test_a_text_that_cannot_be_shown_is_refused_in_one_line(
    arguments: list[str], message: str, model: str, place: Path, tell: Tell
) -> None:
    assert_refused(tell("look", model, *arguments), message, 1)
    assert not (place / "look.html").exists()


def test_a_model_without_tokenizer_or_file_is_refused(model: str, place: Path, tell: Tell) -> None:
    for path in (place / model).glob("*token*"):
        path.unlink()
    assert_refused(tell("look", model, "--text", "abc"), "model: no tokenizer; expected", 1)
    assert_refused(tell("look", "modle", "--text", "abc"), "modle", 1)
    assert_refused(tell("look", model, "--txt", "abc"), "the following arguments are required|no option", 2)
