// out (M x N) = SCALE * the sum of SPLITS slices of fp32 sums + extras. Work-item = row m (global id 1), and of it two columns
// (global id 0), the second of which may lie outside. CONVOLUTION: row m is pixel (n, y, x) of an image.

#if CONVOLUTION
#define ROW_AT(X) (m / (OUT_H * OUT_W) * X##_S0 + m / OUT_W % OUT_H * X##_S2 + m % OUT_W * X##_S3)
#define COLUMN_AT(X, n) ((n) * X##_S1)
#else
#define ROW_AT(X) (m * X##_S2)
#define COLUMN_AT(X, n) ((n) * X##_S3)
#endif

__kernel void tensor_join(__global OUT_T *restrict out, __global const float *restrict slices
#if EXTRAS > 0
    , __global const E0_T *restrict extra0
#endif
#if EXTRAS > 1
    , __global const E1_T *restrict extra1
#endif
#if EXTRAS > 2
    , __global const E2_T *restrict extra2
#endif
    NUMBERS)
{
    const int n = get_global_id(0) * 2, m = get_global_id(1);
    if (n >= N)
        return;
#if PAIRS
    float2 value = (float2)(0.0f);
    for (int s = 0; s < SPLITS; ++s)
        value += LOAD_PAIR_fp32(slices, (s * M + m) * N + n);
    value *= SCALE;
#if EXTRAS > 0
    value += JOINED(LOAD_PAIR_, E0_TYPE)(extra0, E0_OFFSET + ROW_AT(E0) + n);
#endif
#if EXTRAS > 1
    value += JOINED(LOAD_PAIR_, E1_TYPE)(extra1, E1_OFFSET + ROW_AT(E1) + n);
#endif
#if EXTRAS > 2
    value += JOINED(LOAD_PAIR_, E2_TYPE)(extra2, E2_OFFSET + ROW_AT(E2) + n);
#endif
    JOINED(STORE_PAIR_, OUT_TYPE)(out, OUT_OFFSET + ROW_AT(OUT) + n, value);
#else
    for (int p = n; p < min(n + 2, N); ++p) {
        float value = 0.0f;
        for (int s = 0; s < SPLITS; ++s)
            value += slices[(s * M + m) * N + p];
        value *= SCALE;
#if EXTRAS > 0
        value += E0_READ(extra0, E0_OFFSET + ROW_AT(E0) + COLUMN_AT(E0, p));
#endif
#if EXTRAS > 1
        value += E1_READ(extra1, E1_OFFSET + ROW_AT(E1) + COLUMN_AT(E1, p));
#endif
#if EXTRAS > 2
        value += E2_READ(extra2, E2_OFFSET + ROW_AT(E2) + COLUMN_AT(E2, p));
#endif
        OUT_WRITE(out, OUT_OFFSET + ROW_AT(OUT) + COLUMN_AT(OUT, p), value);
    }
#endif
}
