// What token merging does with indices. Work-item = one element (global id 0) of one row (global id 1) of N elements.
// KIND ARGSORT: element i's place is the number of those before it, equals in their own order; it writes i there.
// SCATTER: x, but element i is what the last m with index[m] = i brings, with ADD the sum of x and all these.
// CUMSUM: the sum of elements 0..i. GATHER: element i is x[index[i]]. ARGMAX: one work-item a row, the first largest of N.
// All compare with all where the result would else depend on the order in which work-items run; rows are short.

#define IN(X, i) (X##_OFFSET + row * X##_S0 + (i) * X##_S1)

__kernel void indices(__global OUT_T *out, __global const A0_T *x
#if KIND == SCATTER || KIND == GATHER
    , __global const A1_T *index
#endif
#if KIND == SCATTER
    , __global const A2_T *source
#endif
)
{
    const int i = get_global_id(0), row = get_global_id(1);
#if KIND == ARGMAX
    if (i > 0)
        return;
    int place = 0;
    float most = A0_READ(x, IN(A0, 0));
    for (int j = 1; j < N; ++j) {
        const float value = A0_READ(x, IN(A0, j));
        if (value > most) {
            most = value;
            place = j;
        }
    }
    OUT_WRITE(out, OUT_OFFSET + row * OUT_S0, place);
#else
    if (i >= COUNT)
        return;
#if KIND == ARGSORT
    const float own = A0_READ(x, IN(A0, i));
    int place = 0;
    for (int j = 0; j < N; ++j) {
        const float other = A0_READ(x, IN(A0, j));
        place += (DESCENDING ? other > own : other < own) || (other == own && j < i);
    }
    OUT_WRITE(out, IN(OUT, place), i);
#elif KIND == SCATTER
    float value = A0_READ(x, IN(A0, i));
    for (int m = 0; m < M; ++m)
        if (A1_READ(index, IN(A1, m)) == i) {
            const float brought = A2_READ(source, IN(A2, m));
            value = ADD ? value + brought : brought;
        }
    OUT_WRITE(out, IN(OUT, i), value);
#elif KIND == CUMSUM
    float total = 0.0f;
    for (int j = 0; j <= i; ++j)
        total += A0_READ(x, IN(A0, j));
    OUT_WRITE(out, IN(OUT, i), total);
#else
    OUT_WRITE(out, IN(OUT, i), A0_READ(x, IN(A0, (int)A1_READ(index, IN(A1, i)))));
#endif
#endif
}
