"""Files of exercises, and the page that lists them."""

import re
from pathlib import Path

import pytest

from gpt_toolkit.exercises import EXERCISES, find_exercise
from gpt_toolkit.exercises.read_exercises import read_exercise

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "exercises.py"
FILE = '''\
"""Exercise gpt2-2.3c: one more (GPT-2 §2.3).

Text.
"""


def one_more(x: int) -> int:
    """Return the next number."""
    # %% solution
    return x + 1
    # %% mistake: this is the number before it;
    # add 1
    return x - 1
    # %% mistake: this is the number itself
    y = x  # not a hint
    return y
'''


def test_a_file_holds_template_solution_and_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "one_more.py"
    path.write_text(FILE, encoding="utf-8")
    exercise = read_exercise(path)
    assert (exercise.name, exercise.id, exercise.title) == ("one_more", "gpt2-2.3c", "one more")
    assert (exercise.section, exercise.file_name) == ("GPT-2 §2.3", "gpt2_2_3c.py")
    assert exercise.template.count("\n\nCheck it: gpt-toolkit exercise gpt2-2.3c --check gpt2_2_3c.py\n") == 1
    assert exercise.template.endswith(
        'number."""\n    raise NotImplementedError  # replace this line by your code\n'
    )
    assert exercise.solution.endswith('number."""\n    return x + 1\n')
    hints = [mistake.hint for mistake in exercise.mistakes]
    assert hints == ["this is the number before it; add 1", "this is the number itself"]
    assert exercise.mistakes[1].source.endswith('number."""\n    y = x  # not a hint\n    return y\n')


@pytest.mark.parametrize("removed", ["Exercise gpt2-2.3c: ", "    # %% solution\n"])
def test_a_file_without_title_or_solution_is_refused(removed: str, tmp_path: Path) -> None:
    path = tmp_path / "one_more.py"
    path.write_text(FILE.replace(removed, ""), encoding="utf-8")
    with pytest.raises(ValueError, match=r"one_more\.py: no title or solution; expected"):
        read_exercise(path)


def test_an_unknown_id_names_a_similar_one() -> None:
    with pytest.raises(ValueError, match=r"'gpt1_3.1b' \(did you mean gpt1-3.1b\?\); expected an id"):
        find_exercise("gpt1_3.1b")


def test_the_page_knows_the_section_of_every_exercise() -> None:
    sections = {re.match(r"gpt[12]-[\d.]+", one) for one in EXERCISES}
    text = PAGE.read_text(encoding="utf-8")
    listed = dict(re.findall(r'"(gpt[12]-[\d.]+)": "([\w/]+)"', text))
    assert {found[0] for found in sections if found} == set(listed)
    for page in listed.values():
        assert (PAGE.parents[1] / f"{page}.py").is_file()
