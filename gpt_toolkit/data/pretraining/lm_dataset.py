"""Batches out of token streams: for training in the order of a seed, for evaluation once, end to end."""

import numpy as np
import torch

from gpt_toolkit.batches import IGNORE_INDEX, LanguageModelBatch
from gpt_toolkit.data.pretraining.token_shards import Tokens
from gpt_toolkit.data.step_loader import ReadyBatches
from gpt_toolkit.data.window_order import (
    StepShare,
    WindowOrder,
    evaluation_share,
    n_evaluation_windows,
    rank_windows,
    steps_per_pass,
)


class TrainingBatches(ReadyBatches):
    """The training batches of one rank; its length is one epoch, its indices go on for ever.

    Args:
        tokens: The training text.
        order: Which windows are read when.
        share: Which of them this rank reads.
        bytes_per_token: UTF-8 bytes a token stands for, on average.
    """

    def __init__(self, tokens: Tokens, order: WindowOrder, share: StepShare, bytes_per_token: float) -> None:
        super().__init__(share)
        self.tokens, self.order, self.bytes_per_token = tokens, order, bytes_per_token

    def __len__(self) -> int:
        return steps_per_pass(self.order, self.share.windows_per_step) * self.share.accumulate

    def __getitem__(self, index: int) -> LanguageModelBatch:
        step, micro_batch = divmod(index, self.share.accumulate)
        starts = rank_windows(self.order, step, micro_batch, self.share)
        ids = torch.from_numpy(self.tokens.windows(starts, self.order.n_ctx + 1))  # (B, T + 1)
        return {
            "input_ids": ids[:, :-1].contiguous(),
            "labels": ids[:, 1:].contiguous(),
            "step_targets": self.share.windows_per_step * self.order.n_ctx,
            "bytes_per_token": self.bytes_per_token,
        }


class EvaluationBatches(ReadyBatches):
    """The batches of one rank that read a split end to end: each token but the first is a label once.

    All batches have one shape, and all ranks have equally many; what is too much is padding, without labels.

    Args:
        tokens: The split.
        n_ctx: Inputs a window, in tokens.
        share: Which windows this rank reads; ``accumulate`` is 1.
        bytes_per_token: UTF-8 bytes a token stands for, on average.
        padding: Token id of padding.

    Raises:
        ValueError: If the split has fewer than two tokens.
    """

    def __init__(
        self, tokens: Tokens, n_ctx: int, share: StepShare, bytes_per_token: float, padding: int
    ) -> None:
        if len(tokens) < 2:
            raise ValueError(f"A split of {len(tokens)} tokens has nothing to predict: give it more text.")
        super().__init__(share)
        self.tokens, self.n_ctx = tokens, n_ctx
        self.bytes_per_token, self.padding = bytes_per_token, padding
        self.n_windows = n_evaluation_windows(len(tokens), n_ctx)
        self.n_batches, self.rows = evaluation_share(self.n_windows, share.batch_size, share.world_size)

    def __len__(self) -> int:
        return self.n_batches

    def __getitem__(self, index: int) -> LanguageModelBatch:
        n_ctx, first = self.n_ctx, (index * self.share.world_size + self.share.rank) * self.rows
        start = min(first * n_ctx, len(self.tokens))
        stop = min(start + self.rows * n_ctx + 1, len(self.tokens))
        ids = torch.from_numpy(self.tokens.read(start, stop - start))  # one more than there are labels
        n_targets = max(0, len(ids) - 1)
        inputs = torch.full((self.rows * n_ctx,), self.padding)
        labels = torch.full((self.rows * n_ctx,), IGNORE_INDEX)
        inputs[:n_targets], labels[:n_targets] = ids[:n_targets], ids[1:]
        return {
            "input_ids": inputs.view(self.rows, n_ctx),
            "labels": labels.view(self.rows, n_ctx),
            "step_targets": n_targets,
            "bytes_per_token": self.bytes_per_token,
        }


def bytes_per_label(n_bytes: int, n_tokens: int) -> float:
    """UTF-8 bytes that a label stands for, on average; a split's first token is never one."""
    return float(n_bytes / np.maximum(1, n_tokens - 1))
