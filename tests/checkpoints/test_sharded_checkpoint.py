"""Sharded checkpoints as FSDP and ModelParallelStrategy write them."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed
from torch.distributed.checkpoint.metadata import _MEM_FORMAT_ENCODING
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.multiprocessing.spawn import spawn

from gpt_toolkit.checkpoints import open_model
from tests.checkpoints.layouts import (
    SHAPES,
    Probe,
    assert_equal_tensors,
    checkpoint_content,
    random_decoder,
    write_sharded,
)

pytestmark = pytest.mark.filterwarnings("ignore:torch.distributed is disabled")  # by dcp.save, in the writer


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("key", ["model", "state_dict"])
def test_a_sharded_checkpoint_is_put_together(key: str, norm: Any, tmp_path: Path) -> None:
    decoder = random_decoder(norm, SHAPES[2])
    content = checkpoint_content(decoder)
    content["state_dict"]["head.weight"] = torch.ones(3)
    saved = open_model(write_sharded(tmp_path / "last.ckpt", content, key))
    assert saved.config == decoder.config
    assert saved.tokenizer == {"merges.txt": "#version"}
    assert saved.notes == ("the task's own tensors are not part of the model: head.weight",)
    assert_equal_tensors(saved.read(), decoder)


def save_one_shard(rank: int, n_processes: int, folder: str) -> None:
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}.store", rank=rank, world_size=n_processes
    )
    decoder = random_decoder("pre", SHAPES[2])
    mesh = init_device_mesh("cpu", (n_processes,))
    for block in decoder.h:
        fully_shard(block, mesh=mesh)
    fully_shard(decoder, mesh=mesh)
    content = checkpoint_content(decoder)
    save({"state_dict": content.pop("state_dict")}, checkpoint_id=folder)
    if rank == 0:
        torch.save(content, Path(folder) / "meta.pt")
    distributed.destroy_process_group()


@pytest.mark.slow
def test_what_three_processes_saved_is_put_together(tmp_path: Path) -> None:
    folder = tmp_path / "last.ckpt"
    spawn(save_one_shard, (3, str(folder)), nprocs=3)  # type: ignore[no-untyped-call]
    assert len(list(folder.glob("*.distcp"))) == 3
    assert_equal_tensors(open_model(folder).read(), random_decoder("pre", SHAPES[2]))


def test_what_is_wrong_with_a_sharded_checkpoint_is_named(tmp_path: Path) -> None:
    content = checkpoint_content(random_decoder("pre", SHAPES[1]))
    del content["state_dict"]["backbone.h.0.mlp.c_fc.bias"]
    folder = write_sharded(tmp_path / "a.ckpt", content, "model")
    with pytest.raises(ValueError, match=r"a\.ckpt: backbone\.h\.0\.mlp\.c_fc\.bias is missing"):
        open_model(folder)
    content = checkpoint_content(random_decoder("pre", SHAPES[1]))
    folder = write_sharded(tmp_path / "b.ckpt", content, "model")
    (shard,) = folder.glob("*.distcp")
    whole = shard.read_bytes()
    shard.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"b\.ckpt: model\.backbone\.\S+ cannot be read .*; expected"):
        open_model(folder).read()
    shard.unlink()
    with pytest.raises(
        FileNotFoundError, match=r"__0_0\.distcp: not found; expected it, because \.metadata lists"
    ):
        open_model(folder)
    (folder / "meta.pt").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"meta\.pt: not found; expected \.metadata and meta\.pt, as in"
    ):
        open_model(folder)


def test_code_in_a_sharded_checkpoint_is_refused_and_never_run(tmp_path: Path) -> None:
    decoder = random_decoder("pre", SHAPES[1])
    probe = Probe(tmp_path / "was-run")
    folder = write_sharded(tmp_path / "a.ckpt", checkpoint_content(decoder), "model")
    metadata = pickle.loads((folder / ".metadata").read_bytes())
    metadata.planner_data = probe
    (folder / ".metadata").write_bytes(pickle.dumps(metadata))
    with pytest.raises(ValueError, match=r"\.metadata: (posix|nt)\.mkdir; .*nothing was run"):
        open_model(folder)
    for data in (b"", b"\x80\x04", pickle.dumps({"a": 1})):
        (folder / ".metadata").write_bytes(data)
        with pytest.raises(ValueError, match=r"\.metadata: (damaged|other content)"):
            open_model(folder)
    shutil.rmtree(folder)
    write_sharded(folder, checkpoint_content(decoder) | {"probe": probe}, "model")
    with pytest.raises(ValueError, match=r"meta\.pt: Python objects .*nothing was run"):
        open_model(folder)
    assert not (tmp_path / "was-run").exists()


class Attribute:
    """Pickles as ``getattr(thing, name)``, as members of enumerations do before Python 3.11.4."""

    def __init__(self, thing: object, name: str) -> None:
        self.thing, self.name = thing, name

    def __reduce__(self) -> tuple[object, ...]:
        return getattr, (self.thing, self.name)


def test_getattr_reaches_members_of_enumerations_alone(tmp_path: Path) -> None:
    decoder = random_decoder("pre", SHAPES[1])
    folder = write_sharded(tmp_path / "a.ckpt", checkpoint_content(decoder), "model")
    content = (folder / ".metadata").read_bytes()
    for thing, name, fine in (
        (_MEM_FORMAT_ENCODING, "TORCH_CONTIGUOUS_FORMAT", True),
        (_MEM_FORMAT_ENCODING, "__class__", False),
        (torch.Size, "numel", False),
    ):
        metadata = pickle.loads(content)
        metadata.planner_data = {"probe": Attribute(thing, name)}
        (folder / ".metadata").write_bytes(pickle.dumps(metadata))
        if fine:
            open_model(folder)
        else:
            with pytest.raises(ValueError, match=rf"\.metadata: attribute '{name}' of .*nothing was run"):
                open_model(folder)


def test_metadata_that_point_out_of_their_folder_are_refused(tmp_path: Path) -> None:
    folder = write_sharded(tmp_path / "a.ckpt", checkpoint_content(random_decoder("pre", SHAPES[1])), "model")
    metadata = pickle.loads((folder / ".metadata").read_bytes())
    [real] = {info.relative_path for info in metadata.storage_data.values()}
    for name in (f"../a.ckpt/{real}", str(folder / real), "..", "", "x\0y", f"C:\\{real}"):
        for info in metadata.storage_data.values():
            info.relative_path = name
        (folder / ".metadata").write_bytes(pickle.dumps(metadata))
        with pytest.raises(ValueError, match=r"\.metadata: names a file elsewhere"):
            open_model(folder)
