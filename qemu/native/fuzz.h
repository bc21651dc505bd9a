/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets of any kind through the decoder, and those that it accepts through
 * the arithmetic, on a small memory. What must not happen ends the program.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "packets.h"

/* What a fuzzer changes; short inputs are filled up with zeros */
struct fuzz_input {
	uint8_t mode;		/* enum memory_mode */
	uint8_t isa;		/* of the second run: 0..2; 3 more: past the caches */
	uint8_t fill;		/* enum fuzz_fill */
	uint8_t bytes;		/* left of the batch, in units of 8 beyond the packet's header */
	uint32_t seed;		/* of the memory's contents */
	uint64_t packet[DOJO_PACKET_MAX / 8];
};

enum fuzz_fill {
	FILL_ZERO,
	FILL_SMALL,		/* integers 0..7: indices and labels that exist */
	FILL_NUMBERS,		/* FP32 of moderate size */
	FILL_BITS,		/* anything, NaN and Inf among it */
	FILL_COUNT,
};

#define FUZZ_BASE	0x7ff000ull
#define FUZZ_MEMORY	(128u << 10)

/* How inputs fared, for a test that they are of use */
enum fuzz_outcome {
	FUZZ_REJECTED,
	FUZZ_CONTROL,		/* has no units */
	FUZZ_TOO_LARGE,		/* legal, but not run in full */
	FUZZ_FAULTED,
	FUZZ_DONE,
};

/* Any bytes: decoded only */
void fuzz_decode(const uint8_t *data, size_t size);
/* An input (or a part of one): decoded and run */
enum fuzz_outcome fuzz_run(const uint8_t *data, size_t size);

/* A legal packet of this opcode on the fuzzers' memory */
void fuzz_legal(struct fuzz_input *in, unsigned int opcode, unsigned int variant);
/* Changes a few things, most of the time so that the packet stays legal; uses test_random() */
void fuzz_edit(struct fuzz_input *in);

/* What libFuzzer and its harness call of each other */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
