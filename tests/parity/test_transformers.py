"""Both complete models compared with ``transformers``, an independent implementation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from gpt_toolkit.backbone import Decoder, DecoderConfig, KeyValueCache
from gpt_toolkit.backbone.config import Norm
from gpt_toolkit.checkpoints import (
    build_decoder,
    config_from_hugging_face,
    from_hugging_face,
    open_model,
    to_hugging_face,
    write_model_folder,
)
from gpt_toolkit.generation import generate
from gpt_toolkit.generation.language_model import LanguageModel, load
from gpt_toolkit.tokenizers.loading import load_tokenizer
from tests.checkpoints.layouts import their_model

transformers = pytest.importorskip("transformers")

NORMS: tuple[Norm, ...] = ("pre", "post")
SHAPES = [  # n_layer, n_head, n_embd, n_ctx, vocab_size
    (1, 1, 8, 4, 11),
    (2, 2, 8, 5, 17),
    (3, 4, 16, 9, 30),
    (2, 3, 24, 16, 101),
    (4, 8, 64, 40, 512),
    (2, 12, 96, 20, 50),
]


def assert_close(got: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)


def our_model(theirs: Any) -> Decoder:
    config = config_from_hugging_face(theirs.config.to_dict())
    state_dict = {name: tensor.clone() for name, tensor in theirs.state_dict().items()}
    return build_decoder(config, from_hugging_face(state_dict, config))


def random_ids(shape: tuple[int, ...], batch: int = 3) -> Tensor:
    *_, n_ctx, vocab_size = shape
    return torch.randint(vocab_size, (batch, n_ctx), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("norm", NORMS)
def test_logits_and_gradients_agree_with_transformers(norm: Norm, shape: tuple[int, ...]) -> None:
    theirs = their_model(norm, shape)
    decoder = our_model(theirs)
    input_ids = random_ids(shape)

    our_logits = decoder.logits(decoder(input_ids))
    their_logits = theirs(input_ids).logits
    assert_close(our_logits, their_logits)

    for logits in (our_logits, their_logits):
        loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), input_ids[:, 1:].flatten())
        torch.autograd.backward(loss)
    their_gradients = {name: p.grad for name, p in theirs.named_parameters() if p.grad is not None}
    our_gradients = {name: p.grad for name, p in decoder.named_parameters() if p.grad is not None}
    assert len(our_gradients) == len(list(decoder.parameters()))
    renamed = to_hugging_face(our_gradients, decoder.config)
    assert renamed.keys() == their_gradients.keys()
    for name, gradient in renamed.items():
        assert_close(gradient, their_gradients[name])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("norm", NORMS)
def test_there_and_back_gives_equal_tensors(norm: Norm, shape: tuple[int, ...]) -> None:
    theirs = their_model(norm, shape).state_dict()
    config = config_from_hugging_face(their_model(norm, shape).config.to_dict())
    back = to_hugging_face(from_hugging_face(theirs, config), config)
    assert back.keys() == theirs.keys() - {"lm_head.weight"}
    for name, tensor in back.items():
        assert torch.equal(tensor, theirs[name]), name


@pytest.mark.parametrize("norm", NORMS)
def test_transformers_loads_what_we_write_and_we_what_it_writes(norm: Norm, tmp_path: Path) -> None:
    shape = (3, 4, 16, 9, 300)
    theirs = their_model(norm, shape)
    theirs.save_pretrained(tmp_path / "theirs")
    model = open_model(tmp_path / "theirs")
    write_model_folder(tmp_path / "ours", model.config, model.read(), {})
    loaded, report = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path / "ours", output_loading_info=True
    )
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert type(loaded) is type(theirs)
    input_ids = random_ids(shape)
    with torch.no_grad():
        expected = theirs(input_ids).logits
        assert torch.equal(loaded.eval()(input_ids).logits, expected)
        assert_close(load(tmp_path / "ours").logits(input_ids), expected)


def test_shards_that_transformers_writes_are_read(tmp_path: Path) -> None:
    theirs = their_model("pre", (4, 2, 32, 33, 257))
    theirs.save_pretrained(tmp_path, max_shard_size="40KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 2
    model = open_model(tmp_path)
    for name, tensor in to_hugging_face(model.read(), model.config).items():
        assert torch.equal(tensor, theirs.state_dict()[name]), name


@pytest.mark.parametrize("norm", NORMS)
def test_auto_tokenizer_reads_the_folder_to_equal_ids(norm: Norm, tmp_path: Path) -> None:
    torch.manual_seed(0)
    decoder = Decoder(DecoderConfig(vocab_size=257, n_ctx=8, n_layer=1, n_head=1, n_embd=8, norm=norm))
    tokenizer = load_tokenizer("bytes")
    LanguageModel(decoder, tokenizer).save(tmp_path / "model")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "model")
    text = "Once upon  a time,\n\tÜber 世界 👋!"
    assert theirs(text)["input_ids"] == tokenizer.encode(text)
    fields = json.loads((tmp_path / "model" / "config.json").read_text())
    assert fields["eos_token_id"] == tokenizer.end_of_text == theirs.eos_token_id


@pytest.mark.parametrize("shape", SHAPES[2:5], ids=str)
@pytest.mark.parametrize("norm", NORMS)
def test_greedy_generation_equals_that_of_transformers(norm: Norm, shape: tuple[int, ...]) -> None:
    theirs = their_model(norm, shape)
    decoder = our_model(theirs)
    prompt = random_ids(shape)[:, :3]
    n_new = decoder.config.n_ctx - 3
    expected = theirs.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=n_new, do_sample=False, pad_token_id=0
    )
    ours = generate(decoder, prompt, max_new_tokens=n_new, temperature=0.0)
    assert ours == expected[:, 3:].tolist()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("norm", NORMS)
def test_cached_logits_equal_uncached_ones_up_to_the_full_context(norm: Norm, shape: tuple[int, ...]) -> None:
    decoder = our_model(their_model(norm, shape))
    input_ids = random_ids(shape)
    n_ctx = decoder.config.n_ctx
    with torch.no_grad():
        whole = decoder.logits(decoder(input_ids))
        for first in {1, n_ctx // 2}:
            cache = KeyValueCache(decoder.config, len(input_ids), dtype=torch.float32)
            spans = [(0, first), *((t, t + 1) for t in range(first, n_ctx))]
            parts = [decoder.logits(decoder(input_ids[:, a:b], cache)) for a, b in spans]
            assert_close(torch.cat(parts, dim=1), whole)


@pytest.mark.parametrize("norm", NORMS)
def test_no_position_sees_its_future(norm: Norm) -> None:
    shape = SHAPES[3]
    decoder = our_model(their_model(norm, shape))
    input_ids = random_ids(shape)
    with torch.no_grad():
        before = decoder.logits(decoder(input_ids))
        for position in range(1, input_ids.shape[1]):
            changed = input_ids.clone()
            changed[:, position] = (changed[:, position] + 1) % decoder.config.vocab_size
            after = decoder.logits(decoder(changed))
            assert torch.equal(after[:, :position], before[:, :position])
            assert not torch.equal(after[:, position], before[:, position])
