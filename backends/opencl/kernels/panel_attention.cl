// Attention without written scores (arXiv 2205.14135) for processors: a work-item, alone in its group, takes QUERIES
// queries (global id 0) of head h of image n (global id 1 = n * HEADS + h) past one panel of NK keys after the other.
// Keys lie transposed in panels (KEY_PANELS, D, NK), values in panels (VALUE_PANELS, KEYS, NV), both filled up with zeros.
// DENSE: the channels of queries and of the output lie dense. For each panel: its scores, MK x VK vectors of sums in registers; the running maximum and sum of each query; then the
// weighted values, MV x VV vectors, are scaled down and added to.

#define NK (VK * W)
#define NV (VV * W)
#define LOWEST -1e30f
#if DENSE
#define ACROSS(X) 1
#else
#define ACROSS(X) X##_S3
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void panel_attention(
    __global OUT_T *out, __global const A0_T *query, __global const A1_T *keys, __global const A2_T *values
#if MASKED
    , __global const A3_T *mask
#endif
    NUMBERS)
{
    const int t0 = get_global_id(0) * QUERIES, n = get_global_id(1) / HEADS, h = get_global_id(1) % HEADS;
    float q[QUERIES][D], scores[QUERIES][NK], weighted[VALUE_PANELS][QUERIES][NV], most[QUERIES], fade[QUERIES];
    VEC total[QUERIES];
    for (int i = 0; i < QUERIES; ++i) {
        const int from = A0_OFFSET + n * A0_S0 + h * A0_S1 + min(t0 + i, TOKENS - 1) * A0_S2;
        for (int d = 0; d < D; ++d)
            q[i][d] = A0_READ(query, from + d * ACROSS(A0)) * SCALE;
        most[i] = LOWEST;
        total[i] = (VEC)(0.0f);
        for (int p = 0; p < VALUE_PANELS; ++p)
            for (int j = 0; j < NV; ++j)
                weighted[p][i][j] = 0.0f;
    }
    for (int panel = 0; panel < KEY_PANELS; ++panel) {
        __global const A1_T *key = keys + A1_OFFSET + n * A1_S0 + h * A1_S1 + panel * A1_S2;
        const int s0 = panel * NK, count = min(NK, KEYS - s0);
        for (int r = 0; r < QUERIES; r += MK) {
            VEC sum[MK][VK];
#pragma unroll
            for (int i = 0; i < MK; ++i)
#pragma unroll
                for (int j = 0; j < VK; ++j)
                    sum[i][j] = (VEC)(0.0f);
            for (int d = 0; d < D; ++d) {
                VEC columns[VK];
#pragma unroll
                for (int j = 0; j < VK; ++j)
                    columns[j] = JOINED(LOAD_, A1_TYPE)(key, d * NK + j * W);
#pragma unroll
                for (int i = 0; i < MK; ++i)
#pragma unroll
                    for (int j = 0; j < VK; ++j)
                        sum[i][j] = fma((VEC)(q[r + i][d]), columns[j], sum[i][j]);
            }
#pragma unroll
            for (int i = 0; i < MK; ++i)
#pragma unroll
                for (int j = 0; j < VK; ++j)
                    JOINED(vstore, W)(sum[i][j], j, scores[r + i]);
        }
        for (int i = 0; i < QUERIES; ++i) {
#if MASKED
            const int from = A3_OFFSET + n * A3_S0 + h * A3_S1 + min(t0 + i, TOKENS - 1) * A3_S2;
            for (int j = 0; j < count; ++j)
                scores[i][j] += A3_READ(mask, from + (s0 + j) * A3_S3);
#endif
            for (int j = count; j < NK; ++j)
                scores[i][j] = LOWEST;
            VEC score[VK], highest = (VEC)(LOWEST);
#pragma unroll
            for (int j = 0; j < VK; ++j) {
                score[j] = JOINED(vload, W)(j, scores[i]);
                highest = max(highest, score[j]);
            }
            const float higher = max(most[i], LARGEST(highest));
            fade[i] = higher > most[i] ? exp(most[i] - higher) : 1.0f;
            most[i] = higher;
            VEC added = (VEC)(0.0f);
#pragma unroll
            for (int j = 0; j < VK; ++j) {
                score[j] = exponential(score[j] - higher);
                added += score[j];
                JOINED(vstore, W)(score[j], j, scores[i]);
            }
            total[i] = fma(total[i], (VEC)(fade[i]), added);
        }
        for (int p = 0; p < VALUE_PANELS; ++p) {
            __global const A2_T *value = values + A2_OFFSET + n * A2_S0 + h * A2_S1 + p * A2_S2 + s0 * NV;
            for (int r = 0; r < QUERIES; r += MV) {
                VEC sum[MV][VV];
#pragma unroll
                for (int i = 0; i < MV; ++i)
#pragma unroll
                    for (int j = 0; j < VV; ++j)
                        sum[i][j] = JOINED(vload, W)(j, weighted[p][r + i]) * fade[r + i];
                for (int s = 0; s < count; ++s) {
                    VEC columns[VV];
#pragma unroll
                    for (int j = 0; j < VV; ++j)
                        columns[j] = JOINED(LOAD_, A2_TYPE)(value, s * NV + j * W);
#pragma unroll
                    for (int i = 0; i < MV; ++i)
#pragma unroll
                        for (int j = 0; j < VV; ++j)
                            sum[i][j] = fma((VEC)(scores[r + i][s]), columns[j], sum[i][j]);
                }
#pragma unroll
                for (int i = 0; i < MV; ++i)
#pragma unroll
                    for (int j = 0; j < VV; ++j)
                        JOINED(vstore, W)(sum[i][j], j, weighted[p][r + i]);
            }
        }
    }
    for (int i = 0; i < min(QUERIES, TOKENS - t0); ++i) {
        const int to = OUT_OFFSET + n * OUT_S0 + h * OUT_S1 + (t0 + i) * OUT_S2;
        const float share = 1.0f / TOTAL(total[i]);
        for (int p = 0; p < VALUE_PANELS; ++p)
            for (int d = 0; d < min(NV, D - p * NV); ++d)
                OUT_WRITE(out, to + (p * NV + d) * ACROSS(OUT), weighted[p][i][d] * share);
    }
}
