import gzip
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from torch import Tensor

from gpt_toolkit import storyworld
from gpt_toolkit.batches import IGNORE_INDEX, LanguageModelBatch
from gpt_toolkit.data.pretraining import datamodule
from gpt_toolkit.data.pretraining.datamodule import CorpusDataModule
from gpt_toolkit.data.pretraining.parallel_tokenize import encode_on_threads
from gpt_toolkit.data.pretraining.window_order import WindowOrder, step_windows

Write = Callable[[str, str | bytes], Path]
N_CTX = 16
NUMBERS = " ".join(f"{i:05d}" for i in range(4000))  # every window of it differs

pytestmark = [
    pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*smaller than the logging interval"),
    pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning"),  # lightning 2.6.6 with torch 2.13
]


class Recorder(LightningModule):
    """A model with one parameter that records its batches.

    Args:
        stop_at: Micro-batch, counted over the run, at which it raises.
    """

    def __init__(self, stop_at: int | None = None) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen: list[tuple[int, list[list[int]]]] = []
        self.stop_at = stop_at
        self.targets: set[int] = set()
        self.evaluated: list[LanguageModelBatch] = []

    def training_step(self, batch: LanguageModelBatch, batch_idx: int) -> Tensor:
        if self.stop_at is not None and len(self.seen) == self.stop_at:
            raise InterruptedError
        assert torch.equal(batch["input_ids"][:, 1:], batch["labels"][:, :-1])
        self.seen.append((self.global_step, batch["input_ids"].tolist()))
        self.targets.add(batch["step_targets"])
        return self.weight * 1.0

    def validation_step(self, batch: LanguageModelBatch, batch_idx: int) -> None:
        self.evaluated.append(batch)

    test_step = validation_step

    def predict_step(self, batch: LanguageModelBatch, batch_idx: int) -> Tensor:
        return batch["input_ids"]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)

    def steps(self) -> dict[int, list[tuple[int, ...]]]:
        """Return the windows read at each optimizer step, in order."""
        result: dict[int, list[tuple[int, ...]]] = {}
        for step, rows in self.seen:
            result.setdefault(step, []).extend(map(tuple, rows))
        return result


def trainer(folder: Path, **options: Any) -> Trainer:
    quiet = {
        "accelerator": "cpu",
        "devices": 1,
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
        "default_root_dir": folder,
        "limit_val_batches": 0,
    }
    return Trainer(**{**quiet, **options})


def data(files: Path | str, **options: Any) -> CorpusDataModule:
    return CorpusDataModule(
        **{"files": str(files), "tokenizer": "bytes", "n_ctx": N_CTX, "batch_size": 16, **options}
    )


def ready(module: CorpusDataModule) -> CorpusDataModule:
    module.prepare_data()
    module.setup("fit")
    return module


@pytest.fixture
def numbers(write: Write) -> Path:
    return write("numbers.txt", NUMBERS)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[tuple[int, ...]]]:
    """Return the windows of 200 steps of 16 windows, more than two epochs."""
    folder = tmp_path_factory.mktemp("unbroken")
    (folder / "numbers.txt").write_text(NUMBERS)
    model = Recorder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GPT_TOOLKIT_CACHE", str(folder))
        trainer(folder, max_steps=200).fit(model, datamodule=data(folder / "numbers.txt"))
    return model.steps()


def test_each_step_reads_the_windows_that_the_order_says(
    unbroken: dict[int, list[tuple[int, ...]]], numbers: Path
) -> None:
    tokens = ready(data(numbers)).cache.tokens("train")
    order = WindowOrder(len(tokens), N_CTX, seed=0)
    assert list(unbroken) == list(range(200))
    for step, windows in unbroken.items():
        expected = tokens.windows(step_windows(order, step, 16), N_CTX)
        assert [list(window) for window in windows] == expected.tolist()


@pytest.mark.parametrize(("batch_size", "accumulate"), [(4, 4), (8, 2), (1, 16)])
def test_accumulated_micro_batches_read_the_same_windows(
    batch_size: int,
    accumulate: int,
    unbroken: dict[int, list[tuple[int, ...]]],
    numbers: Path,
    tmp_path: Path,
) -> None:
    model = Recorder()
    module = data(numbers, batch_size=batch_size)
    trainer(tmp_path, max_steps=100, accumulate_grad_batches=accumulate).fit(model, datamodule=module)
    assert model.steps() == {step: unbroken[step] for step in range(100)}
    assert model.targets == {16 * N_CTX}
    assert "windows_per_step=16" in module.plan


@pytest.mark.parametrize("accumulate", [1, 4])
@pytest.mark.parametrize(
    ("saved_after", "num_workers"), [(1, 0), (37, 0), (37, 1), (88, 0), (89, 0), (100, 0)]
)
def test_a_resumed_run_reads_what_the_unbroken_run_reads(
    saved_after: int,
    num_workers: int,
    accumulate: int,
    unbroken: dict[int, list[tuple[int, ...]]],
    numbers: Path,
    tmp_path: Path,
) -> None:
    def fit(max_steps: int, ckpt_path: Path | None) -> Recorder:
        model = Recorder()
        checkpoint = ModelCheckpoint(tmp_path, "{step}", every_n_train_steps=saved_after, save_top_k=-1)
        run = trainer(
            tmp_path,
            max_steps=max_steps,
            accumulate_grad_batches=accumulate,
            callbacks=[checkpoint],
            enable_checkpointing=True,
        )
        module = data(numbers, batch_size=16 // accumulate, num_workers=num_workers)
        assert ready(module).cache.n_tokens("train") // N_CTX - 1 == 16 * 89  # an epoch has 89 steps
        run.fit(model, datamodule=module, ckpt_path=ckpt_path)
        return model

    fit(saved_after + 2, None)
    model = fit(120, tmp_path / f"step={saved_after}.ckpt")
    assert model.steps() == {step: unbroken[step] for step in range(saved_after, 120)}


@pytest.mark.parametrize("micro_batch", [148, 149, 150, 151])
def test_a_step_that_a_checkpoint_caught_half_way_is_done_again(
    micro_batch: int, unbroken: dict[int, list[tuple[int, ...]]], numbers: Path, tmp_path: Path
) -> None:
    first = trainer(tmp_path, max_steps=100, accumulate_grad_batches=4)
    with pytest.raises(InterruptedError):
        first.fit(Recorder(stop_at=micro_batch), datamodule=data(numbers, batch_size=4))
    first.save_checkpoint(tmp_path / "half.ckpt")
    model = Recorder()
    second = trainer(tmp_path, max_steps=100, accumulate_grad_batches=4)
    second.fit(model, datamodule=data(numbers, batch_size=4), ckpt_path=tmp_path / "half.ckpt")
    assert model.steps() == {step: unbroken[step] for step in range(37, 100)}
    assert len(model.seen) == 4 * 63


def test_epochs_cut_short_by_the_trainer_lose_no_window(
    unbroken: dict[int, list[tuple[int, ...]]], numbers: Path, tmp_path: Path
) -> None:
    model = Recorder()
    trainer(tmp_path, max_steps=95, limit_train_batches=30).fit(model, datamodule=data(numbers))
    assert model.steps() == {step: unbroken[step] for step in range(95)}


@pytest.mark.parametrize(
    ("accumulate", "limit", "steps"), [(1, 1.0, 89), (4, 1.0, 89), (4, 40, 10), (4, 0.5, 45), (1, 1000, 89)]
)
def test_an_epoch_has_as_many_steps_as_the_module_says(
    accumulate: int, limit: float, steps: int, numbers: Path, tmp_path: Path
) -> None:
    module = data(numbers, batch_size=16 // accumulate)
    run = trainer(tmp_path, max_epochs=2, accumulate_grad_batches=accumulate, limit_train_batches=limit)
    run.fit(Recorder(), datamodule=module)
    assert module.steps_per_epoch == steps
    assert run.global_step == 2 * steps


class Saver(Callback):
    """Callback that saves what a rank has read, in the process of that rank."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, Recorder)
        labels = [batch["labels"].tolist() for batch in pl_module.evaluated]
        kwargs = trainer.distributed_sampler_kwargs
        assert kwargs is not None
        path = self.folder / f"rank{kwargs['rank']}.json"
        path.write_text(json.dumps([pl_module.seen, labels, list(pl_module.targets)]))


def fit_rank(numbers: Path, folder: Path, **options: Any) -> None:
    run = trainer(
        folder,
        max_steps=20,
        val_check_interval=10,
        limit_val_batches=1.0,
        num_sanity_val_steps=0,
        callbacks=[Saver(folder)],
        **options,
    )
    run.fit(Recorder(), datamodule=data(numbers, batch_size=8))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("processes", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_two_ranks_read_the_same_windows_as_one_and_each_validation_window_once(
    processes: bool,
    unbroken: dict[int, list[tuple[int, ...]]],
    numbers: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if processes:
        fit_rank(numbers, tmp_path, devices=2, strategy="ddp_spawn")
    else:
        for rank in (0, 1):
            ranks_of = {"num_replicas": 2, "rank": rank}
            monkeypatch.setattr(Trainer, "distributed_sampler_kwargs", ranks_of)
            fit_rank(numbers, tmp_path)
    ranks = [json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in (0, 1)]
    for step in range(20):
        windows = [tuple(row) for seen, _, _ in ranks for at, rows in seen if at == step for row in rows]
        assert windows == unbroken[step]
    assert ranks[0][2] == ranks[1][2] == [16 * N_CTX]
    assert len(ranks[0][1]) == len(ranks[1][1])
    monkeypatch.undo()
    monkeypatch.setenv("GPT_TOOLKIT_CACHE", str(tmp_path / "cache"))
    tokens = ready(data(numbers)).cache.tokens("val")
    once = len(ranks[0][1]) // 2  # validation ran twice
    labels = [label for i in range(once) for rank in ranks for row in rank[1][i] for label in row]
    assert [label for label in labels if label != IGNORE_INDEX] == tokens.read(1, len(tokens) - 1).tolist()


def test_the_plan_names_what_decides_the_order(numbers: Path) -> None:
    def plan(**options: Any) -> str:
        return ready(data(numbers, **options)).plan

    key = ready(data(numbers)).cache.key
    assert plan() == f"tokens={key} seed=0 n_ctx=16 windows_per_step=16 order=1"
    plans = {plan(), plan(seed=1), plan(n_ctx=8), plan(batch_size=3), plan(val_fraction=0.2)}
    assert len(plans) == 5


def test_the_module_is_what_a_language_modelling_task_expects(numbers: Path) -> None:
    module = ready(data(numbers))
    assert module.vocabulary.vocab_size == 257
    assert module.n_ctx == N_CTX


def test_testing_and_predicting_fall_back_to_validation_and_say_so(
    numbers: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gpt_toolkit")
    model = Recorder()
    run = trainer(tmp_path)
    run.test(model, datamodule=data(numbers), verbose=False)
    assert "no test split; the validation split is scored, and its results are named val_" in caplog.messages
    predicted = run.predict(model, datamodule=data(numbers))
    assert predicted is not None
    tested = [batch["input_ids"] for batch in model.evaluated]
    assert all(torch.equal(a, b) for a, b in zip(predicted, tested, strict=True))


def test_a_folder_with_named_splits_is_used_as_it_is(write: Write) -> None:
    for split, letter in (("train", "a"), ("valid", "b"), ("test", "c")):
        write(f"c/{split}/x.txt", letter * 100)
    module = ready(data(write("c/train/x.txt", "a" * 100).parents[1]))
    assert module.cache.splits == ("train", "val", "test")
    first = next(iter(module.test_dataloader()))
    assert module.vocabulary.decode(first["labels"][0].tolist()) == "c" * N_CTX


def test_without_validation_there_is_no_loader_and_testing_is_refused(numbers: Path) -> None:
    module = ready(data(numbers, val_fraction=0))
    assert module.cache.splits == ("train",)
    assert module.val_dataloader() == []
    with pytest.raises(ValueError, match="test text: none; expected test_files, or a val_fraction above 0"):
        module.test_dataloader()


def test_too_few_records_for_validation_are_refused(write: Write) -> None:
    path = write("a.jsonl", '{"text": "one"}\n{"text": "two"}\n')
    with pytest.raises(ValueError, match=r"val_fraction: 0\.05, every 20th of 2 documents; expected at"):
        data(path).prepare_data()


def test_setting_up_before_preparing_is_refused(numbers: Path) -> None:
    with pytest.raises(FileNotFoundError, match="run `gpt-toolkit prepare`"):
        data(numbers).setup("fit")
    with pytest.raises(RuntimeError, match=r"CorpusDataModule: not set up; expected calls of"):
        data(numbers).train_dataloader()


def test_all_wrong_arguments_are_named_at_once() -> None:
    with pytest.raises(ValueError, match="CorpusDataModule: files, dataset: neither given") as caught:
        CorpusDataModule(n_ctx=0, batch_size=0, num_workers=-1, val_fraction=2, limit_documents=0)
    for name in (
        "n_ctx: 0; expected at least 1",
        "batch_size: 0",
        "num_workers: -1",
        "val_fraction: 2",
        "limit_documents: 0",
    ):
        assert name in str(caught.value)
    with pytest.raises(ValueError, match="both given"):
        CorpusDataModule(files="a", dataset="b")
    with pytest.raises(ValueError, match="given with dataset; expected files"):
        CorpusDataModule(dataset="b", val_files="c")
    with pytest.raises(ValueError, match="streaming: true; expected a dataset of the hub"):
        CorpusDataModule(files="a", streaming=True)


STORIES = "".join(f"Story {i}.\n<|endoftext|>\n" for i in range(40))


def test_a_separator_ends_documents_with_the_end_of_text_token(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    module = ready(data(write("a.txt", STORIES), separator="<|endoftext|>", val_fraction=0.1))
    for split, numbers in (("train", [i for i in range(40) if i % 10 != 9]), ("val", [9, 19, 29, 39])):
        tokens = module.cache.tokens(split)  # type: ignore[arg-type]
        expected = [token for i in numbers for token in (256, *f"Story {i}.".encode())]
        assert tokens.read(0, len(tokens)).tolist() == expected
    assert caplog.messages == []


def test_marks_that_are_read_as_text_are_counted_in_a_warning(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):  # also when the tokens are in the cache
        module = ready(data(write("a.txt", STORIES), val_fraction=0.1))
        [message] = caplog.messages
        assert message.startswith("text: '<|endoftext|>' occurs 40 times, as ordinary text; ")
        assert message.endswith("if it ends documents, set separator to it")
        caplog.clear()
    assert module.cache.n_documents("train") == module.cache.n_documents("val") == 1


def test_a_separator_that_divides_nothing_is_a_warning(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    ready(data(write("a.txt", "one text " * 30), separator="<|end|>", val_fraction=0))
    assert caplog.messages == ["separator: '<|end|>' divides no file; files: 1"]
    with pytest.raises(ValueError, match="CorpusDataModule: separator: empty; expected the text that ends"):
        data("a.txt", separator="")


def test_a_file_that_changes_while_it_is_read_is_noticed(
    write: Write, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    path = write("a.txt", "one text " * 300)

    def grown(*arguments: Any) -> Any:
        write("a.txt", "one text " * 301)
        return encode_on_threads(*arguments)

    monkeypatch.setitem(datamodule.ENCODERS, "threads", grown)
    with pytest.raises(ValueError, match=r"a\.txt: the text changed while it was read; "):
        data(path).prepare_data()
    assert not list(cache.glob("tokens/*/manifest.json"))


def test_the_built_in_world_is_a_corpus() -> None:
    def module(dataset: str) -> CorpusDataModule:
        return ready(CorpusDataModule(dataset=dataset, limit_documents=60, tokenizer="bytes", n_ctx=N_CTX))

    first = module("storyworld")
    assert [first.cache.n_documents(split) for split in ("train", "val", "test")] == [60, 3, 3]
    story = storyworld.document(0, "validation", 0)
    start = first.cache.tokens("val").read(0, len(story.encode()) + 2).tolist()
    assert start == [256, *story.encode(), 256]
    assert module("storyworld:7").cache.key != first.cache.key
    assert module("storyworld:0").cache.key == first.cache.key
    with pytest.raises(ValueError, match=r"'storyworld:x'; expected a seed at its end"):
        CorpusDataModule(dataset="storyworld:x").corpus()


@pytest.mark.filterwarnings("ignore")  # the library's own
@pytest.mark.parametrize("streaming", [False, True])
def test_a_hub_data_set_is_a_corpus(
    streaming: bool, write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "hub")
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    rows = [json.dumps({"text": f"Row {i} has a few words."}) for i in range(40)]
    folder = write("set/train.jsonl", "\n".join(rows)).parent
    module = ready(
        CorpusDataModule(
            dataset=str(folder),
            val_fraction=0.1,
            tokenizer="bytes",
            n_ctx=N_CTX,
            streaming=streaming,
            limit_documents=30,
        )
    )
    assert [module.cache.n_documents(split) for split in ("train", "val")] == [27, 3]
    chunks = list(module.corpus().chunks())
    assert [chunk.text for chunk in chunks] == [json.loads(row)["text"] for row in rows[:30]]
    assert list(module.corpus().chunks(chunks[12].position)) == chunks[13:]
    with pytest.raises(ValueError, match=r"dataset: 'no/such-thing' not loaded \(Couldn't reach"):
        CorpusDataModule(dataset="no/such-thing").prepare_data()


@pytest.mark.shared
def test_the_split_of_tiny_shakespeare_is_nanogpts_up_to_the_next_speaker(shared_data: Path) -> None:
    path = shared_data / "tinyshakespeare" / "input.txt"
    module = ready(data(path, val_fraction=0.1))
    text = path.read_bytes()
    cut = int(len(text) * 0.9) + len("?\n\n")
    assert text[cut:].startswith(b"GREMIO:")
    for split, part in (("train", text[:cut]), ("val", text[cut:])):
        tokens = module.cache.tokens(split)  # type: ignore[arg-type]
        assert bytes(tokens.read(1, len(tokens) - 1).tolist()) == part


def test_packed_files_and_records_may_be_mixed(write: Write) -> None:
    write("c/a.txt.gz", gzip.compress(b"packed text " * 20))
    folder = write("c/b.jsonl", '{"text": "a record"}\n' * 3).parent
    module = ready(data(folder, val_fraction=0.3))
    assert [module.cache.n_documents(split) for split in module.cache.splits] == [3, 2]


@pytest.mark.filterwarnings("ignore:You requested to overfit")
def test_overfitting_reads_the_same_batches_in_every_epoch(
    unbroken: dict[int, list[tuple[int, ...]]], numbers: Path, tmp_path: Path
) -> None:
    model = Recorder()
    trainer(tmp_path, max_epochs=3, overfit_batches=2).fit(model, datamodule=data(numbers))
    assert [windows for _, windows in sorted(model.steps().items())] == [unbroken[0], unbroken[1]] * 3
