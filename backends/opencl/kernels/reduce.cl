// One work-group per row (r0, r1) = (group / R1, group % R1); its work-items take the C0 x C1 elements in turn.
// FUNCTION is MEAN, SUM, MAX or VARIANCE; the latter reads the mean.

__kernel void reduce(__global OUT_T *out, __global const A0_T *x
#if FUNCTION == VARIANCE
    , __global const A1_T *mean
#endif
)
{
    __local float scratch[WIDTH];
    const int r0 = get_group_id(0) / R1, r1 = get_group_id(0) % R1;
    const int row = A0_OFFSET + r0 * A0_S0 + r1 * A0_S1;
#if FUNCTION == VARIANCE
    const float middle = A1_READ(mean, A1_OFFSET + r0 * A1_S0 + r1 * A1_S1);
#endif
    float total = FUNCTION == MAX ? -INFINITY : 0.0f;
    for (int j = get_local_id(0); j < C0 * C1; j += WIDTH) {
        const float value = A0_READ(x, row + IN_ROW(A0, j));
#if FUNCTION == MAX
        total = fmax(total, value);
#elif FUNCTION == VARIANCE
        total += (value - middle) * (value - middle);
#else
        total += value;
#endif
    }
    total = FUNCTION == MAX ? group_max(total, scratch) : group_sum(total, scratch);
    if (FUNCTION == MEAN || FUNCTION == VARIANCE)
        total /= C0 * C1;
    if (get_local_id(0) == 0)
        OUT_WRITE(out, OUT_OFFSET + r0 * OUT_S0 + r1 * OUT_S1, total);
}
