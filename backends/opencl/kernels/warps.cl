// What the lanes of a warp exchange, halves that are converted two at a time, and loads of 8 and 16 bytes: as NVIDIA's
// instructions where NVIDIA is set, else in OpenCL C, where lanes exchange by work-group barriers through `scratch`, which
// every work-item of the group must reach. A warp is 32 work-items that follow each other in dimension 0.

// C99's own inline promises a definition elsewhere, which there is none of.
#define INLINED static inline __attribute__((always_inline))
#define JOINED_(a, b) a##b
#define JOINED(a, b) JOINED_(a, b)

#if NVIDIA

#define PTX asm
#define UNROLL _Pragma("unroll")
#define SCRATCH(uints)
#define SCRATCH_ARGUMENT
#define SCRATCH_PASSED
#define EXP2(x) power_of_two(x)

// To 2 units in the last place; what would be denormal is zero, and no instruction is spent on it.
INLINED float power_of_two(float x)
{
    float power;
    PTX("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(x));
    return power;
}

INLINED uint pack_halves(float low, float high)
{
    uint both;
    PTX("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
    return both;
}
INLINED float2 unpack_halves(uint both)
{
    float low, high;
    PTX("{ .reg .b16 l, h; mov.b32 {l, h}, %2; cvt.f32.f16 %0, l; cvt.f32.f16 %1, h; }" : "=f"(low), "=f"(high) : "r"(both));
    return (float2)(low, high);
}

INLINED float neighbour(float value, int distance)
{
    float other;
    PTX volatile("shfl.sync.bfly.b32 %0, %1, %2, 0x1f, 0xffffffff;" : "=f"(other) : "f"(value), "r"(distance));
    return other;
}
INLINED float warp_sum(float value)
{
    UNROLL for (int distance = 16; distance > 0; distance /= 2)
        value += neighbour(value, distance);
    return value;
}

#else

#define UNROLL _Pragma("nounroll")
#define SCRATCH(uints) __local uint scratch[uints];
#define SCRATCH_ARGUMENT , __local uint *scratch
#define SCRATCH_PASSED , scratch
#define EXP2(x) exp2(x)

INLINED uint pack_halves(float low, float high)
{
    ushort halves[2];
    vstore_half_rte(low, 0, (half *)halves);
    vstore_half_rte(high, 1, (half *)halves);
    return halves[0] | (uint)halves[1] << 16;
}
INLINED float half_of(uint both, int place)
{
    const ushort bits = both >> 16 * place;
    return vload_half(0, (const half *)&bits);
}
INLINED float2 unpack_halves(uint both)
{
    return (float2)(half_of(both, 0), half_of(both, 1));
}

INLINED float warp_sum(float value SCRATCH_ARGUMENT)
{
    const int own = get_local_id(0);
    scratch[own] = as_uint(value);
    barrier(CLK_LOCAL_MEM_FENCE);
    float sum = 0.0f;
    for (int lane = 0; lane < 32; ++lane)
        sum += as_float(scratch[own / 32 * 32 + lane]);
    barrier(CLK_LOCAL_MEM_FENCE);
    return sum;
}

#endif

// Two or four neighbours, the first at a multiple of as many.
#define LOAD_PAIR_fp32(p, i) (*(__global const float2 *)((p) + (i)))
#define LOAD_PAIR_fp16(p, i) unpack_halves(*(__global const uint *)((p) + (i)))
#define STORE_PAIR_fp32(p, i, v) (*(__global float2 *)((p) + (i)) = (v))
#define STORE_PAIR_fp16(p, i, v) (*(__global uint *)((p) + (i)) = pack_halves((v).x, (v).y))
#define LOAD_FOUR_fp32(p, i) (*(__global const float4 *)((p) + (i)))
#define LOAD_FOUR_fp16(p, i) unpack_four(*(__global const uint2 *)((p) + (i)))
#define STORE_FOUR_fp32(p, i, v) (*(__global float4 *)((p) + (i)) = (v))
#define STORE_FOUR_fp16(p, i, v) (*(__global uint2 *)((p) + (i)) = (uint2)(pack_halves((v).x, (v).y), pack_halves((v).z, (v).w)))
INLINED float4 unpack_four(uint2 four)
{
    return (float4)(unpack_halves(four.x), unpack_halves(four.y));
}
