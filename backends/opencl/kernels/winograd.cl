// Work-item = one channel, or two where PAIRED (global id 0), of one tile (global id 1); tile = (n * DOWN + row) * ACROSS + column.
// A tile covers TILE x TILE pixels of the output and ALPHA x ALPHA of the input, ALPHA = TILE + 2 (arXiv 1509.09308).
// Transformed values lie as (ALPHA * ALPHA, tiles, channels).

#if TILE == 2
__constant float BT[4][4] = {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}};
__constant float AT[2][4] = {{1, 1, 1, 0}, {0, 1, -1, -1}};
#else
__constant float BT[6][6] = {{4, 0, -5, 0, 1, 0}, {0, -4, -4, 1, 1, 0}, {0, 4, -4, -1, 1, 0},
    {0, -2, -1, 2, 1, 0}, {0, 2, -1, -2, 1, 0}, {0, 4, 0, -5, 0, 1}};
__constant float AT[4][6] = {{1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}};
#endif
#define ALPHA (TILE + 2)
// A product by a factor of the transforms, known to the compiler: most are 0, 1 or -1.
#define ADD_TIMES(sum, factor, value) if ((factor) != 0.0f) sum += (factor) * (value)

#if PAIRED
#define VALUE float2
#define AT_ONCE 2
#define GET(X, p, i) JOINED(LOAD_PAIR_, X##_TYPE)(p, i)
#define PUT(p, i, v) JOINED(STORE_PAIR_, OUT_TYPE)(p, i, v)
#else
#define VALUE float
#define AT_ONCE 1
#define GET(X, p, i) X##_READ(p, i)
#define PUT(p, i, v) OUT_WRITE(p, i, v)
#endif

#if INPUT
__kernel void winograd_input(__global OUT_T *restrict out, __global const A0_T *restrict x NUMBERS)
{
    const int c = get_global_id(0) * AT_ONCE, tile = get_global_id(1);
    if (c >= CHANNELS)
        return;
    const int n = tile / (DOWN * ACROSS), top = tile / ACROSS % DOWN * TILE - PADDING, left = tile % ACROSS * TILE - PADDING;
    VALUE d[ALPHA][ALPHA], half_way[ALPHA][ALPHA];
#pragma unroll
    for (int i = 0; i < ALPHA; ++i)
#pragma unroll
        for (int j = 0; j < ALPHA; ++j) {
            const int y = top + i, z = left + j;
            d[i][j] = y >= 0 && y < HEIGHT && z >= 0 && z < BREADTH
                ? GET(A0, x, A0_OFFSET + n * A0_S0 + c * A0_S1 + y / UPSAMPLE * A0_S2 + z / UPSAMPLE * A0_S3) : (VALUE)(0.0f);
        }
#pragma unroll
    for (int i = 0; i < ALPHA; ++i)
#pragma unroll
        for (int j = 0; j < ALPHA; ++j) {
            VALUE sum = (VALUE)(0.0f);
#pragma unroll
            for (int k = 0; k < ALPHA; ++k)
                ADD_TIMES(sum, BT[i][k], d[k][j]);
            half_way[i][j] = sum;
        }
#pragma unroll
    for (int i = 0; i < ALPHA; ++i)
#pragma unroll
        for (int j = 0; j < ALPHA; ++j) {
            VALUE sum = (VALUE)(0.0f);
#pragma unroll
            for (int k = 0; k < ALPHA; ++k)
                ADD_TIMES(sum, BT[j][k], half_way[i][k]);
            PUT(out, OUT_OFFSET + (i * ALPHA + j) * OUT_S0 + tile * OUT_S1 + c * OUT_S2, sum);
        }
}
#else
#define EXTRA(X) GET(X, X##_IN, X##_OFFSET + n * X##_S0 + c * X##_S1 + y * X##_S2 + z * X##_S3)
__kernel void winograd_output(__global OUT_T *restrict out, __global const A0_T *restrict products
#if EXTRAS > 0
    , __global const E0_T *restrict E0_IN
#endif
#if EXTRAS > 1
    , __global const E1_T *restrict E1_IN
#endif
#if EXTRAS > 2
    , __global const E2_T *restrict E2_IN
#endif
    NUMBERS)
{
    const int c = get_global_id(0) * AT_ONCE, tile = get_global_id(1);
    if (c >= CHANNELS)
        return;
    const int n = tile / (DOWN * ACROSS), top = tile / ACROSS % DOWN * TILE, left = tile % ACROSS * TILE;
    VALUE d[ALPHA][ALPHA], half_way[TILE][ALPHA];
#pragma unroll
    for (int i = 0; i < ALPHA; ++i)
#pragma unroll
        for (int j = 0; j < ALPHA; ++j)
            d[i][j] = GET(A0, products, A0_OFFSET + (i * ALPHA + j) * A0_S0 + tile * A0_S1 + c * A0_S2);
#pragma unroll
    for (int i = 0; i < TILE; ++i)
#pragma unroll
        for (int j = 0; j < ALPHA; ++j) {
            VALUE sum = (VALUE)(0.0f);
#pragma unroll
            for (int k = 0; k < ALPHA; ++k)
                ADD_TIMES(sum, AT[i][k], d[k][j]);
            half_way[i][j] = sum;
        }
#pragma unroll
    for (int i = 0; i < TILE; ++i)
#pragma unroll
        for (int j = 0; j < TILE; ++j) {
            const int y = top + i, z = left + j;
            if (y >= HEIGHT || z >= BREADTH)
                continue;
            VALUE sum = (VALUE)(0.0f);
#pragma unroll
            for (int k = 0; k < ALPHA; ++k)
                ADD_TIMES(sum, AT[j][k], half_way[i][k]);
#if EXTRAS > 0
            sum += EXTRA(E0);
#endif
#if EXTRAS > 1
            sum += EXTRA(E1);
#endif
#if EXTRAS > 2
            sum += EXTRA(E2);
#endif
            PUT(out, OUT_OFFSET + n * OUT_S0 + c * OUT_S1 + y * OUT_S2 + z * OUT_S3, sum);
        }
}
#endif
