// Sums and maxima over the WIDTH work-items of a group, in local memory; every work-item gets the result.
// Also the position of element j of a row of C0 x C1 elements.

#define IN_ROW(X, j) (((j) / C1) * X##_S2 + ((j) % C1) * X##_S3)

static inline float group_sum(float value, __local float *scratch)
{
    const int lane = get_local_id(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    scratch[lane] = value;
    for (int half_way = WIDTH / 2; half_way > 0; half_way /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lane < half_way)
            scratch[lane] += scratch[lane + half_way];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return scratch[0];
}

static inline float group_max(float value, __local float *scratch)
{
    const int lane = get_local_id(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    scratch[lane] = value;
    for (int half_way = WIDTH / 2; half_way > 0; half_way /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lane < half_way)
            scratch[lane] = fmax(scratch[lane], scratch[lane + half_way]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return scratch[0];
}
