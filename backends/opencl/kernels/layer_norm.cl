// One work-group per row; its work-items take the C1 elements in turn: mean, variance, normalized times weight plus bias.

__kernel void layer_norm(
    __global OUT_T *out, __global const A0_T *x, __global const A1_T *weight, __global const A2_T *bias)
{
    __local float scratch[WIDTH];
    const int from = A0_OFFSET + get_group_id(0) * A0_S0, to = OUT_OFFSET + get_group_id(0) * OUT_S0;
    float total = 0.0f;
    for (int j = get_local_id(0); j < C1; j += WIDTH)
        total += A0_READ(x, from + j * A0_S1);
    const float mean = group_sum(total, scratch) / C1;
    total = 0.0f;
    for (int j = get_local_id(0); j < C1; j += WIDTH) {
        const float apart = A0_READ(x, from + j * A0_S1) - mean;
        total += apart * apart;
    }
    const float scale = rsqrt(group_sum(total, scratch) / C1 + EPSILON);
    for (int j = get_local_id(0); j < C1; j += WIDTH) {
        const float value = (A0_READ(x, from + j * A0_S1) - mean) * scale;
        OUT_WRITE(out, to + j * OUT_S1,
            value * A1_READ(weight, A1_OFFSET + j * A1_S0) + A2_READ(bias, A2_OFFSET + j * A2_S0));
    }
}
