from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.backbone.config import Norm
from gpt_toolkit.generation.language_model import LanguageModel, load
from gpt_toolkit.tokenizers.loading import load_tokenizer

BYTES = load_tokenizer("bytes")


def small_model(norm: Norm = "pre", vocab_size: int = 257) -> LanguageModel:
    torch.manual_seed(0)
    config = DecoderConfig(vocab_size=vocab_size, n_ctx=24, n_layer=2, n_head=2, n_embd=16, norm=norm)
    decoder = Decoder(config)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.2)
    return LanguageModel(decoder, BYTES)


def checkpoint(model: LanguageModel) -> dict[str, Any]:
    return {
        "state_dict": {f"backbone.{n}": t for n, t in model.decoder.state_dict().items()},
        "gpt_toolkit": {
            "format": 3,
            "version": "0.1.0",
            "task": "PretrainTask",
            "decoder": model.decoder.config.to_fields(),
            "tokenizer": BYTES.files(),
            "fingerprint": BYTES.fingerprint,
            "plan": "p",
            "step": 1,
        },
    }


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_saved_and_loaded_a_model_gives_equal_logits_and_text(norm: Norm, tmp_path: Path) -> None:
    model = small_model(norm)
    model.save(tmp_path / "model")
    torch.save(checkpoint(model), tmp_path / "last.ckpt")
    input_ids = torch.randint(257, (2, 24))
    for place in (tmp_path / "model", str(tmp_path / "last.ckpt")):
        loaded = load(place, device="cpu")
        assert torch.equal(loaded.logits(input_ids), model.logits(input_ids))
        assert loaded.tokenizer.fingerprint == BYTES.fingerprint
        assert loaded.generate("Once", seed=3) == model.generate("Once", seed=3)


def test_added_tokens_and_several_ends_are_saved_with_a_model(tmp_path: Path) -> None:
    model = small_model(vocab_size=260)
    model.save(tmp_path / "theirs")
    (tmp_path / "theirs" / "added_tokens.json").write_text(
        '{"<|user|>": 257, "<|bot|>": 258, "COVID-19": 259}'
    )
    (tmp_path / "theirs" / "generation_config.json").write_text('{"eos_token_id": [258, 256]}')
    load(tmp_path / "theirs", device="cpu").save(tmp_path / "ours")
    for folder in ("theirs", "ours"):
        tokenizer = load(tmp_path / folder, device="cpu").tokenizer
        assert tokenizer.encode("<|user|>COVID-19<|bot|>") == [257, 259, 258]
        assert (tokenizer.end_of_text, tokenizer.end_ids) == (256, (258, 256))
    config = json.loads((tmp_path / "ours" / "config.json").read_text())
    assert (config["bos_token_id"], config["eos_token_id"]) == (256, [258, 256])


def test_an_added_token_without_a_row_is_named(tmp_path: Path) -> None:
    small_model().save(tmp_path / "model")
    (tmp_path / "model" / "special_tokens_map.json").write_text('{"pad_token": "[PAD]"}')
    with pytest.raises(ValueError, match=r"258 tokens; expected at most 257, as the decoder embeds; remove"):
        load(tmp_path / "model", device="cpu")


def test_a_model_is_cast_and_placed_while_it_is_loaded(tmp_path: Path) -> None:
    small_model().save(tmp_path / "model")
    model = load(tmp_path / "model", device="cpu", dtype=torch.bfloat16)
    assert {p.dtype for p in model.decoder.parameters()} == {torch.bfloat16}
    assert len(BYTES.encode(model.generate("a", max_new_tokens=5, temperature=0.0))) <= 15
    with pytest.raises(ValueError, match="device: 'gpu'; expected auto, cpu or cuda"):
        load(tmp_path / "model", device="gpu")


def test_saving_twice_needs_the_word(tmp_path: Path) -> None:
    model = small_model()
    model.save(tmp_path / "model")
    with pytest.raises(FileExistsError, match="exists; expected a new folder"):
        model.save(tmp_path / "model")
    model.save(tmp_path / "model", overwrite=True)


def test_logits_have_the_shape_of_the_vocabulary_and_no_gradient() -> None:
    logits = small_model(vocab_size=300).logits(torch.zeros(2, 5, dtype=torch.long))
    assert logits.shape == (2, 5, 300)
    assert not logits.requires_grad


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_a_trace_is_of_the_text_and_can_be_patched(norm: Norm) -> None:
    model = small_model(norm)
    ids = BYTES.encode("abca")
    found = model.trace("abca")
    assert torch.equal(found["logits"], model.logits(torch.tensor([ids]))[0])
    assert torch.equal(found.input_ids, torch.tensor(ids))
    other = model.trace("bbca", replace={"embed": found["embed"]})
    torch.testing.assert_close(other["logits"], found["logits"])


def test_a_text_that_cannot_be_traced_is_refused() -> None:
    model = small_model()
    with pytest.raises(ValueError, match="prompt: 25 tokens; expected at most 24, the context length"):
        model.trace("a" * 25)
    with pytest.raises(
        ValueError, match="no token; expected at least one; begin it with the end-of-text token"
    ):
        model.trace("")
    with pytest.raises(ValueError, match="token id: 300; expected 0 to 256"):
        model.trace([300])
    with pytest.raises(ValueError, match=r"did you mean h.1.mlp.out\?"):
        model.trace("a", replace={"h.1.mlp_out": torch.zeros(1, 16)})
    with pytest.raises(ValueError, match="model: no tokenizer; expected"):
        LanguageModel(model.decoder).trace("a")


def test_a_score_is_that_of_the_text_and_greedy_text_is_greedy() -> None:
    model = small_model(vocab_size=300)
    logits = model.logits(torch.tensor([BYTES.encode("ab")]))[0, -1, :257]
    expected = logits.log_softmax(0)[ord("c")].item()
    assert model.score("ab", "c")[0] == pytest.approx(expected, abs=1e-5)
    best = int(model.logits(torch.tensor([[BYTES.end_of_text]]))[0, -1, :257].argmax())
    assert not model.score("", chr((best + 1) % 100))[1]
    assert model.score("ab", "") == (0.0, True)
    with pytest.raises(ValueError, match="context and continuation: 26 tokens; expected at most 25 for the"):
        model.score("a" * 24, "bc")


def test_sample_i_of_several_is_drawn_with_seed_plus_i() -> None:
    model = small_model()
    several = model.generate("Once", max_new_tokens=15, num_samples=3, seed=7)
    assert several == [model.generate("Once", max_new_tokens=15, seed=7 + i) for i in range(3)]
    assert len(set(several)) == 3


@pytest.mark.parametrize("prompt", ["", "Once", "Ünï 世"])
def test_the_pieces_of_a_stream_are_the_text(prompt: str) -> None:
    model = small_model()
    for seed in range(5):
        pieces = list(model.stream(prompt, max_new_tokens=60, seed=seed))
        assert "".join(pieces) == model.generate(prompt, max_new_tokens=60, seed=seed)


def speaking(text: str, monkeypatch: pytest.MonkeyPatch) -> LanguageModel:
    """Make a model that generates the given text byte by byte."""
    ids = [*BYTES.encode(text), BYTES.end_of_text, ord("!")]
    monkeypatch.setattr(
        "gpt_toolkit.generation.language_model.generate_steps", lambda *_, **__: iter([[i] for i in ids])
    )
    return small_model()


def test_a_stream_holds_back_unfinished_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a é 世 👋"
    model = speaking(text, monkeypatch)
    assert list(model.stream("Say: ")) == list(text)
    assert model.generate("Say: ") == text


def test_text_ends_before_the_end_of_text_token_and_before_a_stop_string(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert speaking("", monkeypatch).generate("x") == ""
    model = speaking("yes or no", monkeypatch)
    assert list(model.stream("x", stop="or")) == list("yes ")
    assert model.generate("x", stop=["no", "es o"]) == "y"


def test_each_prompt_of_a_list_gets_the_text_that_it_gets_alone() -> None:
    model = small_model(vocab_size=300)
    prompts = ["Once", "", "a longer one with 世", "b"]
    settings: dict[str, Any] = {"max_new_tokens": 40, "top_p": 0.9, "repetition_penalty": 1.1, "seed": 4}
    texts = model.generate(prompts, **settings)
    assert texts == [model.generate(prompt, **settings) for prompt in prompts]
    samples = model.generate(prompts, num_samples=2, **settings)
    assert samples == [model.generate(prompt, num_samples=2, **settings) for prompt in prompts]
    assert model.generate([], **settings) == []


def test_a_large_model_is_packed_once_and_again_when_a_weight_changes() -> None:
    torch.manual_seed(0)
    shape = {"vocab_size": 257, "n_ctx": 16, "n_layer": 1, "n_head": 4, "n_embd": 256}
    model = LanguageModel(Decoder(DecoderConfig.from_fields(shape)), BYTES)
    decoder = model._packed_decoder()
    assert decoder is not model.decoder
    assert model._packed_decoder() is decoder
    before = model.generate("a", temperature=0.0)
    with torch.no_grad():
        model.decoder.wte.weight[[97, 98]] = model.decoder.wte.weight[[98, 97]]
        model.decoder.h[0].mlp.c_fc.weight.normal_()  # type: ignore[operator, union-attr]
    assert model.generate("a", temperature=0.0) != before
    assert model.generate("b" * 3, temperature=0.0) == LanguageModel(model.decoder, BYTES).generate(
        "b" * 3, temperature=0.0
    )


def test_an_empty_prompt_starts_from_end_of_text() -> None:
    model = small_model()
    seen = []
    model.decoder.register_forward_pre_hook(lambda _, args: seen.append(args[0].tolist()))
    model.generate("", max_new_tokens=1)
    assert seen == [[[BYTES.end_of_text]]]


def test_a_model_without_tokenizer_says_what_it_lacks(tmp_path: Path) -> None:
    model = small_model()
    LanguageModel(model.decoder).save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert loaded.logits(torch.zeros(1, 1, dtype=torch.long)).shape == (1, 1, 257)
    with pytest.raises(ValueError, match=r"model: no tokenizer; expected tokenizer\.json, or vocab\.json"):
        loaded.generate("a")


def test_a_tokenizer_too_large_for_the_decoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="tokenizer bytes: 257 tokens; expected at most 256, as the"):
        small_model(vocab_size=256)
    small = LanguageModel(Decoder(DecoderConfig(vocab_size=9, n_ctx=4, n_layer=1, n_head=1, n_embd=4)))
    small.save(tmp_path / "model")
    for name, content in BYTES.files().items():
        (tmp_path / "model" / name).write_text(content)
    with pytest.raises(ValueError, match="model: tokenizer bytes: 257 tokens; expected at most 9, as the"):
        load(tmp_path / "model")


def test_values_out_of_range_and_long_prompts_are_refused() -> None:
    model = small_model()
    with pytest.raises(ValueError, match="num_samples: 0; expected at least 1"):
        model.generate("a", num_samples=0)
    with pytest.raises(ValueError, match=r"top_p: 7; expected more than 0 and at most 1 \(1 is off\)"):
        model.generate("a", top_p=7)
    with pytest.raises(ValueError, match="prompt: 25 tokens; expected at most 24, the context length"):
        model.generate("a" * 25)
