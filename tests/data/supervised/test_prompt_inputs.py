from pathlib import Path

import numpy as np
import pytest

from gpt_toolkit.data.supervised.dataset import Example
from gpt_toolkit.data.supervised.prompt_inputs import PromptInputs, Shots, choose_shots
from gpt_toolkit.data.supervised.prompt_templates import prompt_template
from tests.data.fakes import FakeDataset, encoded, spec, tokenizer

END = 256
SPEC = spec("mine", "text", labels=())
ROWS = [Example((f"input {i}" * (i + 1),), 0, i, references=(f"answer {i}",)) for i in range(6)]


def shown(inputs: PromptInputs, index: int) -> str:
    (one,) = inputs.sequences(index)
    return tokenizer().decode(one.ids.tolist())


def text_inputs(root: Path, n_ctx: int, room: int | None = None, **options: object) -> PromptInputs:
    template = prompt_template(SPEC, 1, " so?")
    rows = encoded(FakeDataset(SPEC, {"train": ROWS}), root, template=template)
    given = {"loss_on": "target", **options}
    if given.pop("shots", False):
        chosen = np.array([[(i + 1) % 6, (i + 2) % 6] for i in range(6)])
        given["shots"] = Shots(rows, chosen, np.frombuffer(b"\n\n", np.uint8))
    return PromptInputs(rows, END, n_ctx, max_new_tokens=room, **given)  # type: ignore[arg-type]


def test_a_row_to_learn_is_input_prompt_and_answer_between_ends_of_text(tmp_path: Path) -> None:
    inputs = text_inputs(tmp_path, 200)
    assert shown(inputs, 0) == "<|endoftext|>input 0 so? answer 0<|endoftext|>"
    assert inputs.notes == []


def test_a_row_to_answer_ends_with_its_prompt(tmp_path: Path) -> None:
    inputs = text_inputs(tmp_path, 200, room=9)
    assert shown(inputs, 1) == "<|endoftext|>input 1input 1 so?"
    (one,) = inputs.sequences(1)
    assert one.loss_from == len(one.ids)


@pytest.mark.parametrize("loss_on", ["target", "all"])
def test_the_loss_is_due_on_the_answer_and_its_end_or_on_all(loss_on: str, tmp_path: Path) -> None:
    (one,) = text_inputs(tmp_path, 200, loss_on=loss_on).sequences(0)
    learned = one.ids[one.loss_from + 1 :].tolist()
    expected = " answer 0" if loss_on == "target" else "input 0 so? answer 0"
    assert learned == [*expected.encode(), END]


def test_the_tail_of_the_input_is_cut_and_prompt_and_answer_stay(tmp_path: Path) -> None:
    inputs = text_inputs(tmp_path, 27)
    assert shown(inputs, 5) == "<|endoftext|>input 5input so? answer 5<|endoftext|>"
    assert inputs.notes == ["5 of 6 examples are truncated to 27 tokens"]
    asked = text_inputs(tmp_path, 27, room=10)
    assert shown(asked, 5) == "<|endoftext|>input 5input so?"


@pytest.mark.parametrize("n_ctx", [16, 27, 60, 200])
@pytest.mark.parametrize("room", [None, 6])
@pytest.mark.parametrize("shots", [False, True])
def test_the_planned_lengths_are_those_of_the_sequences(
    shots: bool, room: int | None, n_ctx: int, tmp_path: Path
) -> None:
    inputs = text_inputs(tmp_path, n_ctx, room, shots=shots)
    for index in range(6):
        (one,) = inputs.sequences(index)
        assert len(one.ids) == inputs.lengths[index] <= n_ctx - (room or 0)
        assert one.ids[0] == END


def test_examples_stand_before_a_row_and_the_first_are_left_out_where_there_is_no_room(
    tmp_path: Path,
) -> None:
    whole = "<|endoftext|>input 1input 1 so? answer 1\n\ninput 2input 2input 2 so? answer 2\n\ninput 0 so?"
    assert shown(text_inputs(tmp_path, 200, room=9, shots=True), 0) == whole
    short = text_inputs(tmp_path, 65, room=9, shots=True)
    assert shown(short, 0) == "<|endoftext|>input 2input 2input 2 so? answer 2\n\ninput 0 so?"
    assert shown(short, 5) == f"<|endoftext|>{'input 5' * 6} so?"
    assert short.notes == ["6 of 6 examples have space for fewer examples in context"]


def test_examples_differ_and_are_never_the_row_itself() -> None:
    train = np.arange(100, 120)
    own = np.arange(130)
    chosen = choose_shots(train, 130, 5, (0, "set", "train"), own)
    assert chosen.shape == (130, 5)
    assert set(chosen.ravel().tolist()) == set(train.tolist())
    assert all(len(set(row)) == 5 for row in chosen.tolist())
    assert not (chosen == own[:, None]).any()
    again = choose_shots(train, 130, 5, (0, "set", "train"), own)
    np.testing.assert_array_equal(chosen, again)
    assert (chosen != choose_shots(train, 130, 5, (1, "set", "train"), own)).any()


def test_more_examples_than_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="n_examples: 5; expected at most 5, the training examples to"):
        choose_shots(np.arange(5), 10, 5, (0,), None)
