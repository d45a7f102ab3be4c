"""A model as OpenVINO's, in 8 bits: found in the store, or made. A UNet may ship its quantization, trained; all else is
quantized after training from the converted model."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

from backends.openvino import devices
from backends.openvino.calibration import Plan, Samples, make_plan, trajectories
from backends.openvino.conversion import Conversion
from backends.openvino.pipeline import GUIDED_BATCH, open_pipeline, settings
from backends.openvino.recipes import HALF_RANGE, RECIPES
from backends.openvino.shapes import MODEL_FILE, Size, StaticShapes, read


class Quantized:
    """Where the files of a model in 8 bits are. Nothing of NNCF is imported where all are there."""

    def __init__(self, conversion: Conversion, trained: Path | None = None, half_range: bool = False):
        """``trained`` is the file of a UNet's trained quantization (:mod:`backends.openvino.trained`); None quantizes it too
        after training. ``half_range`` is for a processor that sums products of 8 bits in 16
        (:func:`backends.machine.sums_bytes_exactly`)."""
        self.conversion = conversion
        self.trained = trained
        self.half_range = half_range
        self._samples: dict[Size, Samples] = {}

    @property
    def notice(self) -> str:
        """Which of the two it is, for a person."""
        if self.trained:
            return "the UNet's quantization was trained with the model"
        bits = ", with 7 bits of weight for this processor has no VNNI" if self.half_range else ""
        return f"the UNet's quantization was calibrated after training{bits}"

    def model_file(self, part: str, size: Size) -> Path:
        """The file of a part in 8 bits."""
        if part == "unet" and self.trained:
            return self.conversion.trained_unet_file(self.trained, size)
        return self._quantized_file(part, size)

    def _quantized_file(self, part: str, size: Size) -> Path:
        """The quantized file of a part. It was calibrated at the model's own size, unless token merging binds it to one."""
        conversion = self.conversion
        own = conversion.card.defaults
        _, height, width = size if part == "unet" and conversion.tome else (0, own.height, own.width)
        calibrated = (GUIDED_BATCH, height, width)
        plan = self._plan()
        recipe = {"source": conversion.source, "part": part, "how": self._how(part)}
        if part != "text_encoder":
            recipe |= {"calibration": plan.recipe(), "height": height, "width": width}
        if part == "unet":
            recipe |= {"tome": conversion.tome}

        def quantize(folder: Path) -> None:
            self._quantize(part, calibrated, plan, folder)

        return conversion.store.folder(f"{part}-int8", recipe, quantize, conversion.progress) / MODEL_FILE

    def release(self) -> None:
        """Let go of what was only needed to quantize."""
        self._samples.clear()
        self.conversion.release()

    def _quantize(self, part: str, size: Size, plan: Plan, folder: Path) -> None:
        from backends.openvino.export import save
        from backends.openvino.quantization import compress_text_encoder, quantize_decoder, quantize_unet

        conversion = self.conversion
        file = conversion.model_file(part, size)
        if part == "text_encoder":
            conversion.progress("quantizing", None)
            save(compress_text_encoder(read(file)), folder)
            return
        samples: list[Any] = getattr(self._trajectories(plan, size), part)
        model = read(file)
        model.reshape({name: list(value.shape) for name, value in samples[0].items()})
        quantize = quantize_unet if part == "unet" else quantize_decoder
        save(quantize(model, samples, self._how(part), conversion.progress), folder)

    def _how(self, part: str) -> dict[str, Any]:
        multiplies_bytes = part != "text_encoder"
        return RECIPES[part] | (HALF_RANGE if self.half_range and multiplies_bytes else {})

    def _trajectories(self, plan: Plan, size: Size) -> Samples:
        """What the models are given while they make the plan's pictures, not quantized yet, on the processor."""
        if size not in self._samples:
            conversion = self.conversion
            conversion.release()
            device = devices.find("CPU")
            precision = "bf16" if "bf16" in device.precisions else "fp32"
            pipeline = open_pipeline(conversion.pipeline_folder(), device, settings(precision, device))
            shapes = StaticShapes(pipeline, conversion.model_file, conversion.progress)
            shapes.prepare(*size)
            self._samples[size] = trajectories(pipeline, plan, size, conversion.progress)
            del pipeline, shapes
            gc.collect()
        return self._samples[size]

    def _plan(self) -> Plan:
        weights = self.conversion.pipeline_folder() / "unet" / Path(MODEL_FILE).with_suffix(".bin")
        return make_plan(self.conversion.card, weights.stat().st_size)
