// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "dataset.h"
#include "idx.h"

static char folder[32];
static char path[128];

static const unsigned char images_head[] = { 0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4 };
static const unsigned char labels_head[] = { 0, 0, 8, 1, 0, 0, 0, 2 };

static const char *named(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/* a gzipped file: @head, then @bytes bytes 0, 1, 2 ... */
static void write_gz(const char *name, const void *head, size_t head_size, unsigned int bytes)
{
	gzFile f = gzopen(named(name), "wb");

	CHECK(f);
	CHECK(gzwrite(f, head, head_size) == (int)head_size);
	for (unsigned int i = 0; i < bytes; i++)
		CHECK(gzputc(f, i & 0xff) >= 0);
	CHECK(gzclose(f) == Z_OK);
}

static long size_of(const char *name)
{
	FILE *f = fopen(named(name), "rb");
	long size;

	CHECK(f);
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	fclose(f);
	return size;
}

static void images_are_read_as_written(void)
{
	unsigned char data[24];
	struct idx idx;

	write_gz("a.gz", images_head, sizeof(images_head), 24);
	CHECK(!idx_open(&idx, named("a.gz")));
	CHECK(idx.dims == 3 && idx.dim[0] == 2 && idx.dim[1] == 3 && idx.dim[2] == 4 &&
	      idx.dim[3] == 1);
	CHECK(idx.total == 24);
	CHECK(!idx_read(&idx, data, 10));
	CHECK(!idx_read(&idx, data + 10, 14));
	CHECK(!idx_finish(&idx));
	for (unsigned int i = 0; i < 24; i++)
		CHECK(data[i] == i);
}

static void plain_files_are_read_too(void)
{
	FILE *f = fopen(named("plain"), "wb");
	unsigned char data[2];
	struct idx idx;

	CHECK(f);
	fwrite(labels_head, 1, sizeof(labels_head), f);
	fwrite("\1\2", 1, 2, f);
	fclose(f);
	CHECK(!idx_open(&idx, named("plain")));
	CHECK(!idx_read(&idx, data, 2) && data[1] == 2);
	CHECK(!idx_finish(&idx));
}

static void missing_file_is_enoent(void)
{
	struct idx idx;

	CHECK(idx_open(&idx, named("nowhere")) == -ENOENT);
	CHECK(strstr(idx.error, "nowhere"));
}

static void truncated_gzip_is_refused(void)
{
	unsigned char data[24];
	struct idx idx;
	long full;

	write_gz("t.gz", images_head, sizeof(images_head), 24);
	full = size_of("t.gz");
	for (long size = full - 1; size > 0; size--) {
		int err;

		CHECK(!truncate(named("t.gz"), size));
		err = idx_open(&idx, named("t.gz"));
		if (!err) {
			err = idx_read(&idx, data, 24);
			if (err)
				idx_close(&idx);
			else
				err = idx_finish(&idx);
		}
		CHECK(err == -EBADMSG);
		CHECK(strstr(idx.error, "cut short") || strstr(idx.error, "damaged") ||
		      strstr(idx.error, "magic"));
	}
}

static void empty_file_is_refused(void)
{
	FILE *f = fopen(named("empty"), "wb");
	struct idx idx;

	CHECK(f);
	fclose(f);
	CHECK(idx_open(&idx, named("empty")) == -EBADMSG);
}

static void flipped_bits_are_noticed(void)
{
	unsigned char data[24];
	long full;

	write_gz("f.gz", images_head, sizeof(images_head), 24);
	full = size_of("f.gz");
	/* behind gzip's own header, whose time and system may be anything */
	for (long at = 10; at < full; at++) {
		struct idx idx;
		FILE *f;
		int c, err;

		/* the last byte of compressed data is padded with bits that mean nothing */
		if (at == full - 9)
			continue;
		write_gz("f.gz", images_head, sizeof(images_head), 24);
		f = fopen(named("f.gz"), "r+b");
		CHECK(f);
		fseek(f, at, SEEK_SET);
		c = fgetc(f);
		fseek(f, at, SEEK_SET);
		fputc(c ^ 0x10, f);
		fclose(f);
		err = idx_open(&idx, named("f.gz"));
		if (!err) {
			err = idx_read(&idx, data, idx.total < 24 ? idx.total : 24);
			if (err)
				idx_close(&idx);
			else
				err = idx_finish(&idx);
		}
		CHECK(err);
		CHECK(idx.error[0]);
	}
}

static void wrong_magic_is_refused(void)
{
	static const unsigned char bad[][4] = {
		{ 1, 0, 8, 3 }, { 0, 1, 8, 3 }, { 0, 0, 9, 3 }, { 0, 0, 8, 0 }, { 0, 0, 8, 5 },
		{ 0, 0, 8, 255 }, { 'P', 'K', 3, 4 },
	};
	unsigned char head[16];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct idx idx;

		memcpy(head, images_head, sizeof(head));
		memcpy(head, bad[i], 4);
		write_gz("m.gz", head, sizeof(head), 24);
		CHECK(idx_open(&idx, named("m.gz")) == -EBADMSG);
		CHECK(strstr(idx.error, "magic"));
	}
}

static void absurd_extents_are_refused(void)
{
	unsigned char head[20] = { 0, 0, 8, 4 };
	struct idx idx;

	memset(head + 4, 0xff, 16);
	write_gz("x.gz", head, sizeof(head), 1);
	CHECK(idx_open(&idx, named("x.gz")) == -EBADMSG);
	memset(head + 4, 0, 16);
	write_gz("x.gz", head, sizeof(head), 1);
	CHECK(idx_open(&idx, named("x.gz")) == -EBADMSG);
}

static void surplus_data_is_refused(void)
{
	unsigned char data[24];
	struct idx idx;

	write_gz("s.gz", images_head, sizeof(images_head), 25);
	CHECK(!idx_open(&idx, named("s.gz")));
	CHECK(!idx_read(&idx, data, 24));
	CHECK(idx_finish(&idx) == -EBADMSG);
}

static void reading_too_much_is_refused(void)
{
	unsigned char data[25];
	struct idx idx;

	write_gz("a.gz", images_head, sizeof(images_head), 24);
	CHECK(!idx_open(&idx, named("a.gz")));
	CHECK(idx_read(&idx, data, 25) == -EBADMSG);
	idx_close(&idx);
}

static void dataset_is_a_pair_of_files(void)
{
	struct dataset set;

	write_gz("d-images-idx3-ubyte.gz", images_head, sizeof(images_head), 24);
	write_gz("d-labels-idx1-ubyte.gz", labels_head, sizeof(labels_head), 2);
	CHECK(!dataset_load(&set, folder, "d", 10));
	CHECK(set.count == 2 && set.height == 3 && set.width == 4);
	CHECK(set.images[23] == 23 && set.labels[1] == 1);
	dataset_free(&set);
}

static void label_out_of_range_is_refused(void)
{
	struct dataset set;

	write_gz("d-images-idx3-ubyte.gz", images_head, sizeof(images_head), 24);
	write_gz("d-labels-idx1-ubyte.gz", labels_head, sizeof(labels_head), 2);
	CHECK(dataset_load(&set, folder, "d", 1));
	CHECK(!set.images && !set.labels);
}

static void numbers_of_images_and_labels_must_agree(void)
{
	static const unsigned char three[] = { 0, 0, 8, 1, 0, 0, 0, 3 };
	struct dataset set;

	write_gz("e-images-idx3-ubyte.gz", images_head, sizeof(images_head), 24);
	write_gz("e-labels-idx1-ubyte.gz", three, sizeof(three), 3);
	CHECK(dataset_load(&set, folder, "e", 10));
}

static const struct test tests[] = {
	{ "idx: images are read as written", images_are_read_as_written },
	{ "idx: plain files are read too", plain_files_are_read_too },
	{ "idx: a missing file is ENOENT", missing_file_is_enoent },
	{ "idx: a truncated gzip file is refused", truncated_gzip_is_refused },
	{ "idx: an empty file is refused", empty_file_is_refused },
	{ "idx: flipped bits are noticed", flipped_bits_are_noticed },
	{ "idx: a wrong magic number is refused", wrong_magic_is_refused },
	{ "idx: absurd extents are refused", absurd_extents_are_refused },
	{ "idx: surplus data is refused", surplus_data_is_refused },
	{ "idx: reading too much is refused", reading_too_much_is_refused },
	{ "dataset: a pair of files", dataset_is_a_pair_of_files },
	{ "dataset: a label out of range is refused", label_out_of_range_is_refused },
	{ "dataset: numbers of images and labels must agree",
	  numbers_of_images_and_labels_must_agree },
};

int main(void)
{
	int status;

	strcpy(folder, "/tmp/dojo-idx-XXXXXX");
	/* complaints are the subject here, not news */
	if (!mkdtemp(folder) || !freopen("/dev/null", "w", stderr))
		return EXIT_FAILURE;
	status = run_tests(tests, sizeof(tests) / sizeof(*tests));
	snprintf(path, sizeof(path), "rm -rf %s", folder);
	return system(path) ? EXIT_FAILURE : status;
}
