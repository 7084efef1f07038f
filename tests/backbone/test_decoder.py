"""The decoder's invariants; agreement with transformers is in tests/parity."""

import copy
import math
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from gpt_toolkit.backbone import Decoder, DecoderConfig, KeyValueCache
from gpt_toolkit.backbone.config import Norm
from gpt_toolkit.backbone.initialization import initialize

NORMS = ("pre", "post")


def tiny(norm: Norm = "pre", **fields: Any) -> Decoder:
    torch.manual_seed(0)
    config = DecoderConfig(vocab_size=13, n_ctx=7, n_layer=2, n_head=2, n_embd=8, norm=norm, **fields)
    decoder = Decoder(config)
    for parameter in decoder.parameters():  # away from the small values of the start, where little shows
        torch.nn.init.normal_(parameter, std=0.5)
    return decoder


@pytest.mark.parametrize("norm", NORMS)
def test_no_position_sees_its_future(norm: Norm) -> None:
    decoder = tiny(norm)
    ids = torch.tensor([[3, 1, 4, 1, 5, 9, 2]])
    before = decoder(ids)
    for position in range(1, 7):
        changed = ids.clone()
        changed[0, position] = 12
        after = decoder(changed)
        assert torch.equal(after[:, :position], before[:, :position])
        assert not torch.allclose(after[:, position], before[:, position])


@pytest.mark.parametrize("norm", NORMS)
def test_reading_in_parts_with_a_cache_gives_the_same_hidden_states(norm: Norm) -> None:
    decoder = tiny(norm)
    ids = torch.tensor([[3, 1, 4, 1, 5, 9, 2], [2, 7, 1, 8, 2, 8, 1]])
    whole = decoder(ids)
    for parts in ([1] * 7, [3, 4], [4, 1, 2], [7]):
        cache = KeyValueCache(decoder.config, batch_size=2, dtype=torch.float32)
        pieces = [decoder(part, cache) for part in torch.split(ids, parts, dim=1)]
        torch.testing.assert_close(torch.cat(pieces, dim=1), whole, rtol=1e-5, atol=1e-5)
        assert cache.length == 7


def test_a_text_longer_than_the_context_is_refused() -> None:
    decoder = tiny()
    with pytest.raises(ValueError, match="input_ids: 8 tokens; expected at most 7, the context length"):
        decoder(torch.zeros(1, 8, dtype=torch.long))
    cache = KeyValueCache(decoder.config, 1, dtype=torch.float32, capacity=4)
    decoder(torch.zeros(1, 3, dtype=torch.long), cache)
    with pytest.raises(ValueError, match="input_ids: 5 tokens; expected at most 4, the cache capacity"):
        decoder(torch.zeros(1, 2, dtype=torch.long), cache)


def test_the_output_matrix_is_the_token_embedding_itself() -> None:
    with torch.device("meta"):
        decoder = Decoder(tiny().config)
    decoder.to_empty(device="cpu")
    initialize(decoder, decoder.config)
    hidden = torch.randn(2, 3, decoder.config.n_embd)
    for each in (decoder, copy.deepcopy(decoder)):
        with torch.no_grad():
            each.wte.weight.mul_(2.0)
            assert torch.equal(each.logits(hidden), F.linear(hidden, each.wte.weight))


@pytest.mark.parametrize(("name", "expected"), [("gpt1", 10.76), ("gpt2", 10.98)])
def test_the_first_loss_is_a_little_above_ln_v(name: str, expected: float) -> None:
    torch.manual_seed(0)
    decoder = Decoder(DecoderConfig.from_preset(name)).eval()
    ids = torch.randint(decoder.config.vocab_size, (1, 32))
    with torch.no_grad():
        logits = decoder.logits(decoder(ids))
    loss = float((logits.logsumexp(-1) - logits.mean(-1)).mean())  # over labels drawn evenly
    assert loss > math.log(decoder.config.vocab_size)
    assert loss == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize(
    ("name", "position", "projection"), [("gpt1", 0.02, 0.02), ("gpt2", 0.01, 0.02 / math.sqrt(8))]
)
def test_initial_weights_have_the_papers_spread(name: str, position: float, projection: float) -> None:
    torch.manual_seed(0)
    decoder = Decoder(DecoderConfig.from_preset(name, n_layer=4, vocab_size=999))
    block: Any = decoder.h[3]
    for weight, std in (
        (decoder.wte.weight, 0.02),
        (decoder.wpe.weight, position),
        (block.attn.c_attn.weight, 0.02),
        (block.mlp.c_fc.weight, 0.02),
        (block.attn.c_proj.weight, projection),
        (block.mlp.c_proj.weight, projection),
    ):
        assert float(weight.detach().std()) == pytest.approx(std, rel=0.02)
        assert abs(float(weight.detach().mean())) < std / 100
    for name_, parameter in decoder.named_parameters():
        if parameter.ndim == 1:
            gain = "ln_" in name_ and name_.endswith("weight")
            assert torch.equal(parameter, torch.ones_like(parameter) if gain else torch.zeros_like(parameter))


def test_a_decoder_built_on_meta_and_filled_later_is_the_same() -> None:
    torch.manual_seed(3)
    direct = Decoder(DecoderConfig(11, 6, 2, 2, 8))
    with torch.device("meta"):
        later = Decoder(DecoderConfig(11, 6, 2, 2, 8))
    assert all(p.is_meta for p in later.parameters())
    later.to_empty(device="cpu")
    torch.manual_seed(3)
    initialize(later, later.config)
    for (name, a), b in zip(direct.named_parameters(), later.parameters(), strict=True):
        assert torch.equal(a, b), name


@pytest.mark.parametrize("rate", ["embd_pdrop", "attn_pdrop", "resid_pdrop"])
def test_each_dropout_acts_in_training_and_rests_in_evaluation(rate: str) -> None:
    rates: dict[str, Any] = {rate: 0.5}
    decoder = tiny(**rates)
    ids = torch.tensor([[3, 1, 4, 1, 5]])
    assert not torch.allclose(decoder(ids), decoder(ids))
    decoder.eval()
    assert torch.equal(decoder(ids), decoder(ids))
    plain = tiny().eval()
    assert torch.equal(decoder(ids), plain(ids))


def test_the_mlp_uses_the_tanh_form_of_gelu() -> None:
    block: Any = tiny().h[0]
    mlp = block.mlp
    x = torch.linspace(-4, 4, 8).view(1, 1, 8)
    hidden = mlp.c_fc(x)
    tanh = 0.5 * hidden * (1 + torch.tanh(math.sqrt(2 / math.pi) * (hidden + 0.044715 * hidden**3)))
    torch.testing.assert_close(mlp(x), mlp.c_proj(tanh), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("at", [None, torch.tensor([[2], [4]])], ids=["all", "at"])
def test_recomputed_blocks_give_the_same_states_and_gradients_with_dropout_too(
    norm: Norm, at: torch.Tensor | None
) -> None:
    decoder = tiny(norm, embd_pdrop=0.2, attn_pdrop=0.2, resid_pdrop=0.2).train()
    input_ids = torch.tensor([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]])
    results = []
    for checkpointing in (False, True):
        decoder.activation_checkpointing = checkpointing
        decoder.zero_grad()
        torch.manual_seed(7)
        states = decoder(input_ids, positions=at)
        states.square().sum().backward()
        results.append((states.detach(), [p.grad for p in decoder.parameters()], torch.rand(3)))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0.0, atol=0.0)


def test_recomputing_keeps_fewer_tensors_for_the_backward_pass() -> None:
    decoder = Decoder(DecoderConfig(n_layer=3, n_head=2, n_embd=8, n_ctx=5, vocab_size=11))
    kept = []
    for checkpointing in (False, True):
        decoder.activation_checkpointing = checkpointing
        sizes: dict[int, int] = {}

        def keep(tensor: torch.Tensor, sizes: dict[int, int] = sizes) -> torch.Tensor:
            sizes[tensor.data_ptr()] = tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            decoder(torch.zeros(4, 5, dtype=torch.long))
        kept.append(sum(sizes.values()))
    assert kept[1] < kept[0] / 3
