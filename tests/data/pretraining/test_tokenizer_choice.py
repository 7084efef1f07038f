import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gpt_toolkit.data.pretraining import datamodule, tokenizer_choice
from gpt_toolkit.data.pretraining.datamodule import CorpusDataModule
from gpt_toolkit.data.pretraining.tokenizer_choice import TokenizerChoice, automatic_size

Write = Callable[[str, str | bytes], Path]


@pytest.mark.parametrize(
    ("n_bytes", "size"),
    [
        (0, None),
        (199_999, None),
        (200_000, 1024),
        (1_115_394, 2048),
        (21e6, 8192),
        (1e9, 50_257),
        (1e12, 50_257),
    ],
)
def test_the_vocabulary_grows_with_the_text(n_bytes: float, size: int | None) -> None:
    assert automatic_size(int(n_bytes)) == size


def trained(path: Path, tokenizer: str = "train:270") -> CorpusDataModule:
    module = CorpusDataModule(files=str(path), tokenizer=tokenizer, n_ctx=8, val_fraction=0.2)
    module.prepare_data()
    module.setup("fit")
    return module


@pytest.fixture
def text(write: Write) -> Path:
    return write(
        "text.txt", "the cat sat on the mat and the rat sat on the cat \n" * 40 + "zyxw zyxw zyxw " * 20
    )


def test_a_vocabulary_is_trained_on_training_text_alone(text: Path) -> None:
    module = trained(text)
    assert module.vocabulary.vocab_size == 270
    assert len(module.vocabulary.encode(" the cat")) == 2
    assert len(module.vocabulary.encode("zyxw")) == 4  # only at the end, which is held out
    assert module.cache.n_tokens("train") < module.cache.n_bytes("train") / 2


def test_a_trained_vocabulary_is_kept(text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = trained(text).vocabulary

    def never(*arguments: object, **options: object) -> None:
        raise AssertionError

    monkeypatch.setattr(tokenizer_choice, "train_byte_level", never)
    again = trained(text).vocabulary
    assert again.fingerprint == first.fingerprint


def test_another_text_or_size_is_another_vocabulary(text: Path, write: Write, cache: Path) -> None:
    trained(text)
    trained(text, "train:265")
    trained(write("other.txt", "entirely different words in this one \n" * 60))
    assert len(list((cache / "vocabularies").iterdir())) == 3


def test_auto_states_what_it_chose(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(datamodule.log, "info", said.append)
    assert trained(write("tiny.txt", "some words " * 50), "auto").vocabulary.vocab_size == 257
    assert said == ["Vocabulary: raw bytes, as the training text is small (about 0.0 MB; tokenizer=auto)."]
    records = [json.dumps({"text": f"number {i} " * 20}) for i in range(1500)]
    corpus = CorpusDataModule(files=str(write("more.jsonl", "\n".join(records)))).corpus()
    assert TokenizerChoice.of("auto", corpus) == TokenizerChoice(
        corpus,
        size=1024,
        reason="Vocabulary: byte-level BPE of 1,024 tokens trained on the training text (about 0.3 MB; "
        "tokenizer=auto).",
    )


def test_a_size_that_is_no_number_is_refused(text: Path) -> None:
    with pytest.raises(
        ValueError, match="'train:big'; expected a vocabulary size at its end, such as train:4096"
    ):
        trained(text, "train:big")


def test_a_vocabulary_that_was_not_trained_yet_is_asked_for(text: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"2a1a4b571e376466: no vocabulary of .*text\.txt; expected one"
    ):
        CorpusDataModule(files=str(text), tokenizer="train:270").setup("fit")


@pytest.mark.shared
def test_documents_in_pieces_have_the_ids_of_the_whole(
    shared_data: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpt_toolkit.data.pretraining.plain_text.BLOCK_BYTES", 1000)
    text = (shared_data / "tinyshakespeare" / "input.txt").read_text()[:50_000]
    module = CorpusDataModule(
        files=str(write("play.txt", text)),
        tokenizer=str(shared_data / "tokenizers" / "gpt2"),
        n_ctx=8,
        val_fraction=0,
    )
    module.prepare_data()
    module.setup("fit")
    tokens = module.cache.tokens("train")
    assert tokens.read(0, len(tokens)).tolist() == [50_256, *module.vocabulary.encode(text)]
