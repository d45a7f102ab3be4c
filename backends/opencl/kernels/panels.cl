// Work-item = one panel (global id 0) of one batch (b0, b1) = (global id 1 / B1, global id 1 % B1): columns panel * NR to
// NR more of b (DEPTH x N, whose rows lie DENSE or not, or TURNED: its columns do), a row of NR after the other; columns that b lacks are zeros.

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void panels(__global OUT_T *out, __global const A0_T *b NUMBERS)
{
    const int panel = get_global_id(0), b0 = get_global_id(1) / B1, b1 = get_global_id(1) % B1;
    const int from = A0_OFFSET + b0 * A0_S0 + b1 * A0_S1 + panel * NR * A0_S3, columns = min(NR, N - panel * NR);
    const int to = OUT_OFFSET + b0 * OUT_S0 + b1 * OUT_S1 + panel * OUT_S2;
#if DENSE
#define STEP 1
#else
#define STEP A0_S3
#endif
#if TURNED
    for (int k0 = 0; k0 < DEPTH; k0 += 16)
        for (int j = 0; j < NR; ++j)
            for (int k = k0; k < min(k0 + 16, DEPTH); ++k)
                OUT_WRITE(out, to + k * NR + j, j < columns ? A0_READ(b, from + k + j * A0_S3) : 0.0f);
#else
    for (int k = 0; k < DEPTH; ++k) {
        for (int j = 0; j < columns; ++j)
            OUT_WRITE(out, to + k * NR + j, A0_READ(b, from + k * A0_S2 + j * STEP));
        for (int j = columns; j < NR; ++j)
            OUT_WRITE(out, to + k * NR + j, 0.0f);
    }
#endif
}
