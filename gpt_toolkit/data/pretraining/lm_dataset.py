"""Batches of a token stream: for training in the order of a seed, for evaluation once from end to end."""

import torch

from gpt_toolkit.batches import IGNORE_INDEX, LanguageModelBatch
from gpt_toolkit.data.pretraining.token_shards import Tokens
from gpt_toolkit.data.pretraining.window_order import WindowOrder, rank_windows, steps_per_pass
from gpt_toolkit.data.step_loader import ReadyBatches, StepShare


class TrainingWindows(ReadyBatches):
    """Training batches of one rank; the length is one epoch, but any index is valid.

    Args:
        tokens: Training text.
        order: Order of the windows.
        share: Windows of this rank.
        bytes_per_token: Mean UTF-8 bytes of a token.
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


class EvaluationWindows(ReadyBatches):
    """Batches of one rank that read a split from end to end; each token but the first is a label once.

    All batches have one shape, and all ranks have the same number of them. Padding without labels fills the
    rest.

    Args:
        tokens: Tokens of the split.
        n_ctx: Inputs a window, in tokens.
        share: Windows of this rank; ``accumulate`` is 1.
        bytes_per_token: Mean UTF-8 bytes of a token.
        padding: Token id of padding.

    Raises:
        ValueError: If the split has fewer than two tokens.
    """

    def __init__(
        self, tokens: Tokens, n_ctx: int, share: StepShare, bytes_per_token: float, padding: int
    ) -> None:
        if len(tokens) < 2:
            raise ValueError(
                f"split: {len(tokens)} tokens; expected at least 2, of which one is predicted; give more text"
            )
        super().__init__(share)
        self.tokens, self.n_ctx = tokens, n_ctx
        self.bytes_per_token, self.padding = bytes_per_token, padding
        n_windows = n_evaluation_windows(len(tokens), n_ctx)
        self.n_batches, self.n_rows = evaluation_batches(n_windows, share.batch_size, share.world_size)

    def __len__(self) -> int:
        return self.n_batches

    def __getitem__(self, index: int) -> LanguageModelBatch:
        n_ctx, first = self.n_ctx, (index * self.share.world_size + self.share.rank) * self.n_rows
        start = min(first * n_ctx, len(self.tokens))
        stop = min(start + self.n_rows * n_ctx + 1, len(self.tokens))
        ids = torch.from_numpy(self.tokens.read(start, stop - start))  # one more than labels
        n_targets = max(0, len(ids) - 1)
        inputs = torch.full((self.n_rows * n_ctx,), self.padding)
        labels = torch.full((self.n_rows * n_ctx,), IGNORE_INDEX)
        inputs[:n_targets], labels[:n_targets] = ids[:n_targets], ids[1:]
        return {
            "input_ids": inputs.view(self.n_rows, n_ctx),
            "labels": labels.view(self.n_rows, n_ctx),
            "step_targets": n_targets,
            "bytes_per_token": self.bytes_per_token,
        }


def n_evaluation_windows(n_tokens: int, n_ctx: int) -> int:
    """Return the windows of a split read from end to end; every token but the first is a label once."""
    return -(-(n_tokens - 1) // n_ctx)


def evaluation_batches(n_windows: int, batch_size: int, world_size: int) -> tuple[int, int]:
    """Return the batches a rank and the windows a batch when ``n_windows`` are read once.

    Batch ``b`` of rank ``r`` takes windows ``[(b * world_size + r) * rows : + rows]``; those past the last
    window are padding. All ranks run the same number of batches of one shape, which collectives and compiled
    code need.
    """
    rows = min(batch_size, -(-n_windows // world_size))
    return -(-n_windows // (rows * world_size)), rows
