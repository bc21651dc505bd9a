// SPDX-License-Identifier: GPL-2.0-only
/* One accel node per tile, and what it says of its card and of itself */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "dojo_harness.h"

#define ACCEL_MAJOR	261
#define TILE_DIES_X	5
#define TILE_DIES_Y	5
#define DIE_NODES	354
#define FULL_HBM	GIB(32)
#define FULL_SRAM	10900000000ull	/* published as "11 GB" */

FIXTURE(enumerate) {
	unsigned int nodes;
};

FIXTURE_SETUP(enumerate)
{
	self->nodes = dojo_nodes();
	ASSERT_GT(self->nodes, 0);
}

FIXTURE_TEARDOWN(enumerate)
{
}

static void query_node(struct __test_metadata *_metadata, unsigned int n,
		       struct drm_dojo_card_info *card, struct drm_dojo_tile_info *tile)
{
	int fd = dojo_open(n);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, dojo_query(fd, DRM_DOJO_QUERY_CARD, card, sizeof(*card)));
	ASSERT_EQ(0, dojo_query(fd, DRM_DOJO_QUERY_TILE, tile, sizeof(*tile)));
	close(fd);
}

static bool same_card(const struct drm_dojo_card_info *a, const struct drm_dojo_card_info *b)
{
	return a->pci_domain == b->pci_domain && a->pci_bus == b->pci_bus &&
	       a->pci_device == b->pci_device && a->pci_function == b->pci_function;
}

TEST_F(enumerate, each_tile_of_a_card_has_one_node)
{
	struct drm_dojo_card_info card, other;
	struct drm_dojo_tile_info tile;
	unsigned int n, m, mask;

	for (n = 0; n < self->nodes; n++) {
		query_node(_metadata, n, &card, &tile);
		for (m = 0, mask = 0; m < self->nodes; m++) {
			query_node(_metadata, m, &other, &tile);
			if (!same_card(&card, &other))
				continue;
			EXPECT_EQ(0, mask & 1u << tile.index);
			mask |= 1u << tile.index;
		}
		EXPECT_EQ((1u << card.tiles) - 1, mask);
	}
}

TEST_F(enumerate, nodes_are_accel_character_devices)
{
	struct stat st;
	char path[64];
	unsigned int n;

	for (n = 0; n < self->nodes; n++) {
		snprintf(path, sizeof(path), "/dev/accel/accel%d", dojo_minor(n));
		ASSERT_EQ(0, stat(path, &st));
		EXPECT_TRUE(S_ISCHR(st.st_mode));
		EXPECT_EQ(ACCEL_MAJOR, (int)major(st.st_rdev));
	}
}

TEST_F(enumerate, there_is_no_primary_or_render_node)
{
	char path[128], name[64];
	unsigned int n;

	for (n = 0; n < self->nodes; n++) {
		ASSERT_EQ(0, dojo_pci_name(n, name, sizeof(name)));
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/drm", name);
		EXPECT_NE(0, access(path, F_OK));
	}
}

TEST_F(enumerate, the_driver_reports_the_header_s_version)
{
	struct drm_version version = { .name_len = 0 };
	int fd = dojo_open(0);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, dojo_ioctl(fd, DRM_IOCTL_VERSION, &version));
	EXPECT_EQ(DOJO_ACCEL_MAJOR, version.version_major);
	EXPECT_LE(DOJO_ACCEL_MINOR, version.version_minor);
}

TEST_F(enumerate, the_pci_address_leads_to_the_card)
{
	char path[128], name[64], text[32];
	struct drm_dojo_card_info card;
	struct drm_dojo_tile_info tile;
	unsigned int n;

	for (n = 0; n < self->nodes; n++) {
		query_node(_metadata, n, &card, &tile);
		ASSERT_EQ(0, dojo_pci_name(n, name, sizeof(name)));
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/class", name);
		ASSERT_GT(dojo_read_file(path, text, sizeof(text)), 0);
		EXPECT_STREQ("0x120000\n", text);
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/device", name);
		ASSERT_GT(dojo_read_file(path, text, sizeof(text)), 0);
		EXPECT_STREQ(card.generation == 2 ? "0xd0d2\n" : "0xd0d1\n", text);
	}
}

TEST_F(enumerate, sysfs_places_the_node_below_the_card)
{
	char path[128], name[64], target[1024];
	unsigned int n;

	for (n = 0; n < self->nodes; n++) {
		ASSERT_EQ(0, dojo_pci_name(n, name, sizeof(name)));
		snprintf(path, sizeof(path), "/sys/class/accel/accel%d/device", dojo_minor(n));
		ASSERT_NE(NULL, realpath(path, target));
		EXPECT_NE(NULL, strstr(target, name));
	}
}

TEST_F(enumerate, card_has_the_published_bandwidths)
{
	struct drm_dojo_card_info card;
	struct drm_dojo_tile_info tile;

	query_node(_metadata, 0, &card, &tile);
	EXPECT_EQ(800000, card.hbm_mbps);
	EXPECT_EQ(900000, card.ttp_mbps);
	EXPECT_EQ(32000, card.pcie_mbps);
	EXPECT_EQ(500, card.launch_ns);
}

TEST_F(enumerate, card_speaks_interface_1)
{
	struct drm_dojo_card_info card;
	struct drm_dojo_tile_info tile;

	query_node(_metadata, 0, &card, &tile);
	EXPECT_EQ(1, card.interface_major);
	EXPECT_GE(card.generation, 1);
	EXPECT_LE(card.generation, 2);
	EXPECT_EQ(DRM_DOJO_CARD_CAP_PEER, card.caps & DRM_DOJO_CARD_CAP_PEER);
	EXPECT_EQ(card.generation == 2, !!(card.caps & DRM_DOJO_CARD_CAP_COLLECTIVE));
}

TEST_F(enumerate, serial_is_printable_and_padded_with_nul)
{
	struct drm_dojo_card_info card;
	struct drm_dojo_tile_info tile;
	size_t len, i;

	query_node(_metadata, 0, &card, &tile);
	len = strnlen((const char *)card.serial, sizeof(card.serial));
	EXPECT_GT(len, 0);
	for (i = 0; i < len; i++)
		EXPECT_TRUE(card.serial[i] > ' ' && card.serial[i] < 0x7f);
	EXPECT_EQ(-1, dojo_not_all(card.serial + len, sizeof(card.serial) - len, 0));
}

TEST_F(enumerate, tiles_of_a_card_share_one_serial)
{
	struct drm_dojo_card_info card, other;
	struct drm_dojo_tile_info tile;
	unsigned int n, m;

	for (n = 0; n < self->nodes; n++) {
		query_node(_metadata, n, &card, &tile);
		for (m = 0; m < self->nodes; m++) {
			query_node(_metadata, m, &other, &tile);
			EXPECT_EQ(same_card(&card, &other),
				  !memcmp(card.serial, other.serial, sizeof(card.serial)));
		}
	}
}

TEST_F(enumerate, mesh_has_the_published_size)
{
	struct drm_dojo_card_info card;
	struct drm_dojo_tile_info tile;

	query_node(_metadata, 0, &card, &tile);
	EXPECT_EQ(TILE_DIES_X, tile.mesh_cols);
	EXPECT_EQ(TILE_DIES_Y, tile.mesh_rows);
	EXPECT_EQ(DIE_NODES, tile.nodes_per_die);
	EXPECT_EQ(362000, tile.peak_bf16_gflops);
	EXPECT_EQ(22600, tile.peak_fp32_gflops);
}

TEST_F(enumerate, hbm_is_cut_into_equal_slices)
{
	struct drm_dojo_card_info card;
	struct drm_dojo_tile_info tile;
	unsigned int n;

	for (n = 0; n < self->nodes; n++) {
		query_node(_metadata, n, &card, &tile);
		EXPECT_EQ((card.hbm_bytes / card.tiles) & ~(HUGE_PAGE - 1), tile.hbm_bytes);
	}
}

TEST_F(enumerate, fp32_and_the_demo_s_operations_are_there)
{
	static const __u8 needed[] = {
		DOJO_OP_NOP, DOJO_OP_BARRIER, DOJO_OP_TIMESTAMP, DOJO_OP_SEM_WAIT,
		DOJO_OP_SEM_SIGNAL, DOJO_OP_COPY, DOJO_OP_COPY_ND, DOJO_OP_FILL,
		DOJO_OP_GEMM, DOJO_OP_UNARY, DOJO_OP_BINARY, DOJO_OP_REDUCE,
		DOJO_OP_CROSS_ENTROPY, DOJO_OP_SGD,
	};
	struct drm_dojo_card_info card;
	struct drm_dojo_tile_info tile;
	size_t i;

	query_node(_metadata, 0, &card, &tile);
	EXPECT_TRUE(tile.formats & 1u << DOJO_FORMAT_FP32);
	EXPECT_FALSE(tile.formats & 1u << DOJO_FORMAT_NONE);
	for (i = 0; i < ARRAY_SIZE(needed); i++) {
		EXPECT_TRUE(tile.opcodes[needed[i] / 64] >> needed[i] % 64 & 1)
			TH_LOG("opcode %#x is missing", needed[i]);
	}
}

TEST_F(enumerate, a_full_size_card_has_all_its_memory)
{
	struct drm_dojo_card_info card;
	struct drm_dojo_tile_info tile;

	query_node(_metadata, 0, &card, &tile);
	if (card.hbm_bytes < FULL_HBM)
		SKIP(return, "this card has less HBM than the published one");
	EXPECT_EQ(FULL_HBM, card.hbm_bytes);
	EXPECT_EQ(FULL_HBM / card.tiles, tile.hbm_bytes);
	EXPECT_GE(tile.sram_bytes, FULL_SRAM);
}

/* First and last bytes of one buffer that takes nearly all of the tile's HBM */
TEST_F(enumerate, the_far_end_of_hbm_keeps_what_is_written)
{
	struct drm_dojo_memory_info memory;
	struct dojo_client c;
	struct dojo_buf all, host;
	__u64 size;

	ASSERT_EQ(0, dojo_client_open(&c, 0));
	ASSERT_EQ(0, dojo_query(c.fd, DRM_DOJO_QUERY_MEMORY, &memory, sizeof(memory)));
	size = (memory.hbm_total - memory.hbm_used) / 8 * 7 & ~(HUGE_PAGE - 1);
	ASSERT_EQ(0, dojo_buf_create(&c, &all, size, DRM_DOJO_DOMAIN_HBM, 0));
	ASSERT_EQ(0, dojo_buf_create(&c, &host, 2 * PAGE, DRM_DOJO_DOMAIN_SYSTEM,
				     DRM_DOJO_BO_CPU_ACCESS));
	dojo_fill(&c, all.va, PAGE, 0x11111111);
	dojo_fill(&c, all.va + all.size - PAGE, PAGE, 0x22222222);
	dojo_copy(&c, host.va, all.va, PAGE);
	dojo_copy(&c, host.va + PAGE, all.va + all.size - PAGE, PAGE);
	ASSERT_EQ(0, dojo_run(&c, c.dma));
	EXPECT_EQ(-1, dojo_not_all(host.map, PAGE, 0x11));
	EXPECT_EQ(-1, dojo_not_all((char *)host.map + PAGE, PAGE, 0x22));
	dojo_client_close(&c);
}

int main(int argc, char **argv)
{
	return dojo_test_main(argc, argv, NULL);
}
