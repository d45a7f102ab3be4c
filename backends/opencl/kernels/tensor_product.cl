// out (M x N) = SCALE * a (M x K) b (K x N) + extras on tensor cores, for every batch, or for a slice of K where SPLITS > 1.
// Group (x, y, z) computes the BM x BN tile at row y * BM and column x * BN of batch z / SPLITS and slice z % SPLITS; each of
// its warps WM x WN of it, in fragments of 16 x 8. STAGES tiles of a and b, 4 chunks (64 bytes) deep, lie in local memory.
// CONVOLUTION: row m is pixel (n, y, x) of the output; k is (ky, kx, channel), read from the image where it lies. LINEAR: a row
// of pixels follows the one above it in all that is written or added. GATED: columns come 8 of a value, 8 of its gate in turns,
// and out has half as many: value * gelu(gate).
//
// a and b as LEFT and RIGHT say: ASYNC, whole chunks that lie along K are copied; COLUMNS (b alone), chunks along N; THROUGH
// (a alone), chunks along K by registers, read as exp(a - maximum) / sum with STATISTICS; SCATTERED, element by element.
// RUN: tensor cores cut off what their sums cannot hold, so that long ones shrink; after RUN blocks they are added to totals, to
// the nearest, and begin anew.
// A tile's row of 4 chunks is swizzled: chunk c of row r lies at c ^ (r / 2 % 4), so that no 8 rows meet in a bank.

#define BK (4 * E)
#define MT (WM / 16)
#define NT (WN / 8)
#define WARPS_ACROSS (BN / WN)
#define COPIED_A (BM * 4 / THREADS)
#define COPIED_B (BN * 4 / THREADS)
#define SWIZZLED(row, chunk) ((row) * 4 + ((chunk) ^ ((row) >> 1 & 3)))
#if HALVES
#define COLUMN_SWIZZLED(k, chunk) ((k) * (BN / E) + ((chunk) ^ ((k) & 7)))
#else
#define COLUMN_SWIZZLED(k, chunk) ((k) * (BN / E) + ((chunk) ^ ((k) & 3) << 1))
#endif

#if CONVOLUTION
#define BATCHED(X) 0
#if LINEAR
#define ROW_AT(X, m) ((m) / (OUT_H * OUT_W) * X##_S0 + (m) % (OUT_H * OUT_W) * X##_S3)
#else
#define ROW_AT(X, m) ((m) / (OUT_H * OUT_W) * X##_S0 + (m) / OUT_W % OUT_H * X##_S2 + (m) % OUT_W * X##_S3)
#endif
#define COLUMN_AT(X, n) ((n) * X##_S1)
#else
#define BATCHED(X) (b0 * X##_S0 + b1 * X##_S1)
#define ROW_AT(X, m) ((m) * X##_S2)
#define COLUMN_AT(X, n) ((n) * X##_S3)
#endif

#if HALVES
#define PACKED(v) ((uint4)(pack_halves(v[0], v[1]), pack_halves(v[2], v[3]), pack_halves(v[4], v[5]), pack_halves(v[6], v[7])))
#else
#define PACKED(v) ((uint4)(as_uint(v[0]), as_uint(v[1]), as_uint(v[2]), as_uint(v[3])))
#endif

// What stands beside the sums of columns n and n + 1.
#if PAIRS
#define ADD_EXTRA(X, value, p, from, n) value += JOINED(LOAD_PAIR_, X##_TYPE)(p, from + (n));
#else
#define ADD_EXTRA(X, value, p, from, n) { \
        value.x += X##_READ(p, from + COLUMN_AT(X, n)); \
        if ((n) + 1 < N) \
            value.y += X##_READ(p, from + COLUMN_AT(X, (n) + 1)); \
    }
#endif
#if EXTRAS > 2
#define ADD_EXTRAS(value, n) ADD_EXTRA(E0, value, extra0, from0, n) ADD_EXTRA(E1, value, extra1, from1, n) \
    ADD_EXTRA(E2, value, extra2, from2, n)
#elif EXTRAS > 1
#define ADD_EXTRAS(value, n) ADD_EXTRA(E0, value, extra0, from0, n) ADD_EXTRA(E1, value, extra1, from1, n)
#elif EXTRAS > 0
#define ADD_EXTRAS(value, n) ADD_EXTRA(E0, value, extra0, from0, n)
#else
#define ADD_EXTRAS(value, n)
#endif

DEFINE_MULTIPLY(multiply, MT, NT)

__kernel __attribute__((reqd_work_group_size(THREADS, 1, 1))) void tensor_product(
    __global OUT_T *restrict out, __global const A_T *restrict a, __global const B_T *restrict b
#if STATISTICS
    , __global const ST_T *restrict statistics
#endif
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
    __local uint4 tiles[STAGES * (BM + BN) * 4] __attribute__((aligned(128)));
    SCRATCH(THREADS * (MT * 4 + NT * 2))
    COPIES
    const int thread = get_local_id(0), lane = thread % 32, warp = thread / 32;
    const int row0 = get_group_id(1) * BM, column0 = get_group_id(0) * BN;
    const int slice = get_group_id(2) % SPLITS, batch = get_group_id(2) / SPLITS;
    const int b0 = batch / B1, b1 = batch % B1;
    const int per_slice = ((K + BK - 1) / BK + SPLITS - 1) / SPLITS;
    const int blocks = min(per_slice, (K + BK - 1) / BK - slice * per_slice);

    // This work-item brings chunk `chunk` of rows `line`, `line` + THREADS / 4, ... of a and, but with COLUMNS, of b.
    const int chunk = thread % 4, line = thread / 4;
    int k = slice * per_slice * BK + chunk * E;
    int a_row[COPIED_A], b_row[COPIED_B];
#if CONVOLUTION
    int top[COPIED_A], left[COPIED_A];
    int channel = k % CHANNELS, kx = k / CHANNELS % KERNEL, ky = k / (CHANNELS * KERNEL);
#endif
#if STATISTICS
    float maximum[COPIED_A], factor[COPIED_A];
#endif
    UNROLL for (int i = 0; i < COPIED_A; ++i) {
        const int m = min(row0 + line + i * (THREADS / 4), M - 1);
#if CONVOLUTION
        a_row[i] = A_OFFSET + m / (OUT_H * OUT_W) * A_S0;
        top[i] = m / OUT_W % OUT_H * STRIDE - PADDING;
        left[i] = m % OUT_W * STRIDE - PADDING;
#else
        a_row[i] = A_OFFSET + BATCHED(A) + m * A_S2;
#endif
#if STATISTICS
        const int at = ST_OFFSET + BATCHED(ST) + m * ST_S2;
        maximum[i] = ST_READ(statistics, at);
        factor[i] = ST_READ(statistics, at + ST_S3);
#endif
    }
#if RIGHT == COLUMNS
    int b_k = slice * per_slice * BK;
    UNROLL for (int i = 0; i < COPIED_B; ++i)
        b_row[i] = B_OFFSET + b0 * B_S0 + b1 * B_S1 + min(column0 + (thread + i * THREADS) % (BN / E) * E, N - E);
#else
    UNROLL for (int i = 0; i < COPIED_B; ++i)
        b_row[i] = B_OFFSET + b0 * B_S0 + b1 * B_S1 + min(column0 + line + i * (THREADS / 4), N - 1) * B_S3;
#endif

    float sums[MT * NT * 4];
    UNROLL for (int i = 0; i < MT * NT * 4; ++i)
        sums[i] = 0.0f;
#if RUN
    // in memory, not in registers, which the loop needs all
    volatile float totals[MT * NT * 4];
    UNROLL for (int i = 0; i < MT * NT * 4; ++i)
        totals[i] = 0.0f;
#endif
    const int warp_row = warp / WARPS_ACROSS * WM, warp_column = warp % WARPS_ACROSS * WN;

    // Block `block` is multiplied while the ones behind it are on their way.
    for (int block = 1 - STAGES; block < blocks; ++block) {
        if (block >= 0) {
            COPY_WAIT(STAGES - 2);
            barrier(CLK_LOCAL_MEM_FENCE);
        }
        const int coming = block + STAGES - 1;
        if (coming < blocks) {
            __local uint4 *a_tile = tiles + coming % STAGES * ((BM + BN) * 4), *b_tile = a_tile + BM * 4;
            UNROLL for (int i = 0; i < COPIED_A; ++i) {
                const int row = line + i * (THREADS / 4);
                __local uint4 *to = a_tile + SWIZZLED(row, chunk);
#if CONVOLUTION && LEFT != SCATTERED
                const int y = top[i] + ky, x = left[i] + kx;
                const int inside = k < K && y >= 0 && y < IN_H && x >= 0 && x < IN_W;
                const int at = a_row[i] + (inside ? y / UPSAMPLE * A_S2 + x / UPSAMPLE * A_S3 + channel : 0);
#elif LEFT != SCATTERED
                const int inside = k < K, at = a_row[i] + (inside ? k : 0);
#endif
#if LEFT == ASYNC
                COPY(to, a + at, inside);
#else
                float v[E];
#if LEFT == THROUGH
                const uint4 four = inside ? *(__global const uint4 *)(a + at) : (uint4)(0);
#if HALVES
                const float2 v0 = unpack_halves(four.x), v1 = unpack_halves(four.y);
                const float2 v2 = unpack_halves(four.z), v3 = unpack_halves(four.w);
                v[0] = v0.x; v[1] = v0.y; v[2] = v1.x; v[3] = v1.y; v[4] = v2.x; v[5] = v2.y; v[6] = v3.x; v[7] = v3.y;
#else
                v[0] = as_float(four.x); v[1] = as_float(four.y); v[2] = as_float(four.z); v[3] = as_float(four.w);
#endif
#else
                UNROLL for (int e = 0; e < E; ++e) {
                    v[e] = 0.0f;
#if CONVOLUTION
                    const int y = top[i] + (k + e) / (CHANNELS * KERNEL), x = left[i] + (k + e) / CHANNELS % KERNEL;
                    if (k + e < K && y >= 0 && y < IN_H && x >= 0 && x < IN_W)
                        v[e] = A_READ(a, a_row[i] + y / UPSAMPLE * A_S2 + x / UPSAMPLE * A_S3 + (k + e) % CHANNELS * A_S1);
#else
                    if (k + e < K)
                        v[e] = A_READ(a, a_row[i] + (k + e) * A_S3);
#endif
                }
#endif
#if STATISTICS
                UNROLL for (int e = 0; e < E; ++e)
                    v[e] = k + e < K ? exp(v[e] - maximum[i]) * factor[i] : 0.0f;
#endif
                *to = PACKED(v);
#endif
            }
            UNROLL for (int i = 0; i < COPIED_B; ++i) {
#if RIGHT == COLUMNS
                const int at = thread + i * THREADS, deep = at / (BN / E), across = at % (BN / E);
                const int inside = b_k + deep < K && column0 + across * E < N;
                COPY(b_tile + COLUMN_SWIZZLED(deep, across), b + b_row[i] + (inside ? b_k + deep : 0) * B_S2, inside);
#else
                const int column = line + i * (THREADS / 4);
                __local uint4 *to = b_tile + SWIZZLED(column, chunk);
#if RIGHT == ASYNC
                COPY(to, b + b_row[i] + (k < K ? k : 0), k < K);
#else
                float v[E];
                UNROLL for (int e = 0; e < E; ++e)
                    v[e] = k + e < K ? B_READ(b, b_row[i] + (k + e) * B_S2) : 0.0f;
                *to = PACKED(v);
#endif
#endif
            }
            k += BK;
#if RIGHT == COLUMNS
            b_k += BK;
#endif
#if CONVOLUTION
            channel += BK;
            while (channel >= CHANNELS) {
                channel -= CHANNELS;
                if (++kx == KERNEL) {
                    kx = 0;
                    ++ky;
                }
            }
#endif
        }
        COPY_COMMIT();
        if (block < 0)
            continue;
        __local const uint4 *a_tile = tiles + block % STAGES * ((BM + BN) * 4), *b_tile = a_tile + BM * 4;
        UNROLL for (int step = 0; step < 2; ++step) {
            uint left_part[MT * 4], right_part[NT * 2];
            UNROLL for (int i = 0; i < MT; ++i) {
#define A_FRAGMENT(l) SWIZZLED(warp_row + 16 * i + (l) % 16, 2 * step + (l) / 16)
                LOAD_FRAGMENTS(left_part + 4 * i, a_tile, A_FRAGMENT);
            }
#if RIGHT != COLUMNS
            UNROLL for (int j = 0; j < NT; j += 2) {
#define B_FRAGMENT(l) SWIZZLED(warp_column + 8 * j + (l) / 16 * 8 + (l) % 8, 2 * step + (l) / 8 % 2)
                LOAD_FRAGMENTS(right_part + 2 * j, b_tile, B_FRAGMENT);
            }
#elif HALVES
            UNROLL for (int j = 0; j < NT; j += 2) {
#define B_TRANSPOSED(l) COLUMN_SWIZZLED(16 * step + (l) % 16, warp_column / 8 + j + (l) / 16)
                LOAD_TRANSPOSED(right_part + 2 * j, b_tile, B_TRANSPOSED);
            }
#else
            UNROLL for (int j = 0; j < NT * 2; ++j) {
                const int deep = 8 * step + lane % 4 + j % 2 * 4, column = warp_column + j / 2 * 8 + lane / 4;
                right_part[j] = ((__local const uint *)(b_tile + COLUMN_SWIZZLED(deep, column / 4)))[column % 4];
            }
#endif
            multiply(sums, left_part, right_part SCRATCH_PASSED);
        }
#if RUN
        if (block % RUN == RUN - 1)
            UNROLL for (int i = 0; i < MT * NT * 4; ++i) {
                totals[i] += sums[i];
                sums[i] = 0.0f;
            }
#endif
    }
#if RUN
    UNROLL for (int i = 0; i < MT * NT * 4; ++i)
        sums[i] += totals[i];
#endif

    UNROLL for (int i = 0; i < MT * 2; ++i) {
        const int m = row0 + warp_row + i * 8 + lane / 4;
        if (m >= M)
            continue;
        const int to = OUT_OFFSET + BATCHED(OUT) + slice * SLICE + ROW_AT(OUT, m);
#if EXTRAS > 0
        const int from0 = E0_OFFSET + BATCHED(E0) + ROW_AT(E0, m);
#endif
#if EXTRAS > 1
        const int from1 = E1_OFFSET + BATCHED(E1) + ROW_AT(E1, m);
#endif
#if EXTRAS > 2
        const int from2 = E2_OFFSET + BATCHED(E2) + ROW_AT(E2, m);
#endif
        UNROLL for (int j = 0; j < NT; j += 1 + GATED) {
            int n = column0 + warp_column + j * 8 + lane % 4 * 2;
            const int from_sum = (i / 2 * NT + j) * 4 + i % 2 * 2;
            if (n >= N)
                continue;
            float2 value = (float2)(sums[from_sum], sums[from_sum + 1]) * SCALE;
            ADD_EXTRAS(value, n)
#if GATED
            float2 gate = (float2)(sums[from_sum + 4], sums[from_sum + 5]) * SCALE;
            ADD_EXTRAS(gate, n + 8)
            value *= 0.5f * gate * (1.0f + erf(gate * 0.70710678118654752f));
            n -= (column0 + warp_column) / 2 + j * 4;
#endif
#if PAIRS
            JOINED(STORE_PAIR_, OUT_TYPE)(out, to + n, value);
#else
            OUT_WRITE(out, to + COLUMN_AT(OUT, n), value.x);
            if (n + 1 < N)
                OUT_WRITE(out, to + COLUMN_AT(OUT, n + 1), value.y);
#endif
        }
    }
}
