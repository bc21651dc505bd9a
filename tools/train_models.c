// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "train_models.h"

static const struct net_layer mlp_layers[] = {
	{ .op = NET_DENSE, .out = 256, .relu = true },
	{ .op = NET_DENSE, .out = TRAIN_CLASSES },
	{ 0 }
};

static const struct net_layer cnn_layers[] = {
	{ .op = NET_CONV, .out = 16, .size = 3, .relu = true },
	{ .op = NET_POOL, .size = 2 },
	{ .op = NET_CONV, .out = 32, .size = 3, .relu = true },
	{ .op = NET_POOL, .size = 2 },
	{ .op = NET_DROPOUT, .drop = 0.2f },
	{ .op = NET_DENSE, .out = 128, .relu = true },
	{ .op = NET_DENSE, .out = TRAIN_CLASSES },
	{ 0 }
};

static const struct train_model models[] = {
	{
		.name = "mlp", .layers = mlp_layers, .text = "784-256-10", .formats = "fp32",
		.epochs = 10, .batch = 240, .rate = 0.002, .wanted = 87,
	},
	{
		.name = "cnn", .layers = cnn_layers,
		.text = "conv 16, pool, conv 32, pool, dropout, 128-10",
		.formats = "fp32,bf16,cfloat8", .convolutions = true, .all_tiles = true,
		.epochs = 8, .batch = 240, .rate = 0.002, .wanted = 91,
	},
};

const struct train_model *train_model_find(const char *name)
{
	for (size_t i = 0; i < sizeof(models) / sizeof(*models); i++) {
		if (!strcmp(name, models[i].name))
			return &models[i];
	}
	return NULL;
}
