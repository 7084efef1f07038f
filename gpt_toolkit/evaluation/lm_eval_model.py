r"""Adapter to EleutherAI's lm-eval harness: the model ``gpt_toolkit``.

    python -m gpt_toolkit.evaluation.lm_eval_model --model gpt_toolkit --model_args path=MODEL \
        --tasks lambada_openai

This runs lm-eval's own command line after registering the model. From Python, call :func:`register`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import torch

from gpt_toolkit.backbone.packed_linear import pack
from gpt_toolkit.generation.language_model import load
from gpt_toolkit.generation.requests import Continuation, Prompt, RunningText
from gpt_toolkit.generation.scorer import Scorer

NAME = "gpt_toolkit"
"""Name of the model in lm-eval's registry."""

_ANSWER_TOKENS = 256  # lm-eval's own default: models/huggingface.py, max_gen_toks
_AT_A_TIME = 256  # requests between two updates of the progress bar; tuned here
_DEFAULT_DEVICE = "cuda:0"  # lm-eval's own, also where no GPU exists: config/evaluate_config.py
# lm-eval's names, in its order
_LENGTHS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")


def register() -> Any:
    """Register ``gpt_toolkit`` with lm-eval, and return its class.

    Raises:
        ImportError: If lm-eval is not installed.
    """
    importlib.import_module("lm_eval.models")  # it registers its own models only if none is registered yet
    from lm_eval.api.registry import register_model

    register_model(NAME)(backend())
    return backend()


@cache
def backend() -> Any:
    """Return the class ``ToolkitLM``, whose base is lm-eval's; it is created once.

    Its arguments are ``path`` (any MODEL), ``dtype`` (default: that of the stored weights, or float32 if the
    device emulates it), ``batch_tokens`` (tokens read at once) and ``device``. lm-eval always gives
    ``batch_size``, which is ignored.

    Raises:
        ImportError: If lm-eval is not installed.
    """
    from lm_eval.api.model import TemplateLM
    from tqdm import tqdm

    class ToolkitLM(TemplateLM):  # type: ignore[misc]
        """A model of this toolkit; texts become tokens by the harness's rules."""

        def __init__(
            self,
            path: str,
            dtype: str | None = None,
            batch_tokens: int = 4096,
            device: str | None = None,
            batch_size: int | str | None = None,
            max_batch_size: int | None = None,
        ) -> None:
            super().__init__()
            self.model = load(path, device=device or "auto", dtype=_dtype(dtype))
            decoder = pack(self.model.decoder)
            self.scorer = Scorer(decoder, self.model.tokenizer, batch_tokens=int(batch_tokens))
            self._device = self.model.device

        @classmethod
        def create_from_arg_string(
            cls, arg_string: str, additional_config: Mapping[str, Any] | None = None
        ) -> ToolkitLM:
            from lm_eval.utils import simple_parse_args_string

            return cls.create_from_arg_obj(simple_parse_args_string(arg_string), additional_config)

        @classmethod
        def create_from_arg_obj(
            cls, arg_dict: Mapping[str, Any], additional_config: Mapping[str, Any] | None = None
        ) -> ToolkitLM:
            return cls(**_arguments(arg_dict, additional_config or {}))

        @property
        def eot_token_id(self) -> int:
            return self.model.tokenizer.end_of_text

        @property
        def max_length(self) -> int:
            return self.model.decoder.config.n_ctx

        @property
        def tokenizer_name(self) -> str:
            return self.model.tokenizer.fingerprint

        def tok_encode(self, string: str, add_special_tokens: bool | None = None, **kwargs: Any) -> list[int]:
            return list(self.model.tokenizer.encode(string))

        def _loglikelihood_tokens(
            self, requests: Sequence[tuple[Any, list[int], list[int]]], **kwargs: Any
        ) -> list[tuple[float, bool]]:
            ours = [_continuation(before, text, self.max_length) for _, before, text in requests]
            answers: list[tuple[float, bool]] = [(0.0, False)] * len(ours)
            # equal contexts stay together, long ones first: if memory is too small, the first batch fails
            order = sorted(range(len(ours)), key=lambda i: (-len(ours[i].context), ours[i].context))
            for part in _parts(order, "loglikelihood", kwargs.get("disable_tqdm", False)):
                for i, answer in zip(part, self.scorer.continuations([ours[i] for i in part]), strict=True):
                    answers[i] = answer.log_probability, answer.is_greedy
                    self.cache_hook.add_partial("loglikelihood", requests[i][0], answers[i])
            return answers

        def loglikelihood_rolling(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[float]:
            window = self.max_length
            texts = [request.args[0] for request in requests]
            answers = [0.0] * len(texts)
            for [i] in _parts(range(len(texts)), "loglikelihood_rolling", disable_tqdm, size=1):
                ids = (self.prefix_token_id, *self.tok_encode(texts[i]))
                [answer] = self.scorer.running_texts([RunningText(ids, window, window)])
                answers[i] = answer.log_probability
                self.cache_hook.add_partial("loglikelihood_rolling", (texts[i],), answers[i])
            return answers

        def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[str]:
            ends = [self.model.tokenizer.decode([i]) for i in self.model.tokenizer.end_ids]
            prompts = [
                _prompt(
                    self.tok_encode(text) or [self.prefix_token_id], settings, ends, seed, self.max_length
                )
                for seed, (text, settings) in enumerate(request.args for request in requests)
            ]
            answers = [""] * len(prompts)
            order = sorted(range(len(prompts)), key=lambda i: -len(prompts[i].ids))
            for part in _parts(order, "generate_until", disable_tqdm, size=64):
                for i, answer in zip(part, self.scorer.prompts([prompts[i] for i in part]), strict=True):
                    answers[i] = answer.text
                    self.cache_hook.add_partial("generate_until", requests[i].args, answer.text)
            return answers

    def _parts(
        order: Sequence[int], what: str, quiet: bool, size: int = _AT_A_TIME
    ) -> Iterator[Sequence[int]]:
        with tqdm(total=len(order), disable=quiet, desc=f"Running {what} requests") as bar:
            for start in range(0, len(order), size):
                part = order[start : start + size]
                yield part
                bar.update(len(part))

    return ToolkitLM


def _arguments(model_args: Mapping[str, Any], run_args: Mapping[str, Any]) -> dict[str, Any]:
    """Return the constructor's arguments; those of ``--model_args`` take precedence over the run's own."""
    arguments = {name: value for name, value in run_args.items() if value is not None} | dict(model_args)
    is_default = "device" not in model_args and arguments.get("device") == _DEFAULT_DEVICE
    if is_default and not torch.cuda.is_available():
        del arguments["device"]
    return arguments


def _dtype(name: str | None) -> torch.dtype | None:
    if name is None or name == "auto":
        return None
    dtype = getattr(torch, name, None)
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise ValueError(f"dtype: {name!r}; expected float32, bfloat16 or float16")
    return dtype


def _continuation(context: Sequence[int], continuation: Sequence[int], n_ctx: int) -> Continuation:
    """Build a request as the harness does: the context loses its beginning if both are too long."""
    if len(continuation) > n_ctx:
        raise ValueError(
            f"continuation: {len(continuation)} tokens; expected at most {n_ctx}, the model's context "
            "length; use a model with a longer context, or tasks with shorter answers"
        )
    return Continuation(tuple(context[-(n_ctx + 1 - len(continuation)) :]), tuple(continuation))


def _prompt(
    ids: Sequence[int], settings: Mapping[str, Any], ends: Sequence[str], seed: int, n_ctx: int
) -> Prompt:
    """Build a request from the harness's settings; a prompt that is too long loses its beginning.

    Raises:
        ValueError: If the answer may fill the context, or the settings of sampling are not supported.
    """
    lengths = [settings[name] for name in _LENGTHS if settings.get(name) is not None]
    longest = int(lengths[0]) if lengths else _ANSWER_TOKENS
    if longest >= n_ctx:
        raise ValueError(
            f"max_gen_toks: {longest}; expected fewer than {n_ctx}, the context length, which also has to "
            "hold the prompt; set --gen_kwargs max_gen_toks=N"
        )
    top_k = 1
    if settings.get("do_sample", float(settings.get("temperature") or 0.0) > 0.0):
        sampling = {name: settings.get(name) or 1.0 for name in ("temperature", "top_p")}
        if any(float(value) != 1.0 for value in sampling.values()):
            raise ValueError(
                f"gen_kwargs: {sampling}; expected greedy decoding, or temperature 1 with top_k; set "
                "--gen_kwargs do_sample=False"
            )
        top_k = int(settings.get("top_k") or 0)
    until = settings.get("until") or []
    stops = [until] if isinstance(until, str) else list(until)
    stops += [end for end in ends if end.strip()]
    stop = tuple(dict.fromkeys(filter(None, stops)))
    return Prompt(tuple(ids[-(n_ctx - longest) :]), longest, stop, top_k, seed)


def main() -> int:
    """Run lm-eval's command line with ``gpt_toolkit`` among its models, and return the exit code."""
    try:
        register()
    except ImportError as error:
        print(
            f"gpt_toolkit.evaluation.lm_eval_model: {error}; install lm-eval: pip install lm-eval",
            file=sys.stderr,
        )
        return 1
    from lm_eval.__main__ import cli_evaluate

    cli_evaluate()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
