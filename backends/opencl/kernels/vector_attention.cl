// Attention without written scores (arXiv 2205.14135) for processors: a work-item, alone in its group, takes QUERIES
// queries (global id 0) of head h of image n (global id 1 = n * HEADS + h) past KEYS_AT_ONCE keys after the other.
// Vectors run along the queries: a row of queries, of scores or of the sums is QUERIES floats, channel or key after the
// other, and keys and values are read where they lie, an element at a time for all queries of a tile of R rows by VQ
// vectors. So no size is filled up to whole vectors, and a query's maximum and sum are lanes: nothing is added across.
// Scores are powers of two: SCALE holds log2(e). DENSE: channels lie dense. STAGED: keys and values are copied as fp32 first.

#define TILE (VQ * W)
#define ROWS_OF(length) (((length) + R - 1) / R * R)
#define LOWEST -1e30f
#if DENSE
#define ACROSS(X) 1
#else
#define ACROSS(X) X##_S3
#endif
#if STAGED
#define KEY(s, d) staged[s][d]
#define VALUE(s, d) staged[s][d]
#else
#define KEY(s, d) keys[key + (s) * A1_S2 + (d) * ACROSS(A1)]
#define VALUE(s, d) values[value + (s) * A2_S2 + (d) * ACROSS(A2)]
#endif
#define FOR_ROWS for (int i = 0; i < R; ++i)
#define FOR_VECTORS for (int j = 0; j < VQ; ++j)
#define AT(row, j) (row) + (j) * W

// A row of the left operand for each of R rows, times the same row of the right one for all queries of the tile.
#define MULTIPLY(element, row) \
    { \
        VEC right[VQ]; \
        _Pragma("unroll") FOR_VECTORS right[j] = JOINED(vload, W)(0, AT(row, j)); \
        _Pragma("unroll") FOR_ROWS { \
            const VEC left = (VEC)(element); \
            _Pragma("unroll") FOR_VECTORS sum[i][j] = fma(left, right[j], sum[i][j]); \
        } \
    }

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void vector_attention(
    __global OUT_T *out, __global const A0_T *query, __global const A1_T *keys, __global const A2_T *values
#if MASKED
    , __global const A3_T *mask
#endif
    NUMBERS)
{
    const int t0 = get_global_id(0) * QUERIES, n = get_global_id(1) / HEADS, h = get_global_id(1) % HEADS;
    float q[D][QUERIES], scores[ROWS_OF(KEYS_AT_ONCE)][QUERIES], weighted[ROWS_OF(D)][QUERIES];
    float most[QUERIES], total[QUERIES], fade[TILE];
#if STAGED
    float staged[KEYS_AT_ONCE][D];
#endif
    for (int t = 0; t < QUERIES; ++t) {
        const int from = A0_OFFSET + n * A0_S0 + h * A0_S1 + min(t0 + t, TOKENS - 1) * A0_S2;
        for (int d = 0; d < D; ++d)
            q[d][t] = A0_READ(query, from + d * ACROSS(A0)) * SCALE;
        most[t] = LOWEST;
        total[t] = 0.0f;
        for (int d = 0; d < ROWS_OF(D); ++d)
            weighted[d][t] = 0.0f;
    }
    for (int s0 = 0; s0 < KEYS; s0 += KEYS_AT_ONCE) {
        const int count = min(KEYS_AT_ONCE, KEYS - s0);
        const int key = A1_OFFSET + n * A1_S0 + h * A1_S1 + s0 * A1_S2, value = A2_OFFSET + n * A2_S0 + h * A2_S1 + s0 * A2_S2;
#if STAGED
        for (int s = 0; s < count; ++s)
            for (int d = 0; d < D; ++d)
                staged[s][d] = A1_READ(keys, key + s * A1_S2 + d * ACROSS(A1));
#endif
        for (int t = 0; t < QUERIES; t += TILE)
            for (int s = 0; s < count; s += R) {
                VEC sum[R][VQ];
                int row[R];
#pragma unroll
                FOR_ROWS {
                    row[i] = min(s + i, count - 1);
#pragma unroll
                    FOR_VECTORS sum[i][j] = (VEC)(0.0f);
                }
                for (int d = 0; d < D; ++d)
                    MULTIPLY(KEY(row[i], d), q[d] + t)
#pragma unroll
                FOR_ROWS
#pragma unroll
                    FOR_VECTORS JOINED(vstore, W)(sum[i][j], 0, AT(scores[s + i] + t, j));
            }
#if MASKED
        for (int t = 0; t < QUERIES; ++t) {
            const int from = A3_OFFSET + n * A3_S0 + h * A3_S1 + min(t0 + t, TOKENS - 1) * A3_S2;
            for (int s = 0; s < count; ++s)
                scores[s][t] += A3_READ(mask, from + (s0 + s) * A3_S3) * 1.44269504f;
        }
#endif
#if STAGED
        for (int s = 0; s < count; ++s)
            for (int d = 0; d < D; ++d)
                staged[s][d] = A2_READ(values, value + s * A2_S2 + d * ACROSS(A2));
#endif
        for (int t = 0; t < QUERIES; t += TILE) {
            VEC highest[VQ], added[VQ];
#pragma unroll
            FOR_VECTORS highest[j] = JOINED(vload, W)(0, AT(most + t, j));
            for (int s = 0; s < count; ++s)
#pragma unroll
                FOR_VECTORS highest[j] = max(highest[j], JOINED(vload, W)(0, AT(scores[s] + t, j)));
#pragma unroll
            FOR_VECTORS {
                JOINED(vstore, W)(power_of_two(JOINED(vload, W)(0, AT(most + t, j)) - highest[j]), 0, AT(fade, j));
                JOINED(vstore, W)(highest[j], 0, AT(most + t, j));
                added[j] = (VEC)(0.0f);
            }
            for (int s = 0; s < count; ++s)
#pragma unroll
                FOR_VECTORS {
                    const VEC share = power_of_two(JOINED(vload, W)(0, AT(scores[s] + t, j)) - highest[j]);
                    added[j] += share;
                    JOINED(vstore, W)(share, 0, AT(scores[s] + t, j));
                }
#pragma unroll
            FOR_VECTORS JOINED(vstore, W)(
                fma(JOINED(vload, W)(0, AT(total + t, j)), JOINED(vload, W)(0, AT(fade, j)), added[j]), 0, AT(total + t, j));
            for (int d = 0; d < D; d += R) {
                VEC sum[R][VQ];
                int column[R];
#pragma unroll
                FOR_ROWS {
                    column[i] = min(d + i, D - 1);
#pragma unroll
                    FOR_VECTORS sum[i][j] = JOINED(vload, W)(0, AT(weighted[d + i] + t, j)) * JOINED(vload, W)(0, AT(fade, j));
                }
                for (int s = 0; s < count; ++s)
                    MULTIPLY(VALUE(s, column[i]), scores[s] + t)
#pragma unroll
                FOR_ROWS
#pragma unroll
                    FOR_VECTORS JOINED(vstore, W)(sum[i][j], 0, AT(weighted[d + i] + t, j));
            }
        }
    }
    for (int t = 0; t < min(QUERIES, TOKENS - t0); ++t) {
        const int to = OUT_OFFSET + n * OUT_S0 + h * OUT_S1 + (t0 + t) * OUT_S2;
        const float share = 1.0f / total[t];
        for (int d = 0; d < D; ++d)
            OUT_WRITE(out, to + d * ACROSS(OUT), weighted[d][t] * share);
    }
}
