// Work-item = four elements of the output's innermost axis D5, where FOUR, else one; AXES says how many of D0..D5 are more
// than one. An input lies dense on D5 where VECTOR_ is 1, else has one element for the whole of it.
// EXPRESSION computes them from a0, a1, a2 and the scalars S0...

#define AT(X) (X##_OFFSET + i0 * X##_S0 + i1 * X##_S1 + i2 * X##_S2 + i3 * X##_S3 + i4 * X##_S4)
#if FOUR
#define VALUE float4
#define GET(X, p) (JOINED(VECTOR_, X) ? JOINED(LOAD_FOUR_, X##_TYPE)(p, AT(X) + i5) : (float4)(X##_READ(p, AT(X))))
#define PUT(p, v) JOINED(STORE_FOUR_, OUT_TYPE)(p, AT(OUT) + i5, v)
#define AT_ONCE 4
#else
#define VALUE float
#define GET(X, p) X##_READ(p, AT(X) + i5 * X##_S5)
#define PUT(p, v) OUT_WRITE(p, AT(OUT) + i5 * OUT_S5, v)
#define AT_ONCE 1
#endif

__kernel void wide_elementwise(__global OUT_T *restrict out, __global const A0_T *restrict in0
#if INPUTS > 1
    , __global const A1_T *restrict in1
#endif
#if INPUTS > 2
    , __global const A2_T *restrict in2
#endif
    NUMBERS)
{
    int rest = get_global_id(0);
    if (rest >= ITEMS)
        return;
    int i0 = 0, i1 = 0, i2 = 0, i3 = 0, i4 = 0, i5;
#if AXES > 1
    i5 = rest % (D5 / AT_ONCE) * AT_ONCE; rest /= D5 / AT_ONCE;
#if AXES > 2
    i4 = rest % D4; rest /= D4;
#if AXES > 3
    i3 = rest % D3; rest /= D3;
#if AXES > 4
    i2 = rest % D2; rest /= D2;
#if AXES > 5
    i1 = rest % D1;
    i0 = rest / D1;
#else
    i1 = rest;
#endif
#else
    i2 = rest;
#endif
#else
    i3 = rest;
#endif
#else
    i4 = rest;
#endif
#else
    i5 = rest * AT_ONCE;
#endif
    const VALUE a0 = GET(A0, in0);
#if INPUTS > 1
    const VALUE a1 = GET(A1, in1);
#endif
#if INPUTS > 2
    const VALUE a2 = GET(A2, in2);
#endif
    PUT(out, (VALUE)(EXPRESSION));
}
