import pytest

from gpt_toolkit.cli.errors import UsageError
from gpt_toolkit.cli.seeds import repeat, take_seeds


def test_the_number_of_seeds_is_taken_out_of_the_arguments() -> None:
    assert take_seeds(["--config", "x", "--seeds", "5", "--data.sets", "rte"]) == (
        ["--config", "x", "--data.sets", "rte"],
        5,
    )
    assert take_seeds(["--seeds=3"]) == ([], 3)
    assert take_seeds(["--config", "x"]) == (["--config", "x"], 1)


@pytest.mark.parametrize("arguments", [["--seeds"], ["--seeds", "many"], ["--seeds=0"], ["--seeds", "-1"]])
def test_an_invalid_number_of_seeds_is_refused(arguments: list[str]) -> None:
    with pytest.raises(UsageError, match="expected a number of seeds"):
        take_seeds(arguments)


def test_seeds_exclude_options_of_a_single_run() -> None:
    for given in (["--ckpt_path", "last"], ["--ckpt_path=last"]):
        with pytest.raises(UsageError, match="leave out --ckpt_path"):
            take_seeds(["--seeds", "2", *given])


def test_a_repeated_run_prints_mean_interval_and_median(capsys: pytest.CaptureFixture[str]) -> None:
    asked = []

    def run(seed: int) -> dict[str, float]:
        asked.append(seed)
        return {"val_accuracy": 0.5 + 0.1 * seed, **({"only_once": 1.0} if seed == 0 else {})}

    repeat(3, run)
    assert asked == [0, 1, 2]
    said = capsys.readouterr().out
    assert "seed 2 (3 of 3)" in said
    assert "val_accuracy                 0.6000 +- 0.2484  (median 0.6000)" in said
    assert "only_once" not in said
