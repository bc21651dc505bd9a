/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>

#include "reference.h"

void ref_gemm(float *d, const float *a, const float *b, uint64_t m, uint64_t n, uint64_t k,
	      bool trans_a, bool trans_b)
{
	for (uint64_t i = 0; i < m; i++)
		for (uint64_t j = 0; j < n; j++) {
			float acc = 0;

			for (uint64_t l = 0; l < k; l++)
				acc = fmaf(trans_a ? a[l * m + i] : a[i * k + l],
					   trans_b ? b[j * k + l] : b[l * n + j], acc);
			d[i * n + j] = acc;
		}
}
