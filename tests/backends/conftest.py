"""A tiny Stable Diffusion of random weights: all components of the real one, a second to make, milliseconds to run."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from backends import sd14
from backends.assembly import assemble
from backends.contract import Failed, Load
from backends.opencl import devices
from backends.synthetic import byte_tokenizer
from backends.variants import parse_variant
from backends.worker import DEFAULT_ENTRY, serve

# A worker hosts one backend; these tests host several in one process, and OpenVINO's older TBB must not come first
# (backends/opencl/platforms.py).
devices.devices()

TEXT_WIDTH = 32
WORKBENCH = {
    "name": "tiny",
    "defaults": {"width": 64, "height": 64, "steps": 3, "guidance_scale": 4.0, "scheduler": "ddim"},
    "latent_rgb": {
        "matrix": [[0.1, 0.0, 0.0], [0.0, 0.1, 0.0], [0.0, 0.0, 0.1], [0.1, 0.1, 0.1]],
        "bias": [0.5, 0.4, 0.3],
    },
}


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Our own cache and data directories, apart from the person's."""
    path = tmp_path_factory.getbasetemp() / "home"
    monkeypatch.setenv("WORKBENCH_HOME", str(path))
    monkeypatch.setenv("HF_HUB_CACHE", str(path / "hub"))
    return path


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """A thread a process: the tiny model has no work for two, and threads that wait for busy cores are slow."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A diffusers folder of a few hundred kilobytes, with our ``workbench.json``."""
    torch.manual_seed(0)
    tokenizer = byte_tokenizer(514)
    text: dict[str, Any] = sd14.TEXT_ENCODER | {
        "vocab_size": 514,
        "hidden_size": TEXT_WIDTH,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "projection_dim": TEXT_WIDTH,
        "bos_token_id": 512,
        "eos_token_id": 513,
    }
    small = {"block_out_channels": [16, 16, 32, 32], "norm_num_groups": 8}
    unet = sd14.UNET | small | {"sample_size": 8, "cross_attention_dim": TEXT_WIDTH, "attention_head_dim": 2}
    vae = sd14.VAE | small | {"sample_size": 64, "layers_per_block": 2}
    pipeline = assemble(
        tokenizer,
        CLIPTextModel(CLIPTextConfig.from_dict(text)),
        UNet2DConditionModel.from_config(unet),
        AutoencoderKL.from_config(vae),
        DDIMScheduler.from_config(sd14.SCHEDULER),
    )
    path = tmp_path_factory.mktemp("models") / "tiny"
    pipeline.save_pretrained(path)
    (path / "workbench.json").write_text(json.dumps(WORKBENCH))
    return path


class Worker:
    """A real worker process, and the parent's end of its pipe."""

    def __init__(self, log: Path, entry: str = DEFAULT_ENTRY):
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, entry, str(log)), daemon=True)
        self.process.start()
        theirs.close()
        self.log = log

    def send(self, message: Any) -> None:
        self.connection.send(message)

    def receive(self, timeout: float = 60) -> Any:
        assert self.connection.poll(timeout), (
            f"no message in {timeout} s; the log says: {self.log.read_text()[-2000:]}"
        )
        return self.connection.recv()

    def until(self, *kinds: type) -> tuple[Any, list[Any]]:
        """The next message of one of these kinds, and those before it."""
        before: list[Any] = []
        while not isinstance(message := self.receive(), kinds):
            assert not isinstance(message, Failed), message
            before.append(message)
        return message, before

    def load(self, model: object, variant: str = "pytorch") -> None:
        self.send(Load(str(model), parse_variant(variant)))

    def end(self) -> None:
        self.connection.close()
        self.process.join(10)
        if self.process.is_alive():
            self.process.kill()


@pytest.fixture
def start_worker(tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    workers: list[Worker] = []

    def start(**options: Any) -> Worker:
        workers.append(Worker(tmp_path / f"worker-{len(workers)}.log", **options))
        return workers[-1]

    yield start
    for worker in workers:
        worker.end()
