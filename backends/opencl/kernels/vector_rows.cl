// Work-item = ROWS rows (global id 0) of C1 elements that lie dense. KIND is LAYER_NORM (mean, variance, normalized times
// weight plus bias), STATISTICS (the maximum, and one over the sum of the exponentials above it), ARGMAX (the first largest) or REDUCE with FUNCTION
// MEAN, SUM, MAX or VARIANCE; REDUCE reads C0 x C1 elements a row, the rest one. Row r is (b0, b1, m) of B1 and M.

#define FOR_ROW(body_vector, body_rest) \
    for (int i = 0; i < C0; ++i) { \
        const int start = from + i * STEP; \
        int j = 0; \
        for (; j + W <= C1; j += W) { const VEC v = JOINED(LOAD_, A0_TYPE)(x, start + j); body_vector; } \
        for (; j < C1; ++j) { const float s = A0_READ(x, start + j); body_rest; } \
    }

__kernel __attribute__((reqd_work_group_size(1, 1, 1), vec_type_hint(VEC))) void rows(__global OUT_T *out, __global const A0_T *x
#if KIND == LAYER_NORM
    , __global const A1_T *weight, __global const A2_T *bias
#elif KIND == REDUCE && FUNCTION == VARIANCE
    , __global const A1_T *mean
#endif
    NUMBERS)
{
    const int first = get_global_id(0) * ROWS;
#if KIND == ARGMAX
    float lane[W];
    for (int i = 0; i < W; ++i)
        lane[i] = i;
    const VEC lanes = JOINED(vload, W)(0, lane);
#endif
    for (int r = first; r < min(first + ROWS, COUNT); ++r) {
        const int m = r % M, b1 = r / M % B1, b0 = r / (M * B1);
        const int from = A0_OFFSET + ROW_OF(A0), to = OUT_OFFSET + ROW_OF(OUT);
        VEC many = (VEC)(0.0f);
        float few = 0.0f;
#if KIND == LAYER_NORM
        FOR_ROW(many += v, few += s)
        const float mean = (TOTAL(many) + few) / C1;
        many = (VEC)(0.0f);
        few = 0.0f;
        FOR_ROW(many = fma(v - mean, v - mean, many), few += (s - mean) * (s - mean))
        const float scale = rsqrt((TOTAL(many) + few) / C1 + EPSILON);
        FOR_ROW(JOINED(STORE_, OUT_TYPE)(out, to + j, fma((v - mean) * scale, JOINED(LOAD_, A1_TYPE)(weight, A1_OFFSET + j),
                    JOINED(LOAD_, A2_TYPE)(bias, A2_OFFSET + j))),
            OUT_WRITE(out, to + j,
                (s - mean) * scale * A1_READ(weight, A1_OFFSET + j) + A2_READ(bias, A2_OFFSET + j)))
#elif KIND == STATISTICS
        many = (VEC)(-INFINITY);
        few = -INFINITY;
        FOR_ROW(many = max(many, v), few = max(few, s))
        const float most = max(LARGEST(many), few);
        many = (VEC)(0.0f);
        few = 0.0f;
        FOR_ROW(many += exponential(v - most), few += exp(s - most))
        OUT_WRITE(out, to, most);
        OUT_WRITE(out, to + OUT_S3, 1.0f / (TOTAL(many) + few));
#elif KIND == ARGMAX
        VEC places = (VEC)(0.0f);
        many = (VEC)(-INFINITY);
        few = -INFINITY;
        int place = 0;
        FOR_ROW(places = v > many ? lanes + (float)j : places; many = max(many, v),
            if (s > few) { few = s; place = j; })
        const float most = LARGEST(many);
        places = many == most ? -places : (VEC)(-INFINITY);
        OUT_WRITE(out, to, few > most ? place : -LARGEST(places));
#elif FUNCTION == MAX
        many = (VEC)(-INFINITY);
        few = -INFINITY;
        FOR_ROW(many = max(many, v), few = max(few, s))
        OUT_WRITE(out, to, max(LARGEST(many), few));
#elif FUNCTION == VARIANCE
        const float middle = A1_READ(mean, A1_OFFSET + ROW_OF(A1));
        FOR_ROW(many = fma(v - middle, v - middle, many), few += (s - middle) * (s - middle))
        OUT_WRITE(out, to, (TOTAL(many) + few) / (C0 * C1));
#else
        FOR_ROW(many += v, few += s)
        OUT_WRITE(out, to, (TOTAL(many) + few) / (FUNCTION == MEAN ? C0 * C1 : 1));
#endif
    }
}
