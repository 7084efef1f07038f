"""Answers to exercises: solutions pass, mistakes are recognized, and anything else is one line."""

import ast
from pathlib import Path

import pytest

from gpt_toolkit.exercises import EXERCISES, Exercise
from gpt_toolkit.exercises.grading import Grade, grade_file

ALL = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
HEAD = "import math\nimport torch\n"


def grade(exercise: str | Exercise, source: str | bytes, folder: Path) -> Grade:
    exercise = EXERCISES[exercise] if isinstance(exercise, str) else exercise
    path = folder / exercise.file_name
    path.write_bytes(source if isinstance(source, bytes) else source.encode())
    found = grade_file(exercise, path)
    assert "\n" not in found.message
    return found


@ALL
def test_the_solution_passes(exercise: Exercise, tmp_path: Path) -> None:
    found = grade(exercise, exercise.solution, tmp_path)
    assert found.passed, found.message


@ALL
def test_each_mistake_gets_its_own_hint(exercise: Exercise, tmp_path: Path) -> None:
    assert len(exercise.mistakes) >= 3
    for mistake in exercise.mistakes:
        assert grade(exercise, mistake.source, tmp_path) == Grade(False, mistake.hint)


@ALL
def test_the_template_is_not_yet_filled_in(exercise: Exercise, tmp_path: Path) -> None:
    for line in ("raise NotImplementedError", "pass", "..."):
        source = exercise.template.replace("raise NotImplementedError", line)
        assert grade(exercise, source, tmp_path).message.startswith("not yet filled in: ")


@ALL
def test_the_template_holds_the_text_and_no_answer(exercise: Exercise) -> None:
    text = ast.get_docstring(ast.parse(exercise.template)) or ""
    assert text.startswith(f"Exercise {exercise.id}: {exercise.title} ({exercise.section}).")
    assert "Example: " in text
    assert "# %%" not in exercise.template + exercise.solution
    assert text.endswith(f"Check it: gpt-toolkit exercise {exercise.id} --check {exercise.file_name}")
    _, _, after_text = exercise.template.partition('\n"""\n')
    code, hole, rest = after_text.partition("    raise NotImplementedError")
    assert exercise.solution.partition('\n"""\n')[2].startswith(code)
    assert hole
    assert rest == "  # replace this line by your code\n"
    assert not set(exercise.template) & set("\t\r")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def causal_mask(length, past)\n    return 1\n", "gpt1_3_1b.py:1: SyntaxError: expected ':'"),
        ("import torch\n\nraise ValueError('a\\nb')\n", "gpt1_3_1b.py:3: ValueError: a"),
        ("import sys\nsys.exit()\n", "gpt1_3_1b.py:2: SystemExit"),
        (
            "def causal_mask(length, past):\n    return helper()\n\ndef helper():\n    return 1 / 0\n",
            "gpt1_3_1b.py:5: ZeroDivisionError: division by zero",
        ),
        ("def mask(length, past): ...\n", "gpt1_3_1b.py: no function causal_mask; see "),
        ("causal_mask = 3\n", "gpt1_3_1b.py: no function causal_mask; see "),
        (
            "def causal_mask(length): ...\n",
            "gpt1_3_1b.py: causal_mask(length); expected causal_mask(length, past); see ",
        ),
        (
            "def causal_mask(length, past):\n    return [[True]]\n",
            "causal_mask(2, 1): list of 1; expected a bool tensor of shape (2, 3)",
        ),
        (
            f"{HEAD}def causal_mask(length, past):\n    return torch.ones(length, length).bool()\n",
            "causal_mask(2, 1): a bool tensor of shape (2, 2); expected a bool tensor of shape (2, 3)",
        ),
        (
            f"{HEAD}def causal_mask(length, past):\n    return torch.ones(length, length + past)\n",
            "causal_mask(2, 1): a float32 tensor of shape (2, 3); expected a bool tensor of shape (2, 3)",
        ),
        (
            f"{HEAD}def causal_mask(length, past):\n    return torch.eye(length, length + past).bool()\n",
            "causal_mask(2, 1): False at [0, 1]; expected True",
        ),
        (
            "def causal_mask(length, past):\n    return causal_mask(length, past)\n",
            "gpt1_3_1b.py:2: RecursionError: ",
        ),
        (b"def causal_mask(length, past): \xff\n", "gpt1_3_1b.py:"),
        (b"x = 1\0\n", "gpt1_3_1b.py"),
    ],
)
def test_any_other_answer_gets_one_line_about_its_first_problem(
    source: str | bytes, message: str, tmp_path: Path
) -> None:
    found = grade("gpt1-3.1b", source, tmp_path)
    assert not found.passed
    assert found.message.startswith(message)


@pytest.mark.parametrize(
    ("exercise", "source"),
    [
        (
            "gpt1-3.1",
            """
def token_loss(logits, labels):
    total, n = 0.0, 0
    for row, label in zip(logits.tolist(), labels.tolist()):
        if label != -100:
            total, n = total + math.log(sum(map(math.exp, row))) - row[label], n + 1
    return total, torch.tensor(n)
""",
        ),
        (
            "gpt1-3.1c",
            """
def attend(query, key, value):
    query /= math.sqrt(query.shape[-1])  # changes its argument
    out = torch.zeros_like(value)
    for t in range(query.shape[2]):
        weights = torch.einsum("bhk,bhsk->bhs", query[:, :, t], key[:, :, : t + 1]).softmax(-1)
        out[:, :, t] = torch.einsum("bhs,bhsk->bhk", weights, value[:, :, : t + 1])
    return out
""",
        ),
        (
            "gpt2-3.6",
            """
def top_k_probabilities(logits, k, temperature):
    weights = (logits.double() / temperature).exp()
    if k:
        weights *= logits >= logits.sort(dim=1).values[:, [-k]]
    return weights / weights.sum(1, keepdim=True)
""",
        ),
        (
            "gpt2-2.2",
            """
def merge_bytes(word, ranks):
    pieces = tuple(bytes([byte]) for byte in word)
    for (left, right), _ in sorted(ranks.items(), key=lambda item: item[1]):
        i, merged = 0, []
        while i < len(pieces):
            both = pieces[i : i + 2] == (left, right)
            merged.append(left + right if both else pieces[i])
            i += 2 if both else 1
        pieces = tuple(merged)
    return pieces
""",
        ),
    ],
)
def test_a_right_answer_of_another_form_passes(exercise: str, source: str, tmp_path: Path) -> None:
    found = grade(exercise, HEAD + source, tmp_path)
    assert found.passed, found.message


def test_a_mistake_written_in_another_way_is_recognized(tmp_path: Path) -> None:
    source = """
def attend(query, key, value):
    scores = torch.einsum("bhtk,bhsk->bhts", query, key)
    visible = torch.tril(torch.ones_like(scores)) == 1
    weights = torch.where(visible, scores, -torch.inf).exp()
    return weights / weights.sum(-1, keepdim=True) @ value
"""
    assert grade("gpt1-3.1c", HEAD + source, tmp_path).message.startswith("the scores are not scaled; ")


def test_a_wrong_answer_that_is_no_typical_mistake_gets_numbers(tmp_path: Path) -> None:
    source = "def learning_rate(step, warmup, total, highest):\n    return highest\n"
    found = grade("gpt1-4.1b", source, tmp_path)
    assert found == Grade(False, "learning_rate(60, 20, 100, 0.1): 0.1; expected 0.05")
