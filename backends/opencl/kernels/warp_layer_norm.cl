// One warp per row, THREADS / 32 rows a work-group; the row of C elements, an even number, stays in registers, in pairs:
// mean, variance, normalized times weight plus bias.

#define EACH ((C / 2 + 31) / 32)

__kernel __attribute__((reqd_work_group_size(THREADS, 1, 1))) void warp_layer_norm(
    __global OUT_T *restrict out, __global const A0_T *restrict x, __global const A1_T *restrict weight, __global const A2_T *restrict bias NUMBERS)
{
    SCRATCH(THREADS)
    const int lane = get_local_id(0) % 32, row = get_group_id(0) * (THREADS / 32) + get_local_id(0) / 32;
    const int from = A0_OFFSET + min(row, ROWS - 1) * A0_S0;
    float2 values[EACH], sum = (float2)(0.0f), squares = (float2)(0.0f);
    UNROLL for (int i = 0; i < EACH; ++i) {
        const int c = (i * 32 + lane) * 2;
        values[i] = c < C ? JOINED(LOAD_PAIR_, A0_TYPE)(x, from + c) : (float2)(0.0f);
        sum += values[i];
    }
    const float mean = warp_sum(sum.x + sum.y SCRATCH_PASSED) / C;
    UNROLL for (int i = 0; i < EACH; ++i) {
        values[i] = (i * 32 + lane) * 2 < C ? values[i] - mean : (float2)(0.0f);
        squares += values[i] * values[i];
    }
    const float scale = rsqrt(warp_sum(squares.x + squares.y SCRATCH_PASSED) / C + EPSILON);
    if (row >= ROWS)
        return;
    UNROLL for (int i = 0; i < EACH; ++i) {
        const int c = (i * 32 + lane) * 2;
        if (c < C)
            JOINED(STORE_PAIR_, OUT_TYPE)(out, OUT_OFFSET + row * OUT_S0 + c,
                values[i] * scale * JOINED(LOAD_PAIR_, A1_TYPE)(weight, A1_OFFSET + c)
                    + JOINED(LOAD_PAIR_, A2_TYPE)(bias, A2_OFFSET + c));
    }
}
