from __future__ import annotations

import argparse
import builtins
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.cli import generate
from gpt_toolkit.generation.language_model import LanguageModel, load
from gpt_toolkit.tokenizers.loading import load_tokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    decoder = Decoder(DecoderConfig(vocab_size=257, n_ctx=16, n_layer=1, n_head=1, n_embd=8))
    path = tmp_path_factory.mktemp("models") / "model"
    LanguageModel(decoder, load_tokenizer("bytes")).save(path)
    return path


Converse = Callable[..., str]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run(*arguments: str | Path) -> int:
    parser = argparse.ArgumentParser()
    generate.add_arguments(parser)
    numeric = ("--device", "cpu", "--dtype", "float32")  # as load computes with fp32 weights everywhere
    return generate.run(parser.parse_args([*map(str, arguments), *numeric]))


def test_importing_the_command_does_not_import_torch() -> None:
    code = (
        "import argparse, sys; from gpt_toolkit.cli import generate; "
        "generate.add_arguments(argparse.ArgumentParser()); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_sample_is_printed_with_its_prompt(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "--prompt", "Once", "--num_samples", "10", "--seed", "3", "--top_k", "5") == 0
    expected = load(folder).generate("Once", num_samples=10, seed=3, top_k=5)
    assert capsys.readouterr().out == "---\n".join(f"Once{text}\n" for text in expected)


def test_json_gives_one_object_a_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--prompt", "É", "--json", "--num_samples", "9", "--max_new_tokens", "5"]
    assert run(folder, *arguments) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(records) == 9
    model = load(folder)
    for record in records:
        settings = {name: record[name] for name in generate.GenerationSettings.__dataclass_fields__}
        assert model.generate(record["prompt"], **settings) == record["text"]
        assert record["ended"] == "end_of_text" or record["n_tokens"] == 5  # seeds differ in each run
        assert record["slid"] is False
    assert [record["seed"] - records[0]["seed"] for record in records] == list(range(9))


def test_every_option_reaches_the_model(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = {"top_p": 0.8, "top_p_rule": "drop", "repetition_penalty": 1.5, "temperature": 2.0, "seed": 4}
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    run(folder, "--prompt", "Once", "--stop", "a", "--stop", "\\n", *arguments)
    expected = load(folder).generate("Once", top_k=40, stop=["a", "\n"], **options)  # type: ignore[call-overload]
    assert capsys.readouterr().out == f"Once{expected}\n"


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_a_window_that_slides_is_said(
    folder: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    run(folder, "--prompt", "Once", "--max_new_tokens", "13", "--seed", "0", *arguments)
    assert capsys.readouterr().err == ""
    run(folder, "--prompt", "Once", "--max_new_tokens", "14", "--seed", "0", *arguments)
    said = (
        "past the context length of 16 tokens the window slides: the model sees the last 8 to 16 tokens only"
    )
    assert said in capsys.readouterr().err


def test_a_checkpoint_that_training_replaces_is_not_disturbed_nor_mixed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = load(folder)

    def checkpoint(factor: float) -> dict[str, object]:
        state = {f"backbone.{n}": factor * t for n, t in model.decoder.state_dict().items()}
        about = {"format": 3, "version": "0", "decoder": model.decoder.config.to_fields()}
        return {"state_dict": state, "gpt_toolkit": {**about, "tokenizer": model.tokenizer.files()}}

    path, fresh = tmp_path / "last.ckpt", tmp_path / "fresh.partial"
    torch.save(checkpoint(1.0), path)
    torch.save(checkpoint(-1.0), fresh)
    path.chmod(0o444)
    content, read = fresh.read_bytes(), torch.load

    def replaced_meanwhile(*args: Any, **kwargs: Any) -> Any:
        opened = read(*args, **kwargs)
        if fresh.exists():
            fresh.replace(path)  # as CheckpointWriter does
        return opened

    monkeypatch.setattr(torch, "load", replaced_meanwhile)
    run(path, "--prompt", "Once", "--temperature", "0")
    assert capsys.readouterr().out == f"Once{model.generate('Once', temperature=0.0)}\n"
    assert path.read_bytes() == content
    assert [each.name for each in tmp_path.iterdir()] == ["last.ckpt"]


def test_the_prompt_comes_from_stdin_when_it_is_no_terminal(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("two\nlines\n"))
    assert run(folder, "--json", "--max_new_tokens", "2") == 0
    assert json.loads(capsys.readouterr().out)["prompt"] == "two\nlines"


def test_a_terminal_shows_the_same_text_as_a_pipe(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = [str(folder), "--prompt", "Once", "--num_samples", "2", "--seed", "1"]
    run(*arguments)
    piped = capsys.readouterr().out
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    run(*arguments)
    assert screen.getvalue() == piped


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--temperature", "-1"], r"temperature: -1\.0; expected at least 0 \(0 takes the likeliest"),
        (["--temperature", "nan"], r"temperature: nan; expected at least 0 \(0 takes the likeliest"),
        (["--top_p", "0"], r"top_p: 0\.0; expected more than 0 and at most 1 \(1 is off\)"),
        (["--top_k", "-3"], r"top_k: -3; expected at least 0 \(0 is off\)"),
        (["--max_new_tokens", "-1"], "max_new_tokens: -1; expected at least 0"),
        (["--num_samples", "0"], "num_samples: 0; expected at least 1"),
        (["--seed", "-1"], r"seed: -1; expected at least 0 and less than 2\*\*63"),
        (["--repetition_penalty", "0"], r"repetition_penalty: 0\.0; expected more than 0 \(1 is off\)"),
        (["--stop", ""], "stop string: empty; expected at least one character"),
    ],
)
def test_values_out_of_range_are_refused_before_anything_is_loaded(
    arguments: list[str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        run("no/such/model", "--prompt", "a", *arguments)


def test_a_model_that_is_not_there_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="no/such/model: not found; expected"):
        run("no/such/model", "--prompt", "a")


# Interactive


@pytest.fixture
def converse(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Converse:
    def typed(*lines: str | type[BaseException]) -> str:
        left = iter(lines)

        def answer(_: str) -> str:
            line = next(left, EOFError)
            if isinstance(line, str):
                return line
            raise line

        monkeypatch.setattr(sys, "stdin", Terminal())
        monkeypatch.setattr(builtins, "input", answer)
        assert run(folder, "--seed", "1", "--max_new_tokens", "8") == 0
        assert next(left, None) is None  # every line was read
        return capsys.readouterr().out.removeprefix(generate.HELP + "\n")

    return typed


def test_each_line_is_continued_with_the_settings_so_far(converse: Converse, folder: Path) -> None:
    model = load(folder)
    first = model.generate("Once", max_new_tokens=8, seed=1, top_k=40)
    second = model.generate("Once", max_new_tokens=3, seed=2, top_k=7, temperature=0.5, top_p=0.9)
    got = converse(
        "Once", "", "/max_new_tokens 3", "/seed 2", "/top_k 7", "/temperature 0.5", "/top_p 0.9", "Once"
    )
    assert got == f"{first}\n{second}\n\n"


def test_faults_are_told_and_the_conversation_goes_on(converse: Converse, folder: Path) -> None:
    got = converse(
        "/temperature -1", "/top_k many", "/top_p", "/colour red", "/", "x" * 17, "/temperature 0", "a"
    ).splitlines()
    assert got[0].startswith("temperature: -1.0; expected at least 0")
    assert got[1] == "/top_k: no valid value; expected one whole number; it remains 40"
    assert got[2] == "/top_p: no valid value; expected one number; it remains 1.0"
    assert got[3].startswith("/colour: unknown; expected one of /max_new_tokens, /temperature")
    assert generate.HELP.splitlines()[0] in got[4]
    assert "prompt: 17 tokens; expected at most 16, the context length" in got
    assert load(folder).generate("a", max_new_tokens=8, temperature=0.0) in "\n".join(got)


def test_ctrl_c_stops_the_answer_and_ctrl_d_leaves(
    converse: Converse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: LanguageModel, prompt: str, **_: object) -> Iterator[str]:
        yield f"[{prompt}"
        if prompt == "long":
            raise KeyboardInterrupt
        yield "]"

    monkeypatch.setattr(LanguageModel, "stream", interrupted)
    again = "\nCtrl-C again leaves\n"
    assert converse("long", KeyboardInterrupt, "short", EOFError) == f"[long\n{again}[short]\n\n"
    assert converse(KeyboardInterrupt, "a", KeyboardInterrupt, KeyboardInterrupt) == f"{again}[a]\n{again}\n"


def test_settings_are_shown_and_reset(converse: Converse) -> None:
    got = converse("/top_k 7", "/stop a\\nb", "/seed", "/settings", "/reset", "/stop x", "/stop", "/settings")
    changed, *rest = got.splitlines()[:3]
    assert changed == (
        "max_new_tokens 8  temperature 1.0  top_k 7  top_p 1.0  top_p_rule keep  repetition_penalty 1.0  "
        "stop 'a\\nb'  seed -"
    )
    assert (
        rest == [changed.replace("top_k 7", "top_k 40").replace("stop 'a\\nb'  seed -", "stop -  seed 1")] * 2
    )


def test_quit_leaves(converse: Converse) -> None:
    assert converse("/quit") == ""


def test_json_without_a_prompt_is_refused_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
    with pytest.raises(ValueError, match="--json: no prompt; expected --prompt, or a text on stdin"):
        run("no/such/model", "--json")
