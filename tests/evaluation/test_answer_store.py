"""Stored answers: what is reused, what is not, and files that were cut off or changed."""

import logging
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.evaluation import answer_store
from gpt_toolkit.evaluation.answer_store import AnswerStore, open_store, store_folder
from gpt_toolkit.evaluation.protocol import RequestSet
from gpt_toolkit.evaluation.zero_shot_task import ZeroShotTask
from gpt_toolkit.generation.language_model import LanguageModel, load
from gpt_toolkit.generation.requests import Answer, Continuation, Prompt, Request, RunningText
from gpt_toolkit.generation.scorer import Scorer
from gpt_toolkit.tokenizers import load_tokenizer
from tests.evaluation.test_zero_shot_task import benchmarks, model, trainer

__all__ = ["model"]

BYTES = load_tokenizer("bytes")
ANSWERS = {
    number: Answer(-number / 3, number, number % 2 == 0, 'two\nlines, "\ud800" and é' * (number % 3))
    for number in range(40)
}


class Computed:
    """Requests that the scorer has answered; it stops as if killed before a batch."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, stop_before: int = -1) -> None:
        self.n_requests, self.n_batches = 0, 0
        answer = Scorer.answer

        def counted(scorer: Scorer, requests: Sequence[Request]) -> list[Answer]:
            if requests:
                if self.n_batches == stop_before:
                    raise KeyboardInterrupt
                self.n_batches += 1
                self.n_requests += len(requests)
            return answer(scorer, requests)

        monkeypatch.setattr(Scorer, "answer", counted)


def evaluated(model: Path, **options: Any) -> ZeroShotTask:
    task = ZeroShotTask(init_from=str(model), **options)
    trainer().validate(task, benchmarks(), verbose=False)
    return task


def test_a_repeated_evaluation_computes_what_is_missing_and_has_the_same_scores(
    model: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    with monkeypatch.context() as patch:
        whole = Computed(patch)
        expected = evaluated(model, store=False)
        assert not (cache / "answers").exists()
    done = 0
    for stop_before in (2, 0, 3):
        with monkeypatch.context() as patch:
            computed = Computed(patch, stop_before)
            with pytest.raises(SystemExit):  # Lightning's answer to KeyboardInterrupt
                evaluated(model)
            done += computed.n_requests
    with monkeypatch.context() as patch:
        rest = Computed(patch)
        task = evaluated(model)
        assert rest.n_requests == whole.n_requests - done
        assert rest.n_batches == whole.n_batches - 5
    assert task.answers == expected.answers
    assert repr(task.scores) == repr(expected.scores)  # NaN differs from itself
    assert repr(task.results) == repr(expected.results)
    with monkeypatch.context() as patch:
        again = Computed(patch)
        assert evaluated(model).answers == expected.answers
        assert again.n_requests == 0
        assert evaluated(model, store=False).answers == expected.answers
        assert again.n_requests == whole.n_requests


def test_nothing_is_reused_after_one_weight_changed(
    model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    evaluated(model)
    loaded = load(model, device="cpu")
    with torch.no_grad():
        weight = loaded.decoder.wpe.weight
        weight[3, 2] = torch.nextafter(weight[3, 2], torch.tensor(torch.inf))
    loaded.save(tmp_path / "changed")
    computed = Computed(monkeypatch)
    evaluated(tmp_path / "changed")
    changed = computed.n_requests
    evaluated(tmp_path / "changed", store=False)
    assert computed.n_requests == 2 * changed > 0


def small(**fields: Any) -> Decoder:
    torch.manual_seed(0)
    shape = {"vocab_size": 257, "n_ctx": 8, "n_layer": 1, "n_head": 1, "n_embd": 8}
    return Decoder(DecoderConfig(**shape | fields))


def test_the_folder_depends_on_all_that_decides_a_model_s_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = store_folder(small(), BYTES)
    assert store_folder(small(), BYTES) == folder
    others = {
        store_folder(small().to(torch.bfloat16), BYTES),
        store_folder(small(), BYTES, int8_range=127),
        store_folder(small(), BYTES, int8_range=63),
        store_folder(small(norm="post"), BYTES),
        store_folder(small(), load_tokenizer("storyworld")),
    }
    monkeypatch.setattr(answer_store, "_hash_code", lambda: "other")
    others.add(store_folder(small(), BYTES))
    assert len(others - {folder}) == 6


def test_the_file_depends_on_protocol_version_and_requests(tmp_path: Path) -> None:
    data = benchmarks(benchmarks=["storyworld:last_word"], protocols=["paper"])
    data.setup()
    [evaluation] = data.evaluations.values()
    requests: list[Request] = [
        Continuation((1, 2), (3,), frozenset({5, 4})),
        RunningText((1, 2, 3), 2, 2),
        Prompt((1,), 2, ("x",)),
    ]

    def path(*requests: Request, **fields: Any) -> Path:
        protocol = replace(evaluation.protocol, **fields)
        other = replace(evaluation, protocol=protocol, request_set=RequestSet([list(requests)], []))
        return open_store(tmp_path, other).path

    a, b, c = requests
    same = path(a, b, c)
    assert same == path(Continuation((1, 2), (3,), frozenset({4, 5})), b, c)
    others = {
        path(a, b, c, version=evaluation.protocol.version + 1),
        path(a, b, c, name="other"),
        path(b, a, c),
        path(a, b),
        path(Continuation((1,), (2, 3), frozenset({4, 5})), b, c),
        path(Continuation((1, 2), (3,)), b, c),
        path(a, RunningText((1, 2, 3), 2, 1), c),
        path(a, RunningText((1, 2, 3), 2, 2, 1), c),
        path(a, b, Prompt((1,), 2, ("x",), seed=1)),
    }
    assert len(others - {same}) == 9


def stored(path: Path, batch: int = 7) -> dict[int, Answer]:
    numbers = list(ANSWERS)
    for first in range(0, len(numbers), batch):
        AnswerStore(path).add({number: ANSWERS[number] for number in numbers[first : first + batch]})
    return AnswerStore(path).answers


def test_answers_come_back_as_they_were(tmp_path: Path) -> None:
    assert stored(tmp_path / "new" / "a.jsonl") == ANSWERS


def test_a_file_that_was_cut_off_anywhere_gives_whole_batches_and_can_be_continued(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    stored(path)
    content = path.read_bytes()
    for length in range(0, len(content), 5):
        path.write_bytes(content[:length])
        found = AnswerStore(path).answers
        assert found == {number: ANSWERS[number] for number in range(len(found))}
        assert len(found) % 7 == 0 or len(found) == 40
        AnswerStore(path).add({99: Answer(-1.0, 1)})
        assert AnswerStore(path).answers == found | {99: Answer(-1.0, 1)}


def test_a_changed_byte_loses_its_batch_only(tmp_path: Path) -> None:
    path, draw = tmp_path / "a.jsonl", random.Random(0)
    stored(path)
    content = path.read_bytes()
    for _ in range(300):
        changed = bytearray(content)
        changed[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        path.write_bytes(changed)
        found = AnswerStore(path).answers
        assert len(found) >= 33
        assert found.items() <= ANSWERS.items()


def test_a_store_that_cannot_be_written_is_reported_once(
    model: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expected = evaluated(model, store=False)
    cache.mkdir()
    (cache / "answers").write_text("not a folder")
    with caplog.at_level(logging.WARNING, "gpt_toolkit"):
        task = evaluated(model)
    assert task.answers == expected.answers
    [warning] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert warning.getMessage().startswith("answers are not stored: [Errno")


def test_a_model_s_folder_and_its_checkpoint_share_the_answers(model: Path, tmp_path: Path) -> None:
    loaded = load(model, device="cpu")
    LanguageModel(loaded.decoder, loaded.tokenizer).save(tmp_path / "copy")
    copy = load(tmp_path / "copy", device="cpu")
    assert store_folder(loaded.decoder, BYTES) == store_folder(copy.decoder, BYTES)
