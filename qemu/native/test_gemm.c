/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>

#include "reference.h"
#include "test.h"

#define F32 DOJO_FORMAT_FP32

static struct test_memory mem;

static void ref_gemm(float *d, const float *a, const float *b, uint64_t m, uint64_t n,
		     uint64_t k, bool trans_a, bool trans_b)
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

static bool one(uint32_t m, uint32_t n, uint32_t k, unsigned int flags, enum memory_mode mode)
{
	struct test_packet t;
	uint64_t a, b, d;
	float *ap, *bp, *dp, *ref = malloc(4ull * m * n);
	struct dojo_fault_info fault;
	bool ok;

	memory_reset(&mem);
	mem.mode = mode;
	a = memory_alloc(&mem, 4ull * m * k);
	b = memory_alloc(&mem, 4ull * k * n);
	d = memory_alloc(&mem, 4ull * m * n);
	ap = memory_at(&mem, a);
	bp = memory_at(&mem, b);
	dp = memory_at(&mem, d);
	for (uint64_t i = 0; i < (uint64_t)m * k; i++)
		ap[i] = test_float();
	for (uint64_t i = 0; i < (uint64_t)n * k; i++)
		bp[i] = test_float();
	test_packet_init(&t, DOJO_OP_GEMM, 0);
	t.p->op_flags = flags;
	test_set_f(&t, 0, 1.0f);
	if (flags & DOJO_GEMM_TRANS_A)
		test_add(&t, a, F32, 0, m, k, 1, 1);
	else
		test_add(&t, a, F32, 0, k, m, 1, 1);
	if (flags & DOJO_GEMM_TRANS_B)
		test_add(&t, b, F32, 0, k, n, 1, 1);
	else
		test_add(&t, b, F32, 0, n, k, 1, 1);
	test_add(&t, d, F32, 0, n, m, 1, 1);
	ok = test_run(&t, &mem, NULL, &fault);
	if (!ok)
		printf("# fault %u field 0x%x va 0x%llx\n", fault.reason, fault.field,
		       (unsigned long long)fault.va);
	ref_gemm(ref, ap, bp, m, n, k, flags & DOJO_GEMM_TRANS_A, flags & DOJO_GEMM_TRANS_B);
	if (ok && memcmp(ref, dp, 4ull * m * n)) {
		ok = false;
		for (uint64_t i = 0; i < (uint64_t)m * n; i++)
			if (memcmp(&ref[i], &dp[i], 4)) {
				printf("# m %u n %u k %u flags %u: (%llu, %llu) is %a, should be %a\n",
				       m, n, k, flags, (unsigned long long)(i % n),
				       (unsigned long long)(i / n), dp[i], ref[i]);
				break;
			}
	}
	free(ref);
	return ok;
}

int main(void)
{
	memory_init(&mem, 0x10000, 32 << 20);
	TEST_EACH_ISA(isa) {
		for (unsigned int flags = 0; flags < 4; flags++) {
			bool ok = true;

			for (int i = 0; i < 12; i++)
				ok &= one(1 + test_below(70), 1 + test_below(70),
					  1 + test_below(600), flags, (enum memory_mode)(i % 4));
			ok &= one(257, 300, 64, flags, MEMORY_PAGES);
			test_ok(ok, "FP32 product equals the plain loop, flags %u, %s", flags, isa);
		}
	}
	memory_fini(&mem);
	return test_end();
}
