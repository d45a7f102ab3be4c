// Queries, keys and values of fp32 attention as sums of two halves each: x * scale = big + small, to 22 bits. The scale, a power of
// two for each of the three, takes its largest magnitude to between 2^13 and 2^14: nothing overflows, and what small halves lose
// is beyond fp32's own last bit of the largest. Slices of each tensor give their largest magnitude first.

#define SCALED_TO 13

// What tensor `which` is multiplied by, from the magnitudes of its SLICES, a multiple of 4.
INLINED float scale_of(__global const float *magnitudes, int which)
{
    float4 most = (float4)(0.0f);
#pragma unroll 4
    for (int i = 0; i < SLICES; i += 4)
        most = fmax(most, *(__global const float4 *)(magnitudes + which * SLICES + i));
    const int exponent = as_uint(fmax(fmax(most.x, most.y), fmax(most.z, most.w))) >> 23;
    return as_float(clamp(2 * 127 + SCALED_TO - exponent, 1 + SCALED_TO, 240) << 23);
}

#if SPLITTING
// Chunk `at` of the (B, TOKENS, HEADS, D / 8) chunks of a tensor: where it begins.
#define CHUNKS (BATCH * TOKENS * HEADS * (D / 8))
#define PLACE(X, at) (X##_OFFSET + (at) / (D / 8 * HEADS * TOKENS) * X##_S0 + (at) / (D / 8) % HEADS * X##_S1 \
    + (at) / (D / 8 * HEADS) % TOKENS * X##_S2 + (at) % (D / 8) * 8)
#define CHUNK_OF(which, at) (which == 0 ? query + PLACE(A0, at) : which == 1 ? keys + PLACE(A1, at) : values + PLACE(A2, at))

// Group (slice, tensor): the largest magnitude of every SLICES * THREADS-th chunk.
__kernel __attribute__((reqd_work_group_size(THREADS, 1, 1))) void magnitudes(__global float *restrict out,
    __global const float *restrict query, __global const float *restrict keys, __global const float *restrict values NUMBERS)
{
    __local float scratch[THREADS];
    const int own = get_local_id(0), which = get_group_id(1);
    float4 most = (float4)(0.0f);
#pragma unroll 4
    for (int at = get_global_id(0); at < CHUNKS; at += SLICES * THREADS) {
        __global const float4 *chunk = (__global const float4 *)CHUNK_OF(which, at);
        most = fmax(most, fmax(fabs(chunk[0]), fabs(chunk[1])));
    }
    scratch[own] = fmax(fmax(most.x, most.y), fmax(most.z, most.w));
    for (int half_way = THREADS / 2; half_way > 0; half_way /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (own < half_way)
            scratch[own] = fmax(scratch[own], scratch[own + half_way]);
    }
    if (own == 0)
        out[which * SLICES + get_group_id(0)] = scratch[0];
}

// Work-item = a chunk of 8 elements (global id 0) of a tensor (global id 1); out (tensor, part, b, h, t, d).
__kernel __attribute__((reqd_work_group_size(THREADS, 1, 1))) void split_in_halves(__global half *restrict out,
    __global const float *restrict query, __global const float *restrict keys, __global const float *restrict values,
    __global const float *restrict magnitudes NUMBERS)
{
    const int at = get_global_id(0), which = get_group_id(1);
    if (at >= CHUNKS)
        return;
    const float scale = scale_of(magnitudes, which);
    __global const float4 *chunk = (__global const float4 *)CHUNK_OF(which, at);
    const float4 first = chunk[0] * scale, second = chunk[1] * scale;
    uint4 big, small;
    big = (uint4)(pack_halves(first.x, first.y), pack_halves(first.z, first.w), pack_halves(second.x, second.y), pack_halves(second.z, second.w));
    const float4 rest = first - unpack_four(big.xy), more = second - unpack_four(big.zw);
    small = (uint4)(pack_halves(rest.x, rest.y), pack_halves(rest.z, rest.w), pack_halves(more.x, more.y), pack_halves(more.z, more.w));
    const int row = (at / (D / 8 * HEADS * TOKENS) * HEADS + at / (D / 8) % HEADS) * TOKENS + at / (D / 8 * HEADS) % TOKENS;
    const int to = which * 2 * CHUNKS + row * (D / 8) + at % (D / 8);
    ((__global uint4 *)out)[to] = big;
    ((__global uint4 *)out)[to + CHUNKS] = small;
}
#endif
