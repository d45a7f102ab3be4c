// Work-item = one query row t = global id 0 of head h = group 1 % HEADS of image group 1 / HEADS; a group shares tiles of
// TILE keys and values through local memory. Each query keeps its running maximum, sum and D weighted values
// (arXiv 2205.14135), rescaled once for every STEP keys; scores are never written.

#define TILE 32
#define STEP 8
#define LOWEST -1e30f

__kernel __attribute__((reqd_work_group_size(WIDTH, 1, 1))) void flash_attention(
    __global OUT_T *out, __global const A0_T *query, __global const A1_T *keys, __global const A2_T *values
#if MASKED
    , __global const A3_T *mask
#endif
)
{
    __local float key_tile[TILE][D];
    __local float value_tile[TILE][D];
    const int lane = get_local_id(0), t = get_global_id(0), row = min(t, TOKENS - 1);
    const int h = get_group_id(1) % HEADS, n = get_group_id(1) / HEADS;
    float q[D], weighted[D];
    for (int d = 0; d < D; ++d) {
        q[d] = A0_READ(query, A0_OFFSET + n * A0_S0 + h * A0_S1 + row * A0_S2 + d * A0_S3) * SCALE;
        weighted[d] = 0.0f;
    }
    float most = LOWEST, total = 0.0f;
    for (int s0 = 0; s0 < KEYS; s0 += TILE) {
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int j = lane; j < TILE * D; j += WIDTH) {
            const int s = min(s0 + j / D, KEYS - 1), d = j % D;
            key_tile[j / D][d] = A1_READ(keys, A1_OFFSET + n * A1_S0 + h * A1_S1 + s * A1_S2 + d * A1_S3);
            value_tile[j / D][d] = A2_READ(values, A2_OFFSET + n * A2_S0 + h * A2_S1 + s * A2_S2 + d * A2_S3);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int step = 0; step < TILE; step += STEP) {
            float score[STEP], higher = most;
#pragma unroll
            for (int j = 0; j < STEP; ++j) {
                score[j] = 0.0f;
                for (int d = 0; d < D; ++d)
                    score[j] = mad(q[d], key_tile[step + j][d], score[j]);
                const int s = s0 + step + j;
#if MASKED
                score[j] += A3_READ(mask, A3_OFFSET + n * A3_S0 + h * A3_S1 + row * A3_S2 + min(s, KEYS - 1) * A3_S3);
#endif
                if (KEYS % TILE && s >= KEYS)
                    score[j] = LOWEST;
                higher = fmax(higher, score[j]);
            }
            const float fade = exp(most - higher);
            most = higher;
            total *= fade;
#pragma unroll
            for (int j = 0; j < STEP; ++j) {
                score[j] = exp(score[j] - most);
                total += score[j];
            }
            for (int d = 0; d < D; ++d) {
                float value = weighted[d] * fade;
#pragma unroll
                for (int j = 0; j < STEP; ++j)
                    value = mad(score[j], value_tile[step + j][d], value);
                weighted[d] = value;
            }
        }
    }
    if (t < TOKENS)
        for (int d = 0; d < D; ++d)
            OUT_WRITE(out, OUT_OFFSET + n * OUT_S0 + h * OUT_S1 + t * OUT_S2 + d * OUT_S3, weighted[d] / total);
}
