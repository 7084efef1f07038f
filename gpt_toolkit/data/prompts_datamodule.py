"""PromptsDataModule: prompts from files, for ``predict`` to continue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from lightning.pytorch import LightningDataModule

from gpt_toolkit.data.pretraining.plain_text import read_text
from gpt_toolkit.data.pretraining.text_files import find_files, is_plain_text
from gpt_toolkit.data.pretraining.text_records import read_records
from gpt_toolkit.data.step_loader import BatchLoader, ReadyBatches, StepShare, batch_loader, step_share
from gpt_toolkit.tokenizers import Tokenizer
from gpt_toolkit.tokenizers.loading import load_tokenizer


class Prompt(NamedTuple):
    """A text to continue.

    Attributes:
        text: The text.
        where: File and line or record, for messages.
    """

    text: str
    where: str


class PromptBatches(ReadyBatches):
    """Batches of the prompts of one rank; each is a dict of ``rows``, their numbers, and ``prompts``.

    A rank reads a contiguous range of the list, so that the ranks' answers one after another are in order.
    All ranks have equally many batches; the last one of a rank may be empty.

    Args:
        prompts: Prompts of all ranks.
        share: Rank and batch size.
    """

    def __init__(self, prompts: list[Prompt], share: StepShare) -> None:
        super().__init__(share)
        self.prompts = prompts
        n, rank, world_size = len(prompts), share.rank, share.world_size
        self._first, self._end = n * rank // world_size, n * (rank + 1) // world_size

    def __len__(self) -> int:
        longest = -(-len(self.prompts) // self.share.world_size)
        return -(-longest // self.share.batch_size)

    def __getitem__(self, index: int) -> dict[str, Any]:
        start = self._first + index * self.share.batch_size
        rows = list(range(start, min(start + self.share.batch_size, self._end)))
        return {"rows": rows, "prompts": [self.prompts[row].text for row in rows]}


class PromptsDataModule(LightningDataModule):
    """Prompts to continue, each once, on any number of devices.

    Args:
        files: Text files with a prompt a line, or records with one each (.jsonl, .parquet; .txt.gz,
            .jsonl.gz); folders of them, or globs. Empty lines are skipped.
        tokenizer: Name or folder of the model's tokenizer; on the command line the default is the one of
            ``model.init_from``.
        text_field: Field of a record that holds its prompt.
        batch_size: Number of prompts that a device continues at once.
    """

    vocabulary: Tokenizer

    def __init__(
        self,
        files: list[str] | str,
        tokenizer: str | None = None,
        text_field: str = "prompt",
        batch_size: int = 8,
    ) -> None:
        super().__init__()
        self.files = [files] if isinstance(files, str) else list(files)
        self.tokenizer, self.text_field, self.batch_size = tokenizer, text_field, batch_size
        if not self.files:
            raise ValueError("PromptsDataModule: files: none; expected at least one")
        if batch_size < 1:
            raise ValueError(f"PromptsDataModule: batch_size: {batch_size}; expected at least 1")
        self.prompts: list[Prompt] = []

    def setup(self, stage: str | None = None) -> None:
        """Read the prompts and the tokenizer.

        Args:
            stage: Ignored.

        Raises:
            FileNotFoundError: If a file does not exist.
            ValueError: If a prompt or the tokenizer is missing, or a file is broken.
        """
        if self.tokenizer is None:
            raise ValueError(
                "PromptsDataModule: no tokenizer; expected --model.init_from MODEL, or the model's folder as "
                "data.tokenizer"
            )
        self.vocabulary = load_tokenizer(self.tokenizer)
        paths = find_files(self.files, "files")
        self.prompts = [prompt for path in paths for prompt in read_prompts(path, self.text_field)]
        if not self.prompts:
            raise ValueError(
                f"PromptsDataModule: no prompt in {', '.join(self.files)}; expected at least one"
            )

    def length_problems(self, n_ctx: int) -> Iterator[str]:
        """Yield an error message for each prompt that is longer than the context of a model."""
        for prompt in self.prompts:
            if (length := len(self.vocabulary.encode(prompt.text))) > n_ctx:
                yield (
                    f"{prompt.where}: a prompt of {length:,} tokens ({prompt.text[:40]!r}...); expected at "
                    f"most the context length {n_ctx:,}; shorten it"
                )

    def summary(self) -> str:
        """Return the files and the number of prompts; available after ``setup``."""
        return f"{', '.join(self.files)}: {len(self.prompts):,} prompts"

    def predict_dataloader(self) -> BatchLoader:
        """Return this rank's prompts, in order."""
        batches = PromptBatches(self.prompts, step_share(self.trainer, self.batch_size, training=False))
        return batch_loader(batches, num_workers=0)


def read_prompts(path: Path, text_field: str) -> Iterator[Prompt]:
    """Yield the prompts of a file: its lines that are not empty, or a field of its records.

    An empty prompt of a record begins a new text.

    Raises:
        ValueError: If the file does not have the format of its name; with the line or row.
    """
    if not is_plain_text(path):
        for number, (text, _, _) in enumerate(read_records(path, text_field), start=1):
            yield Prompt(text, f"{path}, record {number:,}")
        return
    text = "".join(piece for piece, _ in read_text(path, 0, None))
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield Prompt(line, f"{path}, line {number:,}")
