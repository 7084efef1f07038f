"""One score in three ways on real data: lm-eval's Hugging Face backend, our backend, and ``zero-shot``.

`nox -s harness` installs lm-eval 0.4.13 and runs them; no network. See docs of ``make_lm_eval_requests``.
"""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from random import Random
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.cli import main
from gpt_toolkit.evaluation.lm_eval_model import NAME, register
from gpt_toolkit.generation.language_model import LanguageModel, load
from gpt_toolkit.tokenizers import load_tokenizer

lm_eval = pytest.importorskip("lm_eval")
datasets = pytest.importorskip("datasets")
pytest.importorskip("transformers")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

# name of ours, lm-eval's, rows: Winograd and WikiText-2 whole, of LAMBADA the first
TASKS = {"lambada": ("lambada_openai", 300), "wikitext2_raw": ("wikitext", 6), "winograd": ("wsc273", 273)}
# multiple choice: lm-eval's task, its dataset and configuration, and the split that it scores
CHOICES = {
    "hellaswag": ("hellaswag", "Rowan/hellaswag", "validation"),
    "piqa": ("piqa", "baber/piqa", "validation"),
    "arc_easy": ("arc_easy", "allenai/ai2_arc/ARC-Easy", "test"),
    "arc_challenge": ("arc_challenge", "allenai/ai2_arc/ARC-Challenge", "test"),
    "winogrande": ("winogrande", "allenai/winogrande/winogrande_xl", "validation"),
    "blimp": ("blimp_wh_island", "nyu-mll/blimp/wh_island", "train"),
}
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
N_CTX = 96  # shorter than some passages, so that what is cut is compared too


def made_rows(n: int = 40) -> dict[str, list[dict[str, Any]]]:
    """Make records in the hub's layout from random words; some are longer than the context."""
    random = Random(0)

    def words(least: int, most: int) -> str:
        return " ".join(random.choice(TEXT.split()) for _ in range(random.randint(least, most)))

    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in CHOICES}
    for i in range(n):
        long = 120 if i % 10 == 0 else 12
        label, letters = random.randrange(4), "ABCD" if i % 3 else "1234"
        scene = {"ctx_a": f"{words(3, long)}.", "ctx_b": random.choice(["", "he", "the Man"])}
        endings = [
            f"{words(1, 8)}{random.choice(['.', ' [title] More', ' [step]  Stop.'])}" for _ in range(4)
        ]
        rows["hellaswag"].append(
            {"ind": i, "activity_label": words(1, 3), **scene, "ctx": f"{scene['ctx_a']} {scene['ctx_b']}"}
            | {"endings": endings, "label": str(label), "source_id": "", "split": "val", "split_type": "x"}
        )
        rows["piqa"].append(
            {"goal": words(2, long), "sol1": words(1, 9), "sol2": words(1, 9), "label": label % 2}
        )
        for name in ("arc_easy", "arc_challenge"):
            choices = {"text": [words(1, 5) for _ in letters], "label": list(letters)}
            rows[name].append(
                {
                    "id": str(i),
                    "question": f"{words(3, long)}?",
                    "choices": choices,
                    "answerKey": letters[label],
                }
            )
        rows["winogrande"].append(
            {"sentence": f"{words(1, 5)} _ {words(1, 5)}.", "option1": words(1, 1), "option2": words(1, 2)}
            | {"answer": str(1 + label % 2)}
        )
        rows["blimp"].append(
            {"sentence_good": words(3, 7), "sentence_bad": words(3, 7), "linguistics_term": "islands"}
            | {"UID": "wh_island", "field": "syntax", "pair_id": i}
        )
    return rows


TEXT = "the a man pan salt oil went sat under over it's Gabriel 3,000 naïve Who left. of, and hot cold"
MADE = made_rows()


@pytest.fixture(scope="module")
def rows() -> dict[str, Any]:
    from tests.evaluation.make_lm_eval_requests import made  # imports lm-eval

    if not SHARED.is_dir():
        pytest.skip(f"no shared data in {SHARED}")
    found: dict[str, Any] = made(SHARED)
    return found | {
        hub: dict.fromkeys(("train", "validation", "test"), MADE[name])
        for name, (_, hub, _) in CHOICES.items()
    }


@pytest.fixture(autouse=True)
def local_rows(rows: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace lm-eval's downloads by local examples."""
    names = ("transformers.data.metrics", "transformers.data.metrics.squad_metrics")
    for name in names:
        monkeypatch.setitem(sys.modules, name, ModuleType(name))

    def load(path: str, name: str | None = None, **_: Any) -> Any:
        found = rows.get(f"{path}/{name}") or rows[path]
        splits = {split: datasets.Dataset.from_list(part) for split, part in found.items()}
        return datasets.DatasetDict(splits)

    monkeypatch.setattr(datasets, "load_dataset", load)


@pytest.fixture(scope="module")
def trained(rows: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a small GPT-2 until it has memorized the first passages."""
    torch.manual_seed(0)
    tokenizer = load_tokenizer("storyworld")  # of few tokens, so that they are learned in seconds
    decoder = Decoder(
        DecoderConfig(vocab_size=tokenizer.vocab_size, n_ctx=N_CTX, n_layer=2, n_head=2, n_embd=96)
    )
    passages = [row["text"] for row in rows["EleutherAI/lambada_openai"]["test"][:40]]
    ids = torch.tensor(tokenizer.encode("\n".join(passages)))
    optimizer = torch.optim.AdamW(decoder.parameters(), lr=3e-3)
    for _ in range(250):
        starts = torch.randint(len(ids) - N_CTX - 1, (8,))
        windows = torch.stack([ids[i : i + N_CTX + 1] for i in starts])
        logits = decoder(windows[:, :-1]) @ decoder.wte.weight.T
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    folder = tmp_path_factory.mktemp("trained") / "model"
    LanguageModel(decoder, tokenizer).save(folder)
    return folder


@pytest.fixture(params=[0, 1, 2, "trained"])
def model(request: pytest.FixtureRequest, tmp_path: Path, shared_data: Path) -> Path:
    """Make a model folder: in turn three with random weights and different decisions, and a trained one."""
    if request.param == "trained":
        folder: Path = request.getfixturevalue("trained")
        return folder
    seed: int = request.param
    width = (32, 48, 64)[seed]
    torch.manual_seed(seed)
    config = DecoderConfig(vocab_size=50257, n_ctx=N_CTX, n_layer=1 + seed, n_head=4, n_embd=width)
    decoder, tokenizer = Decoder(config), load_tokenizer(shared_data / "tokenizers" / "gpt2")
    usual = [i for word in (" Gabriel", " Sarah") for i in tokenizer.encode(word)]
    with torch.no_grad():
        for parameter in decoder.parameters():
            if parameter.ndim == 2:
                parameter.normal_(std=0.3)
        for name, parameter in decoder.named_parameters():
            if name == "ln_f.bias":
                parameter.copy_(decoder.wte.weight[usual].sum(dim=0) * 6)  # words that passages end in
    LanguageModel(decoder, tokenizer).save(tmp_path / "model")
    return tmp_path / "model"


def evaluated(lm: Any, task: str, limit: int) -> tuple[list[Any], dict[str, float]]:
    """Return each request's answer in the order of the examples, and the task's scores."""
    found = lm_eval.simple_evaluate(model=lm, tasks=[task], limit=limit, bootstrap_iters=0)
    samples = sorted(found["samples"][task], key=lambda sample: sample["doc_id"])
    answers = [answer for sample in samples for [answer] in sample["resps"]]
    return answers, {name.partition(",")[0]: value for name, value in found["results"][task].items()}


@pytest.mark.parametrize("benchmark", TASKS)
def test_backend_and_command_agree_with_the_harness_item_by_item(
    benchmark: str, model: Path, shared_data: Path, tmp_path: Path
) -> None:
    from lm_eval.models.huggingface import HFLM

    task, n = TASKS[benchmark]
    theirs, their_numbers = evaluated(
        HFLM(pretrained=str(model), dtype="float32", device="cpu", batch_size=16), task, n
    )
    ours, our_numbers = evaluated(register()(path=str(model), device="cpu"), task, n)
    assert len(ours) == len(theirs) >= n
    if benchmark == "wikitext2_raw":
        ours, theirs = [(value, False) for value in ours], [(value, False) for value in theirs]
    assert [greedy for _, greedy in ours] == [greedy for _, greedy in theirs]
    nats, their_nats = (torch.tensor([log_p for log_p, _ in answers]) for answers in (ours, theirs))
    relative = 1e-6 if benchmark == "wikitext2_raw" else 0.0  # of a page some ten thousand nats
    torch.testing.assert_close(nats, their_nats, atol=1e-3, rtol=relative)
    for name, value in their_numbers.items():
        if isinstance(value, float) and not math.isnan(value):
            assert our_numbers[name] == pytest.approx(value, rel=1e-3), name

    command = ["zero-shot", str(model), "--benchmarks", benchmark, "--protocols", "lm-eval"]
    files = ["--output", str(tmp_path / "table.json"), "--rows", str(tmp_path / "rows.jsonl")]
    assert main([*command, *files, "--root", str(shared_data), "--limit", str(n)]) == 0
    scores = json.loads((tmp_path / "table.json").read_text(encoding="utf-8"))["scores"]
    numbers = {score["metric"]: score["value"] for score in scores}
    text = (tmp_path / "rows.jsonl").read_text(encoding="utf-8")
    records = [json.loads(line) for line in text.splitlines()]
    renamed = {"acc": "accuracy"}
    compared = {renamed.get(name, name): value for name, value in their_numbers.items()}
    shared = numbers.keys() & compared.keys()
    assert shared >= ({"word_perplexity", "bits_per_byte"} if benchmark == "wikitext2_raw" else {"accuracy"})
    for name in shared:
        assert numbers[name] == pytest.approx(compared[name], rel=1e-3), name
    if benchmark == "winograd":
        scored = [score for record in records for score in record["scores"]]
    else:
        scored = [record["log_probability"] for record in records]
    torch.testing.assert_close(
        torch.tensor(scored, dtype=torch.float32), their_nats, atol=1e-3, rtol=relative
    )
    if benchmark == "lambada":
        correct = [record["correct"] for record in records]
        assert correct == [greedy for _, greedy in theirs]
        assert any(correct)
        assert not all(correct)


@pytest.mark.parametrize("benchmark", CHOICES)
def test_choices_agree_with_the_harness_item_by_item(benchmark: str, model: Path, tmp_path: Path) -> None:
    from lm_eval.models.huggingface import HFLM

    task, _, split = CHOICES[benchmark]
    lm = HFLM(pretrained=str(model), dtype="float32", device="cpu", batch_size=16)
    theirs, their_numbers = evaluated(lm, task, len(MADE[benchmark]))
    folder = tmp_path / benchmark
    folder.mkdir()
    text = "".join(json.dumps(row) + "\n" for row in MADE[benchmark])
    (folder / f"{split}.jsonl").write_text(text, encoding="utf-8")
    command = [
        "zero-shot",
        str(model),
        "--benchmarks",
        benchmark,
        "--protocols",
        "lm-eval",
        "--no_check_files",
    ]
    files = ["--output", str(tmp_path / "table.json"), "--rows", str(tmp_path / "rows.jsonl")]
    assert main([*command, *files, "--root", str(tmp_path)]) == 0
    records = [
        json.loads(line) for line in (tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert len(records) == len(MADE[benchmark])
    ours = torch.tensor([score for record in records for score in record["scores"]])
    torch.testing.assert_close(ours, torch.tensor([log_p for log_p, _ in theirs]), atol=1e-3, rtol=0.0)
    scores = json.loads((tmp_path / "table.json").read_text(encoding="utf-8"))["scores"]
    numbers = {score["metric"]: score["value"] for score in scores if not score["of"]}
    assert numbers["accuracy"] == pytest.approx(their_numbers["acc"])
    if "acc_norm" in their_numbers and benchmark not in ("winogrande", "blimp"):
        assert numbers["accuracy_per_character"] == pytest.approx(their_numbers["acc_norm"])


PMI_TASK = """\
task: made_pmi
dataset_path: json
dataset_kwargs: {{data_files: {{test: {path}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{goal}}}}"
doc_to_target: label
doc_to_choice: "{{{{[sol1, sol2]}}}}"
metric_list: [{{metric: acc}}, {{metric: acc_mutual_info}}]
"""
OURS = """\
name: made
files: rows.jsonl
kind: multiple_choice
prompt: "{goal}"
choices: ["{sol1}", "{sol2}"]
answer: "{label}"
metric: accuracy_pmi
"""


@pytest.mark.parametrize("model", [0, 1], indirect=True)
def test_dc_pmi_is_the_harness_s_mutual_information(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lm_eval.models.huggingface import HFLM

    short = [row for row in MADE["piqa"] if len(row["goal"].split()) < 13]
    monkeypatch.setattr(
        datasets,
        "load_dataset",
        lambda *_, **__: datasets.DatasetDict(test=datasets.Dataset.from_list(short)),
    )
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in short), encoding="utf-8")
    (tmp_path / "task.yaml").write_text(PMI_TASK.format(path=tmp_path / "rows.jsonl"), encoding="utf-8")
    (tmp_path / "ours.yaml").write_text(OURS, encoding="utf-8")
    lm = HFLM(pretrained=str(model), dtype="float32", device="cpu", batch_size=16)
    found = lm_eval.simple_evaluate(
        model=lm, tasks=[str(tmp_path / "task.yaml")], limit=len(short), bootstrap_iters=0
    )
    command = ["zero-shot", str(model), "--benchmarks", str(tmp_path / "ours.yaml")]
    assert main([*command, "--output", str(tmp_path / "table.json")]) == 0
    [score] = json.loads((tmp_path / "table.json").read_text(encoding="utf-8"))["scores"]
    assert score["metric"] == "accuracy_pmi"
    assert score["value"] == pytest.approx(found["results"]["made_pmi"]["acc_mutual_info,none"])


def test_generated_answers_are_the_harness_s(model: Path) -> None:
    from lm_eval.models.huggingface import HFLM

    prompts = ["Q: who wrote the book\nA:", "She took the", "One. " * 60, "A dog runs."]
    asked = [
        SimpleNamespace(args=(prompt, {"until": until, "max_gen_toks": 12, "do_sample": False}))
        for prompt in prompts
        for until in (["\n"], ["e", "."], [])
    ]
    theirs = HFLM(pretrained=str(model), dtype="float32", device="cpu", batch_size=4).generate_until(asked)
    assert register()(path=str(model), device="cpu").generate_until(asked) == theirs
    assert any(theirs)


TASK = """\
task: made_task
dataset_path: json
dataset_kwargs: {{data_files: {{test: {path}}}}}
test_split: test
output_type: loglikelihood
doc_to_text: "{{{{text.split(' ')[:-1]|join(' ')}}}}"
doc_to_target: "{{{{' ' + text.split(' ')[-1]}}}}"
metric_list: [{{metric: perplexity, aggregation: perplexity, higher_is_better: false}}]
"""


@pytest.mark.parametrize("model", [0], indirect=True)
def test_the_harness_s_own_command_line_runs_with_our_backend(
    model: Path, rows: dict[str, Any], tmp_path: Path
) -> None:
    """Run the command in a separate process on a task of a local file; nothing is replaced."""
    passages = [row for row in rows["EleutherAI/lambada_openai"]["test"] if len(row["text"]) < 300][:4]
    lines = "".join(json.dumps(row) + "\n" for row in passages)
    (tmp_path / "rows.jsonl").write_text(lines, encoding="utf-8")
    (tmp_path / "task.yaml").write_text(TASK.format(path=tmp_path / "rows.jsonl"), encoding="utf-8")
    command = ["--model", NAME, "--model_args", f"path={model},device=cpu"]
    task = ["--tasks", str(tmp_path / "task.yaml"), "--output_path", str(tmp_path / "out")]
    environment = {"HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1", **os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "gpt_toolkit.evaluation.lm_eval_model", *command, *task],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    [report] = (tmp_path / "out").rglob("results_*.json")
    found = json.loads(report.read_text(encoding="utf-8"))["results"]["made_task"]["perplexity,none"]
    ours = load(model, device="cpu")
    nats = [-ours.score(*divided(row["text"]))[0] for row in passages]
    assert found == pytest.approx(math.exp(sum(nats) / len(nats)), rel=1e-4)


def divided(text: str) -> tuple[str, str]:
    context, _, word = text.rpartition(" ")
    return context, f" {word}"
