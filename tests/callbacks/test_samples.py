from pathlib import Path

import pytest

from gpt_toolkit.callbacks import Samples
from tests.small_runs import Run


def test_samples_are_kept_and_shown_after_each_validation(
    fit: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer, task = fit(
        callbacks=[Samples(prompt="Mira", max_new_tokens=5, top_k=30, top_p=0.5)],
        val_check_interval=4,
        check_val_every_n_epoch=None,
    )
    kept = (tmp_path / "run" / "samples.txt").read_text(encoding="utf-8")
    at_end = task.write_sample("Mira", max_new_tokens=5, temperature=1.0, top_k=30, top_p=0.5)
    assert kept.count("=== step") == 2
    assert kept.startswith("=== step 4\nMira")
    assert kept.endswith(f"=== step 8\n{at_end}\n\n")
    assert "--- sample at step 4\nMira" in capsys.readouterr().err
    trainer.validate(task, datamodule=trainer.datamodule, verbose=False)  # type: ignore[attr-defined]
    assert (tmp_path / "run" / "samples.txt").read_text(encoding="utf-8") == kept


def test_no_samples_are_written_where_none_are_wanted(fit: Run, tmp_path: Path) -> None:
    fit(callbacks=[Samples(max_new_tokens=0)])
    assert not (tmp_path / "run" / "samples.txt").exists()


def test_sampling_changes_nothing_in_training(fit: Run) -> None:
    runs: list[list[float]] = [[], []]
    kind = {"val_check_interval": 3, "check_val_every_n_epoch": None, "decoder": {"resid_pdrop": 0.2}}
    fit(losses=runs[0], **kind)
    fit(losses=runs[1], callbacks=[Samples(max_new_tokens=5)], **kind)
    assert runs[0] == runs[1]


def test_settings_that_no_sample_can_have_are_refused_before_the_first_step(fit: Run) -> None:
    losses: list[float] = []
    with pytest.raises(ValueError, match=r"^samples: temperature: -1\.0; .*; top_p: 1\.5; expected more"):
        fit(losses=losses, callbacks=[Samples(temperature=-1.0, top_p=1.5)])
    assert not losses
    fit(callbacks=[Samples(max_new_tokens=0, top_p=1.5)])  # which writes none
