// Channels last. Work-item = TILES tiles (global id 0), all CHANNELS of each, W at a time; the last vector overlaps the one
// before where W does not divide. A tile covers TILE x TILE pixels of the output and ALPHA x ALPHA of the input, ALPHA =
// TILE + 2 (arXiv 1509.09308); tile = (n * DOWN + row) * ACROSS + column. Transformed values lie as (ALPHA^2, tiles, channels).
// The transforms are written out: their matrices are mostly zeros and ones.

#define ALPHA (TILE + 2)

inline void to_input(VEC *out, const int step, const VEC *d)
{
#if TILE == 2
    out[0] = d[0] - d[2];
    out[step] = d[1] + d[2];
    out[2 * step] = d[2] - d[1];
    out[3 * step] = d[1] - d[3];
#else
    const VEC a = fma((VEC)(-4.0f), d[2], d[4]), b = fma((VEC)(-4.0f), d[1], d[3]), c = d[4] - d[2], e = 2.0f * (d[3] - d[1]);
    out[0] = fma((VEC)(4.0f), d[0], fma((VEC)(-5.0f), d[2], d[4]));
    out[step] = a + b;
    out[2 * step] = a - b;
    out[3 * step] = c + e;
    out[4 * step] = c - e;
    out[5 * step] = fma((VEC)(4.0f), d[1], fma((VEC)(-5.0f), d[3], d[5]));
#endif
}

inline void to_output(VEC *out, const int step, const VEC *d)
{
#if TILE == 2
    out[0] = d[0] + d[1] + d[2];
    out[step] = d[1] - d[2] - d[3];
#else
    const VEC a = d[1] + d[2], b = d[1] - d[2], c = d[3] + d[4], e = d[3] - d[4];
    out[0] = d[0] + a + c;
    out[step] = fma((VEC)(2.0f), e, b);
    out[2 * step] = fma((VEC)(4.0f), c, a);
    out[3 * step] = fma((VEC)(8.0f), e, b) + d[5];
#endif
}

#if INPUT
__kernel __attribute__((reqd_work_group_size(1, 1, 1), vec_type_hint(VEC))) void winograd_input(
    __global OUT_T *out, __global const A0_T *x NUMBERS)
{
    for (int tile = get_global_id(0) * TILES; tile < min(COUNT, (int)(get_global_id(0) + 1) * TILES); ++tile) {
        const int n = tile / (DOWN * ACROSS);
        const int top = tile / ACROSS % DOWN * TILE - PADDING, left = tile % ACROSS * TILE - PADDING;
        for (int v = 0; v < CHANNELS; v += W) {
            const int c = min(v, CHANNELS - W);
            VEC half_way[ALPHA * ALPHA], whole[ALPHA];
#pragma unroll
            for (int j = 0; j < ALPHA; ++j) {
                VEC column[ALPHA];
#pragma unroll
                for (int i = 0; i < ALPHA; ++i) {
                    const int y = top + i, z = left + j;
                    column[i] = (VEC)(0.0f);
                    if (y >= 0 && y < HEIGHT && z >= 0 && z < BREADTH)
                        column[i] = JOINED(LOAD_, A0_TYPE)(x, A0_OFFSET + n * A0_S0 + c + y / UPSAMPLE * A0_S2 + z / UPSAMPLE * A0_S3);
                }
                to_input(half_way + j, ALPHA, column);
            }
#pragma unroll
            for (int i = 0; i < ALPHA; ++i) {
                to_input(whole, 1, half_way + i * ALPHA);
#pragma unroll
                for (int j = 0; j < ALPHA; ++j)
                    JOINED(STORE_, OUT_TYPE)(out, OUT_OFFSET + (i * ALPHA + j) * OUT_S0 + tile * OUT_S1 + c, whole[j]);
            }
        }
    }
}
#else
#define EXTRA(X, p) (X##_S1 ? JOINED(LOAD_, X##_TYPE)(p, FROM(X) + c) : (VEC)(X##_READ(p, FROM(X))))
#define FROM(X) (X##_OFFSET + n * X##_S0 + y * X##_S2 + z * X##_S3)
__kernel __attribute__((reqd_work_group_size(1, 1, 1), vec_type_hint(VEC))) void winograd_output(
    __global OUT_T *out, __global const A0_T *products
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
    for (int tile = get_global_id(0) * TILES; tile < min(COUNT, (int)(get_global_id(0) + 1) * TILES); ++tile) {
        const int n = tile / (DOWN * ACROSS), top = tile / ACROSS % DOWN * TILE, left = tile % ACROSS * TILE;
        for (int v = 0; v < CHANNELS; v += W) {
            const int c = min(v, CHANNELS - W);
            VEC half_way[TILE * ALPHA], whole[TILE];
#pragma unroll
            for (int j = 0; j < ALPHA; ++j) {
                VEC column[ALPHA];
#pragma unroll
                for (int i = 0; i < ALPHA; ++i)
                    column[i] =
                        JOINED(LOAD_, A0_TYPE)(products, A0_OFFSET + (i * ALPHA + j) * A0_S0 + tile * A0_S1 + c);
                to_output(half_way + j, ALPHA, column);
            }
#pragma unroll
            for (int i = 0; i < TILE; ++i) {
                to_output(whole, 1, half_way + i * ALPHA);
#pragma unroll
                for (int j = 0; j < TILE; ++j) {
                    const int y = top + i, z = left + j;
                    if (y < HEIGHT && z < BREADTH) {
                        VEC value = whole[j];
#if EXTRAS > 0
                        value += EXTRA(E0, extra0);
#endif
#if EXTRAS > 1
                        value += EXTRA(E1, extra1);
#endif
#if EXTRAS > 2
                        value += EXTRA(E2, extra2);
#endif
                        JOINED(STORE_, OUT_TYPE)(out, FROM(OUT) + c, value);
                    }
                }
            }
        }
    }
}
#endif
