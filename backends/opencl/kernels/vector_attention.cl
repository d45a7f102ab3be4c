// Attention without written scores (arXiv 2205.14135) for processors: a work-item, alone in its group, takes QUERIES
// queries (global id 1) of head h (global id 0) of image n (global id 2) past KEYS_AT_ONCE keys after the other. All heads of
// some queries come one after the other, for they lie together.
// Vectors run along the queries: a row of queries, of shares or of the sums is QUERIES floats, channel or key after the
// other, and keys and values are read where they lie, an element at a time for all queries of a tile of R rows by VQ
// vectors. So no size is filled up to whole vectors, and a query's sum is a lane: nothing is added across.
// A score becomes its share while it is in a register: 2^(score - level), SCALE holding log2(e). The level of a query need not
// be its maximum: it is 0 until a block of keys rises LIMIT above it, or the first lies FLOOR below, and then it moves to
// that block's maximum, what was summed before is scaled and the block is done again.
// DENSE: channels lie dense; queries are then turned, and the result turned back, in squares of W by W. STAGED: keys and values are copied as fp32 first.

#define TILE (VQ * W)
#define ROWS_OF(length) (((length) + R - 1) / R * R)
#define LIMIT 60.0f
#define FLOOR -30.0f
#define LOWEST -1e6f
#if DENSE
#define ACROSS(X) 1
#else
#define ACROSS(X) X##_S3
#endif
#if STAGED
#define KEY_STEP D
#define VALUE_STEP D
#define KEY_ACROSS 1
#define VALUE_ACROSS 1
#else
#define KEY_STEP A1_S2
#define VALUE_STEP A2_S2
#define KEY_ACROSS ACROSS(A1)
#define VALUE_ACROSS ACROSS(A2)
#endif
#define IN_SQUARES (DENSE && D >= W)
#define FOR_SQUARE _Pragma("unroll") for (int i = 0; i < W; ++i)
#define FOR_ROWS _Pragma("unroll") for (int i = 0; i < R; ++i)
#define FOR_VECTORS _Pragma("unroll") for (int j = 0; j < VQ; ++j)
#define GET(row, j) JOINED(vload, W)(j, row)
#define PUT(row, j, value) JOINED(vstore, W)(value, j, row)

// sum[i] += left[place(i)] times the row of the right operand, for all queries of the tile.
#define MULTIPLY(left, place, row) \
    { \
        VEC right[VQ]; \
        FOR_VECTORS right[j] = GET(row, j); \
        FOR_ROWS { \
            const VEC element = (VEC)((left)[place]); \
            FOR_VECTORS sum[i][j] = fma(element, right[j], sum[i][j]); \
        } \
    }

// Scores of R keys from s on above the level, as shares; kept is 1, and 0 for rows that are the last key once more.
#define SHARES(row, kept) \
    { \
        VEC sum[R][VQ]; \
        FOR_ROWS FOR_VECTORS sum[i][j] = FIRST_SUM(s + row) - GET(level + t, j); \
        for (int d = 0; d < D; ++d) \
            MULTIPLY(key + s * KEY_STEP + d * KEY_ACROSS, row * KEY_STEP, q[d] + t) \
        FOR_ROWS FOR_VECTORS { \
            const VEC share = power_of_two(sum[i][j]); \
            highest[j] = max(highest[j], sum[i][j]); \
            added[j] = fma(share, (VEC)(kept), added[j]); \
            PUT(shares[s + i] + t, j, share); \
        } \
    }
#if MASKED
#define FIRST_SUM(row) GET(shares[row] + t, j)
#else
#define FIRST_SUM(row) (VEC)(0.0f)
#endif

// The sums of R channels from d on, more by this block's values.
#define WEIGHTED(place) \
    { \
        VEC sum[R][VQ]; \
        FOR_ROWS FOR_VECTORS sum[i][j] = GET(weighted[d + i] + t, j); \
        for (int s = 0; s < count; ++s) \
            MULTIPLY(value + s * VALUE_STEP + d * VALUE_ACROSS, place, shares[s] + t) \
        FOR_ROWS FOR_VECTORS PUT(weighted[d + i] + t, j, sum[i][j]); \
    }

__kernel __attribute__((reqd_work_group_size(1, 1, 1), vec_type_hint(VEC))) void vector_attention(
    __global OUT_T *out, __global const A0_T *query, __global const A1_T *keys, __global const A2_T *values
#if MASKED
    , __global const A3_T *mask
#endif
    NUMBERS)
{
    const int t0 = get_global_id(1) * QUERIES, n = get_global_id(2), h = get_global_id(0);
    float q[D][QUERIES], shares[ROWS_OF(KEYS_AT_ONCE)][QUERIES], weighted[ROWS_OF(D)][QUERIES];
    float level[QUERIES], total[QUERIES];
#if STAGED
    float key[KEYS_AT_ONCE * D], value[KEYS_AT_ONCE * D];
#endif
#pragma unroll 1
    for (int t = 0; t < QUERIES; t += W) {
#define FROM(r) (A0_OFFSET + n * A0_S0 + h * A0_S1 + min(t0 + t + (r), TOKENS - 1) * A0_S2)
#if IN_SQUARES
#pragma unroll 1
        for (int d0 = 0; d0 < D; d0 += W) {
            const int d = min(d0, D - W);
            VEC square[W];
            FOR_SQUARE square[i] = JOINED(LOAD_, A0_TYPE)(query, FROM(i) + d) * SCALE;
            transpose(square);
            FOR_SQUARE PUT(q[d + i] + t, 0, square[i]);
        }
#else
        for (int r = 0; r < W; ++r)
            for (int d = 0; d < D; ++d)
                q[d][t + r] = A0_READ(query, FROM(r) + d * ACROSS(A0)) * SCALE;
#endif
        PUT(level + t, 0, (VEC)(0.0f));
        PUT(total + t, 0, (VEC)(0.0f));
        for (int d = 0; d < ROWS_OF(D); ++d)
            PUT(weighted[d] + t, 0, (VEC)(0.0f));
    }
    for (int s0 = 0; s0 < KEYS; s0 += KEYS_AT_ONCE) {
        const int count = min(KEYS_AT_ONCE, KEYS - s0);
        const int key0 = A1_OFFSET + n * A1_S0 + h * A1_S1 + s0 * A1_S2, value0 = A2_OFFSET + n * A2_S0 + h * A2_S1 + s0 * A2_S2;
#if STAGED
        for (int s = 0; s < count; ++s)
            for (int d = 0; d < D; ++d) {
                key[s * D + d] = A1_READ(keys, key0 + s * A1_S2 + d * ACROSS(A1));
                value[s * D + d] = A2_READ(values, value0 + s * A2_S2 + d * ACROSS(A2));
            }
#else
        __global const float *key = keys + key0, *value = values + value0;
#endif
#pragma unroll 1
        for (int t = 0; t < QUERIES; t += TILE) {
            VEC highest[VQ], added[VQ];
#pragma unroll 1
            for (int attempt = 0; attempt < 2; ++attempt) {
#if MASKED
                for (int r = t; r < t + TILE; ++r) {
                    const int from = A3_OFFSET + n * A3_S0 + h * A3_S1 + min(t0 + r, TOKENS - 1) * A3_S2;
                    for (int s = 0; s < count; ++s)
                        shares[s][r] = A3_READ(mask, from + (s0 + s) * A3_S3) * 1.44269504f;
                }
#endif
                FOR_VECTORS {
                    highest[j] = (VEC)(LOWEST);
                    added[j] = (VEC)(0.0f);
                }
                int s = 0;
                for (; s + R <= count; s += R)
                    SHARES(i, 1.0f)
                if (s < count)
                    SHARES(min(i, count - 1 - s), s + i < count ? 1.0f : 0.0f)
                int beyond = 0;
                FOR_VECTORS beyond |= any(highest[j] > LIMIT) || s0 == 0 && any(highest[j] < FLOOR);
                if (!beyond)
                    break;
                FOR_VECTORS {
                    const VEC rise = s0 ? max(highest[j], (VEC)(0.0f)) : highest[j], fade = power_of_two(-rise);
                    PUT(level + t, j, GET(level + t, j) + rise);
                    if (s0) {
                        PUT(total + t, j, GET(total + t, j) * fade);
                        for (int d = 0; d < D; ++d)
                            PUT(weighted[d] + t, j, GET(weighted[d] + t, j) * fade);
                    }
                }
            }
            FOR_VECTORS PUT(total + t, j, GET(total + t, j) + added[j]);
            int d = 0;
            for (; d + R <= D; d += R)
                WEIGHTED(i * VALUE_ACROSS)
            if (d < D)
                WEIGHTED(min(i, D - 1 - d) * VALUE_ACROSS)
        }
    }
#pragma unroll 1
    for (int t = 0; t < min(QUERIES, TOKENS - t0); t += W) {
        const int to = OUT_OFFSET + n * OUT_S0 + h * OUT_S1 + (t0 + t) * OUT_S2, rows = min(W, TOKENS - t0 - t);
#if IN_SQUARES
        const VEC factor = 1.0f / GET(total + t, 0);
#pragma unroll 1
        for (int d0 = 0; d0 < D; d0 += W) {
            const int d = min(d0, D - W);
            VEC square[W];
            FOR_SQUARE square[i] = GET(weighted[d + i] + t, 0) * factor;
            transpose(square);
            FOR_SQUARE if (i < rows) JOINED(STORE_, OUT_TYPE)(out, to + i * OUT_S2 + d, square[i]);
        }
#else
        for (int r = 0; r < rows; ++r)
            for (int d = 0; d < D; ++d)
                OUT_WRITE(out, to + r * OUT_S2 + d * ACROSS(OUT), weighted[d][t + r] / total[t + r]);
#endif
    }
}
