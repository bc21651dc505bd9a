/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernels for hosts with AVX2 */
#if defined(__x86_64__)
#define DOJO_ISA 1
#define NAME "avx2"
#define TABLE dojo_kernels_avx2
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#include "dojo_kernels_table.c.inc"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
