from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt_toolkit.batches import IGNORE_INDEX, Kind
from gpt_toolkit.data.supervised.batching import next_labels, pad
from gpt_toolkit.data.supervised.dataset import Example
from gpt_toolkit.data.supervised.input_transforms import (
    InputSequence,
    SpecialTokens,
    TransformedInputs,
    transform,
    truncate,
)
from gpt_toolkit.data.supervised.inspect_examples import show_tokens
from tests.data.fakes import FakeDataset, encoded, spec, tokenizer, words

TOKENS = SpecialTokens.after(257)
S, D, E = 257, 258, 259


def ids(text: str) -> np.ndarray[tuple[int], np.dtype[np.uint16]]:
    return np.frombuffer(text.encode(), np.uint8).astype(np.uint16)


def test_the_special_tokens_follow_the_vocabulary_in_the_released_order() -> None:
    assert SpecialTokens.after(40_478) == SpecialTokens(start=40_478, delimiter=40_479, extract=40_480)


@pytest.mark.parametrize(
    ("kind", "texts", "expected"),
    [
        ("classification", ["ab"], ["<start>a|b<extract>"]),
        ("classification", ["ab", "c"], ["<start>a|b<delimiter>c<extract>"]),
        ("similarity", ["ab", "c"], ["<start>a|b<delimiter>c<extract>", "<start>c<delimiter>a|b<extract>"]),
        ("graded", ["ab", "c"], ["<start>a|b<delimiter>c<extract>", "<start>c<delimiter>a|b<extract>"]),
        (
            "multiple_choice",
            ["ab", "c", "d", "e", "f"],
            [f"<start>a|b|c<delimiter>{answer}<extract>" for answer in "def"],
        ),
        (
            "multiple_choice",
            ["ab", "", "d", "e"],
            ["<start>a|b<delimiter>d<extract>", "<start>a|b<delimiter>e<extract>"],
        ),
    ],
)
def test_a_row_becomes_the_sequences_of_figure_1(kind: Kind, texts: list[str], expected: list[str]) -> None:
    found = transform(kind, TOKENS, [ids(text) for text in texts])
    assert [show_tokens(sequence.tolist(), tokenizer()) for sequence in found] == expected


def test_texts_are_cut_as_the_released_code_cuts_them() -> None:
    assert truncate(np.array([[600], [510], [3]]), 512).tolist() == [[510], [510], [3]]
    lengths = np.array([[600, 600], [254, 255], [300, 1]])
    assert truncate(lengths, 512).tolist() == [
        [254, 254],
        [254, 254],
        [254, 1],
    ]  # 511 with the special tokens
    story = np.array([[300, 0, 20, 260]])
    assert truncate(story, 512).tolist() == [[254, 0, 20, 254]]


def test_of_document_and_question_the_document_gives_way_for_all_answers_alike() -> None:
    lengths = np.array([[600, 20, 5, 9], [480, 20, 9, 5], [481, 20, 9, 5], [100, 20, 300, 5]])
    kept = [[480, 20, 5, 9], [480, 20, 9, 5], [480, 20, 9, 5], [100, 20, 300, 5]]
    assert truncate(lengths, 512).tolist() == kept


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 80), min_size=1, max_size=6).filter(lambda row: len(row) != 3), st.integers(8, 64)
)
def test_no_sequence_is_longer_than_the_context_and_no_text_is_cut_that_fits(
    row: list[int], n_ctx: int
) -> None:
    lengths = np.array([row])
    kept = truncate(lengths, n_ctx)[0].tolist()
    assert all(0 <= k <= whole for k, whole in zip(kept, row, strict=True))
    if len(row) == 1:
        longest, marks = kept[0], 2
    elif len(row) == 2:
        longest, marks = sum(kept), 3
    else:
        longest, marks = kept[0] + kept[1] + max(kept[2:]), 3
    assert longest + marks <= n_ctx
    if max(row) <= n_ctx // 2 - 2 and len(row) <= 2:
        assert kept == row
    if len(row) > 3 and row[1] and sum(row[:2]) + max(row[2:]) <= n_ctx - 3:
        assert kept == row


def marked(kind: Kind, rows: list[tuple[str, ...]], n_ctx: int, root: Path) -> TransformedInputs:
    content = [Example(texts, 0, number) for number, texts in enumerate(rows)]
    return TransformedInputs(
        encoded(FakeDataset(spec("fake", kind), {"train": content}), root), kind, TOKENS, n_ctx
    )


@pytest.mark.parametrize(
    ("kind", "n_texts", "n_sequences"),
    [("classification", 1, 1), ("classification", 2, 1), ("similarity", 2, 2), ("multiple_choice", 6, 4)],
)
def test_the_planned_lengths_are_those_of_the_sequences(
    kind: Kind, n_texts: int, n_sequences: int, tmp_path: Path
) -> None:
    random = Random(0)
    rows = [tuple(words(random, 50) for _ in range(n_texts)) for _ in range(60)]
    inputs = marked(kind, rows, 48, tmp_path)
    assert inputs.n_sequences == n_sequences
    for index in range(60):
        found = inputs.sequences(index)
        assert len(found) == n_sequences
        assert max(len(one.ids) for one in found) == inputs.lengths[index] <= 48
        assert all(one.ids[0] == S and one.ids[-1] == E and one.loss_from == 0 for one in found)


def test_rows_that_are_cut_are_counted(tmp_path: Path) -> None:
    inputs = marked("classification", [("a" * 15,), ("a" * 14,), ("a" * 99,), ("a",)], 16, tmp_path)
    assert inputs.notes == ["2 of 4 examples are truncated to 16 tokens"]
    assert (
        show_tokens(inputs.sequences(2)[0].ids.tolist(), tokenizer())
        == f"<start>{'|'.join('a' * 14)}<extract>"
    )
    assert marked("classification", [("a",)], 16, tmp_path).notes == []


def test_every_token_but_start_is_a_label_once_and_padding_is_none() -> None:
    sequence = np.array([S, 5, 6, D, 7, E])
    found, labels, lengths = pad([[InputSequence(sequence, 0), InputSequence(sequence[:3], 0)]], n_ctx=512)
    assert found.shape == (1, 2, 8)
    assert lengths.tolist() == [[6, 3]]
    no = IGNORE_INDEX
    expected = [[[5, 6, D, 7, E, no, no, no], [5, 6, no, no, no, no, no, no]]]
    torch.testing.assert_close(torch.from_numpy(labels), torch.tensor(expected))
    assert found[0, 1].tolist() == [S, 5, 6, 0, 0, 0, 0, 0]


def test_labels_begin_where_the_loss_is_due() -> None:
    row = np.array([[1, 2, 3, 4, 5, 0]])
    labels = next_labels(row, np.array([5]), np.array([2]))
    assert labels.tolist() == [[IGNORE_INDEX, IGNORE_INDEX, 4, 5, IGNORE_INDEX, IGNORE_INDEX]]
