// Reading and writing at the storage type of a view: fp32, fp16 (arithmetic stays fp32; vload_half and vstore_half are
// in every OpenCL 1.x, with or without cl_khr_fp16), int32.

#define READ_fp32(p, i) ((p)[i])
#define READ_fp16(p, i) vload_half((i), (p))
#define READ_int32(p, i) ((float)(p)[i])
#define WRITE_fp32(p, i, v) ((p)[i] = (v))
#define WRITE_fp16(p, i, v) vstore_half((v), (i), (p))
#define WRITE_int32(p, i, v) ((p)[i] = (int)(v))
