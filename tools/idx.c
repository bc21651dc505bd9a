// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "idx.h"

#define IDX_TYPE_U8	0x08
#define IDX_BYTES_MAX	(UINT64_C(1) << 40)

static int __attribute__((format(printf, 3, 4)))
idx_fail(struct idx *idx, int err, const char *fmt, ...)
{
	va_list ap;
	int n;

	n = snprintf(idx->error, sizeof(idx->error), "%s: ", idx->path);
	if (n < 0 || (size_t)n >= sizeof(idx->error))
		n = 0;
	va_start(ap, fmt);
	vsnprintf(idx->error + n, sizeof(idx->error) - n, fmt, ap);
	va_end(ap);
	return err;
}

static int idx_fail_zlib(struct idx *idx)
{
	const char *text;
	int code;

	text = gzerror(idx->file, &code);
	if (code == Z_ERRNO) {
		int err = errno ? errno : EIO;

		return idx_fail(idx, -err, "%s", strerror(err));
	}
	if (code == Z_OK || code == Z_BUF_ERROR)
		return idx_fail(idx, -EBADMSG, "the file is cut short");
	/* zlib's text begins with the path, as ours does */
	if (!strncmp(text, idx->path, strlen(idx->path)) &&
	    !strncmp(text + strlen(idx->path), ": ", 2))
		text += strlen(idx->path) + 2;
	return idx_fail(idx, -EBADMSG, "the file is damaged (%s)", text);
}

static int idx_get(struct idx *idx, void *data, size_t size)
{
	unsigned char *p = data;

	while (size) {
		unsigned int part = size > (1u << 30) ? 1u << 30 : size;
		int n = gzread(idx->file, p, part);

		if (n <= 0)
			return idx_fail_zlib(idx);
		p += n;
		size -= n;
	}
	return 0;
}

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

int idx_open(struct idx *idx, const char *path)
{
	unsigned char head[4], word[4];
	unsigned int i;
	int err;

	memset(idx, 0, sizeof(*idx));
	idx->path = path;
	errno = 0;
	idx->file = gzopen(path, "rbe");
	if (!idx->file) {
		err = errno ? errno : ENOMEM;
		return idx_fail(idx, -err, "%s", strerror(err));
	}
	gzbuffer(idx->file, 256 << 10);

	err = idx_get(idx, head, sizeof(head));
	if (err)
		goto close;
	err = -EBADMSG;
	if (head[0] || head[1] || head[2] != IDX_TYPE_U8 || !head[3] || head[3] > IDX_DIMS_MAX) {
		idx_fail(idx, err, "not an IDX file of bytes (magic 0x%08x)", be32(head));
		goto close;
	}

	idx->dims = head[3];
	idx->total = 1;
	for (i = 0; i < IDX_DIMS_MAX; i++) {
		idx->dim[i] = 1;
		if (i >= idx->dims)
			continue;
		err = idx_get(idx, word, sizeof(word));
		if (err)
			goto close;
		idx->dim[i] = be32(word);
		if (!idx->dim[i] || idx->dim[i] > IDX_BYTES_MAX / idx->total) {
			err = idx_fail(idx, -EBADMSG, "extent %u is %u", i, idx->dim[i]);
			goto close;
		}
		idx->total *= idx->dim[i];
	}
	idx->left = idx->total;
	return 0;

close:
	idx_close(idx);
	return err;
}

int idx_read(struct idx *idx, void *data, size_t size)
{
	int err;

	if (size > idx->left)
		return idx_fail(idx, -EBADMSG, "holds %llu bytes of data, more were asked for",
				(unsigned long long)idx->total);
	err = idx_get(idx, data, size);
	if (!err)
		idx->left -= size;
	return err;
}

int idx_finish(struct idx *idx)
{
	unsigned char byte;
	int err = 0, n;

	if (idx->left)
		err = idx_fail(idx, -EBADMSG, "%llu bytes of data were not read",
			       (unsigned long long)idx->left);
	if (!err) {
		/* reading past the end makes zlib compare the checksum */
		n = gzread(idx->file, &byte, 1);
		if (n > 0)
			err = idx_fail(idx, -EBADMSG, "more data than the header says");
		else if (n < 0)
			err = idx_fail_zlib(idx);
	}
	n = gzclose(idx->file);
	idx->file = NULL;
	if (!err && n == Z_BUF_ERROR)
		err = idx_fail(idx, -EBADMSG, "the file is cut short");
	return err;
}

void idx_close(struct idx *idx)
{
	if (idx->file)
		gzclose(idx->file);
	idx->file = NULL;
}
