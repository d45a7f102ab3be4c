// Group norm of many pixels in two kernels. Channels last. Work-group (x, y, z) = block of GB groups of CHANNELS, an even number,
// slice of EACH pixels, image n; its ROWS * PB work-items take the PB pairs of channels of a pixel, ROWS pixels at a time: a
// work-item keeps to one pair.
// STATISTICS: out (n, slice, group, 2) = mean and sum of squared differences of a slice of a group. Sums are of x - shift, shift
// being the first element of the slice, so that little cancels.
// Else: the statistics of all SLICES are combined (Chan, Golub, LeVeque 1979), and out = normalized * weight + bias, and SiLU where
// it is asked for.

#define PAIRS_EACH (CHANNELS / 2)
#define PB (GB * PAIRS_EACH)
#define WIDTH (ROWS * PB)

// The sum over ROWS of what the work-items of one column hold, then over `count` columns that follow each other; in the first `sums`.
INLINED float2 summed(float2 value, int columns, int rows, int count, int sums, __local float2 *scratch)
{
    const int own = get_local_id(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    scratch[own] = value;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (own < columns) {
        for (int row = 1; row < rows; ++row)
            value += scratch[row * columns + own];
        scratch[own] = value;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    float2 sum = (float2)(0.0f);
    if (own < sums)
        for (int i = 0; i < count; ++i)
            sum += scratch[own * count + i];
    return sum;
}

#if STATISTICS
__kernel __attribute__((reqd_work_group_size(WIDTH, 1, 1))) void group_statistics(
    __global float *restrict out, __global const A0_T *restrict x NUMBERS)
{
    __local float2 scratch[WIDTH];
    const int own = get_local_id(0), pair = own % PB, slice = get_group_id(1), n = get_group_id(2);
    const int first = slice * EACH, last = min(first + EACH, PIXELS), c0 = get_group_id(0) * GB * CHANNELS;
    const int from = A0_OFFSET + n * A0_S0 + c0;
    const float shift = A0_READ(x, from + first * A0_S2 + pair / PAIRS_EACH * CHANNELS);
    float2 sum = (float2)(0.0f), squares = (float2)(0.0f);
#pragma unroll 8
    for (int pixel = first + own / PB; pixel < last; pixel += ROWS) {
        const float2 apart = JOINED(LOAD_PAIR_, A0_TYPE)(x, from + pixel * A0_S2 + pair * 2) - shift;
        sum += apart;
        squares += apart * apart;
    }
    const float2 both = summed((float2)(sum.x + sum.y, squares.x + squares.y), PB, ROWS, PAIRS_EACH, GB, scratch);
    if (own < GB) {
        const float count = (last - first) * CHANNELS, middle = both.x / count;
        const int to = OUT_OFFSET + n * OUT_S0 + slice * OUT_S1 + (get_group_id(0) * GB + own) * OUT_S2;
        const float base = A0_READ(x, from + first * A0_S2 + own * CHANNELS);
        out[to] = base + middle;
        out[to + OUT_S3] = fmax(both.y - middle * both.x, 0.0f);
    }
}
#else
__kernel __attribute__((reqd_work_group_size(WIDTH, 1, 1))) void group_apply(
    __global OUT_T *restrict out, __global const A0_T *restrict x, __global const float *restrict statistics,
    __global const A2_T *restrict weight, __global const A3_T *restrict bias NUMBERS)
{
    __local float2 scratch[WIDTH];
    const int own = get_local_id(0), pair = own % PB, n = get_group_id(2);
    const int first = get_group_id(1) * EACH, last = min(first + EACH, PIXELS), g0 = get_group_id(0) * GB;
    const int at = A1_OFFSET + n * A1_S0 + (g0 + own % GB) * A1_S2;
    const float base = statistics[at];
    float2 both = (float2)(0.0f);
    for (int slice = own / GB; slice < SLICES; slice += PAIRS_EACH * ROWS) {
        const float count = (min(slice * EACH + EACH, PIXELS) - slice * EACH) * CHANNELS;
        const float apart = statistics[at + slice * A1_S1] - base;
        both += (float2)(count * apart, statistics[at + slice * A1_S1 + A1_S3] + count * apart * apart);
    }
    both = summed(both, GB, PAIRS_EACH * ROWS, 1, GB, scratch);
    barrier(CLK_LOCAL_MEM_FENCE);
    if (own < GB) {
        const float count = PIXELS * CHANNELS, middle = both.x / count;
        scratch[own] = (float2)(base + middle, rsqrt(fmax(both.y / count - middle * middle, 0.0f) + EPSILON));
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    const float2 found = scratch[pair / PAIRS_EACH];
    const int c = g0 * CHANNELS + pair * 2;
    const float2 factor = JOINED(LOAD_PAIR_, A2_TYPE)(weight, A2_OFFSET + c) * found.y;
    const float2 added = JOINED(LOAD_PAIR_, A3_TYPE)(bias, A3_OFFSET + c);
#pragma unroll 8
    for (int pixel = first + own / PB; pixel < last; pixel += ROWS) {
        float2 value = JOINED(LOAD_PAIR_, A0_TYPE)(x, A0_OFFSET + n * A0_S0 + pixel * A0_S2 + c) - found.x;
        value = value * factor + added;
#if SILU
        value = value / (1.0f + exp(-value));
#endif
        JOINED(STORE_PAIR_, OUT_TYPE)(out, OUT_OFFSET + n * OUT_S0 + pixel * OUT_S2 + c, value);
    }
}
#endif
