import math

import pytest

from gpt_toolkit.analysis.paper_tables.table import (
    Estimate,
    Table,
    cell_text,
    estimate,
    normalize,
    paired_difference,
)


def test_an_estimate_is_the_mean_with_students_interval() -> None:
    found = estimate({0: 80.0, 1: 84.0, 2: 82.0})
    assert found is not None
    assert tuple(found) == pytest.approx((82.0, 4.303 * 2 / math.sqrt(3), 3))
    assert estimate({}) is None
    assert estimate({5: 1.0}) == Estimate(1.0, math.inf, 1)


def test_a_difference_is_of_the_seeds_that_both_have() -> None:
    ours, theirs = {0: 80.0, 1: 70.0, 2: 90.0}, {1: 60.0, 2: 78.0, 3: 0.0}
    found = paired_difference(ours, theirs)
    assert found is not None
    assert tuple(found) == pytest.approx((11.0, 12.706 * math.sqrt(2) / math.sqrt(2), 2))
    assert not found.is_above_zero
    assert Estimate(3.0, 2.9, 3).is_above_zero
    assert paired_difference({0: 1.0}, {1: 1.0}) is None


def test_what_all_seeds_share_falls_out_of_a_difference() -> None:
    theirs = {0: 10.0, 1: 50.0, 2: 90.0}
    found = paired_difference({seed: value + 2 for seed, value in theirs.items()}, theirs)
    assert found is not None
    assert tuple(found) == pytest.approx((2.0, 0.0, 3), abs=1e-9)


def test_guessing_is_0_and_the_state_of_the_art_1() -> None:
    assert normalize(50.0, 50.0, 90.0) == 0.0
    assert normalize(90.0, 50.0, 90.0) == 1.0
    assert normalize(40.0, 50.0, 90.0) == pytest.approx(-0.25)
    assert math.isnan(normalize(60.0, 50.0, 50.0))


def test_cells_say_what_is_known() -> None:
    assert cell_text(None) == "-"
    assert cell_text(math.nan) == "-"
    assert cell_text(82.1) == "82.1"
    assert cell_text(0.25) == "0.25"
    assert cell_text(Estimate(54.3, 1.25, 3)) == "54.3 +- 1.2"
    assert cell_text(Estimate(54.3, math.inf, 1)) == "54.3 (1 run)"


def test_a_table_is_written_as_markdown_and_as_json() -> None:
    table = Table("T", ["a", "b"], {"r": [Estimate(1.5, math.inf, 1), None]}, ["a note"])
    assert table.markdown() == "## T\n\n| | a | b |\n|---|---:|---:|\n| r | 1.5 (1 run) | - |\n\n- a note\n"
    assert table.to_json() == {
        "title": "T",
        "columns": ["a", "b"],
        "rows": {"r": [{"mean": 1.5, "interval": None, "runs": 1}, None]},
        "notes": ["a note"],
    }
