"""The lm-eval backend with a minimal stand-in for lm-eval; the real one is tested in parity/."""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.evaluation import lm_eval_model
from gpt_toolkit.evaluation.lm_eval_model import _prompt, main, register
from gpt_toolkit.evaluation.lm_eval_model import backend as made
from gpt_toolkit.generation.language_model import LanguageModel, load
from gpt_toolkit.generation.requests import Prompt
from gpt_toolkit.tokenizers import load_tokenizer

N_CTX = 40


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Install the parts of lm-eval that a backend uses; return its registry."""
    pytest.importorskip("tqdm")
    registry: dict[str, Any] = {}
    modules = {name: ModuleType(name) for name in ("lm_eval", "lm_eval.models", "lm_eval.api")}
    model, registering = ModuleType("lm_eval.api.model"), ModuleType("lm_eval.api.registry")

    class TemplateLM:
        def __init__(self) -> None:
            self.cache_hook = SimpleNamespace(add_partial=lambda *_: None)

        @property
        def prefix_token_id(self) -> int:
            return int(self.eot_token_id)  # type: ignore[attr-defined]

    model.TemplateLM = TemplateLM  # type: ignore[attr-defined]
    registering.register_model = lambda name: lambda kind: registry.setdefault(name, kind)  # type: ignore[attr-defined]
    for name, module in {**modules, "lm_eval.api.model": model, "lm_eval.api.registry": registering}.items():
        monkeypatch.setitem(sys.modules, name, module)
    made.cache_clear()
    yield registry
    made.cache_clear()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    decoder = Decoder(DecoderConfig(vocab_size=257, n_ctx=N_CTX, n_layer=1, n_head=2, n_embd=16))
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.mul_(3.0)
    path = tmp_path_factory.mktemp("models") / "model"
    LanguageModel(decoder, load_tokenizer("bytes")).save(path)
    return path


@pytest.fixture
def backend(harness: dict[str, Any], folder: Path) -> Any:
    return register()(path=str(folder), device="cpu", batch_size=1)


def built(*arguments: Any) -> Any:
    return SimpleNamespace(args=arguments)


def test_the_backend_is_registered_under_its_name(harness: dict[str, Any]) -> None:
    assert harness == {}
    assert register() is harness["gpt_toolkit"]


def test_the_module_runs_the_harness_s_command_line_with_the_backend_registered(
    harness: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    command, found = ModuleType("lm_eval.__main__"), list[Any]()
    command.cli_evaluate = lambda: found.append(harness["gpt_toolkit"])  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lm_eval.__main__", command)
    assert main() == 0
    assert found == [made()]


def test_importing_another_package_runs_no_code_of_this_one() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert "entry-points" not in project["project"]  # torch imports those of its group torch.backends
    assert project["project"]["scripts"].keys() == {"gpt-toolkit"}


@pytest.mark.parametrize(
    ("model_args", "run_args", "expected"),
    [
        ({}, {"device": "cuda:0"}, "auto"),  # lm-eval's own default
        ({}, {"device": None}, "auto"),
        ({}, {}, "auto"),
        ({}, {"device": "cpu"}, "cpu"),
        ({"device": "cpu"}, {"device": "cuda:0"}, "cpu"),
        ({"device": "cuda:0"}, {"device": "cuda:0"}, "cuda:0"),
    ],
)
def test_without_a_gpu_the_default_device_of_lm_eval_is_the_cpu(
    model_args: dict[str, Any],
    run_args: dict[str, Any],
    expected: str,
    harness: dict[str, Any],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def load_on_cpu(path: str, *, device: str, dtype: Any) -> LanguageModel:
        asked.append(device)
        return load(path, device="cpu", dtype=dtype)

    monkeypatch.setattr(lm_eval_model, "load", load_on_cpu)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    register().create_from_arg_obj({"path": str(folder), **model_args}, {"batch_size": 1, **run_args})
    assert asked == [expected]


def test_continuations_are_scored_as_the_model_does(backend: Any, folder: Path) -> None:
    texts = [("Once upon", " a time"), ("The", " end"), ("", "Hm"), ("x" * 60, " cut")]
    encode = load_tokenizer("bytes").encode
    requests = [(pair, encode(pair[0]) or [256], encode(pair[1])) for pair in texts]
    answers = backend._loglikelihood_tokens(requests)
    model = load(folder, device="cpu")
    for (context, text), (log_p, greedy) in zip(texts, answers, strict=True):
        room = N_CTX + 1 - len(text)
        expected, is_greedy = model.score(context[-room:], text)
        assert log_p == pytest.approx(expected, abs=1e-4)
        assert greedy == is_greedy
    with pytest.raises(ValueError, match="continuation: 41 tokens; expected at most 40, the model's"):
        backend._loglikelihood_tokens([(None, [1], [2] * 41)])


def test_a_text_is_scored_in_windows_after_the_end_of_text(backend: Any, folder: Path) -> None:
    text = "Mira sat by the old oak. " * 5
    [whole, nothing] = backend.loglikelihood_rolling([built(text), built("")])
    assert nothing == 0.0
    ids = [256, *text.encode()]
    model = load(folder, device="cpu")
    total = 0.0
    for start in range(0, len(text), N_CTX):  # scored inputs of a window; the last window reaches back
        end = min(start + N_CTX, len(text))
        begin = max(0, end - N_CTX)
        logits = model.logits(torch.tensor([ids[begin:end]]))[0].log_softmax(dim=1)
        targets = torch.tensor(ids[begin + 1 : end + 1])
        total += float(logits.gather(1, targets[:, None])[start - begin :].sum())
    assert whole == pytest.approx(total, abs=1e-3)


def test_answers_end_before_a_stop_and_come_in_the_order_asked(backend: Any, folder: Path) -> None:
    prompts = ["Once", "The cat sat by the door", "x" * 100, ""]
    settings = {"until": ["e"], "max_gen_toks": 8, "do_sample": False}
    answers = backend.generate_until([built(prompt, settings) for prompt in prompts])
    cut = [prompt[-(N_CTX - 8) :] for prompt in prompts]
    expected = load(folder, device="cpu").generate(cut, max_new_tokens=8, temperature=0.0, stop="e")
    assert answers == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, Prompt((1, 2), 256, ("<e>",))),
        ({"until": "\n", "max_new_tokens": 9}, Prompt((1, 2), 9, ("\n", "<e>"))),
        ({"until": ["", "<e>"], "max_gen_toks": 5, "max_tokens": 7}, Prompt((1, 2), 5, ("<e>",))),
        ({"do_sample": False, "temperature": 0.0}, Prompt((1, 2), 256, ("<e>",))),
        ({"do_sample": True, "temperature": 1.0, "top_k": 2}, Prompt((1, 2), 256, ("<e>",), 2, 3)),
        ({"do_sample": True}, Prompt((1, 2), 256, ("<e>",), 0, 3)),
    ],
)
def test_settings_of_generation_are_the_harness_s(settings: dict[str, Any], expected: Prompt) -> None:
    found = _prompt([1, 2], settings, ["<e>"], 3, 1024)
    assert found._replace(seed=expected.seed if found.top_k == 1 else found.seed) == expected


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"do_sample": True, "temperature": 0.7}, "expected greedy decoding, or temperature 1 with top_k"),
        ({"do_sample": True, "top_p": 0.9}, "expected greedy decoding, or temperature 1 with top_k"),
        ({"max_gen_toks": 1024}, "max_gen_toks: 1024; expected fewer than 1024, the context"),
    ],
)
def test_settings_that_cannot_be_followed_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _prompt([1], settings, ["<e>"], 0, 1024)


@pytest.mark.parametrize("dtype", ["int64", "floaty"])
def test_an_unknown_dtype_is_refused(dtype: str, harness: dict[str, Any], folder: Path) -> None:
    with pytest.raises(ValueError, match=f"dtype: '{dtype}'; expected float32, bfloat16 or float16"):
        register()(path=str(folder), dtype=dtype)


def test_weights_are_computed_with_in_the_type_asked_for(harness: dict[str, Any], folder: Path) -> None:
    for dtype, expected in (("bfloat16", torch.bfloat16), ("auto", torch.float32)):
        model = register()(path=str(folder), dtype=dtype, device="cpu").model
        assert model.decoder.wte.weight.dtype == expected


def test_without_lm_eval_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made.cache_clear()
    for name in ("lm_eval", "lm_eval.models"):
        monkeypatch.setitem(sys.modules, name, None)
    assert main() == 1
    assert "pip install lm-eval" in capsys.readouterr().err
