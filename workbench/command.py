"""The command that measures a document again."""

from __future__ import annotations

import shlex

from backends.contract import Request
from backends.variants import format_variant
from workbench.document import Document
from workbench.ladders import LADDERS, Ladder


def commands(document: Document) -> list[str]:
    """A command line for every request of the document, each setting written out, whatever the defaults become."""
    return [
        shlex.join(["./run", *_command(document), *_request_options(document, request)])
        for request in document.requests
    ]


def _command(document: Document) -> list[str]:
    variants = list(dict.fromkeys(run.result.variant for run in document.runs))
    repeats = max((len(summary.runs) for summary in document.summaries()), default=1)
    repeated = ["--repeat", str(repeats)] if repeats > 1 else []
    measured = ["--unet-only"] if document.unet_only else []
    if any(span.kind == "kernel" for run in document.runs for span in run.result.spans):
        measured.append("--kernels")
    if any(run.result.arenas for run in document.runs):
        measured.append("--arenas")
    ladder = LADDERS.get(document.ladder or "")
    if ladder is not None:
        return [
            "ladder",
            ladder.name,
            *_ladder_options(ladder, document),
            "--repeat",
            str(repeats),
            *measured,
        ]
    if len(variants) == 1 and not document.unet_only and repeats == 1:
        return ["generate", "--variant", format_variant(variants[0]), *measured]
    named = [word for variant in variants for word in ("--variant", format_variant(variant))]
    baseline = (
        [] if variants[:1] == [document.baseline] else ["--baseline", format_variant(document.baseline)]
    )
    return ["compare", *named, *baseline, *repeated, *measured]


def _ladder_options(ladder: Ladder, document: Document) -> list[str]:
    options: dict[str, None] = {}
    for variant in document.rows:
        if variant.device is not None:
            options[f"--device={variant.backend}@{variant.device}"] = None
        if ladder.precisions and variant.precision != ladder.precisions[0]:
            options[f"--precision={variant.precision}"] = None
    return list(options)


def _request_options(document: Document, request: Request) -> list[str]:
    options = {
        "--model": document.model.reference or document.model.name,
        "--seed": request.seed,
        "--steps": request.steps,
        "--guidance": request.guidance_scale,
        "--size": f"{request.width}x{request.height}",
        "--scheduler": request.scheduler,
    }
    words = [word for name, value in options.items() for word in (name, str(value))]
    if document.unet_only:
        return words
    negative = [f"--negative={request.negative_prompt}"] if request.negative_prompt else []
    return [f"--prompt={request.prompt}", *negative, *words]
