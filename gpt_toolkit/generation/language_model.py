"""A model that is ready to use: decoder and tokenizer."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypedDict, Unpack, overload

import torch
from torch import Tensor

from gpt_toolkit.backbone import Decoder
from gpt_toolkit.backbone.int8_linear import quantize
from gpt_toolkit.backbone.packed_linear import PackedDecoder, pack
from gpt_toolkit.backbone.trace import Replacement, Trace, trace
from gpt_toolkit.batches import TrainedDataset
from gpt_toolkit.checkpoints import build_decoder, open_model, write_model_folder
from gpt_toolkit.checkpoints.hf_config import token_id_fields
from gpt_toolkit.checkpoints.model_card import card_files
from gpt_toolkit.checkpoints.stored_model import StoredHeads, StoredModel
from gpt_toolkit.generation.decoding import check_prompt, generate_steps, plain_evaluation
from gpt_toolkit.generation.requests import Continuation
from gpt_toolkit.generation.sampling import Sampling, TopPRule
from gpt_toolkit.generation.scorer import Scorer
from gpt_toolkit.generation.streaming import Ended, StreamedText
from gpt_toolkit.generation.surprisal import Surprisal, text_surprisals, token_surprisals, word_surprisals
from gpt_toolkit.hardware import device_named, scoring_dtype
from gpt_toolkit.tokenizers.loading import Tokenizer, tokenizer_of


class Settings(TypedDict, total=False):
    """Options of :meth:`LanguageModel.generate`, for the types of its overloads."""

    max_new_tokens: int
    temperature: float
    top_k: int
    top_p: float
    top_p_rule: TopPRule
    repetition_penalty: float
    stop: str | Sequence[str]
    seed: int | None


@dataclass(frozen=True)
class Completion:
    """A text that a model wrote after a prompt.

    Attributes:
        text: The new text, without end-of-text token and stop string.
        n_tokens: Number of tokens that the model generated for it.
        ended: Why it ended.
        slid: Whether prompt and text were longer than the context, so that the model wrote the
            end of the text without its beginning.
    """

    text: str
    n_tokens: int
    ended: Ended
    slid: bool


class LanguageModel:
    """A decoder with its tokenizer, for use rather than for training.

    On a CPU the first call of :meth:`generate`, :meth:`write` or :meth:`stream` makes a second copy of the
    large matrices, in a faster layout.

    Args:
        decoder: Put into evaluation mode.
        tokenizer: The tokenizer whose ids the decoder was trained on; without one, only :meth:`logits`,
            :meth:`save`, and :meth:`trace` of token ids work.
        notes: Sentences that a user of the model must know.
        datasets: Datasets that it was fine-tuned on, by name.

    Attributes:
        training_record: What is known of its training, for the model card of :meth:`save`; see
            :func:`~gpt_toolkit.checkpoints.training_checkpoint.training_record`.

    Raises:
        ValueError: If the tokenizer has ids for which the decoder has no embedding.
    """

    def __init__(
        self,
        decoder: Decoder,
        tokenizer: Tokenizer | None = None,
        notes: Sequence[str] = (),
        datasets: Mapping[str, TrainedDataset] = MappingProxyType({}),
    ) -> None:
        check_vocabulary(decoder.config.vocab_size, tokenizer)
        self.decoder = decoder.eval()
        self.notes, self.datasets = tuple(notes), dict(datasets)
        self.training_record: Mapping[str, Any] = {}
        self._tokenizer = tokenizer
        self._packed: Decoder | None = None
        self._packed_state: list[tuple[int, int]] = []

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of the model.

        Raises:
            ValueError: If the model was loaded without one.
        """
        if self._tokenizer is None:
            raise ValueError(
                "model: no tokenizer; expected tokenizer.json, or vocab.json and merges.txt; put these files "
                "into the model folder"
            )
        return self._tokenizer

    @property
    def device(self) -> torch.device:
        """Device that holds the weights."""
        return self.decoder.wte.weight.device

    def __repr__(self) -> str:
        config = self.decoder.config
        whose = "GPT-2" if config.norm == "pre" else "GPT-1"
        shape = f"{config.n_layer} layers, n_embd {config.n_embd}, context {config.n_ctx:,}"
        return f"{type(self).__name__} of {whose}, {shape}"

    @torch.no_grad()
    def logits(self, input_ids: Tensor) -> Tensor:
        """Return scores of the next token at every position, ``(B, T)`` to ``(B, T, V)``."""
        return self.decoder.logits(self.decoder(input_ids.to(self.device)))

    def trace(self, text: str | Sequence[int], *, replace: Mapping[str, Replacement] | None = None) -> Trace:
        """Run the model on a text and record its activations, under the same names for GPT-1 and GPT-2.

        ``model.trace("Once upon a time")["h.0.attn.pattern"]`` has the attention probabilities of the first
        layer. :class:`~gpt_toolkit.backbone.trace.Trace` lists all names with their shapes, and splits the
        final states into contributions of heads and MLPs.

        Args:
            text: The text, or its token ids. Nothing is added to it: begin the ids with
                ``tokenizer.end_of_text`` for the beginning of a document.
            replace: New values of activations by name: tensors, or functions from the value to the new one.
                What follows is computed from them.

        Raises:
            ValueError: If the text is empty or exceeds the context, a name is unknown, or a new value has
                another shape.
        """
        ids = self.tokenizer.encode(text) if isinstance(text, str) else list(text)
        check_prompt(ids, self.decoder.config.vocab_size, self.decoder.config.n_ctx)
        with plain_evaluation(self.decoder, self.device):
            return trace(self.decoder, torch.tensor(ids, device=self.device), replace=replace)

    def score(self, context: str, continuation: str) -> tuple[float, bool]:
        """Score a continuation.

        The two texts are encoded separately, so a continuation includes the space that it begins with. An
        empty context stands for the end-of-text token.

        Returns:
            Summed natural-log probability of the continuation's tokens, and whether greedy decoding gives it.

        Raises:
            ValueError: If both together do not fit into the context length.
        """
        ids = tuple(self.tokenizer.encode(continuation))
        if not ids:
            return 0.0, True
        request = Continuation(tuple(self.tokenizer.encode(context)) or (self.tokenizer.end_of_text,), ids)
        [answer] = Scorer(self.decoder, self.tokenizer).continuations([request])
        return answer.log_probability, answer.is_greedy

    def surprisal(
        self, texts: list[str], *, by: Literal["word", "token", "text"] = "word"
    ) -> list[list[Surprisal]]:
        """Compute the surprisal of each word or token of texts, or of whole texts, in bits.

        The whitespace before a word counts to the word; see :mod:`gpt_toolkit.generation.surprisal`.

        Args:
            texts: The texts. Each begins after the end-of-text token; one longer than the context is read in
                windows that move by half of it.
            by: Unit.

        Returns:
            The words or tokens of each text, or the one text.

        Raises:
            ValueError: If a token belongs to two words.
        """
        compute = {"word": word_surprisals, "token": token_surprisals, "text": text_surprisals}[by]
        return compute(Scorer(self.decoder, self.tokenizer), texts)

    @overload
    def generate(
        self, prompt: str = ..., *, num_samples: None = ..., **settings: Unpack[Settings]
    ) -> str: ...

    @overload
    def generate(self, prompt: str = ..., *, num_samples: int, **settings: Unpack[Settings]) -> list[str]: ...

    @overload
    def generate(
        self, prompt: list[str], *, num_samples: None = ..., **settings: Unpack[Settings]
    ) -> list[str]: ...

    @overload
    def generate(
        self, prompt: list[str], *, num_samples: int, **settings: Unpack[Settings]
    ) -> list[list[str]]: ...

    def generate(
        self,
        prompt: str | list[str] = "",
        *,
        max_new_tokens: int = 100,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        top_p_rule: TopPRule = "keep",
        repetition_penalty: float = 1.0,
        stop: str | Sequence[str] = (),
        num_samples: int | None = None,
        seed: int | None = None,
    ) -> str | list[str] | list[list[str]]:
        """Continue a text until its end-of-text token, a stop string or for ``max_new_tokens``.

        Args:
            prompt: The text to continue; an empty one starts from the end-of-text token. A list is read in
                one batch, and each prompt gets the text that it gets alone.
            max_new_tokens: Largest number of new tokens. Past the context length the window slides, see
                :func:`gpt_toolkit.generation.generate`.
            temperature: Divisor of the logits; 0 always takes the likeliest token.
            top_k: Number of likeliest tokens to draw from; 0 is off.
            top_p: Probability that the likeliest tokens to draw from reach together; 1 is off.
            top_p_rule: Whether the token that crosses ``top_p`` is kept, or dropped as in GPT-2's released
                code.
            repetition_penalty: Factor by which tokens of the text become less likely (CTRL); 1 is off.
            stop: A string, or several, before which the text ends.
            num_samples: Number of texts, returned as a list; one, returned as a string, unless given.
            seed: Seed of the draws; sample i of each prompt is drawn with ``seed + i``.

        Returns:
            The new text, without prompt, end-of-text token and stop string; a list of them, or of lists, for
            several samples or prompts.

        Raises:
            ValueError: If a value is out of range, or a prompt is longer than the context.
        """
        prompts = [prompt] if isinstance(prompt, str) else prompt
        count = 1 if num_samples is None else num_samples
        if count < 1:
            raise ValueError(f"num_samples: {num_samples}; expected at least 1")
        completions = self.write(
            [text for text in prompts for _ in range(count)],
            max_new_tokens=max_new_tokens,
            sampling=Sampling(temperature, top_k, top_p, top_p_rule, repetition_penalty),
            seeds=[None if seed is None else seed + i for _ in prompts for i in range(count)],
            stop=stop,
        )
        texts = [each.text for each in completions]
        samples = [texts[first : first + count] for first in range(0, len(texts), count)]
        results = [each[0] for each in samples] if num_samples is None else samples
        return results[0] if isinstance(prompt, str) else results

    def write(
        self,
        prompts: Sequence[str],
        *,
        max_new_tokens: int,
        sampling: Sampling,
        seeds: Sequence[int | None],
        stop: str | Sequence[str] = (),
    ) -> list[Completion]:
        """Continue each prompt as :meth:`generate` does, and say how the text ended.

        Args:
            prompts: Read in one batch.
            max_new_tokens: Largest number of new tokens.
            sampling: How tokens are drawn.
            seeds: Seed of each prompt's draws; None for another each time.
            stop: A string, or several, before which a text ends.
        """
        stops = (stop,) if isinstance(stop, str) else stop
        texts = [StreamedText(self.tokenizer, prompt, stops) for prompt in prompts]
        for tokens in self._steps(texts, max_new_tokens, sampling, seeds):
            for text, token in zip(texts, tokens, strict=True):
                if text.ended is None:
                    text.add(token)
            if all(text.ended for text in texts):
                break
        completions = []
        for text in texts:
            text.end()
            n_read = len(text.prompt_ids) + text.n_tokens - 1  # the last token is not read
            slid = n_read > self.decoder.config.n_ctx
            completions.append(Completion(text.text, text.n_tokens, text.ended or "length", slid))
        return completions

    def stream(
        self,
        prompt: str = "",
        *,
        max_new_tokens: int = 100,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        top_p_rule: TopPRule = "keep",
        repetition_penalty: float = 1.0,
        stop: str | Sequence[str] = (),
        seed: int | None = None,
    ) -> Generator[str, None, None]:
        """Yield the text of :meth:`generate` in pieces as they are made; closing the iterator stops the work.

        A character whose bytes span several tokens comes with the last of them. The possible beginning of a
        stop string comes when it is certain.
        """
        text = StreamedText(self.tokenizer, prompt, (stop,) if isinstance(stop, str) else stop)
        sampling = Sampling(temperature, top_k, top_p, top_p_rule, repetition_penalty)
        for [token] in self._steps([text], max_new_tokens, sampling, [seed]):
            if piece := text.add(token):
                yield piece
            if text.ended:
                return
        if piece := text.end():
            yield piece

    def _steps(
        self,
        texts: Sequence[StreamedText],
        max_new_tokens: int,
        sampling: Sampling,
        seeds: Sequence[int | None],
    ) -> Generator[list[int], None, None]:
        return generate_steps(
            self._packed_decoder(),
            [text.prompt_ids for text in texts],
            max_new_tokens=max_new_tokens,
            sampling=sampling,
            vocab_size=self.tokenizer.vocab_size,
            generator=[_generator(seed, self.device) for seed in seeds],
        )

    def stored_heads(self) -> StoredHeads | None:
        """Return what :meth:`save` writes next to the decoder: what it was fine-tuned on, and heads."""
        return StoredHeads(self.datasets) if self.datasets else None

    def save(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Write a model folder, which :func:`load` and ``transformers`` read, with a model card.

        Raises:
            FileExistsError: If the folder exists, unless it is a model folder and ``overwrite`` is set.
            ValueError: If the model was quantized.
        """
        if isinstance(self.decoder, PackedDecoder):
            raise ValueError("save: a model in int8; expected one that is not quantized; load it in float32")
        files, extra = {}, {}
        if self._tokenizer is not None:
            files = dict(self._tokenizer.files())
            extra = token_id_fields(self._tokenizer)
        config, tensors, heads = self.decoder.config, self.decoder.state_dict(), self.stored_heads()
        classes = [] if heads is None else heads.classes
        files |= card_files(Path(folder).resolve().name, config, self.training_record, classes=classes)
        write_model_folder(folder, config, tensors, files, overwrite=overwrite, extra=extra, heads=heads)

    def _packed_decoder(self) -> Decoder:
        """Return the decoder as it generates fastest here, packed at first use and when a weight changes."""
        state = [
            (weight.data_ptr(), 0 if weight.is_inference() else weight._version)
            for weight in self.decoder.parameters()
        ]
        if self._packed is None or self._packed_state != state:
            self._packed = None  # frees the old one before the new one is made
            self._packed, self._packed_state = pack(self.decoder), state
        return self._packed


def _generator(seed: int | None, device: torch.device) -> torch.Generator:
    generator = torch.Generator(device)
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    return generator


def load(
    model: str | Path, *, device: torch.device | str = "auto", dtype: torch.dtype | None = None
) -> LanguageModel:
    """Load a model as a language model; heads of fine-tuning are left out.

    Arguments and errors are those of :func:`read_model`.
    """
    stored, decoder, tokenizer = read_model(model, device=device, dtype=dtype)
    language_model = LanguageModel(decoder, tokenizer, stored.notes)
    language_model.training_record = stored.training
    return language_model


def read_model(
    model: str | Path, *, device: torch.device | str = "auto", dtype: torch.dtype | None = None
) -> tuple[StoredModel, Decoder, Tokenizer | None]:
    """Read a model's decoder and tokenizer.

    Args:
        model: A model folder, a ``.ckpt`` of a training run, or an id of the Hugging Face hub such as
            ``gpt2``, ``openai-gpt`` or ``owner/name``.
        device: Device to compute on; ``auto`` is the accelerator, if one is present, else the CPU.
        dtype: Type to compute in. By default the stored one, or fp32 where the device would emulate it, so
            that scores do not depend on the machine. ``torch.int8`` quantizes the matrices, on a CPU only.

    Raises:
        FileNotFoundError: If the model is not found.
        ValueError: If it is not a model, is damaged or is not implemented.
    """
    is_int8 = dtype == torch.int8
    device = device_named("cpu" if is_int8 and device == "auto" else device)
    stored = open_model(model)
    dtype = torch.float32 if is_int8 else dtype or scoring_dtype(stored.dtype, device)
    state_dict = stored.read(dtype=dtype, device=device)
    tokenizer = tokenizer_of(stored.tokenizer, str(stored.source))
    try:
        check_vocabulary(stored.config.vocab_size, tokenizer)
    except ValueError as error:
        raise ValueError(f"{stored.source}: {error}") from None
    decoder = build_decoder(stored.config, state_dict)
    return stored, quantize(decoder) if is_int8 else decoder, tokenizer


def check_vocabulary(n_rows: int, tokenizer: Tokenizer | None) -> None:
    """Raise if a tokenizer has ids without a row of the embeddings.

    Args:
        n_rows: Rows of the token embeddings.
        tokenizer: The tokenizer; None for no check.

    Raises:
        ValueError: If it has; the message names the surplus tokens where they can be removed.
    """
    if tokenizer is None or tokenizer.vocab_size <= n_rows:
        return
    without = [token.content for token in tokenizer.added_tokens if token.id >= n_rows]
    fix = "use the tokenizer that the model was trained with"
    if len(without) == tokenizer.vocab_size - n_rows:
        fix = f"remove {', '.join(without[:3])} from the tokenizer's files"
    raise ValueError(
        f"tokenizer {tokenizer.name}: {tokenizer.vocab_size} tokens; expected at most {n_rows}, as the "
        f"decoder embeds; {fix}"
    )
