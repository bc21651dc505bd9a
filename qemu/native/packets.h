/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small legal packet of every opcode: what tests spoil and fuzzers start from */
#ifndef PACKETS_H
#define PACKETS_H

#include "test.h"

#define PACKET_VARIANTS	4
/* Tensors lie within this many bytes from the base */
#define PACKET_SPAN	(1u << 20)

/* NULL-terminated by opcode 0 */
extern const uint16_t packet_opcodes[];
bool packet_is_compute(unsigned int opcode);
const char *packet_name(unsigned int opcode);
/* @variant: without and with options */
void packet_legal(struct test_packet *t, unsigned int opcode, unsigned int variant, uint64_t base);

#endif
