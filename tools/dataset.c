// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataset.h"
#include "idx.h"
#include "report.h"

#define IMAGES_MAX	10000000
#define SIDE_MAX	1024

static int find_file(char *path, size_t size, const char *folder, const char *name,
		     const char *kind)
{
	static const char *const endings[] = { ".gz", "" };

	for (size_t i = 0; i < 2; i++) {
		int n = snprintf(path, size, "%s/%s-%s%s", folder, name, kind, endings[i]);

		if (n < 0 || (size_t)n >= size)
			return fail("%s: the name is too long", folder);
		if (!access(path, F_OK))
			return 0;
	}
	return fail("%s/%s-%s.gz is missing: install dataset-fashion-mnist, or use --dataset",
		    folder, name, kind);
}

static uint8_t *read_all(struct idx *idx)
{
	uint8_t *data = malloc(idx->total);

	if (!data) {
		fail("%s: out of memory", idx->path);
		idx_close(idx);
		return NULL;
	}
	if (idx_read(idx, data, idx->total)) {
		fail("%s", idx->error);
		idx_close(idx);
		free(data);
		return NULL;
	}
	if (idx_finish(idx)) {
		fail("%s", idx->error);
		free(data);
		return NULL;
	}
	return data;
}

static int load_images(struct dataset *set, const char *path)
{
	struct idx idx;

	if (idx_open(&idx, path))
		return fail("%s", idx.error);
	if (idx.dims != 3 || idx.dim[0] > IMAGES_MAX || idx.dim[1] > SIDE_MAX ||
	    idx.dim[2] > SIDE_MAX) {
		idx_close(&idx);
		return fail("%s: not a set of images", path);
	}
	set->count = idx.dim[0];
	set->height = idx.dim[1];
	set->width = idx.dim[2];
	set->images = read_all(&idx);
	return set->images ? 0 : EXIT_FAILURE;
}

static int load_labels(struct dataset *set, const char *path, unsigned int classes)
{
	struct idx idx;

	if (idx_open(&idx, path))
		return fail("%s", idx.error);
	if (idx.dims != 1 || idx.dim[0] != set->count) {
		idx_close(&idx);
		return fail("%s: not the labels of %u images", path, set->count);
	}
	set->labels = read_all(&idx);
	if (!set->labels)
		return EXIT_FAILURE;
	for (uint32_t i = 0; i < set->count; i++) {
		if (set->labels[i] >= classes)
			return fail("%s: label %u of image %u is not below %u", path,
				    set->labels[i], i, classes);
	}
	return 0;
}

int dataset_load(struct dataset *set, const char *folder, const char *name, unsigned int classes)
{
	char path[4096];
	int err;

	memset(set, 0, sizeof(*set));
	err = find_file(path, sizeof(path), folder, name, "images-idx3-ubyte");
	if (!err)
		err = load_images(set, path);
	if (!err)
		err = find_file(path, sizeof(path), folder, name, "labels-idx1-ubyte");
	if (!err)
		err = load_labels(set, path, classes);
	if (err)
		dataset_free(set);
	return err;
}

void dataset_free(struct dataset *set)
{
	free(set->images);
	free(set->labels);
	memset(set, 0, sizeof(*set));
}
