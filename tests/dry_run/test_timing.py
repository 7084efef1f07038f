"""Number of validations of a run."""

from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.demos.boring_classes import BoringModel

from gpt_toolkit.callbacks import CheckpointWriter
from gpt_toolkit.dry_run.timing import n_validations


class Counted(Callback):
    """Callback that counts validations."""

    n = 0

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.n += 1


@pytest.mark.parametrize(
    ("settings", "accumulate"),
    [
        ({"val_check_interval": 5, "check_val_every_n_epoch": None, "max_epochs": 2}, 1),
        ({"val_check_interval": 3, "check_val_every_n_epoch": 1, "max_epochs": 2}, 1),
        ({"val_check_interval": 0.25, "check_val_every_n_epoch": 1, "max_epochs": 2}, 1),
        ({"val_check_interval": 3, "check_val_every_n_epoch": 2, "max_epochs": 1}, 1),
        ({"val_check_interval": 5, "check_val_every_n_epoch": None}, 1),
        ({"val_check_interval": 6, "check_val_every_n_epoch": None}, 2),
        ({"val_check_interval": 1.0, "check_val_every_n_epoch": 1}, 1),
        ({"val_check_interval": 0.5, "check_val_every_n_epoch": 1}, 1),
        ({"val_check_interval": 3, "check_val_every_n_epoch": 1}, 1),
        ({"val_check_interval": 1.0, "check_val_every_n_epoch": 2}, 1),
        ({"val_check_interval": 1.0, "check_val_every_n_epoch": 3}, 1),
    ],
)
def test_validations_are_counted_as_they_happen(
    settings: dict[str, Any], accumulate: int, tmp_path: Path
) -> None:
    counted = Counted()
    n_steps = 8 * settings["max_epochs"] if "max_epochs" in settings else 22 // accumulate
    quiet = {"logger": False, "enable_progress_bar": False}
    trainer = Trainer(
        max_steps=-1 if "max_epochs" in settings else n_steps,
        accelerator="cpu",
        limit_train_batches=8,
        limit_val_batches=1,
        num_sanity_val_steps=0,
        enable_model_summary=False,
        accumulate_grad_batches=accumulate,
        callbacks=[CheckpointWriter(), counted],
        default_root_dir=tmp_path,
        **quiet,  # type: ignore[arg-type]
        **settings,
    )
    trainer.fit(BoringModel())
    assert n_validations(settings, n_steps, 8 // accumulate, accumulate) == counted.n
