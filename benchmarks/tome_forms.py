"""What the forms of token merging cost and gain: every form against no merging, in OpenVINO and in PyTorch.

    python benchmarks/tome_forms.py [--subject block|critters] [--engine openvino|pytorch] [--precisions f32 bf16]
                                    [--ratios 0.4 0.5] [--forms ...] [--repeat N] [--profile N]

Runs are interleaved (every configuration once, then again), so that a drifting machine favours none. Prints a table in
Markdown: median, fastest and slowest milliseconds, and the median of the ratios to the unmerged run of the same round; and
the same of the process's CPU time, which a busy machine disturbs less (with ``OMP_NUM_THREADS=1``, hardly at all).
``--profile`` adds the N slowest operations of each configuration that are not in the unmerged one, from OpenVINO's PERF_COUNT.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from backends.machine import compute_threads
from backends.tome import FORMS, Form
from backends.tome_attention import apply_tome, merge_inside, remove_tome

TEXT_TOKENS = 77


@dataclass
class Subject:
    """A module, its inputs at batch 2 (conditional and unconditional), and how token merging is put on it."""

    title: str
    module: torch.nn.Module
    inputs: tuple[torch.Tensor, ...]
    merge: Callable[[float, Form], int]


@dataclass
class Run:
    """One configuration, its output's largest difference from the same in fp32 PyTorch, and its times in milliseconds."""

    precision: str
    ratio: float
    form: str
    call: Callable[[], Any]
    difference: float
    request: Any = None
    milliseconds: list[float] = field(default_factory=list)
    cpu_milliseconds: list[float] = field(default_factory=list)


class Block(torch.nn.Module):
    """A spatial transformer of Stable Diffusion 1.4 at the resolution of the latents."""

    def __init__(self) -> None:
        super().__init__()
        from diffusers.models.transformers.transformer_2d import Transformer2DModel

        self.transformer = Transformer2DModel(8, 40, 320, norm_num_groups=32, cross_attention_dim=768)

    def forward(self, hidden_states: torch.Tensor, encoder_hidden_states: torch.Tensor) -> torch.Tensor:
        return self.transformer(hidden_states, encoder_hidden_states, return_dict=False)[0]


class UNet(torch.nn.Module):
    """A UNet that gives its tensor."""

    def __init__(self, unet: Any) -> None:
        super().__init__()
        self.unet = unet

    def forward(self, sample: torch.Tensor, timestep: torch.Tensor, prompt: torch.Tensor) -> torch.Tensor:
        return self.unet(sample, timestep, prompt, return_dict=False)[0]


def block_subject() -> Subject:
    module = Block()
    return Subject(
        "one transformer block of SD 1.4 (4096 tokens, 320 channels, 8 heads)",
        module,
        (torch.randn(2, 320, 64, 64), torch.randn(2, TEXT_TOKENS, 768)),
        lambda ratio, form: merge_inside(module.transformer, ratio, form=form),
    )


def critters_subject() -> Subject:
    from workbench.training.architecture import TEXT_WIDTH, new_unet

    return _unet_subject("UNet of critters (1024 tokens, 96 channels, 3 heads)", new_unet(), 32, TEXT_WIDTH)


def _unet_subject(title: str, unet: Any, size: int, width: int) -> Subject:
    inputs = (torch.randn(2, 4, size, size), torch.tensor(500), torch.randn(2, TEXT_TOKENS, width))
    return Subject(title, UNet(unet), inputs, lambda ratio, form: apply_tome(unet, ratio, form=form))


SUBJECTS = {"block": block_subject, "critters": critters_subject}


def openvino_runs(subject: Subject, precisions: list[str], ratio: float, form: str) -> list[Run]:
    """The subject as it is now, traced, converted and compiled for the CPU, once a precision hint."""
    import openvino

    expected = subject.module(*subject.inputs).numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = openvino.convert_model(subject.module, example_input=subject.inputs)
    model.reshape(dict(zip(model.inputs, (list(tensor.shape) for tensor in subject.inputs), strict=True)))
    arrays = [tensor.numpy() for tensor in subject.inputs]
    runs = []
    for precision in precisions:
        settings = {
            "INFERENCE_PRECISION_HINT": precision,
            "PERF_COUNT": "YES",
            "INFERENCE_NUM_THREADS": compute_threads(),
        }
        request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()
        difference = float(abs(request.infer(arrays)[0] - expected).max())
        runs.append(
            Run(
                precision,
                ratio,
                form,
                lambda request=request: request.infer(arrays, share_inputs=True),
                difference,
                request,
            )
        )
    return runs


def pytorch_runs(subject: Subject, precisions: list[str], ratio: float, form: str) -> list[Run]:
    """The subject as it is now, in eager PyTorch; merging is put on anew before each call, as the module is shared."""
    dtypes = {"f32": torch.float32, "bf16": torch.bfloat16}
    expected = subject.module.float()(*subject.inputs)
    runs = []
    for precision in precisions:
        dtype = dtypes[precision]
        inputs = [
            tensor.to(dtype) if tensor.is_floating_point() else tensor.clone() for tensor in subject.inputs
        ]

        def prepare(dtype: torch.dtype = dtype) -> None:
            remove_tome(subject.module)
            subject.module.to(dtype)
            if ratio:
                subject.merge(ratio, form)  # pyright: ignore[reportArgumentType]

        def call(inputs: list[torch.Tensor] = inputs) -> torch.Tensor:
            return subject.module(*inputs)

        prepare()
        difference = float((call().float() - expected).abs().max())
        run = Run(precision, ratio, form, call, difference)
        run.request = prepare
        runs.append(run)
    subject.module.float()
    return runs


def measure(runs: list[Run], repeat: int, engine: str) -> None:
    """Every run once a round; the first round warms up and is forgotten."""
    for number in range(repeat + 1):
        for run in runs:
            if engine == "pytorch":
                run.request()
            start, cpu_start = time.perf_counter(), time.process_time()
            run.call()
            if number:
                run.milliseconds.append((time.perf_counter() - start) * 1e3)
                run.cpu_milliseconds.append((time.process_time() - cpu_start) * 1e3)


def print_table(runs: list[Run]) -> None:
    print("| precision | ratio | form | median ms | min .. max | share | CPU ms | share | max difference |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for run in sorted(runs, key=lambda run: (-len(run.precision), run.ratio, run.form)):
        base = next(other for other in runs if other.precision == run.precision and not other.ratio)
        times = run.milliseconds
        print(
            f"| {run.precision} | {run.ratio:g} | {run.form} | {statistics.median(times):.1f} "
            f"| {min(times):.1f} .. {max(times):.1f} | {_share(times, base.milliseconds):.2f} "
            f"| {statistics.median(run.cpu_milliseconds):.1f} "
            f"| {_share(run.cpu_milliseconds, base.cpu_milliseconds):.2f} | {run.difference:.1e} |"
        )


def _share(times: list[float], unmerged: list[float]) -> float:
    return statistics.median(mine / other for mine, other in zip(times, unmerged, strict=True))


def print_profile(runs: list[Run], count: int) -> None:
    """Milliseconds by type of operation, averaged over all calls, as OpenVINO counts them."""
    for run in runs:
        totals: dict[str, float] = {}
        for item in run.request.profiling_info:
            if item.status == item.status.EXECUTED:
                milliseconds = item.real_time.total_seconds() * 1e3
                totals[item.node_type] = totals.get(item.node_type, 0.0) + milliseconds
        largest = sorted(totals.items(), key=lambda pair: -pair[1])[:count]
        shown = ", ".join(f"{name} {milliseconds:.1f}" for name, milliseconds in largest)
        print(f"- {run.precision}, {run.form} {run.ratio:g}: {shown}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--subject", choices=SUBJECTS, default="block")
    parser.add_argument("--engine", choices=("openvino", "pytorch"), default="openvino")
    parser.add_argument("--precisions", nargs="+", choices=("f32", "bf16"), default=["f32", "bf16"])
    parser.add_argument("--ratios", nargs="+", type=float, default=[0.4, 0.5])
    parser.add_argument("--forms", nargs="+", choices=tuple(FORMS), default=list(FORMS))
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--profile", type=int, default=0, metavar="N")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    torch.manual_seed(0)
    torch.set_num_threads(compute_threads())
    subject = SUBJECTS[arguments.subject]()
    subject.module.eval().requires_grad_(False)
    prepare = openvino_runs if arguments.engine == "openvino" else pytorch_runs
    runs = prepare(subject, arguments.precisions, 0.0, "none")
    for ratio in arguments.ratios:
        for form in arguments.forms:
            remove_tome(subject.module)
            subject.merge(ratio, form)
            runs += prepare(subject, arguments.precisions, ratio, form)
            gc.collect()
    with torch.inference_mode():
        measure(runs, arguments.repeat, arguments.engine)
    print(f"\n{subject.title}, batch 2, {arguments.engine}, {compute_threads()} threads\n")
    print_table(runs)
    if arguments.profile and arguments.engine == "openvino":
        print()
        print_profile(runs, arguments.profile)


if __name__ == "__main__":
    main()
