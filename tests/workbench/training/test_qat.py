"""Quantization-aware training at its smallest: a few drawings, a few steps, on the CPU."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
import torch
from optimum.intel import OVStableDiffusionPipeline
from PIL import Image

from backends.models import resolve
from backends.openvino.export import export_part
from backends.openvino.fake_quantizers import LAYERS, quantized_layers, weight_quantizer
from backends.openvino.shapes import MODEL_FILE
from backends.openvino.trained import about, pack, restore
from tests.backends.openvino_models import quantize_by_range, write_small_model
from workbench.training import captioned, qat, qat_table
from workbench.training.captioned import Captioned, UnusableData
from workbench.training.distillation import Objective, visits
from workbench.training.loop import Recipe
from workbench.training.qat import Method

SHORT = Recipe(
    steps=4, batch_size=2, learning_rate=1e-4, warmup=1, weight_decay=0.0, log_every=1, checkpoint_every=2
)
METHOD = Method(tome=(0.0, 0.5), sampler_steps=4, sheet_every=0)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Of small tensors a second thread makes more waiting than work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = write_small_model(tmp_path_factory.mktemp("models") / "small")
    return qat.loaded(resolve(str(folder)), "cpu")


def noise_data() -> Captioned:
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(8, 4, 8, 8, generator=generator).half()
    return Captioned(latents, torch.full((8, 2, 77), 5, dtype=torch.int32), ("a red fox", "a whale"))


def quantizable(unet: Any) -> list[str]:
    return [name for name, module in unet.named_modules() if isinstance(module, LAYERS)]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_twenty_steps_on_critters_come_nearer_to_the_teacher_and_are_exported_as_trained(tmp_path: Path):
    line = (
        f"--out {tmp_path} --pictures 8 --size 64 --steps 20 --batch-size 2 --init-samples 2 --warmup 2 --no-openvino "
        "--ema-decay 0.5 --tome 0..0.5 --sheet-every 0 --device cpu"
    )
    quantization = qat.run(qat.parser().parse_args(line.split()))
    pipeline = qat.loaded(resolve("critters"), "cpu")
    data = captioned.load(tmp_path / "data.safetensors")
    objective = Objective(pipeline, steps=25, kd_weight=1.0)

    def distances(file: Path) -> list[float]:
        unet = restore(copy.deepcopy(pipeline.unet), file)
        drawn = (objective.draw(data.latents.float(), data.tokens, seed) for seed in (997, 998, 999))
        with torch.no_grad():
            return [float(objective.losses(unet, noised)["teacher"]) for noised in drawn]

    trained, initial = distances(quantization), distances(tmp_path / "initial.npz")
    assert all(after < before for after, before in zip(trained, initial, strict=True))
    assert about(quantization)["recipe"]["steps"] == 20
    logged = [json.loads(text) for text in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert {"noise", "teacher", "seconds_left"} <= logged[-1].keys() and logged[-1]["step"] == 20

    unet = restore(copy.deepcopy(pipeline.unet), quantization).eval()
    last = f"up_blocks.{len(unet.up_blocks) - 1}.resnets."
    left = {"conv_in", "conv_out"} | {
        name for name in quantizable(unet) if name.startswith(last) and "shortcut" in name
    }
    assert len(left) > 2 and not left & quantized_layers(unet).keys()
    assert "mid_block.resnets.0.conv1" in quantized_layers(unet)
    for name, layer in quantized_layers(unet).items():
        real_input = "attn2." in name or "time_emb" in name
        assert (layer.taken is None) is real_input
        assert weight_quantizer(layer).highest == (127 if real_input else 64)
    pipeline.unet = copy.deepcopy(unet)
    file = export_part(pipeline, "unet", tmp_path) / MODEL_FILE
    compiled = openvino.Core().compile_model(file, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    generator = torch.Generator().manual_seed(0)
    given = {
        "sample": torch.randn(2, 4, 8, 8, generator=generator),
        "timestep": torch.tensor([500.0]),
        "encoder_hidden_states": pipeline.text_encoder(data.tokens[:2, 0].long()).last_hidden_state,
    }
    with torch.no_grad():
        expected = unet(**given).sample
    made = torch.from_numpy(compiled({name: value.detach().numpy() for name, value in given.items()})[0])
    assert (made - expected).norm() <= 2e-2 * expected.norm()
    assert file.with_suffix(".bin").stat().st_size < 15.5e6


def test_what_is_exported_is_what_optimum_intel_loads_by_itself(small: Any, tmp_path: Path):
    pack(quantize_by_range(copy.deepcopy(small.unet)), tmp_path / "quantization.npz", None, {})
    qat.export(small, tmp_path / "quantization.npz", tmp_path / "openvino")
    loaded = OVStableDiffusionPipeline.from_pretrained(tmp_path / "openvino")
    picture = loaded("a fox", num_inference_steps=2, height=64, width=64, output_type="np").images[0]
    assert picture.shape == (64, 64, 3) and picture.std() > 0


def test_a_killed_training_resumes_to_the_same_weights(small: Any, tmp_path: Path):
    start = quantize_by_range(copy.deepcopy(small.unet)).requires_grad_(True)

    def trained(out: Path, recipe: Recipe, resume: bool = False) -> Any:
        return qat.train(copy.deepcopy(start), small, noise_data(), METHOD, recipe, out, resume)

    whole = trained(tmp_path / "whole", SHORT)
    with pytest.raises(KeyboardInterrupt):
        _interrupted(start, small, tmp_path / "interrupted")
    resumed = trained(tmp_path / "interrupted", SHORT, resume=True)
    for one, other in zip(whole.ema.parameters(), resumed.ema.parameters(), strict=True):
        assert torch.equal(one, other)


def _interrupted(start: Any, pipeline: Any, out: Path) -> None:
    def stop(self: Any, record: dict[str, Any]) -> None:
        if self.step + 1 == 3:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workbench.training.loop.Trainer.log", stop)
        qat.train(copy.deepcopy(start), pipeline, noise_data(), METHOD, SHORT, out)


def test_only_the_quantizers_move_where_that_is_asked_with_the_average_in_main_memory(
    small: Any, tmp_path: Path
):
    student = quantize_by_range(copy.deepcopy(small.unet)).requires_grad_(True)
    before = {name: value.clone() for name, value in student.named_parameters()}
    method = replace(METHOD, quantizers_only=True, gradient_checkpointing=True, ema_device="cpu")
    qat.train(student, small, noise_data(), method, replace(SHORT, steps=2), tmp_path)
    moved = {name for name, value in student.named_parameters() if not torch.equal(value, before[name])}
    assert moved and all(map(qat.is_quantizers, moved))


def test_biases_move_beside_the_quantizers_where_that_is_asked_and_no_weight_does(small: Any, tmp_path: Path):
    student = quantize_by_range(copy.deepcopy(small.unet)).requires_grad_(True)
    before = {name: value.clone() for name, value in student.named_parameters()}
    method = replace(METHOD, quantizers_only=True, biases=True)
    qat.train(student, small, noise_data(), method, replace(SHORT, steps=2), tmp_path)
    moved = {name for name, value in student.named_parameters() if not torch.equal(value, before[name])}
    biases = {name for name in moved if name.endswith(".bias")}
    assert any("norm" in name for name in biases) and any("norm" not in name for name in biases)
    assert moved - biases and all(map(qat.is_quantizers, moved - biases))


def write_pictures(folder: Path, lines: list[str]) -> Path:
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "whole.png")
    (folder / "broken.png").write_bytes(b"no picture")
    (folder / "metadata.jsonl").write_text("\n".join(lines))
    return folder


WHOLE = '{"file_name": "whole.png", "text": "a fox"}'
DAMAGE = {
    '{"file_name": "whole.png"}': "line 1: whole.png has no caption",
    '{"file_name": "whole.png", "text": "  "}': "whole.png has no caption",
    '{"file_name": "broken.png", "text": "a fox"}': "broken.png cannot be read",
    '{"file_name": "absent.png", "text": "a fox"}': "absent.png cannot be read",
    '{"file_name": "../secret.png", "text": "a fox"}': "outside of the folder",
    '{"text": "a fox"}': "line 1 is no object with a file_name",
    "{": "line 1 is no object with a file_name",
}


@pytest.mark.parametrize("line", DAMAGE)
def test_damaged_data_is_named_and_skipped_or_refused(line: str, small: Any, tmp_path: Path):
    folder = write_pictures(tmp_path / "data", [line, WHOLE])
    data = captioned.read(small, folder, 64, "skip")
    assert len(data) == 1 and len(data.skipped) == 1 and DAMAGE[line] in data.skipped[0]
    with pytest.raises(UnusableData, match=r"line|cannot be read"):
        captioned.read(small, folder, 64, "refuse")


def test_a_folder_with_nothing_to_learn_from_is_refused(small: Any, tmp_path: Path):
    with pytest.raises(UnusableData, match=r"has no metadata\.jsonl"):
        captioned.read(small, tmp_path, 64, "skip")
    folder = write_pictures(tmp_path / "data", ['{"file_name": "broken.png", "text": "a fox"}'])
    with pytest.raises(UnusableData, match="no usable picture; 1 were skipped"):
        captioned.read(small, folder, 64, "skip")


def test_what_was_read_is_kept_for_a_resumed_run(small: Any, tmp_path: Path):
    data = captioned.read(small, write_pictures(tmp_path / "data", [WHOLE, "{"]), 64, "skip")
    captioned.save(data, tmp_path / "kept.safetensors")
    again = captioned.load(tmp_path / "kept.safetensors")
    assert torch.equal(again.latents, data.latents) and torch.equal(again.tokens, data.tokens)
    assert (again.prompts, again.skipped) == (data.prompts, data.skipped)


def test_what_is_learnt_is_where_the_sampler_goes(small: Any):
    found = visits(small.scheduler, 25, "cpu")
    small.scheduler.set_timesteps(25)
    assert found.timesteps.tolist() == small.scheduler.timesteps.tolist()
    assert found.weights.mean() == pytest.approx(1, abs=1e-5) and (found.weights >= 0).all()
    assert found.weights[0] > found.weights[12]


def test_the_ratio_of_token_merging_is_drawn_from_its_range_and_the_same_when_resumed():
    drawn = [qat.ratio_at(step, (0.1, 0.5)) for step in range(200)]
    assert drawn == [qat.ratio_at(step, (0.1, 0.5)) for step in range(200)]
    assert 0.1 <= min(drawn) < 0.15 and 0.45 < max(drawn) <= 0.5
    assert qat.tome_range("0.4") == (0.4, 0.4) and qat.tome_range("0..0.5") == (0.0, 0.5)


def test_the_table_has_a_row_for_every_part_and_pictures_that_are_equal_have_no_error():
    picture = torch.rand(3, 3, 8, 8)
    assert qat_table.median_psnr(picture, picture) > 100
    assert qat_table.median_psnr(picture, (picture + 0.1)) == pytest.approx(20, abs=0.01)
    figures = {"fidelity": 0.9, "psnr_db": 31.0}
    lines = qat_table.markdown({"unquantized": figures, "rows": {"QAT": figures}}).splitlines()
    assert len(lines) == 4 and lines[-1] == "| QAT | 0.900 | 31.00 |"
