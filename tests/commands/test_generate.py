from __future__ import annotations

import argparse
import builtins
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.commands import generate
from gpt_toolkit.model import LanguageModel, load
from gpt_toolkit.text.tokenizer import load_tokenizer


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
    return generate.run(parser.parse_args([*map(str, arguments), "--device", "cpu"]))


def test_importing_the_command_does_not_import_torch() -> None:
    code = (
        "import argparse, sys; from gpt_toolkit.commands import generate; "
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
        settings = {
            name: record[name] for name in ("max_new_tokens", "temperature", "top_k", "top_p", "seed")
        }
        assert model.generate(record["prompt"], **settings) == record["text"]
    assert [record["seed"] - records[0]["seed"] for record in records] == list(range(9))


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
        (["--temperature", "-1"], "temperature is -1.0"),
        (["--temperature", "nan"], "temperature is nan"),
        (["--top_p", "0"], "top_p is 0.0"),
        (["--top_k", "-3"], "top_k is -3"),
        (["--max_new_tokens", "-1"], "max_new_tokens is -1"),
        (["--num_samples", "0"], "num_samples is 0"),
        (["--seed", "-1"], "seed is -1"),
    ],
)
def test_values_out_of_range_are_refused_before_anything_is_loaded(
    arguments: list[str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        run("no/such/model", "--prompt", "a", *arguments)


def test_a_model_that_is_not_there_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="no/such/model: no such folder or file"):
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
        return capsys.readouterr().out.removeprefix(generate._HELP + "\n")

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
    assert got[0].startswith("temperature is -1.0, expected at least 0")
    assert got[1] == "/top_k takes one whole number; it is 40"
    assert got[2] == "/top_p takes one number; it is 1.0"
    assert got[3].startswith("/colour is not known; there are /max_new_tokens, /temperature")
    assert generate._HELP.splitlines()[0] in got[4]
    assert "17 tokens are more than the context length 16; give at most 16" in got
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
    assert converse("long", KeyboardInterrupt, "short", EOFError) == "[long\n\n[short]\n\n"


def test_quit_leaves(converse: Converse) -> None:
    assert converse("/quit") == ""


def test_json_without_a_prompt_is_refused_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
    with pytest.raises(ValueError, match="--json needs a prompt"):
        run("no/such/model", "--json")
