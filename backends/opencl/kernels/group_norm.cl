// One work-group per group of channels of one image: (n, g) = (group / GROUPS, group % GROUPS). Mean, then variance, then
// the normalized values times weight plus bias, and SiLU where it is asked for: three readings, one writing, no tensor between.
// A row is C0 x C1 elements, the axis that lies closest in memory last: CHANNEL(j) says which channel of the group j is.

__kernel void group_norm(
    __global OUT_T *out, __global const A0_T *x, __global const A1_T *weight, __global const A2_T *bias)
{
    __local float scratch[WIDTH];
    const int n = get_group_id(0) / GROUPS, g = get_group_id(0) % GROUPS;
    const int from = A0_OFFSET + n * A0_S0 + g * A0_S1, to = OUT_OFFSET + n * OUT_S0 + g * OUT_S1;
    float total = 0.0f;
    for (int j = get_local_id(0); j < C0 * C1; j += WIDTH)
        total += A0_READ(x, from + IN_ROW(A0, j));
    const float mean = group_sum(total, scratch) / (C0 * C1);
    total = 0.0f;
    for (int j = get_local_id(0); j < C0 * C1; j += WIDTH) {
        const float apart = A0_READ(x, from + IN_ROW(A0, j)) - mean;
        total += apart * apart;
    }
    const float scale = rsqrt(group_sum(total, scratch) / (C0 * C1) + EPSILON);
    for (int j = get_local_id(0); j < C0 * C1; j += WIDTH) {
        const int channel = g * CHANNELS + CHANNEL(j);
        float value = (A0_READ(x, from + IN_ROW(A0, j)) - mean) * scale;
        value = value * A1_READ(weight, A1_OFFSET + channel * A1_S0) + A2_READ(bias, A2_OFFSET + channel * A2_S0);
#if SILU
        value = value / (1.0f + exp(-value));
#endif
        OUT_WRITE(out, to + IN_ROW(OUT, j), value);
    }
}
