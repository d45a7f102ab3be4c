// Channels last. One work-group per group of CHANNELS, an even number, of one image: (n, g) = (group / GROUPS, group % GROUPS).
// Its work-items take pairs of channels in turn: sums of x - shift and its square, shift being the first element, so that
// little cancels; then normalized values times weight plus bias, and SiLU where it is asked for: two readings, one writing.

#define PAIRS_EACH (CHANNELS / 2)

__kernel __attribute__((reqd_work_group_size(WIDTH, 1, 1))) void wide_group_norm(
    __global OUT_T *restrict out, __global const A0_T *restrict x, __global const A1_T *restrict weight, __global const A2_T *restrict bias NUMBERS)
{
    __local float scratch[WIDTH];
    const int c0 = get_group_id(0) % GROUPS * CHANNELS, n = get_group_id(0) / GROUPS;
    const int from = A0_OFFSET + n * A0_S0 + c0, to = OUT_OFFSET + n * OUT_S0 + c0;
    const float shift = A0_READ(x, from);
    float2 sum = (float2)(0.0f), squares = (float2)(0.0f);
#pragma unroll 4
    for (int j = get_local_id(0); j < PIXELS * PAIRS_EACH; j += WIDTH) {
        const float2 apart = JOINED(LOAD_PAIR_, A0_TYPE)(x, from + j / PAIRS_EACH * A0_S2 + j % PAIRS_EACH * 2) - shift;
        sum += apart;
        squares += apart * apart;
    }
    const float count = PIXELS * CHANNELS;
    const float middle = group_sum(sum.x + sum.y, scratch) / count;
    const float variance = group_sum(squares.x + squares.y, scratch) / count - middle * middle;
    const float mean = middle + shift, scale = rsqrt(fmax(variance, 0.0f) + EPSILON);
#pragma unroll 4
    for (int j = get_local_id(0); j < PIXELS * PAIRS_EACH; j += WIDTH) {
        const int pixel = j / PAIRS_EACH, c = j % PAIRS_EACH * 2;
        const float2 factor = JOINED(LOAD_PAIR_, A1_TYPE)(weight, A1_OFFSET + c0 + c) * scale;
        float2 value = JOINED(LOAD_PAIR_, A0_TYPE)(x, from + pixel * A0_S2 + c) - mean;
        value = value * factor + JOINED(LOAD_PAIR_, A2_TYPE)(bias, A2_OFFSET + c0 + c);
#if SILU
        value = value / (1.0f + exp(-value));
#endif
        JOINED(STORE_PAIR_, OUT_TYPE)(out, to + pixel * OUT_S2 + c, value);
    }
}
