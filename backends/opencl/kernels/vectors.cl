// Explicit vectors of W floats for processors: reading and writing at the storage type of a view, and exponentials.
// Loads and stores need no alignment. LOAD_fp32(p, i) reads W elements from p + i.

#define JOINED_(a, b) a##b
#define JOINED(a, b) JOINED_(a, b)
#define VEC JOINED(float, W)
#define INTS JOINED(int, W)
#define LOAD_fp32(p, i) JOINED(vload, W)(0, (p) + (i))
#define LOAD_fp16(p, i) JOINED(vload_half, W)(0, (p) + (i))
#define STORE_fp32(p, i, v) JOINED(vstore, W)((v), 0, (p) + (i))
#define STORE_fp16(p, i, v) JOINED(vstore_half, W)((v), 0, (p) + (i))

// W rows of W become columns: every round interleaves the halves of rows i and i + W / 2, which turns the bits of (row, column).
inline void transpose(VEC *rows)
{
#pragma unroll
    for (int round = 1; round < W; round *= 2) {
        VEC next[W];
#pragma unroll
        for (int i = 0; i < W / 2; ++i) {
            next[2 * i].even = rows[i].lo;
            next[2 * i].odd = rows[i + W / 2].lo;
            next[2 * i + 1].even = rows[i].hi;
            next[2 * i + 1].odd = rows[i + W / 2].hi;
        }
#pragma unroll
        for (int i = 0; i < W; ++i)
            rows[i] = next[i];
    }
}

// exp for x <= 88, to 2e-7 of its value; below -87 it stays at exp(-87). The nearest whole power of two is split off by
// adding 1.5 * 2^23, whose low bits then hold it, and the rest is a polynomial.
inline VEC exponential(VEC x)
{
    x = max(x, (VEC)(-87.0f));
    const VEC shifted = fma(x, (VEC)(1.44269504f), (VEC)(12582912.0f));
    const VEC whole = shifted - 12582912.0f;
    const VEC rest = fma(whole, (VEC)(1.42860677e-6f), fma(whole, (VEC)(-0.693148613f), x));
    VEC power = fma((VEC)(1.3888889e-3f), rest, (VEC)(8.3333333e-3f));
    power = fma(power, rest, (VEC)(4.1666667e-2f));
    power = fma(power, rest, (VEC)(1.6666667e-1f));
    power = fma(power, rest, (VEC)(0.5f));
    power = fma(power, rest, (VEC)(1.0f));
    power = fma(power, rest, (VEC)(1.0f));
    return JOINED(as_float, W)(JOINED(as_int, W)(power) + (JOINED(as_int, W)(shifted) << 23));
}

// 2^x for x <= 127, to 2e-7 of its value; below -126 it stays at 2^-126. The coefficients are nearest in relative error.
inline VEC power_of_two(VEC x)
{
    x = max(x, (VEC)(-126.0f));
    const VEC shifted = x + 12582912.0f, rest = x - (shifted - 12582912.0f);
    VEC power = fma((VEC)(1.3264726e-3f), rest, (VEC)(9.6715130e-3f));
    power = fma(power, rest, (VEC)(5.5507336e-2f));
    power = fma(power, rest, (VEC)(2.4022242e-1f));
    power = fma(power, rest, (VEC)(6.9314700e-1f));
    power = fma(power, rest, (VEC)(1.0f));
    return JOINED(as_float, W)(JOINED(as_int, W)(power) + (JOINED(as_int, W)(shifted) << 23));
}

#if W == 16
#define LARGEST(v) largest8(max((v).lo, (v).hi))
#define TOTAL(v) total8((v).lo + (v).hi)
#else
#define LARGEST(v) largest8(v)
#define TOTAL(v) total8(v)
#endif
inline float largest8(float8 v)
{
    const float4 four = max(v.lo, v.hi);
    const float2 two = max(four.lo, four.hi);
    return max(two.x, two.y);
}
inline float total8(float8 v)
{
    const float4 four = v.lo + v.hi;
    const float2 two = four.lo + four.hi;
    return two.x + two.y;
}

// erf to 1.5e-7 (Abramowitz and Stegun 1964, 7.1.26).
inline VEC error_function(VEC x)
{
    const VEC size = fabs(x), t = 1.0f / fma(size, (VEC)(0.3275911f), (VEC)(1.0f));
    VEC sum = fma((VEC)(1.061405429f), t, (VEC)(-1.453152027f));
    sum = fma(sum, t, (VEC)(1.421413741f));
    sum = fma(sum, t, (VEC)(-0.284496736f));
    sum = fma(sum, t, (VEC)(0.254829592f));
    return copysign(fma(-sum * t, exponential(-size * size), (VEC)(1.0f)), x);
}
