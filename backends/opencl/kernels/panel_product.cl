// out (M x N) = SCALE * a (M x TAPS * DEPTH) b (TAPS * DEPTH x N) + extras, for every batch (b0, b1) = (id 2 / B1, id 2 % B1).
// b lies in panels (TAPS, PANELS, DEPTH, NR) of NR = VN * W columns, the last one filled up with zeros.
// A work-item, alone in its group, computes ROWS (at most MOST_ROWS) rows (global id 0) of one panel (global id 1) with vectors of W floats:
// for KC of the depth at a time, so that this piece of the panel stays in the cache, MR rows after the other, MR x VN
// vectors of sums in registers; the next piece comes into the second cache meanwhile, a vector of each row at a time. No local memory and no barriers: on a processor those are copies and loop borders.
// CONVOLUTION: row m is pixel (n, y, x) of the output and a tap is (ky, kx), whose DEPTH channels are read from the image.
// GATED: half of a panel's columns are values, the other half their gates, and out, of N / 2 columns, is value * gelu(gate).
// DENSE_DEPTH: the depth lies dense in a. STAGED: MR rows of a are first copied, converted to fp32 and with STATISTICS as exp(a - maximum) / sum of the row.

#define NR (VN * W)
#if CONVOLUTION
#define BATCHED(X) 0
#define AT(X, m, n) \
    (X##_OFFSET + ((m) / (OUT_H * OUT_W)) * X##_S0 + (n) * X##_S1 + ((m) / OUT_W % OUT_H) * X##_S2 + ((m) % OUT_W) * X##_S3)
#define DEPTH_AXIS A_S1
#else
#define BATCHED(X) (b0 * X##_S0 + b1 * X##_S1)
#define AT(X, m, n) (X##_OFFSET + BATCHED(X) + (m) * X##_S2 + (n) * X##_S3)
#define DEPTH_AXIS A_S3
#endif
#if DENSE_DEPTH
#define DEPTH_STEP 1
#else
#define DEPTH_STEP DEPTH_AXIS
#endif
#if STAGED
#define LEFT(i, k) tile[i][k]
#else
#define LEFT(i, k) a[left[i] + (k) * DEPTH_STEP]
#endif
#define EXTRA(X, p, m, n) (X##_COLUMN == 1 ? JOINED(LOAD_, X##_TYPE)(p, AT(X, m, n)) : (VEC)(X##_READ(p, AT(X, m, n))))
#if EXTRAS == 0
#define WITH_EXTRAS(value, m, n) value
#elif EXTRAS == 1
#define WITH_EXTRAS(value, m, n) value + EXTRA(E0, extra0, m, n)
#elif EXTRAS == 2
#define WITH_EXTRAS(value, m, n) value + EXTRA(E0, extra0, m, n) + EXTRA(E1, extra1, m, n)
#else
#define WITH_EXTRAS(value, m, n) value + EXTRA(E0, extra0, m, n) + EXTRA(E1, extra1, m, n) + EXTRA(E2, extra2, m, n)
#endif
#define FINISHED(j, n) WITH_EXTRAS(JOINED(vload, W)(0, sums[i] + (j)) * SCALE, m, n)

__kernel __attribute__((reqd_work_group_size(1, 1, 1), vec_type_hint(VEC))) void panel_product(
    __global OUT_T *out, __global const A_T *a, __global const B_T *b
#if STATISTICS
    , __global const ST_T *statistics
#endif
#if EXTRAS > 0
    , __global const E0_T *extra0
#endif
#if EXTRAS > 1
    , __global const E1_T *extra1
#endif
#if EXTRAS > 2
    , __global const E2_T *extra2
#endif
    NUMBERS)
{
    const int row0 = get_global_id(0) * ROWS, panel = get_global_id(1);
    const int b0 = get_global_id(2) / B1, b1 = get_global_id(2) % B1;
    const int rows = min(ROWS, M - row0);
    float sums[MOST_ROWS][NR];
    for (int tap = 0; tap < TAPS; ++tap)
        for (int k0 = 0; k0 < DEPTH; k0 += KC) {
            const int depth = min(KC, DEPTH - k0);
            __global const B_T *right =
                b + B_OFFSET + b0 * B_S0 + b1 * B_S1 + (tap * PANELS + panel) * (DEPTH * NR) + k0 * NR;
            for (int r = 0; r < rows; r += MR) {
#if STAGED
                float tile[MR][KC];
#else
                int left[MR];
#endif
#pragma unroll
                for (int i = 0; i < MR; ++i) {
                    const int m = min(row0 + r + i, M - 1);
#if CONVOLUTION
                    const int y = m / OUT_W % OUT_H * STRIDE - PADDING + tap / KERNEL;
                    const int x = m % OUT_W * STRIDE - PADDING + tap % KERNEL;
                    const int inside = y >= 0 && y < IN_H && x >= 0 && x < IN_W;
                    const int from = A_OFFSET + m / (OUT_H * OUT_W) * A_S0 + k0 * DEPTH_STEP
                        + y / UPSAMPLE * A_S2 + x / UPSAMPLE * A_S3;
#else
                    const int inside = 1;
                    const int from = A_OFFSET + BATCHED(A) + m * A_S2 + k0 * DEPTH_STEP;
#endif
#if STATISTICS
                    const int st = ST_OFFSET + BATCHED(ST) + m * ST_S2;
                    const float maximum = ST_READ(statistics, st), factor = ST_READ(statistics, st + ST_S3);
#endif
#if STAGED
                    int k = 0;
                    if (!inside)
                        for (; k < depth; ++k)
                            tile[i][k] = 0.0f;
#if DENSE_DEPTH
                    for (; k + W <= depth; k += W) {
                        VEC value = JOINED(LOAD_, A_TYPE)(a, from + k);
#if STATISTICS
                        value = exponential(value - maximum) * factor;
#endif
                        JOINED(vstore, W)(value, 0, tile[i] + k);
                    }
#endif
                    for (; k < depth; ++k) {
                        float value = A_READ(a, from + k * DEPTH_STEP);
#if STATISTICS
                        value = exp(value - maximum) * factor;
#endif
                        tile[i][k] = value;
                    }
#else
                    left[i] = from;
#endif
                }
                VEC sum[MR][VN];
#pragma unroll
                for (int i = 0; i < MR; ++i)
#pragma unroll
                    for (int j = 0; j < VN; ++j)
                        sum[i][j] = tap + k0 ? JOINED(vload, W)(j, sums[r + i]) : (VEC)(0.0f);
                __global const B_T *ahead = right + KC * NR + r / MR % VN * W;
                for (int k = 0; k < depth; ++k) {
                    VEC columns[VN];
                    __builtin_prefetch((const void *)(size_t)(ahead + k * NR), 0, 2);
#pragma unroll
                    for (int j = 0; j < VN; ++j)
                        columns[j] = JOINED(LOAD_, B_TYPE)(right, k * NR + j * W);
#pragma unroll
                    for (int i = 0; i < MR; ++i) {
                        const VEC value = (VEC)(LEFT(i, k));
#pragma unroll
                        for (int j = 0; j < VN; ++j)
                            sum[i][j] = fma(value, columns[j], sum[i][j]);
                    }
                }
#pragma unroll
                for (int i = 0; i < MR; ++i)
#pragma unroll
                    for (int j = 0; j < VN; ++j)
                        JOINED(vstore, W)(sum[i][j], j, sums[r + i]);
            }
        }
    for (int i = 0; i < rows; ++i) {
        const int m = row0 + i;
#if GATED
        for (int j = 0; j < NR / 2; j += W) {
            const int n = panel * NR + j;
            const VEC value = FINISHED(j, n), gate = FINISHED(NR / 2 + j, n + NR / 2);
            const VEC factor = 0.5f * gate * (1.0f + error_function(gate * 0.70710678118654752f));
            JOINED(STORE_, OUT_TYPE)(out, AT(OUT, m, panel * (NR / 2) + j), value * factor);
        }
#else
        int j = 0;
#if VECTOR_COLUMNS
        for (; j < NR && panel * NR + j + W <= N; j += W) {
            const int n = panel * NR + j;
            JOINED(STORE_, OUT_TYPE)(out, AT(OUT, m, n), FINISHED(j, n));
        }
#endif
        for (; j < NR && panel * NR + j < N; ++j) {
            const int n = panel * NR + j;
            float value = sums[i][j] * SCALE;
#if EXTRAS > 0
            value += E0_READ(extra0, AT(E0, m, n));
#endif
#if EXTRAS > 1
            value += E1_READ(extra1, AT(E1, m, n));
#endif
#if EXTRAS > 2
            value += E2_READ(extra2, AT(E2, m, n));
#endif
            OUT_WRITE(out, AT(OUT, m, n), value);
        }
#endif
    }
}
