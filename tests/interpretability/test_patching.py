"""Effects of patching compared with texts that mix the tokens of both, and with one patch at a time."""

import pytest
import torch

from gpt_toolkit.backbone import Decoder
from gpt_toolkit.backbone.config import Norm
from gpt_toolkit.backbone.trace import trace
from gpt_toolkit.interpretability import patching
from gpt_toolkit.interpretability.patching import PATCHED, patch_effects
from tests.small_decoder import NORMS, small_decoder

TEXT, OTHER = [3, 1, 4, 1, 5, 9], [3, 1, 2, 1, 7, 9]
ANSWERS = (6, 8)


def difference(decoder: Decoder, ids: list[int]) -> float:
    with torch.no_grad():
        logits = decoder.logits(decoder(torch.tensor([ids])))[0, -1]
    return (logits[ANSWERS[0]] - logits[ANSWERS[1]]).item()


@pytest.mark.parametrize("norm", NORMS)
def test_patching_the_first_stream_is_replacing_a_token(norm: Norm) -> None:
    decoder = small_decoder(norm).eval()
    found = patch_effects(decoder, TEXT, OTHER, ANSWERS)
    assert found.first == 2
    assert found.difference == pytest.approx(difference(decoder, TEXT), abs=1e-4)
    assert found.other_difference == pytest.approx(difference(decoder, OTHER), abs=1e-4)
    for place in range(2, 6):
        mixed = [*OTHER[:place], TEXT[place], *OTHER[place + 1 :]]
        way = difference(decoder, mixed) - found.other_difference
        expected = way / (found.difference - found.other_difference)
        assert found.effects["resid_pre"][0, place - 2].item() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("batch_tokens", [1, 12, 4096])
def test_the_effects_are_those_of_one_patch_at_a_time(
    batch_tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patching, "_BATCH_TOKENS", batch_tokens)
    decoder = small_decoder().eval()
    calls: list[int] = []
    found = patch_effects(decoder, TEXT, OTHER, ANSWERS, advance=lambda: calls.append(1))
    assert len(calls) == 2 * len(PATCHED)
    clean = trace(decoder, torch.tensor(TEXT))
    for kind in PATCHED:
        assert found.effects[kind].shape == (2, 4)
        for layer in range(2):
            for place in range(2, 6):
                name = f"h.{layer}.{kind}"
                value = trace(decoder, torch.tensor(OTHER))[name].clone()
                value[place] = clean[name][place]
                logits = trace(decoder, torch.tensor(OTHER), replace={name: value})["logits"][-1]
                way = (logits[6] - logits[8]).item() - found.other_difference
                effect = found.effects[kind][layer, place - 2].item()
                expected = way / (found.difference - found.other_difference)
                assert effect == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("other", "answers", "message"),
    [
        (OTHER[:-1], ANSWERS, "the two texts have 6 and 5 tokens; expected the same number"),
        (TEXT, ANSWERS, "the two texts have the same tokens; expected a difference"),
        (OTHER, (6, 6), "both texts have the logit difference 0; expected different ones"),
    ],
    ids=["lengths", "texts", "answers"],
)
def test_texts_that_cannot_be_compared_are_refused(
    other: list[int], answers: tuple[int, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        patch_effects(small_decoder().eval(), TEXT, other, answers)
