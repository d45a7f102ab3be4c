"""The kinds of operations: what each reads and writes, in views; and the expressions of elementwise ones.

======================  =======================================================================================
kind                    inputs → output (shapes of the views); attributes
======================  =======================================================================================
elementwise             any views of one shape → that shape; ``expression`` (a key of ``EXPRESSIONS``), ``scalars``
matmul                  a (B0, B1, M, K), b (B0, B1, K, N) [, extras] → (B0, B1, M, N); ``scale``, ``extras``
conv2d                  x (N, C, H, W), weight (kh, kw, C, O) [, extras] → (N, O, H', W'); ``kernel``, ``stride``,
                        ``padding``, ``upsample`` (1, or 2: x is read as if every pixel stood there twice), ``extras``
group_norm              x (N, C, P), weight (C), bias (C) → (N, C, P); ``groups``, ``epsilon``, ``silu``
group_statistics        x (N, C, P) → (N, slices, groups, 2): the mean of every slice of pixels of a group, and the sum of its
                        squared differences; ``groups``, ``slices``. The last slice may be shorter
group_apply             x (N, C, P), those (N, slices, groups, 2), weight (C), bias (C) → as group_norm
layer_norm              x (R, C), weight (C), bias (C) → (R, C); ``epsilon``
reduce                  x (R0, R1, C0, C1) [, mean (R0, R1)] → (R0, R1); ``function``: mean, variance, max, sum
softmax_statistics      x (B0, B1, M, N) → (B0, B1, M, 2): each row's maximum, and 1 / sum(exp(x - maximum)); fp32
attention               q (B, H, T, D), k, v (B, H, S, D) [, mask (B, H, T, S), added] → (B, H, T, D); ``scale``.
                        Has no kernel: a pass turns it into one of the forms below
flash_attention         as attention
magnitudes              q, k, v (B, H, T, D) → (3, slices): the largest magnitude of every slice of each, whatever slices are
halves                  those, magnitudes → (3, 2, B, H, T, D): x times a power of two, as the sum of two halves
halves_attention        q, k, v (2, B, H, T, D) of such halves, magnitudes → as attention of the sums, unscaled; ``scale``
embedding               ids (R), table (V, C) → (R, C)
embedding_bag           ids (L), table (V, C), starts (K), weights (L) → (K, C): bag k is the weighted sum of the rows of
                        ids starts[k] to starts[k + 1]
argsort                 x (R, N) → (R, N), int32; ``descending``; equals keep their order
argmax                  x (R, N) → (R), int32; the first of the largest
gather                  x (R, N), index (R, M) → (R, M)
scatter                 x (R, N), index (R, M), source (R, M) → (R, N); ``add``: to x, else in its place, the last one's
cumsum                  x (R, N) → (R, N)
panels                  b (B0, B1, K, N) → (B0, B1, P, K, ``width``): its columns in P panels, the last filled up with zeros
gated_matmul            as matmul without statistics, b and the bias N columns of which ``together`` of a first half and as many
                        of a second take turns: the first times the GELU of the second → (B0, B1, M, N / 2). No portable kernel
panel_matmul            as matmul, gated_matmul and conv2d, but b or the weight in panels (..., P, K, width) of its last two
panel_gated_matmul      axes; ``columns`` = N. Made by the vector core's ``lay_out``
panel_conv2d
split_matmul            as matmul and conv2d, without extras, the depth in ``splits`` slices: each writes its own (M, N) of
split_conv2d            fp32 sums behind the one that the output shows. Made by the tensor core's ``lay_out``
join_slices             sums (splits, M, N) [, extras] → as matmul, or as conv2d with ``convolution``; ``scale``, ``extras``
winograd_input          x (N, C, H, W) → (A*A, tiles, C) with A = ``tile`` + 2; ``tile``, ``padding``, ``upsample``
winograd_output         products (A*A, tiles, O) [, extras] → (N, O, H', W'); ``tile``, ``extras``
======================  =======================================================================================

``extras`` names what stands behind the fixed inputs, in order: ``statistics`` (of the rows of a, which is then read as
exp(a - maximum) / sum), ``bias`` and ``residual``, both broadcast to the output's shape and added to it.
"""

from __future__ import annotations

EXPRESSIONS: dict[str, str] = {
    "copy": "a0",
    "add": "a0 + a1",
    "sub": "a0 - a1",
    "mul": "a0 * a1",
    "div": "a0 / a1",
    "add_scalar": "a0 + S0",
    "mul_scalar": "a0 * S0",
    "div_scalar": "a0 / S0",
    "rsub_scalar": "S0 - a0",
    "silu": "a0 / (1.0f + exp(-a0))",
    "sigmoid": "1.0f / (1.0f + exp(-a0))",
    "exp": "exp(a0)",
    "sin": "sin(a0)",
    "cos": "cos(a0)",
    "erf": "erf(a0)",
    "tanh": "tanh(a0)",
    "neg": "-a0",
    "sqrt": "sqrt(a0)",
    "reciprocal": "1.0f / a0",
    "clamp_min": "fmax(a0, S0)",
    "relu": "fmax(a0, 0.0f)",
    "gelu": "0.5f * a0 * (1.0f + erf(a0 * 0.70710678118654752f))",
    "gelu_tanh": "0.5f * a0 * (1.0f + tanh(0.7978845608028654f * (a0 + 0.044715f * a0 * a0 * a0)))",
    "geglu": "a0 * (0.5f * a1 * (1.0f + erf(a1 * 0.70710678118654752f)))",
    "quick_gelu": "a0 / (1.0f + exp(-S0 * a0))",
    "normalize": "(a0 - a1) * rsqrt(a2 + S0)",
    "affine": "a0 * a1 + a2",
}
"""OpenCL C of the elementwise operations: ``a0`` ... are the inputs as floats, ``S0`` ... the scalars."""
