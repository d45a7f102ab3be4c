// One work-item per element: global id 0 is the column, global id 1 the row; ids are taken modulo nothing, as given.

__kernel void embedding(__global OUT_T *out, __global const int *ids, __global const A1_T *table)
{
    const int column = get_global_id(0), row = get_global_id(1);
    if (column >= COLUMNS)
        return;
    const int id = ids[A0_OFFSET + row * A0_S0];
    OUT_WRITE(out, OUT_OFFSET + row * OUT_S0 + column * OUT_S1,
        A1_READ(table, A1_OFFSET + id * A1_S0 + column * A1_S1));
}
