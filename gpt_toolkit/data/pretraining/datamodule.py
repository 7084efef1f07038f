"""CorpusDataModule: windows of any text, for pre-training (GPT-1 §4.1, GPT-2 §2.1)."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch import LightningDataModule

from gpt_toolkit.data.file_memo import FileMemo
from gpt_toolkit.data.pretraining.corpora import (
    STORYWORLD,
    STORYWORLD_DOCUMENTS,
    HubCorpus,
    StoryworldCorpus,
)
from gpt_toolkit.data.pretraining.corpus import END_MARK, Corpus, hold_out_interval
from gpt_toolkit.data.pretraining.lm_dataset import EvaluationWindows, TrainingWindows
from gpt_toolkit.data.pretraining.parallel_tokenize import Encoder, encode_on_threads
from gpt_toolkit.data.pretraining.ray_encoder import encode_on_ray
from gpt_toolkit.data.pretraining.text_files import FileCorpus, divide
from gpt_toolkit.data.pretraining.token_shards import TokenCache
from gpt_toolkit.data.pretraining.tokenizer_choice import AUTO, TokenizerChoice
from gpt_toolkit.data.pretraining.window_order import ORDER_VERSION, WindowOrder, steps_per_pass
from gpt_toolkit.data.pretraining.write_token_shards import cache_key, prepare_tokens
from gpt_toolkit.data.splits import Split
from gpt_toolkit.data.step_loader import (
    BatchLoader,
    StepShare,
    batch_loader,
    drop_unfinished_step,
    step_share,
    steps_of_epoch,
)
from gpt_toolkit.io import cache_folder
from gpt_toolkit.progress import ProgressBar
from gpt_toolkit.storyworld import MIX, check_mix
from gpt_toolkit.tokenizers import Tokenizer

log = logging.getLogger(__name__)

ENCODERS: Mapping[str, Encoder] = {"threads": encode_on_threads, "ray": encode_on_ray}
"""Functions that encode text, by the name in a config."""


class CorpusDataModule(LightningDataModule):
    """Fixed windows of a running text, for pre-training (GPT-1 §4.1, GPT-2 §2.1).

    Text becomes token shards in the cache folder once. Windows are read from there in an order that follows
    from ``seed`` and the optimizer step alone, on any number of ranks. Give either ``files`` or ``dataset``.

    Args:
        files: Text files, folders of them or globs (.txt, .jsonl, .parquet; .txt.gz, .jsonl.gz). Names of
            files or their folders, such as train, valid or test, divide them into splits.
        dataset: Name of a dataset of the Hugging Face hub, with its configuration after a colon; or
            ``storyworld``, with a seed after a colon.
        val_files: Files for validation, given as ``files`` are.
        test_files: Files for testing, given as ``files`` are.
        val_fraction: Fraction of the training text for validation, if nothing else is: the end of each plain
            text file, every n-th record. 0: no validation.
        text_field: Field of a record (.jsonl, .parquet, hub) that holds its text.
        separator: Text that ends a document, such as <|endoftext|>. It is left out, with the line ends beside
            it. None: a plain text file or a record is one document.
        streaming: Read a hub dataset over the network instead of downloading it first.
        limit_documents: Largest number of documents to read of each split.
        world: Weights of the kinds of Storyworld documents: story, letter, dialogue, questions, notice,
            translation, report. A kind that is left out does not occur. None: mostly stories.
        tokenizer: ``auto`` (chosen by the size of the text), ``train:SIZE`` (a byte-level BPE trained on the
            training text), or the name or folder of a tokenizer.
        n_ctx: Context length, in tokens.
        batch_size: Windows that a device reads at once.
        num_workers: Number of processes that load batches; 0: the training process does.
        seed: Seed of the order of the training windows.
        encode_on: Place where text becomes tokens: ``threads`` of this process, or ``ray``, all machines of a
            Ray cluster. The tokens are the same.
    """

    vocabulary: Tokenizer
    plan: str

    def __init__(
        self,
        files: list[str] | str | None = None,
        dataset: str | None = None,
        val_files: list[str] | str | None = None,
        test_files: list[str] | str | None = None,
        val_fraction: float = 0.05,
        text_field: str = "text",
        separator: str | None = None,
        streaming: bool = False,
        limit_documents: int | None = None,
        world: dict[str, float] | None = None,
        tokenizer: str = AUTO,
        n_ctx: int = 256,
        batch_size: int = 16,
        num_workers: int = 0,
        seed: int = 0,
        encode_on: Literal["threads", "ray"] = "threads",
    ) -> None:
        super().__init__()
        self.files, self.val_files = _as_list(files), _as_list(val_files)
        self.test_files = _as_list(test_files)
        self.dataset, self.world, self.streaming = dataset, world, streaming
        self.val_fraction, self.text_field, self.limit_documents = val_fraction, text_field, limit_documents
        self.separator = separator
        self.tokenizer, self.encode_on = tokenizer, encode_on
        self.n_ctx, self.batch_size, self.num_workers, self.seed = n_ctx, batch_size, num_workers, seed
        self._check()
        self._cache: TokenCache | None = None

    def _check(self) -> None:
        problems = []
        if bool(self.files) == bool(self.dataset):
            given = "both" if self.files else "neither"
            problems.append(f"files, dataset: {given} given; expected one of them")
        if self.dataset and (self.val_files or self.test_files):
            problems.append("val_files, test_files: given with dataset; expected files")
        if self.separator == "":
            problems.append(
                "separator: empty; expected the text that ends a document; leave it out if none does"
            )
        built_in = (self.dataset or "").partition(":")[0] == STORYWORLD
        if self.separator and built_in:
            problems.append("separator: given with storyworld; expected text that contains it; leave it out")
        if self.streaming and (self.files or built_in):
            problems.append("streaming: true; expected a dataset of the hub; leave it out")
        if self.world is not None:
            if not built_in:
                problems.append(f"world: given; expected dataset: {STORYWORLD}; leave it out")
            try:
                check_mix(self.world)
            except ValueError as error:
                problems.append(f"world: {str(error).rstrip('.')}")
        if not 0 <= self.val_fraction <= 0.5:
            problems.append(f"val_fraction: {self.val_fraction}; expected a value between 0 and 0.5")
        if self.encode_on not in ENCODERS:
            problems.append(f"encode_on: {self.encode_on!r}; expected {' or '.join(ENCODERS)}")
        for name, least in {"n_ctx": 1, "batch_size": 1, "num_workers": 0, "limit_documents": 1}.items():
            value = getattr(self, name)
            if value is not None and value < least:
                problems.append(f"{name}: {value}; expected at least {least}")
        if problems:
            raise ValueError(f"CorpusDataModule: {'; '.join(problems)}")

    def corpus(self, progress: ProgressBar | None = None) -> Corpus:
        """Return the text that the arguments name.

        Args:
            progress: Bar to advance by the bytes that are read for checksums, once for each file.
        """
        if self.dataset is None:
            memo = FileMemo(cache_folder() / "files", progress)
            files = divide(self.files, self.val_files, self.test_files, memo)
            return FileCorpus(
                files, self.val_fraction, self.text_field, self.separator, self.limit_documents, memo
            )
        name, colon, seed = self.dataset.partition(":")
        if name != STORYWORLD:
            return HubCorpus(
                self.dataset,
                self.streaming,
                self.val_fraction,
                self.text_field,
                self.separator,
                self.limit_documents,
            )
        if colon and not seed.isdecimal():
            raise ValueError(f"dataset: {self.dataset!r}; expected a seed at its end, such as {STORYWORLD}:1")
        count = self.limit_documents or STORYWORLD_DOCUMENTS
        return StoryworldCorpus(int(seed or 0), self.val_fraction, count, self.world or MIX)

    def prepare_data(self) -> None:
        """Train the vocabulary and write the token shards, unless they are in the cache already."""
        with ProgressBar("Checking files") as progress:
            corpus = self.corpus(progress)
            corpus.identity()
        choice = TokenizerChoice.of(self.tokenizer, corpus)
        if choice.reason:
            log.info(choice.reason)
        with ProgressBar("Vocabulary") as progress:
            tokenizer = choice.prepare(progress)
        with ProgressBar("Text to tokens") as progress:
            encoder = ENCODERS[self.encode_on]
            cache = prepare_tokens(corpus, tokenizer, _token_root(), progress, encoder=encoder)
        self._warn_of_documents(corpus, cache)
        self._require_validation(cache)

    def _warn_of_documents(self, corpus: Corpus, cache: TokenCache) -> None:
        """Warn of separators that are read as text, and of a separator that divides nothing."""
        if cache.n_marks:
            log.warning(
                "text: %r occurs %s times, as ordinary text; if it ends documents, set separator to it",
                END_MARK,
                f"{cache.n_marks:,}",
            )
        if self.separator and isinstance(corpus, FileCorpus) and corpus.is_plain_text:
            n_documents = sum(map(cache.n_documents, cache.splits))
            if n_documents <= len(corpus.files):
                log.warning("separator: %r divides no file; files: %d", self.separator, len(corpus.files))

    def setup(self, stage: str | None = None) -> None:
        """Open the token shards.

        Args:
            stage: Ignored; the files of all stages are opened and checked.

        Raises:
            FileNotFoundError: If they do not exist yet.
        """
        corpus = self.corpus()
        self._title = corpus.title
        self.vocabulary = TokenizerChoice.of(self.tokenizer, corpus).load()
        self._cache = TokenCache.open(_token_root() / cache_key(corpus, self.vocabulary))
        self._require_validation(self._cache)
        self.plan = (
            f"tokens={self._cache.key} seed={self.seed} n_ctx={self.n_ctx} "
            f"windows_per_step={self._share().windows_per_step} order={ORDER_VERSION}"
        )

    def _require_validation(self, cache: TokenCache) -> None:
        if self.val_fraction and "val" not in cache.splits:
            raise ValueError(
                f"val_fraction: {self.val_fraction}, every {hold_out_interval(self.val_fraction)}th of "
                f"{cache.n_documents('train'):,} documents; expected at least one for validation; raise it, "
                "give val_files, or set it to 0 for no validation"
            )

    @property
    def cache(self) -> TokenCache:
        """The prepared tokens; available after ``setup``."""
        if self._cache is None:
            raise RuntimeError(
                "CorpusDataModule: not set up; expected calls of prepare_data() and setup() before"
            )
        return self._cache

    def summary(self) -> str:
        """Return one line about the prepared text and its folder; available after ``setup``."""
        cache = self.cache
        splits = [
            f"{split} {cache.n_tokens(split):,} tokens ({cache.n_bytes(split) / 1e6:,.1f} MB of text)"
            for split in cache.splits
        ]
        return f"{self._title}: {', '.join(splits)}; in {cache.folder}"

    @property
    def sources(self) -> list[dict[str, Any]]:
        """The training text, for the ledger of a run; available after ``setup``."""
        return [
            {
                "name": self._title,
                "fingerprint": self.cache.key,
                "size": self._order().n_windows,
                "unit": f"windows of {self.n_ctx} tokens",
                "per_step": self._share().windows_per_step,
            }
        ]

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of one epoch, about one pass over the text; available after ``setup``."""
        share = self._share()
        steps = steps_per_pass(self._order(), share.windows_per_step)
        return steps_of_epoch(self.trainer, steps, share.accumulate)

    def _order(self) -> WindowOrder:
        return WindowOrder(self.cache.n_tokens("train"), self.n_ctx, self.seed)

    def train_dataloader(self) -> BatchLoader:
        """Return endless windows in the order of ``seed``; one epoch is about one pass over the text."""
        if self.trainer is not None:
            drop_unfinished_step(self.trainer)
        tokens, bytes_per_label = self.cache.tokens("train"), self.cache.bytes_per_label("train")
        batches = TrainingWindows(tokens, self._order(), self._share(), bytes_per_label)
        return batch_loader(batches, self.num_workers, self._step)

    def val_dataloader(self) -> BatchLoader | list[BatchLoader]:
        """Return the validation split once from end to end; an empty list without validation."""
        return self._evaluation("val") if "val" in self.cache.splits else []

    @property
    def tested_split(self) -> Split:
        """The split that :meth:`test_dataloader` reads."""
        return "test" if "test" in self.cache.splits else "val"

    def test_dataloader(self) -> BatchLoader:
        """Return the test split once from end to end; without one the validation split, which is logged."""
        split = self.tested_split
        if split not in self.cache.splits:
            raise ValueError("test text: none; expected test_files, or a val_fraction above 0")
        if split == "val" and (self.trainer is None or self.trainer.is_global_zero):
            log.info("no test split; the validation split is scored, and its results are named val_")
        return self._evaluation(split)

    def predict_dataloader(self) -> BatchLoader:
        """Return the windows of :meth:`test_dataloader`."""
        return self.test_dataloader()

    def _evaluation(self, split: Split) -> BatchLoader:
        batches = EvaluationWindows(
            self.cache.tokens(split),
            self.n_ctx,
            self._share(training=False),
            self.cache.bytes_per_label(split),
            self.vocabulary.end_of_text,
        )
        return batch_loader(batches, self.num_workers)

    def _step(self) -> int:
        return self.trainer.global_step if self.trainer is not None else 0

    def _share(self, *, training: bool = True) -> StepShare:
        return step_share(self.trainer, self.batch_size, training=training)


def _as_list(value: list[str] | str | None) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])


def _token_root() -> Path:
    return cache_folder() / "tokens"
