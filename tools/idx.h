/* SPDX-License-Identifier: GPL-2.0-only */
/* Reader of IDX files (unsigned bytes), gzipped or not, as MNIST-like data sets come. */
#ifndef DOJO_TOOLS_IDX_H
#define DOJO_TOOLS_IDX_H

#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#define IDX_DIMS_MAX	4

/**
 * struct idx - an open file
 * @dims: how many extents it has
 * @dim: the extents, slowest first; unused ones are 1
 * @total: bytes of data = product of @dim
 * @left: bytes not read yet
 * @error: one line saying what is wrong with the file, after a call has failed
 */
struct idx {
	unsigned int dims;
	uint32_t dim[IDX_DIMS_MAX];
	uint64_t total;
	uint64_t left;
	char error[320];
	const char *path;
	gzFile file;
};

/*
 * All return 0 or -errno: -ENOENT and the like from open(), -EBADMSG for a
 * file that is damaged or of another kind. @path must outlive @idx.
 */
int idx_open(struct idx *idx, const char *path);
/* exactly @size bytes */
int idx_read(struct idx *idx, void *data, size_t size);
/* nothing may be left, and the checksum of a gzipped file must fit; then closes */
int idx_finish(struct idx *idx);
void idx_close(struct idx *idx);

#endif
