"""What each variant's pictures lose, over many prompts of the built-in model: medians of PSNR and SSIM, mean fidelity.

    python benchmarks/quality.py --variant openvino:fp32 --variant openvino:int8 --prompts 64 --json quality.json

The prompts name three to five attributes of combinations that the model was never trained on; prompt k has seed k. Every
picture is compared with the baseline's of the same prompt and noise. Also the session's own overhead per picture.

    python benchmarks/quality.py --trained-quantization --json trained.json

measures what trained quantization must show: the four INT8 variants over 256 prompts of 25 steps, and each claim with its
figures, met or not.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from backends.contract import Request
from backends.models import resolve
from backends.variants import format_variant, parse_variant
from workbench.comparison import Comparison
from workbench.environment import environment
from workbench.events import Finished
from workbench.results import Result
from workbench.session import Session
from workbench.training.evaluate import held_out_prompts

QUANTIZED = [
    "openvino:int8",
    "openvino:int8-qat",
    "openvino:int8+tome=0.4",
    "openvino:int8+tome=0.4-qat",
]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="critters")
    parser.add_argument("--baseline", default="pytorch:fp32")
    parser.add_argument("--variant", action="append", default=[])
    parser.add_argument("--trained-quantization", action="store_true", help="measure its claims; see above")
    parser.add_argument("--prompts", type=int, help="default: 64, or 256 for --trained-quantization")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if arguments.trained_quantization:
        arguments.variant += QUANTIZED
        arguments.steps = arguments.steps or 25
    if not arguments.variant:
        parser.error("name a --variant, or ask for --trained-quantization")
    arguments.prompts = arguments.prompts or (256 if arguments.trained_quantization else 64)
    card = resolve(arguments.model)
    asked = asdict(card.defaults) | ({"steps": arguments.steps} if arguments.steps else {})
    requests = tuple(
        Request(prompt, seed=seed, **asked) for seed, prompt in enumerate(held_out_prompts(arguments.prompts))
    )
    baseline = parse_variant(arguments.baseline)
    variants = (baseline, *(parse_variant(text) for text in arguments.variant))
    comparison = Comparison(arguments.model, requests, variants, baseline, previews=False)
    results: dict[str, list[Result]] = defaultdict(list)
    with Session() as session:
        for event in session.run(comparison):
            if isinstance(event, Finished):
                name = format_variant(event.result.variant)
                results[name].append(event.result)
                if event.result.status != "ok":
                    print(f"{name}: {event.result.error}", file=sys.stderr, flush=True)
    rows = [figures(name, found) for name, found in results.items()]
    print(f"{'variant':30} {'ok':>5} {'PSNR dB':>9} {'SSIM':>7} {'fidelity':>9} {'overhead':>9}")
    for row in rows:
        psnr, ssim, fidelity, overhead = (
            float("nan") if row[key] is None else row[key]
            for key in ("psnr_db", "ssim", "prompt_fidelity", "overhead")
        )
        print(
            f"{row['variant']:30} {row['pictures']:5} {psnr:9.2f} {ssim:7.4f} {fidelity:9.4f} {overhead:8.2%}"
        )
    claims = trained_quantization_claims(rows) if arguments.trained_quantization else []
    for claim, figure, met in claims:
        print(f"{'met    ' if met else 'NOT MET'}  {claim}: {figure}")
    if arguments.json:
        document = {
            "environment": environment(),
            "prompts": arguments.prompts,
            "rows": rows,
            "claims": [list(claim) for claim in claims],
        }
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")
    return 0 if all(result.status == "ok" for found in results.values() for result in found) else 1


def trained_quantization_claims(rows: list[dict]) -> list[tuple[str, str, bool]]:
    """What trained quantization must show against quantization after training: each claim, its figures, and whether it is met.

    ``rows`` are the baseline's and those of ``QUANTIZED``, in that order. Speed and memory are as good within the spread
    of the post-training variant's UNet (the quartiles of its iterations).
    """
    full, trained, after, trained_tome, after_tome = rows
    lost, lost_tome = (full["prompt_fidelity"] - row["prompt_fidelity"] for row in (trained, trained_tome))
    gained = trained["psnr_db"] - after["psnr_db"]
    pairs = zip(trained_tome["prompt_fidelities"], after_tome["prompt_fidelities"], strict=True)
    better, error = paired([one - other for one, other in pairs])
    nearer = trained_tome["psnr_db"] - after_tome["psnr_db"]
    slowest = max(after["unet_ms_quartiles"])
    return [
        ("INT8 trained loses at most 0.01 of fidelity", f"{lost:.4f}", lost <= 0.01),
        (
            "INT8 trained has 3 dB more than after training, or above 30 dB",
            f"{gained:+.2f} dB, {trained['psnr_db']:.2f} dB",
            gained >= 3 or trained["psnr_db"] > 30,
        ),
        ("INT8 trained + tome=0.4 loses at most 0.02 of fidelity", f"{lost_tome:.4f}", lost_tome <= 0.02),
        (
            "INT8 trained + tome=0.4 is above the untrained stack",
            f"fidelity {better:+.4f} (standard error {error:.4f}), {nearer:+.2f} dB",
            better > 0,
        ),
        (
            "a UNet iteration takes no longer than after training",
            f"{trained['unet_ms']:.2f} against {after['unet_ms']:.2f} ms (quartiles to {slowest:.2f})",
            trained["unet_ms"] <= slowest,
        ),
        (
            "weights take no more memory than after training (2 % more at most)",
            f"{trained['weights_mb']:.1f} against {after['weights_mb']:.1f} MB",
            trained["weights_mb"] <= 1.02 * after["weights_mb"],
        ),
    ]


def paired(differences: list[float]) -> tuple[float, float]:
    """The mean of differences prompt by prompt, and its standard error."""
    return statistics.mean(differences), statistics.stdev(differences) / len(differences) ** 0.5


def figures(name: str, found: list[Result]) -> dict:
    """Medians over the prompts of PSNR and SSIM, the mean fidelity, and the median share of the session's own work."""
    good = [result for result in found if result.status == "ok"]
    qualities = [result.quality for result in good if result.quality]
    psnr = [item.psnr_db for item in qualities if item.psnr_db is not None]
    ssim = [item.ssim for item in qualities if item.ssim is not None]
    fidelity = [item.prompt_fidelity for item in qualities if item.prompt_fidelity is not None]
    unet = [span.milliseconds for result in good for span in result.spans if span.name == "unet"]
    quartiles = statistics.quantiles(unet, n=4) if len(unet) > 1 else []
    return {
        "variant": name,
        "pictures": len(good),
        "unet_ms": statistics.median(unet) if unet else None,
        "unet_ms_quartiles": [quartiles[0], quartiles[2]] if quartiles else None,
        "weights_mb": next((r.memory.weights_bytes / 1e6 for r in good if r.memory.weights_bytes), None),
        "psnr_db": statistics.median(psnr) if psnr else None,
        "psnr_db_lowest": min(psnr) if psnr else None,
        "ssim": statistics.median(ssim) if ssim else None,
        "prompt_fidelity": statistics.mean(fidelity) if fidelity else None,
        "prompt_fidelities": fidelity,
        "overhead": statistics.median(result.overhead_ms / result.total_ms for result in good)
        if good
        else None,
    }


if __name__ == "__main__":
    sys.exit(main())
