"""Heads in model folders: read back to the bit, and computed alike by transformers."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gpt_toolkit.backbone.config import Norm
from gpt_toolkit.batches import TrainedDataset
from gpt_toolkit.checkpoints import open_model
from gpt_toolkit.checkpoints.conversion import convert
from gpt_toolkit.checkpoints.stored_heads import (
    HEADS_FILE,
    describe_transformers,
    module_name,
    transformers_classifier,
)
from gpt_toolkit.checkpoints.stored_model import LazyTensor
from gpt_toolkit.inference.classifier import Classifier
from gpt_toolkit.inference.load_model import load
from gpt_toolkit.tokenizers import load_tokenizer
from tests.data.fakes import spec
from tests.small_classifier import LABELS, ONE_TEXT, classifier
from tests.small_decoder import NORMS

transformers = pytest.importorskip("transformers")


def logits_of(model: Classifier, texts: Sequence[str]) -> Tensor:
    """Compute the logits in float64 from the definition: start, text, extract, last state, linear map."""
    decoder, head = model.decoder.double(), model.head().module.double()
    rows = []
    with torch.no_grad():
        for text in texts:
            ids = torch.tensor([[257, *text.encode(), 259]])
            rows.append(head(decoder(ids)[:, -1:]))
    model.decoder.float()
    head.float()
    return torch.cat(rows)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("bias", [0.0, 1.0])
def test_transformers_computes_the_same_logits(norm: Norm, bias: float, tmp_path: Path) -> None:
    model = classifier(norm, bias=bias)
    model.save(tmp_path / "m")
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "m")
    assert type(theirs).__name__ == {"pre": "GPT2", "post": "OpenAIGPT"}[norm] + "ForSequenceClassification"
    assert list(theirs.config.id2label.values()) == list(LABELS)
    texts = ["a", "cold rain", "the well is dry again"]
    rows = [[257, *text.encode(), 259] for text in texts]
    padded = [row + [theirs.config.pad_token_id] * (23 - len(row)) for row in rows]
    with torch.no_grad():
        found = theirs.eval()(torch.tensor(padded)).logits
    torch.testing.assert_close(found.double(), logits_of(model, texts), rtol=0, atol=1e-5)


@pytest.mark.parametrize("norm", NORMS)
def test_heads_are_read_back_to_the_bit_next_to_the_same_decoder(norm: Norm, tmp_path: Path) -> None:
    datasets = [
        TrainedDataset(spec("a.b", labels=LABELS), files=("12",), columns=ONE_TEXT, n_ctx=20),
        TrainedDataset(spec("quiz", "multiple_choice", labels=(), choices=3)),
        TrainedDataset(spec("grade", "graded", labels=("0", "1", "2"))),
        TrainedDataset(spec("words", labels=("x", "y")), is_text=True),
    ]
    model = classifier(norm, datasets)
    model.save(tmp_path / "m")
    again: Any = load(tmp_path / "m", device="cpu")
    assert again.datasets == model.datasets
    assert list(again.heads) == ["a.b", "quiz", "grade"]
    for name, head in model.heads.items():
        mine, stored = head.module.state_dict(), again.head(name).module.state_dict()
        assert all(torch.equal(mine[key], stored[key]) for key in mine)
    for key, tensor in model.decoder.state_dict().items():
        assert torch.equal(tensor, again.decoder.state_dict()[key]), key
    language_model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "m")
    ids = torch.tensor([[1, 2, 3]])
    torch.testing.assert_close(language_model(ids).logits, model.logits(ids), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("datasets", "reason"),
    [
        ([TrainedDataset(spec("a")), TrainedDataset(spec("b"))], "2 heads, and it has one"),
        (
            [TrainedDataset(spec("quiz", "multiple_choice", labels=(), choices=3))],
            "the head of quiz reads a score of each answer, and its heads read one sequence",
        ),
        ([TrainedDataset(spec("p", "similarity"))], "the head of p reads both orders of two texts"),
        ([TrainedDataset(spec("g", "graded", labels=("0", "1")))], "the head of g reads both orders"),
    ],
)
def test_a_head_that_transformers_does_not_have_is_said_in_a_line(
    datasets: list[TrainedDataset], reason: str, tmp_path: Path
) -> None:
    model = classifier("pre", datasets)
    model.save(tmp_path / "m")
    line = describe_transformers(open_model(tmp_path / "m"))
    assert line.startswith(f"loads in transformers without its heads: {reason}")
    fields = json.loads((tmp_path / "m" / "config.json").read_text())
    assert fields["architectures"] == ["GPT2LMHeadModel"]
    assert "id2label" not in fields


def test_grades_of_one_text_are_classes_of_levels_in_transformers(tmp_path: Path) -> None:
    model = classifier("pre", [TrainedDataset(spec("g", "graded", labels=("0", "1", "2")), columns=ONE_TEXT)])
    model.save(tmp_path / "m")
    line = describe_transformers(open_model(tmp_path / "m"))
    assert line == "loads in transformers as GPT2ForSequenceClassification"


def test_a_bias_that_does_not_fit_into_the_weights_is_not_forced_into_them() -> None:
    model = classifier()
    nn.init.zeros_(model.decoder.get_parameter("ln_f.bias"))  # the plane of the states goes through 0
    heads = model.stored_heads()
    tensors = {name: LazyTensor.of(tensor) for name, tensor in model.decoder.state_dict().items()}
    with pytest.raises(ValueError, match="have no bias, and that of mood does not fit into the weights"):
        transformers_classifier(heads, model.decoder.config, tensors)


def foreign(norm: Norm, **fields: Any) -> Any:
    kind = {"pre": "GPT2", "post": "OpenAIGPT"}[norm]
    shape = {"n_layer": 2, "n_head": 2, "n_embd": 8, "n_positions": 24, "vocab_size": 257}
    config = getattr(transformers, f"{kind}Config")(**shape, **fields)
    torch.manual_seed(1)
    model = getattr(transformers, f"{kind}ForSequenceClassification")(config)
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    return model.eval()


@pytest.mark.parametrize("norm", NORMS)
def test_a_classifier_of_transformers_is_read_with_its_labels(norm: Norm, tmp_path: Path) -> None:
    theirs = foreign(norm, id2label=dict(enumerate(LABELS)))
    theirs.save_pretrained(tmp_path / "m")
    tokenizer = load_tokenizer("bytes")
    for name, content in tokenizer.files().items():
        (tmp_path / "m" / name).write_text(content, encoding="utf-8")
    texts = ["a", "cold rain", "the well is dry again, and again"]
    with torch.no_grad():
        expected = torch.cat([theirs(torch.tensor([tokenizer.encode(text)[:24]])).logits for text in texts])
    for folder in (tmp_path / "m", tmp_path / "again"):
        model: Any = load(folder, device="cpu")
        assert model.notes == ()
        found = model.predict(texts)
        assert [one.label for one in found] == [LABELS[i] for i in expected.argmax(dim=1).tolist()]
        probabilities = torch.tensor([list(one.probabilities.values()) for one in found])
        torch.testing.assert_close(probabilities, expected.softmax(dim=1), rtol=0, atol=1e-5)
        if folder.name == "m":
            model.save(tmp_path / "again")
    again = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "again")
    assert torch.equal(again.score.weight, theirs.score.weight)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"num_labels": 1}, "1 outputs for single_label_classification; expected 2 or more classes"),
        ({"num_labels": 3, "problem_type": "multi_label_classification"}, "3 outputs for multi_label"),
        ({"id2label": {0: "a", 1: "a"}}, "2 outputs, id2label a, a; expected a name for each"),
    ],
)
def test_a_head_whose_outputs_are_not_classes_is_left_out_with_the_reason(
    fields: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    foreign("pre", **fields).save_pretrained(tmp_path)
    stored = open_model(tmp_path)
    assert stored.heads is None
    [note] = stored.notes
    assert re.search(rf"the head of another task is left out: score\.weight: {reason}", note)


def test_a_damaged_file_of_heads_is_refused_by_its_name(tmp_path: Path) -> None:
    model = classifier()
    model.save(tmp_path / "m")
    path = tmp_path / "m" / HEADS_FILE
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ValueError, match=r"heads\.safetensors: Error while deserializing header: incomplete"):
        load(tmp_path / "m", device="cpu")
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"heads\.safetensors: not found"):
        load(tmp_path / "m", device="cpu")
    other = classifier("pre", [TrainedDataset(spec("mood", labels=("no", "yes")))])
    other.save(tmp_path / "other")
    path.write_bytes((tmp_path / "other" / HEADS_FILE).read_bytes())
    message = rf"heads\.{module_name('mood')}\.linear\.weight is \(2, 8\); expected \(3, 8\)"
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "m", device="cpu")


@pytest.mark.parametrize("dtype", [None, "bfloat16"])
def test_a_converted_model_has_its_heads(dtype: str | None, tmp_path: Path) -> None:
    model = classifier()
    model.save(tmp_path / "m")
    convert(str(tmp_path / "m"), tmp_path / "converted", dtype=dtype)
    again: Any = load(tmp_path / "converted", device="cpu", dtype=torch.float32)
    for key, tensor in model.head().module.state_dict().items():
        expected = tensor if dtype is None else tensor.bfloat16().float()
        assert torch.equal(again.head().module.state_dict()[key], expected)
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "converted")
    assert theirs.config.pad_token_id == 256
    assert str(theirs.score.weight.dtype) == f"torch.{dtype or 'float32'}"
