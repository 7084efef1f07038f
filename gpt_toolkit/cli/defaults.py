"""Settings that a run's model decides, and checks of the model before its text is read."""

from __future__ import annotations

from jsonargparse import Namespace

from gpt_toolkit.backbone import DecoderConfig, decoder_fields
from gpt_toolkit.checkpoints import open_model
from gpt_toolkit.cli.errors import UsageError
from gpt_toolkit.cli.parser import option_names, unknown_option
from gpt_toolkit.tokenizers.loading import load_tokenizer, tokenizer_name, tokenizer_of

_PROBE = "the old house by the river was dark and no one knew why"
"""Words that no preparation of text changes."""


def check_model(settings: Namespace, verb: str) -> None:
    """Raise if the model's settings are wrong, before its text is read, which can take long.

    Raises:
        UsageError: If an option of the decoder does not exist or has an impossible value.
    """
    arguments = settings.model.init_args
    if "decoder" not in arguments:  # a custom task
        return
    fields = arguments.decoder or {}
    for field in () if isinstance(fields, str) else fields:
        if field not in ("preset", *DecoderConfig.__dataclass_fields__):
            raise UsageError(unknown_option(f"model.decoder.{field}", option_names()))
    has_weights = bool(settings.ckpt_path or arguments.get("init_from"))
    if not has_weights and not fields:
        raise UsageError("no decoder: add --model.decoder NAME, or --model.init_from MODEL")
    required = ("vocab_size", "n_ctx", *(("n_layer", "n_head", "n_embd") if has_weights else ()))
    try:
        DecoderConfig.from_fields(dict.fromkeys(required, 1) | decoder_fields(fields))
    except ValueError as error:
        raise UsageError(str(error)) from None
    if verb in ("validate", "test", "predict") and not has_weights:
        raise UsageError(
            f"{verb} needs a model: add --ckpt_path best, last or a file, or --model.init_from MODEL"
        )


def take_from_model(settings: Namespace) -> None:
    """Default the data's tokenizer and context length, where they are open, to the model's.

    Raises:
        ValueError: If the data's tokenizer gives other token ids than the model's.
    """
    data, source = settings.data.init_args, settings.ckpt_path or settings.model.init_args.get("init_from")
    if not source:
        return
    if not settings.ckpt_path and data.get("tokenizer") is not None:
        _check_same_ids(str(data.tokenizer), source)
    if "tokenizer" in data and data.tokenizer is None:
        data.tokenizer = tokenizer_name(open_model(source).tokenizer, source)
    if "n_ctx" in data and data.n_ctx is None:
        data.n_ctx = open_model(source).config.n_ctx


def _check_same_ids(tokenizer: str, model: str) -> None:
    """Raise if a tokenizer of the data gives other token ids than the model's.

    Fingerprints are not compared: GPT-1's differ by how words are split, with the same ids for most texts.
    """
    if tokenizer == "auto" or tokenizer.startswith("train:"):
        return  # made from the corpus, and compared when it exists
    expected = tokenizer_of(open_model(model).tokenizer, model)
    if expected is not None and expected.encode(_PROBE) != load_tokenizer(tokenizer).encode(_PROBE):
        raise ValueError(
            f"data.tokenizer {tokenizer} gives other token ids than the tokenizer of {model}: leave "
            "data.tokenizer out to use the model's"
        )
