/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fuzzers start from, a fixed number of their steps, and every input
 * that once failed. A failure ends the program.
 */
#include "fuzz.h"

#if defined(__SANITIZE_ADDRESS__)
#define STEPS	10
#else
#define STEPS	100
#endif

static void test_seeds(void)
{
	for (const uint16_t *o = packet_opcodes; *o; o++) {
		bool ok = true;

		for (unsigned int v = 0; v < PACKET_VARIANTS; v++) {
			enum fuzz_outcome want = *o < DOJO_OP_COPY ? FUZZ_CONTROL : FUZZ_DONE;
			struct fuzz_input in;
			enum fuzz_outcome got;

			fuzz_legal(&in, *o, v);
			got = fuzz_run((uint8_t *)&in, sizeof(in));
			if (got != want && !(*o >= DOJO_OP_COPY_SEGMENTS && *o < DOJO_OP_GEMM)) {
				printf("# variant %u: %d\n", v, got);
				ok = false;
			}
		}
		test_ok(ok, "%s: the fuzzers' seeds run", packet_name(*o));
	}
}

static void test_steps(void)
{
	for (const uint16_t *o = packet_opcodes; *o; o++) {
		unsigned int outcomes[FUZZ_DONE + 1] = {};
		struct fuzz_input in;

		for (unsigned int step = 0; step < STEPS * PACKET_VARIANTS; step++) {
			test_seed((uint64_t)*o << 32 | step);
			fuzz_legal(&in, *o, step % PACKET_VARIANTS);
			fuzz_edit(&in);
			fuzz_edit(&in);
			fuzz_decode((uint8_t *)in.packet, step % (sizeof(in.packet) + 1));
			outcomes[fuzz_run((uint8_t *)&in, sizeof(in))]++;
		}
		test_ok(true, "%s: %u changed packets ran, %u faulted, %u were refused",
			packet_name(*o), outcomes[FUZZ_DONE] + outcomes[FUZZ_TOO_LARGE],
			outcomes[FUZZ_FAULTED], outcomes[FUZZ_REJECTED]);
	}
}

/* Operands with gaps may overlap in any way; then only what is stored there is undefined */
static void test_overlap(void)
{
	for (const uint16_t *o = packet_opcodes; *o; o++) {
		unsigned int ran = 0;

		if (!packet_is_compute(*o))
			continue;
		for (uint64_t shift = 0; shift < 4096; shift = 3 * shift + 4)
			for (unsigned int gaps = 1; gaps < 1u << DOJO_TENSOR_MAX; gaps++) {
				struct dojo_packet_compute *p;
				struct fuzz_input in;

				fuzz_legal(&in, *o, 0);
				p = (void *)in.packet;
				for (unsigned int i = 0; i < p->tensors; i++) {
					p->tensor[i].va = FUZZ_BASE + i * shift;
					if (gaps >> i & 1)
						p->tensor[i].stride[3] += 5;
				}
				ran += fuzz_run((uint8_t *)&in, sizeof(in)) != FUZZ_REJECTED;
				if (gaps >> p->tensors)
					break;
			}
		test_ok(true, "%s: %u packets with operands that overlap", packet_name(*o), ran);
	}
}

int main(void)
{
	test_overlap();
	test_seeds();
	test_steps();
	return test_end();
}
