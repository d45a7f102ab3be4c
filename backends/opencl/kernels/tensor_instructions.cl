// The warp instructions of NVIDIA's tensor cores, from compute capability 8.0, and what any other device does in their place.
// A warp is 32 work-items that follow each other in dimension 0. A chunk is 16 bytes: 8 halves or 4 floats (E elements).
// One step multiplies two chunks of depth: DEPTH = 16 halves, or 8 floats as three tf32 products (big * big, and big * small
// both ways, where small is what tf32's ten bits lose). Fragments are those of the PTX ISA for mma.m16n8k16 and m16n8k8:
//   a[4]: row g + 8 * (r % 2), depth chunk r / 2; b[2]: column g, depth chunk r; c[4]: row g + 8 * (r / 2), column 2 * t + r % 2
// with lane = 4 * g + t; a register of a or b holds the halves 2 * t and 2 * t + 1, or the float t, of its chunk.
//
// Without NVIDIA the fragments go through `scratch`, by work-group barriers: every work-item of the group must come along.
// Copies wait in a queue there and happen when they are waited for, no sooner: a missing wait shows.

#if HALVES
#define E 8
#define DEPTH 16
#else
#define E 4
#define DEPTH 8
#endif

#if NVIDIA

#define COPIES
#define LOCAL_ADDRESS(p) ((uint)(size_t)(p))

// 16 bytes from device memory, or zeros where `inside` is false; done for this work-item after COPY_WAIT, for others after a barrier.
#define COPY(to, from, inside) copy_chunk(to, from, inside)
INLINED void copy_chunk(__local uint4 *to, __global const void *from, int inside)
{
    PTX volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
        :: "r"(LOCAL_ADDRESS(to)), "l"((ulong)(size_t)from), "r"(inside ? 16 : 0) : "memory");
}
#define COPY_COMMIT() PTX volatile("cp.async.commit_group;" ::: "memory")
// Until at most n of the committed groups are under way.
#define COPY_WAIT(n) PTX volatile("cp.async.wait_group %0;" :: "n"(n) : "memory")

// Four 8 x 8 matrices of halves (8 x 4 of floats); lane l names row l % 8 of matrix l / 8 by its chunk AT(l) of `tile`.
#define LOAD_FRAGMENTS(r, tile, AT) load_fragments(r, (tile) + AT(lane))
INLINED void load_fragments(uint *r, __local const uint4 *row)
{
    PTX volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
        : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(LOCAL_ADDRESS(row)) : "memory");
}
// The same, of halves, each matrix transposed.
#define LOAD_TRANSPOSED(r, tile, AT) load_transposed(r, (tile) + AT(lane))
INLINED void load_transposed(uint *r, __local const uint4 *row)
{
    PTX volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
        : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(LOCAL_ADDRESS(row)) : "memory");
}

// Over the four lanes that hold one row of c, for `count` values.
#define QUAD(NAME, JOIN) \
    INLINED void NAME(float *values, int count) \
    { \
        UNROLL for (int i = 0; i < count; ++i) { \
            values[i] = JOIN(values[i], neighbour(values[i], 1)); \
            values[i] = JOIN(values[i], neighbour(values[i], 2)); \
        } \
    }

#if HALVES
INLINED void multiply_one(float *c, const uint *a, const uint *b)
{
    PTX volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#else
INLINED void multiply_one(float *c, const uint *a, const uint *b)
{
    PTX volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#endif

#else

#define MOST_COPIES 64
typedef struct {
    __local uint4 *to[MOST_COPIES];
    __global const uint4 *from[MOST_COPIES];
    int group[MOST_COPIES], first, last, groups;
} Copies;
#define COPIES Copies copies; copies.first = copies.last = copies.groups = 0;
#define COPY(to, from, inside) copy_later(&copies, to, (__global const uint4 *)(from), inside)
#define COPY_COMMIT() (++copies.groups)
#define COPY_WAIT(n) copy_now(&copies, n)
INLINED void copy_later(Copies *copies, __local uint4 *to, __global const uint4 *from, int inside)
{
    const int at = copies->last++ % MOST_COPIES;
    copies->to[at] = to;
    copies->from[at] = inside ? from : 0;
    copies->group[at] = copies->groups;
}
INLINED void copy_now(Copies *copies, int groups)
{
    for (; copies->first < copies->last; ++copies->first) {
        const int at = copies->first % MOST_COPIES;
        if (copies->group[at] >= copies->groups - groups)
            return;
        *copies->to[at] = copies->from[at] ? *copies->from[at] : (uint4)(0);
    }
}

#define LOAD_FRAGMENTS(r, tile, AT) \
    UNROLL for (int load = 0; load < 4; ++load) \
        (r)[load] = ((__local const uint *)((tile) + AT(8 * load + lane / 4)))[lane % 4]
#define HALF_AT(tile, AT, row) ((uint)((__local const ushort *)((tile) + AT(row)))[lane / 4])
#define LOAD_TRANSPOSED(r, tile, AT) \
    UNROLL for (int load = 0; load < 4; ++load) \
        (r)[load] = HALF_AT(tile, AT, 8 * load + lane % 4 * 2) | HALF_AT(tile, AT, 8 * load + lane % 4 * 2 + 1) << 16

#define QUAD(NAME, JOIN) \
    INLINED void NAME(float *values, int count SCRATCH_ARGUMENT) \
    { \
        const int at = get_local_id(0); \
        for (int i = 0; i < count; ++i) \
            scratch[i * THREADS + at] = as_uint(values[i]); \
        barrier(CLK_LOCAL_MEM_FENCE); \
        for (int i = 0; i < count; ++i) { \
            __local const uint *quad = scratch + i * THREADS + at / 4 * 4; \
            values[i] = JOIN(JOIN(as_float(quad[0]), as_float(quad[1])), JOIN(as_float(quad[2]), as_float(quad[3]))); \
        } \
        barrier(CLK_LOCAL_MEM_FENCE); \
    }

#endif

// What tf32 keeps of a float, to the nearest; and the rest, whose own bits below tf32's the tensor cores leave out.
INLINED uint tf32_big(uint x)
{
    return (x + 0x1000) & 0xffffe000;
}
INLINED uint tf32_small(uint x, uint big)
{
    return as_uint(as_float(x) - as_float(big));
}

// NAME(c, a, b): c[MT][NT][4] += a[MT][4] * b[NT][2], one step of depth of MT x NT fragments.
#if NVIDIA && HALVES
#define DEFINE_MULTIPLY(NAME, MT, NT) \
    INLINED void NAME(float *c, const uint *a, const uint *b) \
    { \
        UNROLL for (int i = 0; i < MT; ++i) \
            UNROLL for (int j = 0; j < NT; ++j) \
                multiply_one(c + (i * NT + j) * 4, a + i * 4, b + j * 2); \
    }
#elif NVIDIA
#define DEFINE_MULTIPLY(NAME, MT, NT) \
    INLINED void NAME(float *c, const uint *a, const uint *b) \
    { \
        uint big_b[NT * 2], small_b[NT * 2]; \
        UNROLL for (int j = 0; j < NT * 2; ++j) { \
            big_b[j] = tf32_big(b[j]); \
            small_b[j] = tf32_small(b[j], big_b[j]); \
        } \
        UNROLL for (int i = 0; i < MT; ++i) { \
            uint big_a[4], small_a[4]; \
            UNROLL for (int r = 0; r < 4; ++r) { \
                big_a[r] = tf32_big(a[i * 4 + r]); \
                small_a[r] = tf32_small(a[i * 4 + r], big_a[r]); \
            } \
            UNROLL for (int j = 0; j < NT; ++j) \
                multiply_one(c + (i * NT + j) * 4, small_a, big_b + j * 2); \
            UNROLL for (int j = 0; j < NT; ++j) \
                multiply_one(c + (i * NT + j) * 4, big_a, small_b + j * 2); \
            UNROLL for (int j = 0; j < NT; ++j) \
                multiply_one(c + (i * NT + j) * 4, big_a, big_b + j * 2); \
        } \
    }
#else
// a + b as tensor cores add to their sums: what a float cannot hold is cut off, not rounded.
INLINED float cut_off_sum(float a, float b)
{
    const float sum = a + b, of_b = sum - a, rest = (a - (sum - of_b)) + (b - of_b);
    return sum * rest < 0.0f ? as_float(as_uint(sum) - 1) : sum;
}
#if HALVES
#define LANE_OF(row, k) ((row) % 8 * 4 + (k) % 8 / 2)
#define PRODUCT(x, y, k) (half_of(x, (k) % 2) * half_of(y, (k) % 2))
#else
#define LANE_OF(row, k) ((row) % 8 * 4 + (k) % 4)
#define PRODUCT(x, y, k) three_products(x, y)
INLINED float three_products(uint x, uint y)
{
    const uint big_x = tf32_big(x), big_y = tf32_big(y);
    const float small_x = as_float(tf32_small(x, big_x) & 0xffffe000), small_y = as_float(tf32_small(y, big_y) & 0xffffe000);
    return small_x * as_float(big_y) + as_float(big_x) * small_y + as_float(big_x) * as_float(big_y);
}
#endif
#define DEFINE_MULTIPLY(NAME, MT, NT) \
    INLINED void NAME(float *c, const uint *a, const uint *b SCRATCH_ARGUMENT) \
    { \
        const int own = get_local_id(0) % 32; \
        __local uint *shared = scratch + get_local_id(0) / 32 * ((MT * 4 + NT * 2) * 32); \
        for (int i = 0; i < MT * 4; ++i) \
            shared[i * 32 + own] = a[i]; \
        for (int j = 0; j < NT * 2; ++j) \
            shared[(MT * 4 + j) * 32 + own] = b[j]; \
        barrier(CLK_LOCAL_MEM_FENCE); \
        for (int i = 0; i < MT; ++i) \
            for (int j = 0; j < NT; ++j) \
                for (int r = 0; r < 4; ++r) { \
                    const int row = own / 4 + r / 2 * 8, column = own % 4 * 2 + r % 2; \
                    float sum = 0.0f; \
                    for (int k = 0; k < DEPTH; ++k) { \
                        const uint x = shared[(i * 4 + row / 8 + k / (DEPTH / 2) * 2) * 32 + LANE_OF(row, k)]; \
                        const uint y = shared[(MT * 4 + j * 2 + k / (DEPTH / 2)) * 32 + LANE_OF(column, k)]; \
                        sum += PRODUCT(x, y, k); \
                    } \
                    c[(i * NT + j) * 4 + r] = cut_off_sum(c[(i * NT + j) * 4 + r], sum); \
                } \
        barrier(CLK_LOCAL_MEM_FENCE); \
    }
#endif
