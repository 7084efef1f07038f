from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import huggingface_hub
import pytest
import torch
from torch import Tensor

from gpt_toolkit.backbone import Decoder
from gpt_toolkit.backbone.config import Norm
from gpt_toolkit.checkpoints import compare_logits, open_model
from gpt_toolkit.cli import convert
from gpt_toolkit.generation.language_model import LanguageModel, load
from gpt_toolkit.tokenizers import ByteLevelBPE, load_tokenizer
from tests.checkpoints.layouts import (
    SHAPES,
    checkpoint_content,
    nanogpt_content,
    random_decoder,
    their_model,
    write_openai_gpt1,
    write_openai_gpt2,
    write_sharded,
)

transformers = pytest.importorskip("transformers")

pytestmark = pytest.mark.filterwarnings("ignore:torch.distributed is disabled")  # by dcp.save, in the writer

TEXT = "Once upon  a time,\n\tthere weren't 3 Überraschungen: 世界 👋!"
PLAIN_TEXT = "once upon a time , there was a little fox who ran over the hills ."


def run(*arguments: str | Path) -> int:
    parser = argparse.ArgumentParser()
    convert.add_arguments(parser)
    return convert.run(parser.parse_args([str(argument) for argument in arguments]))


def record_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "conversion.json").read_text())
    return content


def logits(decoder: Decoder, input_ids: Tensor) -> Tensor:
    with torch.no_grad():
        return decoder.logits(decoder(input_ids))


def their_logits(folder: Path, input_ids: Tensor) -> Tensor:
    model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    with torch.no_grad():
        return model(input_ids).logits  # type: ignore[no-any-return]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_transformers_to_ours_to_transformers_changes_nothing(
    norm: Norm, shape: tuple[int, ...], tmp_path: Path
) -> None:
    theirs = their_model(norm, shape)
    theirs.save_pretrained(tmp_path / "src")
    assert run(tmp_path / "src", tmp_path / "dst") == 0
    back, report = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path / "dst", output_loading_info=True
    )
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    for name, tensor in theirs.state_dict().items():
        assert torch.equal(back.state_dict()[name], tensor), name
    input_ids = torch.arange(2 * shape[3]).view(2, -1) % shape[4]
    with torch.no_grad():
        expected = theirs(input_ids).logits
        torch.testing.assert_close(back.eval()(input_ids).logits, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(load(tmp_path / "dst").logits(input_ids), expected, rtol=1e-5, atol=1e-5)
    assert record_of(tmp_path / "dst")["logits"]["largest_difference"] == 0.0


def write_nanogpt(folder: Path, decoder: Decoder) -> Path:
    folder.mkdir()
    torch.save(nanogpt_content(decoder, prefix="_orig_mod."), folder / "ckpt.pt")
    return folder / "ckpt.pt"


def write_checkpoint(folder: Path, decoder: Decoder) -> Path:
    folder.mkdir()
    torch.save(checkpoint_content(decoder, tokenizer={}), folder / "last.ckpt")
    return folder / "last.ckpt"


def write_shards(folder: Path, decoder: Decoder) -> Path:
    return write_sharded(folder, checkpoint_content(decoder, tokenizer={}), "model")


@pytest.mark.parametrize(
    ("norm", "write", "layout"),
    [
        ("pre", write_openai_gpt2, "OpenAI's GPT-2 checkpoint (TensorFlow)"),
        ("post", write_openai_gpt1, "OpenAI's GPT-1 parameters (npy)"),
        ("pre", write_nanogpt, "nanoGPT checkpoint"),
        ("pre", write_checkpoint, "gpt_toolkit checkpoint"),
        ("post", write_checkpoint, "gpt_toolkit checkpoint"),
        ("post", write_shards, "sharded gpt_toolkit checkpoint"),
    ],
)
def test_every_layout_becomes_a_folder_in_which_transformers_finds_equal_logits(
    norm: Norm,
    write: Callable[[Path, Decoder], Path],
    layout: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    decoder = random_decoder(norm, (2, 12, 24, 9, 40))
    src = write(tmp_path / "src", decoder)
    assert run(src, tmp_path / "dst") == 0
    input_ids = torch.arange(18).view(2, -1)
    expected = logits(decoder, input_ids)
    torch.testing.assert_close(their_logits(tmp_path / "dst", input_ids), expected, rtol=1e-5, atol=1e-5)
    printed = capsys.readouterr().out
    assert f"read    {src}: {layout}\n        GPT-{2 if norm == 'pre' else 1}: 2 layers, 12 heads" in printed
    record = record_of(tmp_path / "dst")
    assert record["layout"] == layout
    assert record["logits"]["largest_difference"] < 1e-5
    assert record["logits"]["source_by"].startswith("gpt_toolkit ")
    assert record["logits"]["result_by"] == f"transformers {transformers.__version__}"
    assert f"largest difference {record['logits']['largest_difference']:.1e}" in printed


def test_the_record_holds_the_hashes_of_all_files_and_the_versions(tmp_path: Path) -> None:
    src = write_openai_gpt2(tmp_path / "src", random_decoder("pre", SHAPES[1]))
    run(src, tmp_path / "dst")
    record = record_of(tmp_path / "dst")
    for place, hashes in ((src, record["source_sha256"]), (tmp_path / "dst", record["sha256"])):
        for name, digest in hashes.items():
            assert hashlib.sha256((place / name).read_bytes()).hexdigest() == digest
    assert set(record["source_sha256"]) == {
        "hparams.json",
        "model.ckpt.index",
        "model.ckpt.data-00000-of-00001",
    }
    assert record["versions"]["torch"] == torch.__version__
    assert record["logits"]["n_positions"] == 5
    assert record["n_params"] == sum(p.numel() for p in random_decoder("pre", SHAPES[1]).parameters())


def test_what_nanogpt_computes_differently_is_reported_and_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    decoder = random_decoder("pre", (2, 2, 16, 9, 40))
    run(write_nanogpt(tmp_path / "src", decoder), tmp_path / "dst")
    input_ids = compare_logits.make_windows(decoder.config)
    ours = logits(decoder, input_ids)
    their_config = transformers.AutoConfig.from_pretrained(tmp_path / "dst", activation_function="gelu")
    exact = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "dst", config=their_config).eval()
    with torch.no_grad():
        expected = float((exact(input_ids).logits - ours).abs().max())
    assert expected > 1e-5
    measured = record_of(tmp_path / "dst")["logits"]["exact_gelu_difference"]
    assert measured == pytest.approx(expected, abs=3e-6)
    printed = capsys.readouterr().out
    assert "nanoGPT computes the exact GELU" in printed
    assert f"as by its own code, is {measured:.1e} away" in printed


def test_auto_tokenizer_gives_gpt2s_ids(tmp_path: Path, shared_data: Path) -> None:
    src = write_openai_gpt2(tmp_path / "src", random_decoder("pre", (1, 1, 2, 4, 50_257)))
    for name in ("encoder.json", "vocab.bpe"):
        (src / name).write_bytes((shared_data / "tokenizers" / "gpt2" / name).read_bytes())
    run(src, tmp_path / "dst")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "dst")
    ours = load_tokenizer(src)
    assert theirs(TEXT)["input_ids"] == ours.encode(TEXT) == load(tmp_path / "dst").tokenizer.encode(TEXT)
    assert theirs.eos_token_id == 50_256
    assert json.loads((tmp_path / "dst" / "config.json").read_text())["eos_token_id"] == 50_256


# Tokenizers


@pytest.fixture
def extended(tmp_path: Path) -> Path:
    """Make a folder of transformers with added tokens of every flag, and its own end of text."""
    source = tmp_path / "extended"
    model = their_model("pre", (1, 2, 8, 16, 262))
    model.generation_config.eos_token_id, model.generation_config.max_length = [257, 256], 50
    model.config.eos_token_id, model.config.pad_token_id = 257, 258
    model.save_pretrained(source)
    for name, content in load_tokenizer("bytes").files().items():
        (source / name).write_text(content, encoding="utf-8")
    theirs = transformers.AutoTokenizer.from_pretrained(source)
    roles = {"eos_token": "<|bot|>", "pad_token": "<p>"}
    theirs.add_special_tokens({"additional_special_tokens": ["<|user|>"], **roles})
    flags = {"lstrip": True, "rstrip": True, "single_word": True, "normalized": False}
    theirs.add_tokens(["COVID-19", transformers.AddedToken("strip", **flags)])
    theirs.chat_template = "{{ messages }}"
    theirs.save_pretrained(source)
    return source


def test_added_tokens_with_all_flags_and_ids_are_converted(
    extended: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(extended, tmp_path / "dst")
    run(tmp_path / "dst", tmp_path / "again")
    printed = capsys.readouterr().out
    assert "the same ids and texts on a probe with 6 added tokens; both read by transformers" in printed
    source = transformers.AutoTokenizer.from_pretrained(extended)
    generation = json.loads((extended / "generation_config.json").read_text())
    for folder in (tmp_path / "dst", tmp_path / "again"):
        result = transformers.AutoTokenizer.from_pretrained(folder)
        assert result.added_tokens_decoder == source.added_tokens_decoder
        assert (result.eos_token_id, result.pad_token_id) == (257, 258)
        assert result.chat_template == "{{ messages }}"
        text = "<|user|> COVID-19 strip  x strips<|bot|>"
        ids = source(text)["input_ids"]
        assert result(text)["input_ids"] == ids == load(folder).tokenizer.encode(text)
        for skip in (False, True):
            assert result.decode(ids, skip_special_tokens=skip) == source.decode(
                ids, skip_special_tokens=skip
            )
        assert json.loads((folder / "generation_config.json").read_text()) == generation
        config = json.loads((folder / "config.json").read_text())
        assert (config["eos_token_id"], config["pad_token_id"]) == (257, 258)
        assert load(folder).tokenizer.end_ids == (257, 256)


def test_a_tokenizer_that_would_be_changed_is_refused_and_nothing_is_kept(
    extended: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ByteLevelBPE.files

    def changed(self: ByteLevelBPE) -> dict[str, str]:
        return {name: text.replace("COVID-19", "COVID-20") for name, text in files(self).items()}

    monkeypatch.setattr(ByteLevelBPE, "files", changed)
    with pytest.raises(ValueError, match=r"tokenizer of the result: ids \["):
        run(extended, tmp_path / "dst")
    assert not (tmp_path / "dst").exists()


def test_a_special_token_that_becomes_ordinary_is_one_clear_line(
    extended: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = ByteLevelBPE.files

    def changed(self: ByteLevelBPE) -> dict[str, str]:
        parts = json.loads(files(self)["tokenizer.json"])
        for token in parts["added_tokens"]:
            token["special"] = token["special"] or token["content"] == "COVID-19"
        return files(self) | {"tokenizer.json": json.dumps(parts)}

    monkeypatch.setattr(ByteLevelBPE, "files", changed)
    run(extended, tmp_path / "dst")
    assert "; without special tokens the source gives 'the little fox" in capsys.readouterr().out


def test_auto_tokenizer_gives_gpt1s_ids(
    tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    src = write_openai_gpt1(tmp_path / "src" / "model", random_decoder("post", (1, 12, 12, 4, 40_478)))
    for name in ("encoder_bpe_40000.json", "vocab_40000.bpe"):
        (src.parent / name).write_bytes((shared_data / "tokenizers" / "gpt1" / name).read_bytes())
    run(src, tmp_path / "dst")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "dst")
    ours = load(tmp_path / "dst").tokenizer
    assert theirs(PLAIN_TEXT)["input_ids"] == ours.encode(PLAIN_TEXT)
    assert theirs("“Well…”")["input_ids"] != ours.encode("“Well…”")  # as the note says
    assert "the same ids unless GPT-1's own cleaning changes the text" in capsys.readouterr().out
    assert ours.vocab_size == 40_478


def test_the_tokenizer_can_be_given_left_out_and_must_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(nanogpt_content(random_decoder("pre", (1, 1, 8, 4, 300))), tmp_path / "ckpt.pt")
    run(tmp_path / "ckpt.pt", tmp_path / "a", "--tokenizer", "bytes")
    printed = capsys.readouterr().out
    assert "the vocabulary is padded: 300 rows for the 257 ids of its tokenizer; all rows are kept" in printed
    assert f"next: gpt-toolkit generate {tmp_path / 'a'}" in printed
    assert load(tmp_path / "a").tokenizer.name == "bytes"
    assert load(tmp_path / "a").decoder.config.vocab_size == 300
    run(tmp_path / "a", tmp_path / "b", "--tokenizer", "none")
    assert "no tokenizer found" in capsys.readouterr().out
    assert not (tmp_path / "b" / "tokenizer.json").exists()
    torch.save(nanogpt_content(random_decoder("pre", (1, 1, 8, 4, 256))), tmp_path / "ckpt.pt")
    with pytest.raises(ValueError, match=r"ckpt\.pt: tokenizer bytes with 257 ids; expected at most 256, as"):
        run(tmp_path / "ckpt.pt", tmp_path / "c", "--tokenizer", "bytes")


def test_a_published_tokenizer_that_is_not_available_names_both_fixes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object) -> bytes:
        raise ConnectionError("no network")

    monkeypatch.setenv("GPT_TOOLKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("tiktoken.load.read_file_cached", unreachable)
    torch.save(nanogpt_content(random_decoder("pre", (1, 1, 2, 4, 50_304))), tmp_path / "ckpt.pt")
    with pytest.raises(OSError, match=r"place these .*--tokenizer none to leave it out"):
        run(tmp_path / "ckpt.pt", tmp_path / "dst")
    run(tmp_path / "ckpt.pt", tmp_path / "dst", "--tokenizer", "none")
    assert open_model(tmp_path / "dst").config.vocab_size == 50_304


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_weights_are_rounded_to_the_given_dtype_and_the_output_says_so(
    dtype: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    decoder = random_decoder("pre", SHAPES[2])
    torch.save(checkpoint_content(decoder, tokenizer={}), tmp_path / "last.ckpt")
    run(tmp_path / "last.ckpt", tmp_path / "dst", "--dtype", dtype)
    wanted = getattr(torch, dtype)
    for name, tensor in open_model(tmp_path / "dst").read().items():
        assert torch.equal(tensor, decoder.state_dict()[name].to(wanted)), name
    record = record_of(tmp_path / "dst")
    assert (record["source_dtype"], record["dtype"]) == ("float32", dtype)
    assert json.loads((tmp_path / "dst" / "config.json").read_text())["dtype"] == dtype
    rounded = f"the weights were rounded to {dtype}" in capsys.readouterr().out
    assert rounded == (dtype != "float32")
    expected = logits(decoder.to(wanted).float(), compare_logits.make_windows(decoder.config))
    difference = float(
        (expected - logits(random_decoder("pre", SHAPES[2]), compare_logits.make_windows(decoder.config)))
        .abs()
        .max()
    )
    assert record["logits"]["largest_difference"] == pytest.approx(difference, abs=1e-5)


def test_half_precision_stays_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    decoder = random_decoder("pre", SHAPES[1]).bfloat16()
    LanguageModel(decoder).save(tmp_path / "src")
    run(tmp_path / "src", tmp_path / "dst")
    assert record_of(tmp_path / "dst")["dtype"] == "bfloat16"
    assert (tmp_path / "src" / "model.safetensors").read_bytes() == (
        tmp_path / "dst" / "model.safetensors"
    ).read_bytes()
    assert "rounded" not in capsys.readouterr().out


def test_without_transformers_our_decoder_runs_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = random_decoder("post", SHAPES[4])
    LanguageModel(decoder).save(tmp_path / "src")
    monkeypatch.setitem(sys.modules, "transformers", None)
    run(tmp_path / "src", tmp_path / "dst")
    record = record_of(tmp_path / "dst")
    assert record["logits"]["source_by"] == record["logits"]["result_by"]
    assert record["logits"]["result_by"].startswith("gpt_toolkit ")
    assert record["logits"]["largest_difference"] == 0.0
    assert record["versions"]["transformers"] is None
    input_ids = compare_logits.make_windows(decoder.config)
    source_logits, _ = compare_logits.compute_logits(open_model(tmp_path / "src"), input_ids)
    torch.testing.assert_close(source_logits, logits(decoder, input_ids), rtol=1e-6, atol=1e-6)


def test_an_error_of_transformers_is_reported_and_our_decoder_runs_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("cannot today\nlong story")

    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", broken)
    LanguageModel(random_decoder("pre", SHAPES[0])).save(tmp_path / "src")
    run(tmp_path / "src", tmp_path / "dst")
    printed = record_of(tmp_path / "dst")["logits"]["result_by"]
    assert printed.endswith(" (transformers could not: RuntimeError: cannot today)")


def test_the_windows_are_fixed_and_from_all_over_the_vocabulary() -> None:
    config = random_decoder("pre", (1, 1, 2, 100, 1000)).config
    windows = compare_logits.make_windows(config)
    assert windows.shape == (3, 64)
    assert torch.equal(windows, compare_logits.make_windows(config))
    spread = windows.flatten().sort().values
    assert spread[0] < 6
    assert spread[-1] >= 994
    assert (spread.diff() > 0).all()
    assert (spread.diff() < 7).all()


def test_importing_the_command_does_not_import_torch() -> None:
    code = (
        "import argparse, sys; from gpt_toolkit.cli import convert; "
        "convert.add_arguments(argparse.ArgumentParser()); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


_PEAK = """
import sys
from pathlib import Path
from gpt_toolkit.checkpoints.conversion import convert
def peak():
    return next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("VmHWM")) / 1024
convert(sys.argv[1] + "/tiny.pt", Path(sys.argv[1], "tiny"))  # loads all that is loaded late
start = peak()
convert(sys.argv[1] + "/ckpt.pt", Path(sys.argv[1], "dst"))
print(peak() - start)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's peak of resident memory")
def test_memory_holds_the_weights_once(tmp_path: Path) -> None:
    decoder = random_decoder("pre", (6, 12, 768, 32, 500))
    torch.save(nanogpt_content(decoder), tmp_path / "ckpt.pt")
    torch.save(nanogpt_content(random_decoder("pre", SHAPES[0])), tmp_path / "tiny.pt")
    command = [sys.executable, "-c", _PEAK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    weights = decoder.config.n_params * 4 / 2**20
    assert weights > 150
    assert float(done.stdout.splitlines()[-1]) < 1.3 * weights


def test_the_card_tells_what_was_converted_and_measured(tmp_path: Path) -> None:
    decoder = random_decoder("pre", (1, 1, 8, 16, 257))
    content = checkpoint_content(decoder, load_tokenizer("bytes").files())
    content["gpt_toolkit"] |= {"step": 7, "precision": "32-true", "ledger": [], "settings": {"seed": 1}}
    torch.save(content, tmp_path / "last.ckpt")
    assert run(tmp_path / "last.ckpt", tmp_path / "first") == 0
    agreement = {"engine": "own", "version": "1", "measured": "tokens", "n": 3, "largest": 0.5, "mean": 0.25}
    (tmp_path / "first" / "agreement.json").write_text(json.dumps({"engines": [agreement]}))
    assert run(tmp_path / "first", tmp_path / "second") == 0
    for folder in ("first", "second"):
        card = (tmp_path / folder / "README.md").read_text("utf-8")
        assert f"# {folder}\n" in card
        assert "7 steps from random weights, precision 32-true" in card
        assert "    seed: 1\n" in card
        assert "largest difference of logits" in card
        assert str(tmp_path) not in card + json.dumps(record_of(tmp_path / folder))
    assert "by own 1 (tokens, 3 in float32): largest difference 0.5, mean 0.25." in card
    assert run(tmp_path / "first", tmp_path / "third", "--dtype", "bfloat16") == 0
    assert "by own 1" not in (tmp_path / "third" / "README.md").read_text("utf-8")  # of other weights


def test_scores_of_the_same_model_are_on_the_card(tmp_path: Path) -> None:
    model = LanguageModel(random_decoder("pre", (1, 1, 8, 16, 257)), load_tokenizer("bytes"))
    model.save(tmp_path / "model")
    score = {
        "benchmark": "b",
        "protocol": "p@1",
        "metric": "accuracy",
        "value": 12.5,
        "interval": 1.5,
        "n": 9,
    }
    report = {
        "model": "m",
        "decoder": model.decoder.config.to_fields(),
        "tokenizer": model.tokenizer.fingerprint,
        "scores": [score],
        "protocols": {"b, p@1": {"statement": "how"}},
    }
    path = tmp_path / "scores.json"
    path.write_text(json.dumps(report))
    assert run(tmp_path / "model", tmp_path / "scored", "--scores", path) == 0
    assert "| b | p@1 | accuracy | 12.5 | 1.5 | 9 |" in (tmp_path / "scored" / "README.md").read_text("utf-8")
    path.write_text(json.dumps(report | {"tokenizer": "another"}))
    with pytest.raises(ValueError, match=r"scores.json: a report of 'm' with another decoder or tokenizer"):
        run(tmp_path / "model", tmp_path / "other", "--scores", path)
    path.write_text("[]")
    with pytest.raises(ValueError, match=r"scores.json: no scores; expected a report"):
        run(tmp_path / "model", tmp_path / "other", "--scores", path)
    assert not (tmp_path / "other").exists()


def test_the_folder_is_pushed_under_its_name_on_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = create_autospec(huggingface_hub.HfApi, instance=True)
    client.create_repo.return_value = "https://hub/me/own"
    uploaded = []
    client.upload_folder.side_effect = lambda **call: uploaded.extend(sorted(call["folder_path"].iterdir()))
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: client)
    LanguageModel(random_decoder("post", (1, 1, 8, 16, 257)), load_tokenizer("bytes")).save(
        tmp_path / "model"
    )
    assert run(tmp_path / "model", tmp_path / "copy", "--push", "me/own", "--private") == 0
    client.create_repo.assert_called_once_with("me/own", private=True, exist_ok=True)
    assert {"README.md", "config.json", "model.safetensors"} <= {path.name for path in uploaded}
    assert 'gt.load("me/own")' in (tmp_path / "copy" / "README.md").read_text("utf-8")
    assert "pushed  https://hub/me/own" in capsys.readouterr().out
    for arguments, message in (
        (["--push", "own"], "--push 'own'; expected OWNER/NAME"),
        (["--private"], "convert: --private without --push"),
    ):
        with pytest.raises(ValueError, match=message):
            run(tmp_path / "model", tmp_path / "other", *arguments)
    assert not (tmp_path / "other").exists()
