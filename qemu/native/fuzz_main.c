/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What libFuzzer calls: fuzz_run() with FUZZ_RUN, else fuzz_decode() */
#include "fuzz.h"

#ifdef FUZZ_RUN
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_run(data, size);
	return 0;
}

/* Blind changes alone would hardly ever leave a legal packet */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	struct fuzz_input in = {};

	if (max_size < sizeof(in))
		return LLVMFuzzerMutate(data, size, max_size);
	test_seed(seed);
	if (test_below(8) == 0)
		size = LLVMFuzzerMutate(data, size, max_size);
	memcpy(&in, data, size < sizeof(in) ? size : sizeof(in));
	fuzz_edit(&in);
	memcpy(data, &in, sizeof(in));
	return sizeof(in);
}
#else
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_decode(data, size);
	return 0;
}
#endif
