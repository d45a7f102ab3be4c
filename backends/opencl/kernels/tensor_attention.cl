// FlashAttention (arXiv 2205.14135, in the order of 2307.08691) on tensor cores: a group takes 64 * MT queries (group id 0) of head
// group 1 % HEADS of image group 1 / HEADS, a warp 16 * MT of them, against BKV keys at a time, copied while the ones before
// are multiplied. Scores stay in the registers of the product that made them, which are those of the left operand of the
// next. RAGGED: the last keys do not fill a tile. Rows of local memory are D elements, filled up to DP, and one chunk more, so that no 8 rows meet in a bank.
// PARTS = 2: of fp32 attention. Queries, keys and values are read as sums of two halves, those of halves.cl, PART elements apart and
// scaled by what `magnitudes` says; a product is big * big + big * small + small * big, and so is that of the weights and values.

#define MT_ROWS (MT * 2)
#define NS (BKV / 8)
#define ND ((D + 7) / 8)
#define STEPS (DP / DEPTH)
#define DC (DP / E)
#define RC (DC + 1)
#define QUERIES (64 * MT)
#define LOWEST -1e30f
#define LOG2_E 1.4426950408889634f
#define LARGER(a, b) fmax(a, b)
#define PLUS(a, b) ((a) + (b))

#if PARTS == 2
#define FACTOR 1.0f
// Weights are up to 2^10, so that the small halves of most are no denormals.
#define SHIFT 10.0f
#else
#define FACTOR (SCALE * LOG2_E)
#define SHIFT 0.0f
#endif

DEFINE_MULTIPLY(multiply_scores, MT, NS)
DEFINE_MULTIPLY(multiply_values, MT, ND)
QUAD(quad_maxima, LARGER)
QUAD(quad_sums, PLUS)

#if SCATTERED
#if HALVES
#define PACKED(v) ((uint4)(pack_halves(v[0], v[1]), pack_halves(v[2], v[3]), pack_halves(v[4], v[5]), pack_halves(v[6], v[7])))
#else
#define PACKED(v) ((uint4)(as_uint(v[0]), as_uint(v[1]), as_uint(v[2]), as_uint(v[3])))
#endif
#define BRING(to, X, p, row, chunk, inside) { \
        float v[E]; \
        for (int e = 0; e < E; ++e) \
            v[e] = (inside) && (chunk) * E + e < D \
                ? X##_READ(p, X##_OFFSET + n * X##_S0 + h * X##_S1 + (row) * X##_S2 + ((chunk) * E + e) * X##_S3) : 0.0f; \
        *(to) = PACKED(v); \
    }
#else
#define BRING(to, X, p, row, chunk, inside) { \
        const int here = (inside) && (chunk) * E < D; \
        COPY(to, p + X##_OFFSET + n * X##_S0 + h * X##_S1 + (here ? (row) * X##_S2 + (chunk) * E : 0), here); \
    }
#endif
#if PARTS == 2
#define BRING_PARTS(to, apart, X, p, row, chunk, inside) \
    BRING(to, X, p, row, chunk, inside) \
    BRING((to) + (apart), X, p + PART, row, chunk, inside)
#else
#define BRING_PARTS(to, apart, X, p, row, chunk, inside) BRING(to, X, p, row, chunk, inside)
#endif

__kernel __attribute__((reqd_work_group_size(THREADS, 1, 1))) void tensor_attention(
    __global OUT_T *restrict out, __global const A0_T *restrict query, __global const A1_T *restrict keys, __global const A2_T *restrict values
#if MASKED
    , __global const A3_T *restrict mask
#elif PARTS == 2
    , __global const float *restrict magnitudes
#endif
    NUMBERS)
{
    __local uint4 tiles[4 * PARTS * BKV * RC] __attribute__((aligned(128)));
    SCRATCH(THREADS * (MT * 4 + (NS > ND ? NS : ND) * 2))
    COPIES
    const int thread = get_local_id(0), lane = thread % 32, warp = thread / 32;
    const int row0 = get_group_id(0) * QUERIES, h = get_group_id(1) % HEADS, n = get_group_id(1) / HEADS;

    for (int i = thread; i < QUERIES * DC; i += THREADS) {
        const int row = row0 + i / DC;
        BRING_PARTS(tiles + i / DC * RC + i % DC, QUERIES * RC, A0, query, row, i % DC, row < TOKENS)
    }
    COPY_COMMIT();
    COPY_WAIT(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    uint q[PARTS * STEPS * MT * 4];
    UNROLL for (int at = 0; at < PARTS * STEPS; ++at)
        UNROLL for (int i = 0; i < MT; ++i) {
#define Q_FRAGMENT(l) (at / STEPS * QUERIES + (warp * MT + i) * 16 + (l) % 16) * RC + 2 * (at % STEPS) + (l) / 16
            LOAD_FRAGMENTS(q + (at * MT + i) * 4, tiles, Q_FRAGMENT);
        }
#if PARTS == 2
    const float scale = SCALE * LOG2_E / scale_of(magnitudes, 0) / scale_of(magnitudes, 1);
#endif
    barrier(CLK_LOCAL_MEM_FENCE);

    float weighted[MT * ND * 4], most[MT_ROWS], total[MT_ROWS];
    UNROLL for (int i = 0; i < MT * ND * 4; ++i)
        weighted[i] = 0.0f;
    UNROLL for (int i = 0; i < MT_ROWS; ++i) {
        most[i] = LOWEST;
        total[i] = 0.0f;
    }
    for (int s0 = -BKV; s0 < KEYS; s0 += BKV) {
        COPY_WAIT(0);
        barrier(CLK_LOCAL_MEM_FENCE);
        const int coming = s0 + BKV;
        if (coming < KEYS) {
            __local uint4 *to = tiles + coming / BKV % 2 * (2 * PARTS * BKV * RC);
            UNROLL for (int i = thread; i < BKV * DC; i += THREADS) {
                const int row = coming + i / DC;
                __local uint4 *key = to + i / DC * RC + i % DC, *value = key + PARTS * BKV * RC;
                BRING_PARTS(key, BKV * RC, A1, keys, row, i % DC, row < KEYS)
                BRING_PARTS(value, BKV * RC, A2, values, row, i % DC, row < KEYS)
            }
        }
        COPY_COMMIT();
        if (s0 < 0)
            continue;
        __local const uint4 *key_tile = tiles + s0 / BKV % 2 * (2 * PARTS * BKV * RC), *value_tile = key_tile + PARTS * BKV * RC;

        float scores[MT * NS * 4];
        UNROLL for (int i = 0; i < MT * NS * 4; ++i)
            scores[i] = 0.0f;
        UNROLL for (int step = 0; step < STEPS; ++step) {
            uint part[PARTS * NS * 2];
            UNROLL for (int j = 0; j < PARTS * NS; j += 2) {
#define K_FRAGMENT(l) (8 * j + (l) / 16 * 8 + (l) % 8) * RC + 2 * step + (l) / 8 % 2
                LOAD_FRAGMENTS(part + 2 * j, key_tile, K_FRAGMENT);
            }
#if PARTS == 2
            multiply_scores(scores, q + (STEPS + step) * MT * 4, part SCRATCH_PASSED);
            multiply_scores(scores, q + step * MT * 4, part + NS * 2 SCRATCH_PASSED);
#endif
            multiply_scores(scores, q + step * MT * 4, part SCRATCH_PASSED);
        }
#if PARTS == 2
        UNROLL for (int at = 0; at < MT * NS * 4; ++at)
            scores[at] *= scale;
#endif
#if MASKED
        for (int i = 0; i < MT_ROWS; ++i)
            for (int j = 0; j < NS * 2; ++j) {
                const int t = min(row0 + warp * MT * 16 + i * 8 + lane / 4, TOKENS - 1);
                const int s = min(s0 + j / 2 * 8 + lane % 4 * 2 + j % 2, KEYS - 1);
                const int at = (i / 2 * NS + j / 2) * 4 + i % 2 * 2 + j % 2;
                scores[at] = fmax(scores[at] + A3_READ(mask, A3_OFFSET + n * A3_S0 + h * A3_S1 + t * A3_S2 + s * A3_S3)
                    / SCALE, LOWEST);
            }
#endif
#if RAGGED
        if (s0 + BKV > KEYS)
            UNROLL for (int at = 0; at < MT * NS * 4; ++at)
                if (s0 + at / 4 % NS * 8 + lane % 4 * 2 + at % 2 >= KEYS)
                    scores[at] = LOWEST;
#endif

        float higher[MT_ROWS];
        UNROLL for (int i = 0; i < MT_ROWS; ++i) {
            higher[i] = LOWEST;
            UNROLL for (int j = 0; j < NS; ++j) {
                const int at = (i / 2 * NS + j) * 4 + i % 2 * 2;
                higher[i] = fmax(higher[i], fmax(scores[at], scores[at + 1]));
            }
        }
        quad_maxima(higher, MT_ROWS SCRATCH_PASSED);
        UNROLL for (int i = 0; i < MT_ROWS; ++i) {
            higher[i] = fmax(higher[i], most[i]);
            const float fade = EXP2((most[i] - higher[i]) * FACTOR), base = higher[i] * FACTOR - SHIFT;
            most[i] = higher[i];
            float sum = 0.0f;
            UNROLL for (int j = 0; j < NS; ++j)
                UNROLL for (int e = 0; e < 2; ++e) {
                    const int at = (i / 2 * NS + j) * 4 + i % 2 * 2 + e;
                    scores[at] = EXP2(scores[at] * FACTOR - base);
                    sum += scores[at];
                }
            total[i] = total[i] * fade + sum;
            UNROLL for (int j = 0; j < ND; ++j) {
                weighted[(i / 2 * ND + j) * 4 + i % 2 * 2] *= fade;
                weighted[(i / 2 * ND + j) * 4 + i % 2 * 2 + 1] *= fade;
            }
        }

        UNROLL for (int step = 0; step < BKV / DEPTH; ++step) {
            uint left[PARTS * MT * 4], part[PARTS * (ND + 1) * 2];
#if HALVES
            UNROLL for (int i = 0; i < MT; ++i)
                UNROLL for (int r = 0; r < 4; ++r) {
                    const int at = (i * NS + 2 * step + r / 2) * 4 + r % 2 * 2;
                    left[4 * i + r] = pack_halves(scores[at], scores[at + 1]);
#if PARTS == 2
                    const float2 big = unpack_halves(left[4 * i + r]);
                    left[4 * (MT + i) + r] = pack_halves(scores[at] - big.x, scores[at + 1] - big.y);
#endif
                }
            UNROLL for (int p = 0; p < PARTS; ++p)
                UNROLL for (int j = 0; j < ND; j += 2) {
#define V_FRAGMENT(l) (p * BKV + 16 * step + (l) % 16) * RC + j + (l) / 16
                    LOAD_TRANSPOSED(part + 2 * (p * (ND + 1) + j), value_tile, V_FRAGMENT);
                }
#if PARTS == 2
            multiply_values(weighted, left + MT * 4, part SCRATCH_PASSED);
            multiply_values(weighted, left, part + (ND + 1) * 2 SCRATCH_PASSED);
#endif
#else
            // Depth t is key 2 * t and depth t + 4 key 2 * t + 1, as that is how the scores lie; the values follow.
            UNROLL for (int i = 0; i < MT; ++i)
                UNROLL for (int r = 0; r < 4; ++r)
                    left[4 * i + r] = as_uint(scores[(i * NS + step) * 4 + r % 2 * 2 + r / 2]);
            UNROLL for (int j = 0; j < ND * 2; ++j)
                part[j] = ((__local const uint *)(value_tile + (8 * step + lane % 4 * 2 + j % 2) * RC))[j / 2 * 8 + lane / 4];
#endif
            multiply_values(weighted, left, part SCRATCH_PASSED);
        }
    }

    quad_sums(total, MT_ROWS SCRATCH_PASSED);
#if PARTS == 2
    const float unscaled = 1.0f / scale_of(magnitudes, 2);
#else
    const float unscaled = 1.0f;
#endif
    UNROLL for (int i = 0; i < MT_ROWS; ++i) {
        const int t = row0 + warp * MT * 16 + i * 8 + lane / 4;
        if (t >= TOKENS)
            continue;
        const int to = OUT_OFFSET + n * OUT_S0 + h * OUT_S1 + t * OUT_S2;
        const float factor = unscaled / total[i];
        UNROLL for (int j = 0; j < ND; ++j) {
            const int d = j * 8 + lane % 4 * 2, at = (i / 2 * ND + j) * 4 + i % 2 * 2;
            const float2 value = (float2)(weighted[at], weighted[at + 1]) * factor;
#if PAIRS
            if (d < D)
                JOINED(STORE_PAIR_, OUT_TYPE)(out, to + d, value);
#else
            if (d < D)
                OUT_WRITE(out, to + d * OUT_S3, value.x);
            if (d + 1 < D)
                OUT_WRITE(out, to + (d + 1) * OUT_S3, value.y);
#endif
        }
    }
}
