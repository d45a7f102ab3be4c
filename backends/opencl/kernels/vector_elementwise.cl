// Work-item = ROWS rows (global id 0) by CHUNK elements (global id 1) of the output, whose innermost axis D5 lies dense;
// an input lies dense on it too, or has one element for the whole of it. D0..D4 are the outer axes, their product the rows.
// EXPRESSION computes W elements from a0, a1, a2 and the scalars S0...

#define IN_ROW_OF(X) (X##_OFFSET + i0 * X##_S0 + i1 * X##_S1 + i2 * X##_S2 + i3 * X##_S3 + i4 * X##_S4)
#define VECTOR(X, p, at) (X##_S5 ? JOINED(LOAD_, X##_TYPE)(p, at + i5) : (VEC)(X##_READ(p, at)))
#define SCALAR(X, p, at) ((VEC)(X##_READ(p, at + i5 * X##_S5)))
#define exp exponential
#define erf error_function

__kernel __attribute__((reqd_work_group_size(1, 1, 1), vec_type_hint(VEC))) void elementwise(
    __global OUT_T *out, __global const A0_T *in0
#if INPUTS > 1
    , __global const A1_T *in1
#endif
#if INPUTS > 2
    , __global const A2_T *in2
#endif
    NUMBERS)
{
    const int first = get_global_id(1) * CHUNK, last = min(first + CHUNK, D5);
    const int row0 = get_global_id(0) * ROWS;
    for (int row = row0; row < min(row0 + ROWS, D0 * D1 * D2 * D3 * D4); ++row) {
        int rest = row;
        const int i4 = rest % D4; rest /= D4;
        const int i3 = rest % D3; rest /= D3;
        const int i2 = rest % D2; rest /= D2;
        const int i1 = rest % D1;
        const int i0 = rest / D1;
        const int to = IN_ROW_OF(OUT), from0 = IN_ROW_OF(A0);
#if INPUTS > 1
        const int from1 = IN_ROW_OF(A1);
#endif
#if INPUTS > 2
        const int from2 = IN_ROW_OF(A2);
#endif
        int i5 = first;
        for (; i5 + W <= last; i5 += W) {
            const VEC a0 = VECTOR(A0, in0, from0);
#if INPUTS > 1
            const VEC a1 = VECTOR(A1, in1, from1);
#endif
#if INPUTS > 2
            const VEC a2 = VECTOR(A2, in2, from2);
#endif
            JOINED(STORE_, OUT_TYPE)(out, to + i5, (VEC)(EXPRESSION));
        }
        for (; i5 < last; ++i5) {
            const VEC a0 = SCALAR(A0, in0, from0);
#if INPUTS > 1
            const VEC a1 = SCALAR(A1, in1, from1);
#endif
#if INPUTS > 2
            const VEC a2 = SCALAR(A2, in2, from2);
#endif
            const VEC value = (VEC)(EXPRESSION);
            OUT_WRITE(out, to + i5, value.s0);
        }
    }
}
