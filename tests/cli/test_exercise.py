from pathlib import Path

from gpt_toolkit.exercises import EXERCISES
from tests.commands import Tell, assert_refused


def test_the_list_names_every_exercise_in_the_order_of_the_papers(tell: Tell) -> None:
    said = tell("exercise")
    lines = said.out.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == list(EXERCISES)
    assert lines[0].split()[-4:] == ["GPT-1", "§3.1,", "eq.", "1"]
    assert [line[:4] for line in lines[:-1]] == sorted(line[:4] for line in lines[:-1])


def test_an_exercise_is_written_filled_in_and_passes(tell: Tell) -> None:
    said = tell("exercise", "gpt1-3.1b")
    assert said.code == 0
    assert said.out.splitlines()[-1].endswith("then gpt-toolkit exercise gpt1-3.1b --check gpt1_3_1b.py")
    path = Path("gpt1_3_1b.py")
    assert path.read_text(encoding="utf-8") == EXERCISES["gpt1-3.1b"].template
    assert_refused(
        tell("exercise", "gpt1-3.1b"), "gpt1_3_1b.py exists; expected a new file; .* --output FILE", 1
    )
    said = tell("exercise", "gpt1-3.1b", "--check", path)
    assert (said.code, said.out) == (1, "not yet filled in: write the body of causal_mask\n")
    path.write_text(EXERCISES["gpt1-3.1b"].solution, encoding="utf-8")
    said = tell("exercise", "gpt1-3.1b", "--check", path)
    assert said.code == 0
    assert said.out.splitlines()[0] == "pass: 8 comparisons with the toolkit agree within 1e-05"
    assert said.out.splitlines()[1] == "next: gpt-toolkit exercise gpt1-3.1c"


def test_the_file_can_have_another_name(tell: Tell) -> None:
    assert tell("exercise", "gpt2-4", "--output", "mine/overlap.py").code == 0
    assert Path("mine/overlap.py").is_file()
    assert not Path("gpt2_4.py").exists()


def test_an_unknown_exercise_or_file_is_refused(tell: Tell) -> None:
    assert_refused(
        tell("exercise", "gpt1-3.9"), r"exercise: 'gpt1-3.9' \(did you mean gpt1-3.\d\?\); expected", 1
    )
    assert_refused(
        tell("exercise", "gpt1-5", "--check", "no.py"), "no.py; expected an existing file; write", 1
    )
    assert_refused(tell("exercise", "--check", "no.py"), "exercise: no ID; expected one before the option", 1)
    assert_refused(
        tell("exercise", "gpt1-5", "--check", "a", "--output", "b"), "not allowed with argument", 2
    )
