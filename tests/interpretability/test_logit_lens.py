"""Predictions between layers compared with decoders that have only the first layers."""

import pytest
import torch

from gpt_toolkit.backbone import Decoder
from gpt_toolkit.backbone.config import Norm
from gpt_toolkit.backbone.trace import trace
from gpt_toolkit.interpretability.logit_lens import logit_lens
from tests.small_decoder import NORMS, small_config, small_decoder

IDS = torch.tensor([3, 1, 4, 1, 5, 9])


@pytest.mark.parametrize("norm", NORMS)
def test_a_layer_predicts_what_a_decoder_that_ends_there_predicts(norm: Norm) -> None:
    decoder = small_decoder(norm).eval()
    found = dict(logit_lens(decoder, trace(decoder, IDS), vocab_size=12, n_tokens=3))
    assert list(found) == ["embed", "h.0.resid_post", "h.1.resid_post"]
    for n_layer in (1, 2):
        short = Decoder(small_config(norm, n_layer=n_layer)).eval()
        short.load_state_dict(decoder.state_dict(), strict=False)
        with torch.no_grad():
            logits = short.logits(short(IDS[None]))[0, :, :12]
        likeliest = logits.softmax(-1).sort(descending=True)
        prediction = found[f"h.{n_layer - 1}.resid_post"]
        torch.testing.assert_close(prediction.probabilities, likeliest.values[:, :3])
        assert torch.equal(prediction.tokens, likeliest.indices[:, :3])
        for place, token in enumerate(IDS[1:]):
            torch.testing.assert_close(prediction.actual[place], logits.softmax(-1)[place, token])
            assert prediction.rank[place] == likeliest.indices[place].tolist().index(int(token)) + 1


def test_weights_that_are_not_finite_are_refused() -> None:
    decoder = small_decoder()
    with torch.no_grad():
        decoder.wte.weight[0, 0] = torch.nan
    with pytest.raises(ValueError, match="logits are not finite"):
        list(logit_lens(decoder, trace(decoder, IDS), vocab_size=13))
