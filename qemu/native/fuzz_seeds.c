/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_seeds DIR: legal packets of every opcode, as DIR/decode/NAME and DIR/run/NAME */
#include <sys/stat.h>

#include "fuzz.h"

static void save(const char *dir, const char *kind, unsigned int opcode, unsigned int variant,
		 const void *data, size_t size)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/%s-%u", dir, kind, packet_name(opcode), variant);
	f = fopen(path, "wb");
	if (!f || fwrite(data, 1, size, f) != size || fclose(f)) {
		perror(path);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	struct fuzz_input in;
	char path[4096];

	if (argc != 2)
		return 2;
	mkdir(argv[1], 0777);
	snprintf(path, sizeof(path), "%s/decode", argv[1]);
	mkdir(path, 0777);
	snprintf(path, sizeof(path), "%s/run", argv[1]);
	mkdir(path, 0777);
	for (const uint16_t *o = packet_opcodes; *o; o++)
		for (unsigned int v = 0; v < PACKET_VARIANTS; v++) {
			const struct dojo_packet_header *h = (const void *)in.packet;

			fuzz_legal(&in, *o, v);
			save(argv[1], "decode", *o, v, in.packet, h->words * 8u);
			save(argv[1], "run", *o, v, &in, sizeof(in));
		}
	return 0;
}
