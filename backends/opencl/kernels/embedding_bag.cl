// One work-item per element: global id 0 is the column, global id 1 the bag. Bag k holds ids starts[k] to starts[k + 1]
// (the last one to LENGTH); its value is the sum of their rows of the table, each times its weight.

__kernel void embedding_bag(__global OUT_T *out, __global const int *ids, __global const A1_T *table,
    __global const int *starts, __global const A3_T *weights)
{
    const int column = get_global_id(0), bag = get_global_id(1);
    if (column >= COLUMNS)
        return;
    const int last = bag + 1 < BAGS ? starts[A2_OFFSET + (bag + 1) * A2_S0] : LENGTH;
    float total = 0.0f;
    for (int i = starts[A2_OFFSET + bag * A2_S0]; i < last; ++i)
        total += A3_READ(weights, A3_OFFSET + i * A3_S0)
            * A1_READ(table, A1_OFFSET + ids[A0_OFFSET + i * A0_S0] * A1_S0 + column * A1_S1);
    OUT_WRITE(out, OUT_OFFSET + bag * OUT_S0 + column * OUT_S1, total);
}
