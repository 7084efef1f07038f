"""Models of other programs, and writers of their files that share no code with the readers."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributed.checkpoint.state_dict_saver import save as save_shards

from gpt_toolkit.backbone import Decoder, DecoderConfig
from gpt_toolkit.backbone.config import Norm

SHAPES = [  # n_layer, n_head, n_embd, n_ctx, vocab_size
    (1, 1, 8, 4, 11),
    (2, 2, 8, 5, 17),
    (3, 4, 16, 9, 30),
    (2, 3, 24, 16, 101),
    (12, 2, 16, 7, 40),
    (2, 12, 96, 20, 50),
]


def random_decoder(norm: Norm, shape: tuple[int, ...], seed: int = 0) -> Decoder:
    """Create a decoder in which no bias is 0 and no gain is 1."""
    n_layer, n_head, n_embd, n_ctx, vocab_size = shape
    decoder = Decoder(DecoderConfig(vocab_size, n_ctx, n_layer, n_head, n_embd, norm=norm))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in decoder.named_parameters():
            parameter.normal_(std=0.02 if parameter.ndim == 1 else 0.2, generator=generator)
            if "ln_" in name and name.endswith("weight"):
                parameter.add_(1.0)
    return decoder.eval()


def their_model(norm: Norm, shape: tuple[int, ...], seed: int = 0) -> Any:
    """Create a model of ``transformers`` in which no bias is 0 and no gain is 1."""
    import transformers

    n_layer, n_head, n_embd, n_ctx, vocab_size = shape
    name = "GPT2" if norm == "pre" else "OpenAIGPT"
    config = getattr(transformers, f"{name}Config")(
        n_layer=n_layer,
        n_head=n_head,
        n_embd=n_embd,
        n_positions=n_ctx,
        vocab_size=vocab_size,
        bos_token_id=None,
        eos_token_id=None,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        resid_pdrop=0.0,
    )
    model = getattr(transformers, f"{name}LMHeadModel")(config).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            spread = 0.02 if parameter.ndim == 1 else 0.2
            parameter.normal_(std=spread, generator=generator)
            if "ln_" in parameter_name and parameter_name.endswith("weight"):
                parameter.add_(1.0)
    return model


def assert_equal_tensors(got: dict[str, Tensor], decoder: Decoder) -> None:
    expected = decoder.state_dict()
    assert got.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(got[name], tensor), name


class Probe:
    """An object that creates a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.path),)


def openai_name(ours: str) -> str:
    """Map h.3.attn.c_attn.weight to h3/attn/c_attn/w."""
    plain = {"wte.weight": "wte", "wpe.weight": "wpe"}
    if ours in plain:
        return plain[ours]
    *path, kind = ours.split(".")
    last = {"weight": "g" if path[-1].startswith("ln_") else "w", "bias": "b"}[kind]
    return "/".join([*path, last]).replace("h/", "h", 1)


def openai_value(ours: str, tensor: Tensor) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return a tensor as OpenAI stores it: matrices of blocks as convolutions of width 1, [1, in, out]."""
    array = tensor.detach().numpy()
    return array.T[None] if array.ndim == 2 and ours.startswith("h.") else array


# TensorFlow's bundle: core/lib/io/table_format.txt, core/protobuf/tensor_bundle.proto


def slow_crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data: bytes) -> int:
    crc = slow_crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def varint(number: int) -> bytes:
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def proto(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def table_block(entries: list[tuple[bytes, bytes]], compression: int = 0) -> bytes:
    """Encode a block: keys without the prefix shared with the one before, restart points, a trailer."""
    out, restarts, before = b"", [], b""
    for i, (key, value) in enumerate(entries):
        shared = 0
        if i % 16 == 0:
            restarts.append(len(out))
        else:
            while shared < min(len(key), len(before)) and key[shared] == before[shared]:
                shared += 1
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    out += b"".join(struct.pack("<I", n) for n in restarts or [0])
    out += struct.pack("<I", len(restarts or [0])) + bytes([compression])
    return out + struct.pack("<I", masked(out))


def table(entries: dict[bytes, bytes], compression: int = 0) -> bytes:
    """Encode a sorted table: blocks of about 700 bytes, an empty meta index, the index, the footer."""
    out, index, block, size = b"", [], [], 0
    handles: list[bytes] = []

    def put(entries: list[tuple[bytes, bytes]]) -> bytes:
        nonlocal out
        data = table_block(entries, compression)
        handle = varint(len(out)) + varint(len(data) - 5)
        out += data
        return handle

    for key, value in sorted(entries.items()):
        block.append((key, value))
        size += len(key) + len(value)
        if size > 700:
            index.append((key, put(block)))
            block, size = [], 0
    if block:
        index.append((block[-1][0] + b"\xff", put(block)))
    handles = [put([]), put(index)]
    footer = b"".join(handles).ljust(40, b"\0")
    return out + footer + struct.pack("<Q", 0xDB4775248B80FB57)


def write_bundle(
    prefix: Path,
    variables: dict[str, np.ndarray[Any, Any]],
    *,
    n_shards: int = 1,
    compression: int = 0,
    changes: dict[str, bytes] | None = None,
) -> None:
    """Write ``.index`` and ``.data`` files as ``tf.train.Saver`` does; ``changes`` extends entries."""
    types = {"float32": 1, "float64": 2, "int32": 3, "int64": 9, "float16": 19}
    data = [b""] * n_shards
    version = proto(1, 1)
    entries = {b"": proto(1, n_shards) + proto(3, version)}
    for i, (name, array) in enumerate(sorted(variables.items())):
        content, shard = array.tobytes(), i % n_shards
        shape = b"".join(proto(2, proto(1, n)) for n in array.shape)
        entry = proto(1, types[array.dtype.name]) + proto(2, shape)
        entry += (proto(3, shard) if shard else b"") + (proto(4, len(data[shard])) if data[shard] else b"")
        entry += proto(5, len(content)) + varint(6 << 3 | 5) + struct.pack("<I", masked(content))
        entries[name.encode()] = entry + (changes or {}).get(name, b"")
        data[shard] += content
    prefix.parent.mkdir(parents=True, exist_ok=True)
    prefix.with_name(prefix.name + ".index").write_bytes(table(entries, compression))
    for i, content in enumerate(data):
        prefix.with_name(f"{prefix.name}.data-{i:05d}-of-{n_shards:05d}").write_bytes(content)


def gpt2_variables(decoder: Decoder) -> dict[str, np.ndarray[Any, Any]]:
    return {
        "model/" + openai_name(name): openai_value(name, tensor)
        for name, tensor in decoder.state_dict().items()
    }


def write_openai_gpt2(folder: Path, decoder: Decoder, **options: Any) -> Path:
    """Write the files that openai/gpt-2's download_model.py downloads, without the tokenizer."""
    variables = gpt2_variables(decoder) | options.pop("more", {})
    write_bundle(folder / "model.ckpt", variables, **options)
    config = decoder.config
    hparams = {"n_vocab": config.vocab_size, "n_ctx": config.n_ctx, "n_embd": config.n_embd}
    hparams |= {"n_head": config.n_head, "n_layer": config.n_layer}
    (folder / "hparams.json").write_text(json.dumps(hparams))
    (folder / "checkpoint").write_text(
        'model_checkpoint_path: "/home/someone/model.ckpt"\nall_model_checkpoint_paths: "model.ckpt"\n'
    )
    return folder


# GPT-1's release


def write_openai_gpt1(folder: Path, decoder: Decoder, n_files: int = 10) -> Path:
    """Write flat parameters in ten files, positions first (finetune-transformer-lm: train.py, model/)."""
    state = decoder.state_dict()
    names = ["wpe.weight", "wte.weight"]
    for layer in range(decoder.config.n_layer):
        for part in ("attn.c_attn", "attn.c_proj", "ln_1", "mlp.c_fc", "mlp.c_proj", "ln_2"):
            names += [f"h.{layer}.{part}.weight", f"h.{layer}.{part}.bias"]
    arrays = [openai_value(name, state[name]) for name in names]
    folder.mkdir(parents=True, exist_ok=True)
    flat = np.concatenate([array.ravel() for array in arrays])
    for i, piece in enumerate(np.array_split(flat, n_files)):
        np.save(folder / f"params_{i}.npy", piece)
    (folder / "params_shapes.json").write_text(json.dumps([list(array.shape) for array in arrays]))
    return folder


# nanoGPT


def nanogpt_content(decoder: Decoder, *, bias: bool = True, prefix: str = "") -> dict[str, Any]:
    """Return the entries of nanoGPT's checkpoint; the output matrix is the embedding itself."""
    config = decoder.config
    state = {f"{prefix}transformer.{name}": tensor for name, tensor in decoder.state_dict().items()}
    if not bias:
        state = {name: tensor for name, tensor in state.items() if not name.endswith(".bias")}
    state[f"{prefix}lm_head.weight"] = state[f"{prefix}transformer.wte.weight"]
    parameters = list(decoder.parameters())
    return {
        "model": state,
        "optimizer": torch.optim.AdamW(parameters, lr=1e-3).state_dict(),
        "model_args": {
            "n_layer": config.n_layer,
            "n_head": config.n_head,
            "n_embd": config.n_embd,
            "block_size": config.n_ctx,
            "bias": bias,
            "vocab_size": config.vocab_size,
            "dropout": 0.1,
        },
        "iter_num": 2000,
        "best_val_loss": torch.tensor(1.25),
        "config": {"out_dir": "out", "compile": True},
    }


# Training checkpoints


def checkpoint_content(decoder: Decoder, tokenizer: dict[str, str] | None = None) -> dict[str, Any]:
    """Return a task's checkpoint with its decoder and a few other entries."""
    return {
        "state_dict": {f"backbone.{name}": tensor for name, tensor in decoder.state_dict().items()},
        "optimizer_states": [{"state": {}}],
        "gpt_toolkit": {
            "format": 3,
            "version": "0.1.0",
            "task": "PretrainTask",
            "decoder": decoder.config.to_fields(),
            "tokenizer": {"merges.txt": "#version"} if tokenizer is None else tokenizer,
            "fingerprint": "f",
            "plan": "p",
            "step": 3,
        },
    }


def write_sharded(folder: Path, content: dict[str, Any], key: str) -> Path:
    """Save as FSDPStrategy (key ``model``) and ModelParallelStrategy (``state_dict``) do in one process."""
    content = dict(content)
    optimizers = content.pop("optimizer_states")
    state = {key: content.pop("state_dict")}
    state |= {f"optimizer_{i}": optimizer for i, optimizer in enumerate(optimizers)}
    folder.mkdir(parents=True)
    save_shards(state, checkpoint_id=folder, no_dist=True)
    torch.save(content, folder / "meta.pt")
    return folder
