"""Decay groups, optimizers compared with torch's, schedules compared with their formulas."""

import copy
import math

import pytest
import torch
from torch import Tensor, nn

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.optim import (
    AdamW,
    Constant,
    Cosine,
    Linear,
    Muon,
    MuonAdamW,
    OptimizerFactory,
    Schedule,
    WarmupStableDecay,
    clip_global_norm,
    decay_groups,
    number_in_module_order,
    orthogonalize,
)


def tiny() -> Decoder:
    torch.manual_seed(0)
    return Decoder(DecoderConfig(vocab_size=11, n_ctx=6, n_layer=2, n_head=2, n_embd=8))


def train(module: Decoder, optimizer: torch.optim.Optimizer, steps: int = 4) -> None:
    ids = torch.arange(12).view(2, 6) % 11
    for _ in range(steps):
        optimizer.zero_grad()
        module(ids).square().mean().backward()
        optimizer.step()


@pytest.mark.parametrize(
    ("name", "tensors", "decayed", "plain"),
    [("gpt2", (50, 98), 124_318_464, 121_344), ("gpt1", (50, 96), 116_414_976, 119_808)],
)
def test_decay_groups_split_by_rank_as_the_papers_models_do(
    name: str, tensors: tuple[int, int], decayed: int, plain: int
) -> None:
    with torch.device("meta"):
        decoder = Decoder(DecoderConfig.from_preset(name))
    groups = decay_groups(decoder.named_parameters(), 0.1)
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]
    assert tuple(len(group["params"]) for group in groups) == tensors
    assert [sum(p.numel() for p in group["params"]) for group in groups] == [decayed, plain]


def test_adamw_updates_as_torch_does() -> None:
    ours, theirs = tiny(), tiny()
    train(ours, AdamW(lr=0.01, betas=(0.9, 0.95), weight_decay=0.1).build(ours))
    groups = [
        {"params": [p for p in theirs.parameters() if p.ndim >= 2], "weight_decay": 0.1},
        {"params": [p for p in theirs.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    train(theirs, torch.optim.AdamW(groups, lr=0.01, betas=(0.9, 0.95), foreach=False, fused=False))
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def test_muon_updates_matrices_as_torchs_muon_and_the_rest_as_adamw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPT_TOOLKIT_BF16", "1")  # torch's own always iterates in bf16
    ours, theirs = tiny(), tiny()
    train(ours, Muon(lr=0.02, adamw_lr=0.01, weight_decay=0.1, betas=(0.9, 0.95)).build(ours))
    embeddings = {id(theirs.wte.weight), id(theirs.wpe.weight)}
    matrices = [p for p in theirs.parameters() if p.ndim == 2 and id(p) not in embeddings]
    rest = [p for p in theirs.parameters() if p.ndim < 2]
    muon = torch.optim.Muon(matrices, lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    adamw = torch.optim.AdamW(
        [
            {"params": [theirs.wte.weight, theirs.wpe.weight], "weight_decay": 0.1},
            {"params": rest, "weight_decay": 0.0},
        ],
        lr=0.01,
        betas=(0.9, 0.95),
    )
    ids = torch.arange(12).view(2, 6) % 11
    for _ in range(4):
        muon.zero_grad()
        adamw.zero_grad()
        theirs(ids).square().mean().backward()
        muon.step()  # type: ignore[no-untyped-call]
        adamw.step()
    for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        # bf16 iterations of batches and of single matrices round differently
        torch.testing.assert_close(a, b, rtol=0, atol=2e-3, msg=name)


def newton_schulz(matrices: Tensor) -> Tensor:
    """Run the iteration of Jordan et al. (2024), in float64."""
    x: Tensor = matrices.double()
    x = x / x.norm(dim=(-2, -1), keepdim=True)
    for _ in range(5):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x


@pytest.mark.parametrize(
    ("native", "dtype", "tolerance"), [("0", torch.float32, 1e-4), ("1", torch.bfloat16, 0.05)]
)
@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 6, 20), (2, 20, 6)])
def test_newton_schulz_runs_in_the_type_that_the_device_has_and_agrees_with_float64(
    shape: tuple[int, int, int],
    native: str,
    dtype: torch.dtype,
    tolerance: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GPT_TOOLKIT_BF16", native)
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    got = orthogonalize(matrices)
    assert got.dtype == dtype
    tall = shape[1] > shape[2]
    expected = newton_schulz(matrices.mT).mT if tall else newton_schulz(matrices)
    torch.testing.assert_close(got.double(), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 6, 20), (2, 20, 6)])
def test_orthogonalized_matrices_have_singular_values_near_one(shape: tuple[int, int, int]) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalize(matrices).float())
    assert values.min() > 0.4
    assert values.max() < 1.35


@pytest.mark.parametrize("factory", [AdamW(lr=0.01), Muon(lr=0.02, adamw_lr=0.01, weight_decay=0.1)])
def test_an_optimizer_restored_from_its_state_goes_on_to_the_same_bits(factory: OptimizerFactory) -> None:
    whole = tiny()
    train(whole, factory.build(whole), steps=6)
    first = tiny()
    optimizer = factory.build(first)
    train(first, optimizer, steps=3)
    second = tiny()
    second.load_state_dict(first.state_dict())
    restored = factory.build(second)
    restored.load_state_dict(optimizer.state_dict())
    train(second, restored, steps=3)
    for a, b in zip(whole.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)


def test_frozen_parameters_are_left_out() -> None:
    decoder = tiny()
    decoder.wte.weight.requires_grad_(False)
    for factory in (AdamW(lr=0.1), Muon(lr=0.1, adamw_lr=0.1)):
        held = {id(p) for group in factory.build(decoder).param_groups for p in group["params"]}
        assert held == {id(p) for p in decoder.parameters() if p.requires_grad}


def test_a_module_without_matrices_has_one_group() -> None:
    assert isinstance(Muon(lr=0.1, adamw_lr=0.1).build(nn.LayerNorm(3)), MuonAdamW)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Constant(warmup_steps=3), {0: 0.25, 2: 0.75, 3: 1.0, 50: 1.0, 100: 1.0}),
        (Cosine(warmup_steps=10, final=0.1), {0: 1 / 11, 10: 1.0, 55: 0.55, 100: 0.1, 200: 0.1}),
        (Linear(warmup_steps=0.1), {0: 1 / 11, 10: 1.0, 55: 0.5, 100: 0.0, 200: 0.0}),
        (WarmupStableDecay(warmup_steps=0, decay=0.2), {0: 1.0, 80: 1.0, 90: 0.5, 100: 0.0}),
    ],
)
def test_schedules_follow_their_formulas(schedule: Schedule, expected: dict[int, float]) -> None:
    for step, share in expected.items():
        assert schedule(step, 100) == pytest.approx(share, abs=1e-12)


def test_a_cosine_is_a_half_wave_between_its_ends() -> None:
    shares = [Cosine()(step, 40) for step in range(41)]
    assert shares == pytest.approx([0.5 + 0.5 * math.cos(math.pi * step / 40) for step in range(41)])


def test_impossible_schedules_are_refused() -> None:
    with pytest.raises(ValueError, match="warmup_steps: -1; expected 0 or more"):
        Linear(warmup_steps=-1)
    with pytest.raises(ValueError, match=r"decay: 1\.5"):
        WarmupStableDecay(decay=1.5)


@pytest.mark.parametrize("max_norm", [0.1, 1e6])
def test_the_global_norm_is_clipped_as_torch_does(max_norm: float) -> None:
    ours, theirs = (nn.ParameterList([torch.ones(3), torch.ones(2, 2), torch.ones(1)]) for _ in range(2))
    for parameters in (ours, theirs):
        parameters[0].grad, parameters[1].grad = torch.tensor([3.0, 4.0, 0.0]), torch.full((2, 2), 6.0)
    clip_global_norm(ours.parameters(), max_norm)
    nn.utils.clip_grad_norm_(theirs.parameters(), max_norm)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=0.0, atol=0.0)


def test_a_state_numbered_as_the_module_is_loads_to_the_same_update() -> None:
    module = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2))
    optimizer = AdamW(lr=0.1).build(module)  # matrices first, then biases
    module(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    state = optimizer.state_dict()
    before = copy.deepcopy(state)
    number_in_module_order(module, optimizer, state)
    assert [group["params"] for group in state["param_groups"]] == [[0, 2], [1, 3]]
    for i, parameter in enumerate(module.parameters()):
        torch.testing.assert_close(state["state"][i]["exp_avg"], optimizer.state[parameter]["exp_avg"])
    optimizer.load_state_dict(state)
    again = optimizer.state_dict()
    for i, kept in before["state"].items():
        torch.testing.assert_close(again["state"][i]["exp_avg"], kept["exp_avg"], rtol=0.0, atol=0.0)
