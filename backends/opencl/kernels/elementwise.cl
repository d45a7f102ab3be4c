// One work-item per element of the output, in the order of its memory.
// D0..D5 are the output's axes, outermost first; OUT_S*, A0_S* ... the strides of the output and the inputs on them.
// EXPRESSION computes one element from a0, a1, a2 and the scalars S0...

#define AT(X) (X##_OFFSET + i0 * X##_S0 + i1 * X##_S1 + i2 * X##_S2 + i3 * X##_S3 + i4 * X##_S4 + i5 * X##_S5)

__kernel void elementwise(__global OUT_T *out, __global const A0_T *in0
#if INPUTS > 1
    , __global const A1_T *in1
#endif
#if INPUTS > 2
    , __global const A2_T *in2
#endif
    NUMBERS)
{
    int rest = get_global_id(0);
    if (rest >= D0 * D1 * D2 * D3 * D4 * D5)
        return;
    const int i5 = rest % D5; rest /= D5;
    const int i4 = rest % D4; rest /= D4;
    const int i3 = rest % D3; rest /= D3;
    const int i2 = rest % D2; rest /= D2;
    const int i1 = rest % D1;
    const int i0 = rest / D1;
    const float a0 = A0_READ(in0, AT(A0));
#if INPUTS > 1
    const float a1 = A1_READ(in1, AT(A1));
#endif
#if INPUTS > 2
    const float a2 = A2_READ(in2, AT(A2));
#endif
    OUT_WRITE(out, AT(OUT), (EXPRESSION));
}
