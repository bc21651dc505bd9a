// SPDX-License-Identifier: GPL-2.0-only
/*
 * sysfs: one value a file. A card's are in its PCI device's folder, a tile's in
 * its auxiliary device's, which /sys/class/accel/accelN/device leads to.
 */
#include <linux/device.h>
#include <linux/kobject.h>
#include <linux/pci.h>
#include <linux/sysfs.h>

#include <drm/drm_drv.h>

#include "dojo_card.h"
#include "dojo_device.h"
#include "dojo_queue.h"
#include "dojo_reset.h"
#include "dojo_sysfs.h"

/* -------------------------------------------------------------------- card */

static ssize_t serial_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct dojo_card *card = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%s\n", card->serial);
}
static DEVICE_ATTR_RO(serial);

static ssize_t generation_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct dojo_card *card = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", card->generation);
}
static DEVICE_ATTR_RO(generation);

static ssize_t interface_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct dojo_card *card = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u.%u\n", card->version >> 16, card->version & 0xffff);
}
static DEVICE_ATTR_RO(interface);

static ssize_t tiles_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct dojo_card *card = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", card->num_tiles);
}
static DEVICE_ATTR_RO(tiles);

static ssize_t hbm_bytes_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct dojo_card *card = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%llu\n", card->hbm_size);
}
static DEVICE_ATTR_RO(hbm_bytes);

#define DOJO_CARD_REGISTER_ATTR(_name, _register)						\
static ssize_t _name##_show(struct device *dev, struct device_attribute *attr, char *buf)	\
{												\
	return sysfs_emit(buf, "%u\n", dojo_card_read(dev_get_drvdata(dev), _register));	\
}												\
static DEVICE_ATTR_RO(_name)

#define DOJO_CARD_COUNTER_ATTR(_name, _register)						\
static ssize_t _name##_show(struct device *dev, struct device_attribute *attr, char *buf)	\
{												\
	return sysfs_emit(buf, "%llu\n", dojo_card_read64(dev_get_drvdata(dev), _register));	\
}												\
static DEVICE_ATTR_RO(_name)

DOJO_CARD_REGISTER_ATTR(reset_count, DOJO_CARD_RESET_COUNT);
DOJO_CARD_REGISTER_ATTR(bad_accesses, DOJO_CARD_BAD_ACCESS);
DOJO_CARD_REGISTER_ATTR(ecc_corrected, DOJO_CARD_ECC_CORRECTED);
DOJO_CARD_REGISTER_ATTR(ecc_uncorrected, DOJO_CARD_ECC_UNCORRECTED);
DOJO_CARD_COUNTER_ATTR(mmio_reads, DOJO_CARD_MMIO_READS);
DOJO_CARD_COUNTER_ATTR(mmio_writes, DOJO_CARD_MMIO_WRITES);
DOJO_CARD_COUNTER_ATTR(interrupts, DOJO_CARD_MSIX_SENT);

static ssize_t throttle_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	u32 throttle = dojo_card_read(dev_get_drvdata(dev), DOJO_CARD_THROTTLE);

	if (!throttle)
		return sysfs_emit(buf, "none\n");
	return sysfs_emit(buf, "%s%s%s\n", throttle & DOJO_THROTTLE_THERMAL ? "thermal" : "",
			  throttle & DOJO_THROTTLE_THERMAL && throttle & DOJO_THROTTLE_POWER ?
			  " " : "", throttle & DOJO_THROTTLE_POWER ? "power" : "");
}
static DEVICE_ATTR_RO(throttle);

static struct attribute *dojo_card_attrs[] = {
	&dev_attr_serial.attr,
	&dev_attr_generation.attr,
	&dev_attr_interface.attr,
	&dev_attr_tiles.attr,
	&dev_attr_hbm_bytes.attr,
	&dev_attr_reset_count.attr,
	&dev_attr_bad_accesses.attr,
	&dev_attr_ecc_corrected.attr,
	&dev_attr_ecc_uncorrected.attr,
	&dev_attr_mmio_reads.attr,
	&dev_attr_mmio_writes.attr,
	&dev_attr_interrupts.attr,
	&dev_attr_throttle.attr,
	NULL
};

static const struct attribute_group dojo_card_group = {
	.name = "dojo",
	.attrs = dojo_card_attrs,
};

const struct attribute_group *dojo_card_groups[] = {
	&dojo_card_group,
	NULL
};

/* -------------------------------------------------------------------- tile */

static struct dojo_tile *dojo_sysfs_tile(struct device *dev)
{
	return dev_get_drvdata(dev);
}

static ssize_t tile_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", dojo_sysfs_tile(dev)->index);
}
static DEVICE_ATTR_RO(tile);

static ssize_t tile_serial_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", dojo_sysfs_tile(dev)->card->serial);
}

static struct device_attribute dev_attr_tile_serial = __ATTR(serial, 0444, tile_serial_show, NULL);

static ssize_t tile_generation_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", dojo_sysfs_tile(dev)->card->generation);
}

static struct device_attribute dev_attr_tile_generation =
	__ATTR(generation, 0444, tile_generation_show, NULL);

static ssize_t mesh_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct dojo_tile *tile = dojo_sysfs_tile(dev);

	return sysfs_emit(buf, "%ux%u\n", tile->mesh_cols, tile->mesh_rows);
}
static DEVICE_ATTR_RO(mesh);

static ssize_t state_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	static const char * const name[] = {
		[DOJO_TILE_DOWN] = "down",
		[DOJO_TILE_UP] = "up",
		[DOJO_TILE_RESETTING] = "resetting",
		[DOJO_TILE_WEDGED] = "wedged",
	};

	return sysfs_emit(buf, "%s\n", name[dojo_tile_state(dojo_sysfs_tile(dev))]);
}
static DEVICE_ATTR_RO(state);

#define DOJO_TILE_COUNTER_ATTR(_name, _register)						\
static ssize_t _name##_show(struct device *dev, struct device_attribute *attr, char *buf)	\
{												\
	return sysfs_emit(buf, "%llu\n", dojo_tile_read64(dojo_sysfs_tile(dev), _register));	\
}												\
static DEVICE_ATTR_RO(_name)

DOJO_TILE_COUNTER_ATTR(mesh_busy_ns, DOJO_TILE_MESH_BUSY_NS);
DOJO_TILE_COUNTER_ATTR(dma_busy_ns, DOJO_TILE_DMA_BUSY_NS);

static ssize_t resets_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(dojo_sysfs_tile(dev)->reset_count));
}
static DEVICE_ATTR_RO(resets);

/* without the kernel's own */
static ssize_t queues_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(dojo_sysfs_tile(dev)->queues->count) - 1);
}
static DEVICE_ATTR_RO(queues);

#define DOJO_TILE_COUNT_ATTR(_name, _member)							\
static ssize_t _name##_show(struct device *dev, struct device_attribute *attr, char *buf)	\
{												\
	return sysfs_emit(buf, "%d\n", atomic_read(&dojo_sysfs_tile(dev)->queues->_member));	\
}												\
static DEVICE_ATTR_RO(_name)

DOJO_TILE_COUNT_ATTR(queue_faults, faults);
DOJO_TILE_COUNT_ATTR(queue_hangs, hangs);
DOJO_TILE_COUNT_ATTR(lost_interrupts, lost_interrupts);

static ssize_t reset_store(struct device *dev, struct device_attribute *attr, const char *buf,
			   size_t count)
{
	bool card = sysfs_streq(buf, "card");
	int ret;

	if (!card && !sysfs_streq(buf, "tile") && !sysfs_streq(buf, "1"))
		return -EINVAL;
	ret = dojo_reset_now(dojo_sysfs_tile(dev), card);
	return ret ?: count;
}
static DEVICE_ATTR_WO(reset);

static struct attribute *dojo_tile_attrs[] = {
	&dev_attr_tile.attr,
	&dev_attr_tile_serial.attr,
	&dev_attr_tile_generation.attr,
	&dev_attr_mesh.attr,
	&dev_attr_state.attr,
	&dev_attr_mesh_busy_ns.attr,
	&dev_attr_dma_busy_ns.attr,
	&dev_attr_resets.attr,
	&dev_attr_queues.attr,
	&dev_attr_queue_faults.attr,
	&dev_attr_queue_hangs.attr,
	&dev_attr_lost_interrupts.attr,
	&dev_attr_reset.attr,
	NULL
};

static const struct attribute_group dojo_tile_group = {
	.attrs = dojo_tile_attrs,
};

const struct attribute_group *dojo_tile_groups[] = {
	&dojo_tile_group,
	NULL
};

/**
 * dojo_sysfs_wedged_event() - tell user space that a tile is wedged
 * @tile: tile
 *
 * As the DRM core's drm_dev_wedged_event() would, with the same variables, but on the
 * accel device: the core's dereferences the primary node, which accel devices have not.
 */
void dojo_sysfs_wedged_event(struct dojo_tile *tile)
{
	char wedged[] = "WEDGED=rebind,bus-reset";
	char pid[sizeof("PID=4294967295")], task[sizeof("TASK=") + TASK_COMM_LEN];
	char *env[4] = { wedged };

	if (tile->reset_pid) {
		snprintf(pid, sizeof(pid), "PID=%u", tile->reset_pid);
		snprintf(task, sizeof(task), "TASK=%s", tile->reset_comm);
		env[1] = pid;
		env[2] = task;
	}
	kobject_uevent_env(&tile->drm.accel->kdev->kobj, KOBJ_CHANGE, env);
}
