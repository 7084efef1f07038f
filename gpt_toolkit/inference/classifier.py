"""A fine-tuned model that is ready to use: decoder, tokenizer and heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, overload

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from gpt_toolkit.backbone import Decoder
from gpt_toolkit.batches import TaskSpec, TrainedDataset
from gpt_toolkit.checkpoints.stored_heads import module_name
from gpt_toolkit.checkpoints.stored_model import LazyTensor, StoredHeads
from gpt_toolkit.class_predictions import Prediction, predictions_of
from gpt_toolkit.data.supervised.input_transforms import SpecialTokens, transform, truncate
from gpt_toolkit.generation.decoding import plain_evaluation
from gpt_toolkit.generation.language_model import LanguageModel
from gpt_toolkit.suggestions import nearest
from gpt_toolkit.tokenizers.loading import Tokenizer

Texts: TypeAlias = str | tuple[str, ...]
"""Texts of an example: one, or ``(premise, hypothesis)``, or ``(document, question, *choices)``, in which
document or question may be empty."""

Batch: TypeAlias = list[str] | list[tuple[str, ...]] | list[Texts]
"""Several examples."""

LONGEST_INPUT = 512
"""Longest sequence of a model that does not store the length it was fine-tuned with (GPT-1 §4.1)."""

_SHOWN_LABELS = 8  # in the description of a head; tuned here: they fit on a line


@dataclass(frozen=True)
class Head:
    """A head of a :class:`Classifier`.

    Attributes:
        dataset: What it was trained on, and what its outputs mean.
        module: Maps hidden states to scores.
    """

    dataset: TrainedDataset
    module: nn.Module

    @property
    def spec(self) -> TaskSpec:
        """Description of the dataset."""
        return self.dataset.spec

    def describe(self) -> str:
        """Describe in a line what the head predicts."""
        spec = self.spec
        if spec.kind == "multiple_choice":
            return f"{spec.name}: multiple choice, {spec.choices} answers"
        if spec.levels:
            return f"{spec.name}: grade from {spec.levels[0]:g} to {spec.levels[-1]:g}"
        more = f" and {len(spec.labels) - _SHOWN_LABELS} more" if len(spec.labels) > _SHOWN_LABELS else ""
        what = "class of two texts in any order" if spec.kind == "similarity" else "class"
        return f"{spec.name}: {what}, {' | '.join(spec.labels[:_SHOWN_LABELS])}{more}"


class Classifier(LanguageModel):
    """A fine-tuned decoder with its heads: predicts classes, grades or choices of texts.

    It is also a language model, as its training with an auxiliary loss makes it (GPT-1 eq. 5).

    Args:
        decoder: Put into evaluation mode.
        tokenizer: The tokenizer that the model was fine-tuned with.
        heads: Heads, by :func:`~gpt_toolkit.checkpoints.stored_heads.module_name` of their dataset.
        datasets: Datasets that the model was fine-tuned on, by name.
        has_special_tokens: Whether sequences have start, delimiter and extract tokens; see
            :class:`~gpt_toolkit.checkpoints.stored_model.StoredHeads`.
        notes: Sentences that a user of the model must know.
    """

    def __init__(
        self,
        decoder: Decoder,
        tokenizer: Tokenizer | None,
        heads: nn.ModuleDict,
        datasets: Mapping[str, TrainedDataset],
        *,
        has_special_tokens: bool = True,
        notes: Sequence[str] = (),
    ) -> None:
        super().__init__(decoder, tokenizer, notes, datasets)
        self.heads = {
            name: Head(one, heads[module_name(name)]) for name, one in datasets.items() if one.has_head
        }
        self._modules_of_heads, self.has_special_tokens = heads.eval(), has_special_tokens
        if not self.heads:
            raise ValueError("Classifier: no head; expected one at least; use LanguageModel")

    def __repr__(self) -> str:
        return "\n  ".join([super().__repr__(), *(head.describe() for head in self.heads.values())])

    def head(self, name: str | None = None) -> Head:
        """Return a head by the name of its dataset; the only one by default.

        Raises:
            ValueError: If no head has the name, or there are several and none is given.
        """
        if name is None and len(self.heads) == 1:
            return next(iter(self.heads.values()))
        if name is None:
            names = ", ".join(self.heads)
            raise ValueError(f"head: none given; expected one of {names}; choose one by head (--head)")
        if name not in self.heads:
            raise ValueError(f"no head {name!r}{nearest(name, self.heads)}")
        return self.heads[name]

    @overload
    def predict(self, examples: Texts, *, head: str | None = ..., batch_size: int = ...) -> Prediction: ...

    @overload
    def predict(
        self, examples: Batch, *, head: str | None = ..., batch_size: int = ...
    ) -> list[Prediction]: ...

    def predict(
        self, examples: Texts | Batch, *, head: str | None = None, batch_size: int = 32
    ) -> Prediction | list[Prediction]:
        """Predict the class, grade or choice of examples.

        Texts are prepared as in fine-tuning: spaces around them are dropped, and what is longer than the
        training's sequences is truncated, which the prediction says.

        Args:
            examples: Texts of an example, a string or a tuple; or a list of examples.
            head: Name of the dataset whose head is used; the only one by default.
            batch_size: Largest number of examples that are read at once.

        Returns:
            The prediction; for a list, one for each example.

        Raises:
            ValueError: If the number of texts is not that of the head's dataset, or a text is empty.
        """
        if isinstance(examples, str | tuple):
            return self.predict([examples], head=head, batch_size=batch_size)[0]
        chosen = self.head(head)
        found: dict[int, Prediction] = {}
        inputs = [self._sequences(chosen, texts, i) for i, texts in enumerate(examples)]
        sequences = [one for one, _ in inputs]
        order = sorted(range(len(sequences)), key=lambda i: (len(sequences[i]), -len(sequences[i][0])))
        start = 0
        while start < len(order):  # examples of one batch have equally many sequences
            n_sequences = len(sequences[order[start]])
            batch = [i for i in order[start : start + batch_size] if len(sequences[i]) == n_sequences]
            logits = self._logits(chosen, [sequences[i] for i in batch])
            found |= zip(batch, predictions_of(chosen.spec, logits), strict=True)
            start += len(batch)
        return [replace(found[i], is_truncated=truncated) for i, (_, truncated) in enumerate(inputs)]

    @torch.inference_mode()
    def _logits(self, head: Head, examples: Sequence[Sequence[Tensor]]) -> Tensor:
        """Return the scores of a head, ``(B, n)``, for examples of ``C`` sequences."""
        flat = [ids for sequences in examples for ids in sequences]
        input_ids = pad_sequence(flat, batch_first=True).to(self.device)  # (B C, T)
        last = torch.tensor([[len(ids) - 1] for ids in flat], device=self.device)  # (B C, 1)
        with plain_evaluation(self.decoder, self.device):
            states = self.decoder(input_ids, positions=last)[:, 0]  # (B C, D)
            scores: Tensor = head.module(states.view(len(examples), -1, states.shape[-1]))
        return scores

    def _sequences(self, head: Head, texts: Texts, number: int) -> tuple[list[Tensor], bool]:
        """Return the token ids of each sequence of an example, and whether texts were truncated."""
        cleaned = [clean_text(text) for text in ((texts,) if isinstance(texts, str) else texts)]
        check_texts(head, cleaned, f"example {number}")
        ids = [self.tokenizer.encode_chunk(text, first=True).astype(np.int64) for text in cleaned]
        n_ctx = min(head.dataset.n_ctx or LONGEST_INPUT, self.decoder.config.n_ctx)
        lengths = [len(each) for each in ids]
        if not self.has_special_tokens:  # as transformers joins a pair
            if not sum(lengths):
                raise ValueError(
                    f"example {number}: no token in the text; expected words; leave the example out"
                )
            return [torch.from_numpy(np.concatenate(ids)[:n_ctx])], sum(lengths) > n_ctx
        kept = truncate(np.array([lengths]), n_ctx)[0].tolist()
        truncated = [each[:length] for each, length in zip(ids, kept, strict=True)]
        tokens = SpecialTokens.after(self.tokenizer.vocab_size)
        sequences = transform(head.spec.kind, tokens, truncated)
        return [torch.from_numpy(each) for each in sequences], kept != lengths

    def stored_heads(self) -> StoredHeads:
        """Return the heads as :meth:`save` writes them."""
        tensors = {
            name: LazyTensor.of(tensor) for name, tensor in self._modules_of_heads.state_dict().items()
        }
        return StoredHeads(self.datasets, tensors, self.has_special_tokens)


def clean_text(text: str) -> str:
    """Return a text without spaces around it and with line feeds for line ends, as files are read."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def check_texts(head: Head, texts: Sequence[str], where: str) -> None:
    """Raise if an example is not one of a head's dataset.

    Raises:
        ValueError: If it has another number of texts, or a text is empty.
    """
    spec, n = head.spec, len(texts)
    if spec.kind == "multiple_choice":
        if n < 4:
            raise ValueError(
                f"{where}: {n} texts; expected document and question (one may be empty) and two or more "
                f"choices, as in training on {spec.name}"
            )
        missing = not (texts[0] or texts[1]) or not all(texts[2:])
    else:
        expected = 2 if spec.kind == "similarity" else head.dataset.n_texts
        if n != expected if expected else n not in (1, 2):
            raise ValueError(
                f"{where}: {n} texts; expected {expected or '1 or 2'}, as in training on {spec.name}; give "
                "several texts of one example as a tuple"
            )
        missing = not all(texts)
    if missing:
        raise ValueError(f"{where}: an empty text; expected words; leave the example out")
