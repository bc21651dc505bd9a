/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernels for any host; fused multiply-add may be a slow but exact fmaf() */
#define DOJO_ISA 0
#define NAME "base"
#define TABLE dojo_kernels_base
#include "dojo_kernels_table.c.inc"

unsigned int dojo_kernels_limit = 2;

const struct dojo_kernels *dojo_kernels_get(void)
{
#if defined(__x86_64__)
	if (dojo_kernels_limit >= 2 && __builtin_cpu_supports("avx512f") &&
	    __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512dq") &&
	    __builtin_cpu_supports("avx512vl"))
		return &dojo_kernels_avx512;
	if (dojo_kernels_limit >= 1 && __builtin_cpu_supports("avx2") &&
	    __builtin_cpu_supports("fma"))
		return &dojo_kernels_avx2;
#endif
	return &dojo_kernels_base;
}
