// out (M x N) = SCALE * a (M x K) b (K x N) + extras, for every batch (b0, b1) = (group 2 / B1, group 2 % B1).
// Group (x, y) computes the TM x TN tile at row y * TM and column x * TN; work-item (tx, ty) of 16 x 16 its rows
// ty * 4 + i and columns tx + 16 * j, for i and j below 4. Tiles of a and b, TK deep, go through local memory.
// CONVOLUTION: a is read from images as im2col would lay it out. Row m is pixel (n, y, x) of the output; k is
// (ky, kx, channel); STRIDE, PADDING, KERNEL, UPSAMPLE as usual. Else a is a strided view, with STATISTICS read as
// exp(a - maximum) / sum of its row.

#define TM 64
#define TN 64
#define TK 16
#define INSIDE(index, LENGTH, TILE) ((LENGTH) % (TILE) == 0 || (index) < (LENGTH))

#if CONVOLUTION
#define BATCHED(X) 0
#define OUT_AT(X, m, n) \
    (X##_OFFSET + ((m) / (OUT_H * OUT_W)) * X##_S0 + (n) * X##_S1 + ((m) / OUT_W % OUT_H) * X##_S2 + ((m) % OUT_W) * X##_S3)
#else
#define BATCHED(X) (b0 * X##_S0 + b1 * X##_S1)
#define OUT_AT(X, m, n) (X##_OFFSET + BATCHED(X) + (m) * X##_S2 + (n) * X##_S3)
#endif

__kernel __attribute__((reqd_work_group_size(16, 16, 1))) void matmul(
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
)
{
    __local float a_tile[TK][TM + 1];
    __local float b_tile[TK][TN];
    const int tx = get_local_id(0), ty = get_local_id(1), lane = ty * 16 + tx;
    const int row0 = get_group_id(1) * TM, column0 = get_group_id(0) * TN;
    const int b0 = get_group_id(2) / B1, b1 = get_group_id(2) % B1;
    int base[4];
#if CONVOLUTION
    int top[4], left[4];
#endif
#if STATISTICS
    float maximum[4], factor[4];
#endif
    for (int i = 0; i < 4; ++i) {
        const int m = row0 + ty + 16 * i;
#if CONVOLUTION
        base[i] = A_OFFSET + m / (OUT_H * OUT_W) * A_S0;
        top[i] = INSIDE(m, M, TM) ? m / OUT_W % OUT_H * STRIDE - PADDING : -(1 << 20);
        left[i] = m % OUT_W * STRIDE - PADDING;
#else
        base[i] = A_OFFSET + BATCHED(A) + m * A_S2;
#endif
#if STATISTICS
        const int st = ST_OFFSET + BATCHED(ST) + min(m, M - 1) * ST_S2;
        maximum[i] = ST_READ(statistics, st);
        factor[i] = ST_READ(statistics, st + ST_S3);
#endif
    }
    float sum[4][4] = {{0.0f}};
    for (int k0 = 0; k0 < K; k0 += TK) {
        {
            const int k = k0 + tx;
#if CONVOLUTION
            const int ky = k / (CHANNELS * KERNEL), kx = k / CHANNELS % KERNEL, at = k % CHANNELS * A_S1;
#endif
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                float value = 0.0f;
#if CONVOLUTION
                const int y = top[i] + ky, x = left[i] + kx;
                if (INSIDE(k, K, TK) && y >= 0 && y < IN_H && x >= 0 && x < IN_W)
                    value = A_READ(a, base[i] + y / UPSAMPLE * A_S2 + x / UPSAMPLE * A_S3 + at);
#else
                if (INSIDE(k, K, TK) && INSIDE(row0 + ty + 16 * i, M, TM)) {
                    value = A_READ(a, base[i] + k * A_S3);
#if STATISTICS
                    value = exp(value - maximum[i]) * factor[i];
#endif
                }
#endif
                a_tile[tx][ty + 16 * i] = value;
            }
        }
#pragma unroll
        for (int i = 0; i < 4; ++i) {
#if B_S2 == 1 && B_S3 != 1
            const int kk = lane % TK, nn = lane / TK + 16 * i;
#else
            const int kk = lane / TN + 4 * i, nn = lane % TN;
#endif
            const int k = k0 + kk, n = column0 + nn;
            b_tile[kk][nn] = INSIDE(k, K, TK) && INSIDE(n, N, TN)
                ? B_READ(b, B_OFFSET + b0 * B_S0 + b1 * B_S1 + k * B_S2 + n * B_S3) : 0.0f;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll
        for (int k = 0; k < TK; ++k) {
            float right[4];
#pragma unroll
            for (int j = 0; j < 4; ++j)
                right[j] = b_tile[k][tx + 16 * j];
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                const float left_value = a_tile[k][ty * 4 + i];
#pragma unroll
                for (int j = 0; j < 4; ++j)
                    sum[i][j] = mad(left_value, right[j], sum[i][j]);
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            const int m = row0 + ty * 4 + i, n = column0 + tx + 16 * j;
            if (!INSIDE(m, M, TM) || !INSIDE(n, N, TN))
                continue;
            float value = sum[i][j] * SCALE;
#if EXTRAS > 0
            value += E0_READ(extra0, OUT_AT(E0, m, n));
#endif
#if EXTRAS > 1
            value += E1_READ(extra1, OUT_AT(E1, m, n));
#endif
#if EXTRAS > 2
            value += E2_READ(extra2, OUT_AT(E2, m, n));
#endif
            OUT_WRITE(out, OUT_AT(OUT, m, n), value);
        }
}
