"""What each variant's pictures lose, over many prompts of the built-in model: medians of PSNR and SSIM, mean fidelity.

    python benchmarks/quality.py --variant openvino:fp32 --variant openvino:int8 --prompts 64 --json quality.json

The prompts name three to five attributes of combinations that the model was never trained on; prompt k has seed k. Every
picture is compared with the baseline's of the same prompt and noise. Also the session's own overhead per picture.
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


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="critters")
    parser.add_argument("--baseline", default="pytorch:fp32")
    parser.add_argument("--variant", action="append", required=True)
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
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
        print(
            f"{row['variant']:30} {row['pictures']:5} {row['psnr_db'] or float('nan'):9.2f} "
            f"{row['ssim'] or float('nan'):7.4f} {row['prompt_fidelity']:9.4f} {row['overhead']:8.2%}"
        )
    if arguments.json:
        document = {"environment": environment(), "prompts": arguments.prompts, "rows": rows}
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")
    return 0 if all(result.status == "ok" for found in results.values() for result in found) else 1


def figures(name: str, found: list[Result]) -> dict:
    """Medians over the prompts of PSNR and SSIM, the mean fidelity, and the median share of the session's own work."""
    good = [result for result in found if result.status == "ok"]
    qualities = [result.quality for result in good if result.quality]
    psnr = [item.psnr_db for item in qualities if item.psnr_db is not None]
    ssim = [item.ssim for item in qualities if item.ssim is not None]
    fidelity = [item.prompt_fidelity for item in qualities if item.prompt_fidelity is not None]
    return {
        "variant": name,
        "pictures": len(good),
        "psnr_db": statistics.median(psnr) if psnr else None,
        "psnr_db_lowest": min(psnr) if psnr else None,
        "ssim": statistics.median(ssim) if ssim else None,
        "prompt_fidelity": statistics.mean(fidelity) if fidelity else None,
        "overhead": statistics.median(result.overhead_ms / result.total_ms for result in good)
        if good
        else None,
    }


if __name__ == "__main__":
    sys.exit(main())
