// One work-group per row (b0, b1, m) of C1 scores: the maximum, and one over the sum of the exponentials above it.

__kernel void softmax_statistics(__global OUT_T *out, __global const A0_T *x)
{
    __local float scratch[WIDTH];
    int rest = get_group_id(0);
    const int m = rest % ROWS; rest /= ROWS;
    const int b1 = rest % B1, b0 = rest / B1;
    const int row = A0_OFFSET + b0 * A0_S0 + b1 * A0_S1 + m * A0_S2;
    float most = -INFINITY, total = 0.0f;
    for (int j = get_local_id(0); j < C1; j += WIDTH)
        most = fmax(most, A0_READ(x, row + j * A0_S3));
    most = group_max(most, scratch);
    for (int j = get_local_id(0); j < C1; j += WIDTH)
        total += exp(A0_READ(x, row + j * A0_S3) - most);
    total = group_sum(total, scratch);
    if (get_local_id(0) == 0) {
        const int at = OUT_OFFSET + b0 * OUT_S0 + b1 * OUT_S1 + m * OUT_S2;
        OUT_WRITE(out, at, most);
        OUT_WRITE(out, at + OUT_S3, 1.0f / total);
    }
}
