// Channels last. Work-item = SLAB channels (global id 0), whole groups and whole vectors, of image n (global id 1): each
// channel's sums of x - shift and its square over all PIXELS, shift being the first pixel's value, so that nothing cancels;
// from them each group's mean and variance; then normalized values times weight plus bias, and SiLU where it is asked for.

#define VECTORS (SLAB / W)

__kernel __attribute__((reqd_work_group_size(1, 1, 1), vec_type_hint(VEC))) void group_norm(
    __global OUT_T *out, __global const A0_T *x, __global const A1_T *weight, __global const A2_T *bias NUMBERS)
{
    const int c0 = get_global_id(0) * SLAB, n = get_global_id(1);
    const int from = A0_OFFSET + n * A0_S0 + c0, to = OUT_OFFSET + n * OUT_S0 + c0;
    float middle[SLAB], apart[SLAB], factor[SLAB], summand[SLAB];
    for (int v = 0; v < VECTORS; ++v) {
        const VEC shift = JOINED(LOAD_, A0_TYPE)(x, from + v * W);
        VEC sum[4], squares[4];
        for (int i = 0; i < 4; ++i)
            sum[i] = squares[i] = (VEC)(0.0f);
        int p = 0;
        for (; p + 4 <= PIXELS; p += 4)
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                const VEC value = JOINED(LOAD_, A0_TYPE)(x, from + (p + i) * A0_S2 + v * W) - shift;
                sum[i] += value;
                squares[i] = fma(value, value, squares[i]);
            }
        for (; p < PIXELS; ++p) {
            const VEC value = JOINED(LOAD_, A0_TYPE)(x, from + p * A0_S2 + v * W) - shift;
            sum[0] += value;
            squares[0] = fma(value, value, squares[0]);
        }
        const VEC mean = (sum[0] + sum[1] + sum[2] + sum[3]) / (float)PIXELS;
        const VEC square = (squares[0] + squares[1] + squares[2] + squares[3]) / (float)PIXELS;
        JOINED(vstore, W)(mean + shift, v, middle);
        JOINED(vstore, W)(square - mean * mean, v, apart);
    }
    for (int g = 0; g < SLAB; g += CHANNELS) {
        float mean = 0.0f, variance = 0.0f;
        for (int c = g; c < g + CHANNELS; ++c)
            mean += middle[c];
        mean /= CHANNELS;
        for (int c = g; c < g + CHANNELS; ++c)
            variance += apart[c] + (middle[c] - mean) * (middle[c] - mean);
        const float scale = rsqrt(variance / CHANNELS + EPSILON);
        for (int c = g; c < g + CHANNELS; ++c) {
            factor[c] = scale * A1_READ(weight, A1_OFFSET + (c0 + c) * A1_S0);
            summand[c] = A2_READ(bias, A2_OFFSET + (c0 + c) * A2_S0) - mean * factor[c];
        }
    }
    for (int p = 0; p < PIXELS; ++p)
        for (int v = 0; v < VECTORS; ++v) {
            VEC value = JOINED(LOAD_, A0_TYPE)(x, from + p * A0_S2 + v * W);
            value = fma(value, JOINED(vload, W)(v, factor), JOINED(vload, W)(v, summand));
#if SILU
            value = value / (1.0f + exponential(-value));
#endif
            JOINED(STORE_, OUT_TYPE)(out, to + p * OUT_S2 + v * W, value);
        }
}
