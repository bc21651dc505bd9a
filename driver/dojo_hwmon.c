// SPDX-License-Identifier: GPL-2.0-only
/*
 * hwmon of a card: temp1, power1, energy1, and freq1 (hertz), the clock of the
 * mesh, which hwmon has no type for and other drivers name so, too.
 */
#include <linux/hwmon.h>
#include <linux/hwmon-sysfs.h>
#include <linux/units.h>

#include "dojo_card.h"
#include "dojo_device.h"
#include "dojo_hwmon.h"

static umode_t dojo_hwmon_visible(const void *data, enum hwmon_sensor_types type, u32 attr,
				  int channel)
{
	return 0444;
}

static int dojo_hwmon_read(struct device *dev, enum hwmon_sensor_types type, u32 attr,
			   int channel, long *value)
{
	struct dojo_card *card = dev_get_drvdata(dev);

	if (!dojo_card_alive(card))
		return -ENODEV;

	switch (type) {
	case hwmon_temp:
		*value = (s32)dojo_card_read(card, DOJO_CARD_TEMP_MC);
		return 0;
	case hwmon_power:
		*value = (long)dojo_card_read(card, DOJO_CARD_POWER_MW) * MICROWATT_PER_MILLIWATT;
		return 0;
	case hwmon_energy:
		*value = dojo_card_read64(card, DOJO_CARD_ENERGY_UJ);
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static int dojo_hwmon_read_string(struct device *dev, enum hwmon_sensor_types type, u32 attr,
				  int channel, const char **string)
{
	*string = "card";
	return 0;
}

static const struct hwmon_ops dojo_hwmon_ops = {
	.is_visible = dojo_hwmon_visible,
	.read = dojo_hwmon_read,
	.read_string = dojo_hwmon_read_string,
};

static const struct hwmon_channel_info * const dojo_hwmon_info[] = {
	HWMON_CHANNEL_INFO(temp, HWMON_T_INPUT | HWMON_T_LABEL),
	HWMON_CHANNEL_INFO(power, HWMON_P_INPUT | HWMON_P_LABEL),
	HWMON_CHANNEL_INFO(energy, HWMON_E_INPUT | HWMON_E_LABEL),
	NULL
};

static const struct hwmon_chip_info dojo_hwmon_chip = {
	.ops = &dojo_hwmon_ops,
	.info = dojo_hwmon_info,
};

static ssize_t freq1_input_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct dojo_card *card = dev_get_drvdata(dev);

	if (!dojo_card_alive(card))
		return -ENODEV;
	return sysfs_emit(buf, "%llu\n",
			  (u64)dojo_card_read(card, DOJO_CARD_CLOCK_KHZ) * HZ_PER_KHZ);
}
static DEVICE_ATTR_RO(freq1_input);

static ssize_t freq1_label_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "mesh\n");
}
static DEVICE_ATTR_RO(freq1_label);

static struct attribute *dojo_hwmon_attrs[] = {
	&dev_attr_freq1_input.attr,
	&dev_attr_freq1_label.attr,
	NULL
};
ATTRIBUTE_GROUPS(dojo_hwmon);

/**
 * dojo_hwmon_init() - register the sensors of a card
 * @card: card
 *
 * A card without sensors is still a card: failure is only noted.
 */
void dojo_hwmon_init(struct dojo_card *card)
{
	struct device *hwmon;

	hwmon = hwmon_device_register_with_info(&card->pdev->dev, DOJO_DRIVER_NAME, card,
						&dojo_hwmon_chip, dojo_hwmon_groups);
	if (IS_ERR(hwmon))
		dev_dbg(&card->pdev->dev, "no hwmon: %pe\n", hwmon);
	else
		card->hwmon = hwmon;
}

/**
 * dojo_hwmon_fini() - unregister them
 * @card: card
 */
void dojo_hwmon_fini(struct dojo_card *card)
{
	if (card->hwmon)
		hwmon_device_unregister(card->hwmon);
	card->hwmon = NULL;
}
