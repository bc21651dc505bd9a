/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernels for hosts with AVX-512 */
#if defined(__x86_64__)
#define DOJO_ISA 2
#define NAME "avx512"
#define TABLE dojo_kernels_avx512
#if defined(__clang__)
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#pragma clang attribute push(TARGET, apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")
#endif
#include "dojo_kernels_table.c.inc"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
