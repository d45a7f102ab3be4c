"""Token merging: of tokens that look alike, attention computes one. The mathematics, in pure functions.

Bolya & Hoffman 2023, "Token Merging for Fast Stable Diffusion", https://arxiv.org/abs/2303.17604, with bipartite soft
matching after Bolya et al. 2022, https://arxiv.org/abs/2210.09461. One token of each window of ``sy`` x ``sx``, the top
left one, is a destination, all others are sources; the share ``ratio`` of tokens with the most similar destination is
averaged into it. This is tomesd with ``use_rand=False``: no randomness. Nothing is written in place and every shape is
known beforehand, so that torch.jit.trace, torch.export and OpenVINO take it.

Shapes: B batch, N = height * width tokens in rows of ``width``, C channels, S sources, D destinations, R merged sources,
U = S - R unmerged ones, K = U + D tokens after merging: first the unmerged, then the destinations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import torch

Tokens = Callable[[torch.Tensor], torch.Tensor]
Form = Literal["scatter", "product", "add", "bags", "matrix", "dense"]
"""How the same result is computed; see :data:`FORMS`, and docs/measurements/tome-forms.md for what each costs."""

DEFAULT_FORM: Form = "bags"


@dataclass(frozen=True)
class Matching:
    """Which tokens merge into which. Indices are int64 and count tokens from 0 in each picture of the batch."""

    count: int
    """N, the number of tokens before merging."""
    kept: int
    """K, the number of tokens after merging."""
    destination_count: int
    """D."""
    destinations: torch.Tensor
    """(D,), the same in every picture."""
    unmerged: torch.Tensor
    """(B, U) sources that stay as they are, the most similar first."""
    merged: torch.Tensor
    """(B, R) sources that merge, the most similar first."""
    target: torch.Tensor
    """(B, R) the destination of each, as its number among the destinations: 0..D-1."""

    @property
    def unmerged_count(self) -> int:
        """U."""
        return self.kept - self.destination_count


def token_merging(
    metric: torch.Tensor,
    width: int,
    height: int,
    ratio: float,
    *,
    sx: int = 2,
    sy: int = 2,
    form: Form = DEFAULT_FORM,
) -> tuple[Tokens, Tokens]:
    """``merge``, (B, N, C) to (B, K, C), and ``unmerge``, (B, K, C) to (B, N, C), for tokens as alike as those of ``metric``.

    ``metric`` is (B, N, any). The share ``ratio`` of the N tokens is merged, at most all sources; with none to merge both
    closures return what they are given. Raises ValueError where N is not ``width * height`` or the form is unknown.
    """
    if form not in FORMS:
        raise ValueError(f"unknown form of token merging {form!r}; known: {', '.join(get_args(Form))}")
    matching = match(metric, width, height, ratio, sx, sy)
    return (_unchanged, _unchanged) if matching is None else FORMS[form](matching)


def match(
    metric: torch.Tensor, width: int, height: int, ratio: float, sx: int = 2, sy: int = 2
) -> Matching | None:
    """The bipartite soft matching of (B, N, any) by cosine similarity; None where there is nothing to merge.

    Similarity is computed in fp32 at least: bf16 has steps of 1/256 just below 1, where the cosines of neighbours lie, so
    that many would tie, and the ties be settled by place.
    """
    count = width * height
    if not torch.jit.is_tracing() and metric.shape[1] != count:
        raise ValueError(f"{metric.shape[1]} tokens are not {width} x {height}")
    sources, destinations = partition(width, height, sx, sy, metric.device)
    destination_count = (width // sx) * (height // sy)
    merged_count = min(count - destination_count, int(count * ratio))
    if merged_count <= 0 or not destination_count:
        return None
    metric = metric.float() if metric.dtype in (torch.float16, torch.bfloat16) else metric
    lengths = metric.norm(dim=-1, keepdim=True).clamp_min(1e-12)
    directions = metric.index_select(1, destinations) / lengths.index_select(1, destinations)
    nearest, target = (metric.index_select(1, sources) @ directions.transpose(1, 2)).max(dim=-1)
    similarity = nearest / lengths.index_select(1, sources)[..., 0]
    # Not stable=True: OpenVINO's stable TopK took 20 to 40 times as long, and its plain one as repeatable.
    order = similarity.argsort(dim=-1, descending=True)
    first, rest = order[:, :merged_count], order[:, merged_count:]
    return Matching(
        count=count,
        kept=count - merged_count,
        destination_count=destination_count,
        destinations=destinations,
        unmerged=sources[rest],
        merged=sources[first],
        target=target.gather(1, first),
    )


def partition(
    width: int, height: int, sx: int, sy: int, device: torch.device | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The numbers (S,) of the source tokens and (D,) of the destinations; what no whole window covers is a source."""
    grid = torch.arange(width * height, device=device).view(height, width)
    rows, columns = height // sy * sy, width // sx * sx
    windows = grid[:rows, :columns].reshape(height // sy, sy, width // sx, sx).transpose(1, 2).flatten(2)
    uncovered = (grid[:rows, columns:], grid[rows:])
    sources = (windows[..., 1:], *uncovered)
    return torch.cat([tokens.flatten() for tokens in sources]), windows[..., 0].flatten()


def scatter_form(matching: Matching) -> tuple[Tokens, Tokens]:
    """tomesd's own: gather, scatter_reduce and scatter over every element. The reference."""
    destinations = matching.destinations

    def merge(tokens: torch.Tensor) -> torch.Tensor:
        channels = tokens.shape[-1]
        unmerged = tokens.gather(1, _wide(matching.unmerged, channels))
        merged = tokens.gather(1, _wide(matching.merged, channels))
        means = tokens.index_select(1, destinations).scatter_reduce(
            1, _wide(matching.target, channels), merged, "mean"
        )
        return torch.cat([unmerged, means], 1)

    def unmerge(tokens: torch.Tensor) -> torch.Tensor:
        batch, _, channels = tokens.shape
        unmerged, means = tokens.split([matching.unmerged_count, matching.destination_count], 1)
        merged = means.gather(1, _wide(matching.target, channels))
        order = torch.cat([matching.unmerged, destinations.expand(batch, -1), matching.merged], 1)
        values = torch.cat([unmerged, means, merged], 1)
        return values.scatter(1, _wide(order, channels), values)

    return merge, unmerge


def product_form(matching: Matching) -> tuple[Tokens, Tokens]:
    """Rows are copied whole; only the sum of what merges is a product, of a (D, R) matrix of zeros and ones with it."""
    target = matching.target

    def sums(means: torch.Tensor, merged: torch.Tensor) -> torch.Tensor:
        numbers = torch.arange(matching.destination_count, device=means.device)
        return means + (target[:, None, :] == numbers[:, None]).to(means.dtype) @ merged

    return _row_forms(matching, sums)


def add_form(matching: Matching) -> tuple[Tokens, Tokens]:
    """Rows are copied whole, and those that merge are added row by row. Their order, and so the last digit, may vary on
    a GPU."""
    target = matching.target

    def sums(means: torch.Tensor, merged: torch.Tensor) -> torch.Tensor:
        index = target + _first_rows(means, matching.destination_count)
        table = means.flatten(0, 1).index_add(0, index.flatten(), merged.flatten(0, 1))
        return table.view_as(means)

    return _row_forms(matching, sums)


def _row_forms(
    matching: Matching, sums: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
) -> tuple[Tokens, Tokens]:
    places = _places(matching)

    def merge(tokens: torch.Tensor) -> torch.Tensor:
        unmerged = _rows(tokens, matching.unmerged, matching.count)
        merged = _rows(tokens, matching.merged, matching.count)
        own = tokens.index_select(1, matching.destinations)
        ones = torch.ones_like(own[..., 0])
        counts = ones.scatter_add(1, matching.target, torch.ones_like(merged[..., 0]))
        return torch.cat([unmerged, sums(own, merged) / counts[..., None]], 1)

    return merge, lambda tokens: _rows(tokens, places, matching.kept)


def bags_form(matching: Matching) -> tuple[Tokens, Tokens]:
    """Every token after merging is one weighted sum of rows, and every row is read once (``embedding_bag``)."""
    places = _places(matching)
    batch, kept = places.shape[0], matching.kept
    order = places.argsort(dim=-1)
    counts = torch.zeros_like(places[:, :kept]).scatter_add(1, places, torch.ones_like(places))
    sizes = counts.gather(1, places.gather(1, order)).flatten()
    starts = counts.flatten().cumsum(0) - counts.flatten()

    def merge(tokens: torch.Tensor) -> torch.Tensor:
        index = (order + _first_rows(tokens, matching.count)).flatten()
        means = torch.nn.functional.embedding_bag(
            index, tokens.flatten(0, 1), starts, mode="sum", per_sample_weights=1 / sizes.to(tokens.dtype)
        )
        return means.unflatten(0, (batch, kept))

    return merge, lambda tokens: _rows(tokens, places, matching.kept)


def matrix_form(matching: Matching) -> tuple[Tokens, Tokens]:
    """Merging is one product with the (K, N) merge matrix, its rows normalised; unmerging copies rows."""
    places = _places(matching)

    def merge(tokens: torch.Tensor) -> torch.Tensor:
        belongs = _belongs(places, matching.kept, tokens.dtype)
        return (belongs / belongs.sum(-1, keepdim=True)) @ tokens

    return merge, lambda tokens: _rows(tokens, places, matching.kept)


def dense_form(matching: Matching) -> tuple[Tokens, Tokens]:
    """Products both ways: the merge matrix, and its transpose with ones."""
    places = _places(matching)

    def unmerge(tokens: torch.Tensor) -> torch.Tensor:
        return _belongs(places, matching.kept, tokens.dtype).transpose(1, 2) @ tokens

    return matrix_form(matching)[0], unmerge


FORMS: dict[Form, Callable[[Matching], tuple[Tokens, Tokens]]] = {
    "scatter": scatter_form,
    "product": product_form,
    "add": add_form,
    "bags": bags_form,
    "matrix": matrix_form,
    "dense": dense_form,
}


def _places(matching: Matching) -> torch.Tensor:
    """(B, N): where each token's value lies among the K after merging."""
    batch = matching.unmerged.shape[0]
    device = matching.unmerged.device
    order = torch.cat([matching.unmerged, matching.destinations.expand(batch, -1), matching.merged], 1)
    own = torch.arange(matching.kept, device=device).expand(batch, -1)
    places = torch.cat([own, matching.target + matching.unmerged_count], 1)
    return places.scatter(1, order, places)


def _belongs(places: torch.Tensor, kept: int, dtype: torch.dtype) -> torch.Tensor:
    """(B, K, N): 1 where token n has its value in place k."""
    return (places[:, None, :] == torch.arange(kept, device=places.device)[:, None]).to(dtype)


def _rows(tokens: torch.Tensor, index: torch.Tensor, count: int) -> torch.Tensor:
    """Whole rows of (B, count, C) by (B, M), from the batch as one long table: a gather of whole rows copies memory, where
    one along an axis inside reads element by element."""
    return torch.nn.functional.embedding(index + _first_rows(tokens, count), tokens.flatten(0, 1))


def _first_rows(tokens: torch.Tensor, count: int) -> torch.Tensor:
    """(B, 1): where each picture's rows begin when the batch is one long table."""
    return torch.arange(tokens.shape[0], device=tokens.device)[:, None] * count


def _wide(index: torch.Tensor, channels: int) -> torch.Tensor:
    return index[..., None].expand(-1, -1, channels)


def _unchanged(tokens: torch.Tensor) -> torch.Tensor:
    return tokens
