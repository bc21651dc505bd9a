// SPDX-License-Identifier: GPL-2.0-only
/*
 * The card: BARs, MSI-X vectors, the tiles' auxiliary devices, and what the PCI
 * core tells us of resets and errors.
 */
#include <linux/auxiliary_bus.h>
#include <linux/dma-mapping.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "dojo_card.h"
#include "dojo_device.h"
#include "dojo_hwmon.h"
#include "dojo_reset.h"
#include "dojo_sysfs.h"

static unsigned int vectors;
module_param(vectors, uint, 0444);
MODULE_PARM_DESC(vectors, "MSI-X vectors to use on a card, 0 = four a tile if the system has them (default 0)");

/**
 * struct dojo_card_tile - a tile before it has a driver
 * @adev: auxiliary device
 * @card: card
 * @index: of the tile
 */
struct dojo_card_tile {
	struct auxiliary_device adev;
	struct dojo_card *card;
	unsigned int index;
};

static DEFINE_IDA(dojo_card_ida);

static void dojo_card_free(struct kref *ref)
{
	struct dojo_card *card = container_of(ref, struct dojo_card, ref);

	destroy_workqueue(card->reset_wq);
	mutex_destroy(&card->lock);
	mutex_destroy(&card->reset_lock);
	ida_free(&dojo_card_ida, card->index);
	pci_dev_put(card->pdev);
	kfree(card);
}

/**
 * dojo_card_get() - take a reference
 * @card: card
 *
 * Return: @card.
 */
struct dojo_card *dojo_card_get(struct dojo_card *card)
{
	kref_get(&card->ref);
	return card;
}

/**
 * dojo_card_put() - drop a reference
 * @card: card
 */
void dojo_card_put(struct dojo_card *card)
{
	kref_put(&card->ref, dojo_card_free);
}

/**
 * dojo_card_of() - the card and index of a tile's auxiliary device
 * @adev: auxiliary device
 * @index: out: of the tile
 *
 * Return: the card, valid while the device is bound.
 */
struct dojo_card *dojo_card_of(struct auxiliary_device *adev, unsigned int *index)
{
	struct dojo_card_tile *tile = container_of(adev, struct dojo_card_tile, adev);

	*index = tile->index;
	return tile->card;
}

/**
 * dojo_card_read() - read a register of the card
 * @card: bound card
 * @offset: DOJO_CARD_*
 *
 * Return: its value; all ones if the card is gone.
 */
u32 dojo_card_read(struct dojo_card *card, u32 offset)
{
	return readl(card->regs + offset);
}

/**
 * dojo_card_read64() - read a 64-bit register of the card
 * @card: bound card
 * @offset: DOJO_CARD_*
 *
 * Return: its value; all ones if the card is gone.
 */
u64 dojo_card_read64(struct dojo_card *card, u32 offset)
{
	return readq(card->regs + offset);
}

/**
 * dojo_card_alive() - does the card answer
 * @card: card
 *
 * Return: false if reads give anything but what the card always says.
 */
bool dojo_card_alive(struct dojo_card *card)
{
	return card->regs && dojo_card_read(card, DOJO_CARD_MAGIC) == DOJO_MAGIC;
}

static int dojo_card_identify(struct dojo_card *card)
{
	struct device *dev = &card->pdev->dev;
	u32 magic = dojo_card_read(card, DOJO_CARD_MAGIC);
	__le32 serial[DOJO_SERIAL_LEN / 4];
	resource_size_t regs_size;
	unsigned int i;
	u64 end;

	if (magic != DOJO_MAGIC)
		return dev_err_probe(dev, -ENODEV, "no Dojo card: magic 0x%08x\n", magic);

	card->version = dojo_card_read(card, DOJO_CARD_VERSION);
	if (card->version >> 16 != DOJO_INTERFACE_MAJOR)
		return dev_err_probe(dev, -ENODEV,
				     "register interface %u.%u, this driver knows %u.x\n",
				     card->version >> 16, card->version & 0xffff,
				     DOJO_INTERFACE_MAJOR);

	card->generation = dojo_card_read(card, DOJO_CARD_GENERATION);
	card->num_tiles = dojo_card_read(card, DOJO_CARD_TILES);
	card->hbm_size = dojo_card_read64(card, DOJO_CARD_HBM_SIZE);
	card->tile_offset = dojo_card_read(card, DOJO_CARD_TILE_OFFSET);
	card->tile_stride = dojo_card_read(card, DOJO_CARD_TILE_STRIDE);
	card->caps = dojo_card_read(card, DOJO_CARD_CAPS);
	for (i = 0; i < ARRAY_SIZE(serial); i++)
		serial[i] = cpu_to_le32(dojo_card_read(card, DOJO_CARD_SERIAL + 4 * i));
	memcpy(card->serial, serial, sizeof(serial));

	regs_size = pci_resource_len(card->pdev, DOJO_BAR_REGS);
	end = card->tile_offset + (u64)card->num_tiles * card->tile_stride;
	if (!card->num_tiles || card->num_tiles > DOJO_MAX_TILES || end > regs_size ||
	    card->hbm_size > pci_resource_len(card->pdev, DOJO_BAR_HBM))
		return dev_err_probe(dev, -ENODEV,
				     "capabilities make no sense: %u tiles, %llu bytes HBM\n",
				     card->num_tiles, card->hbm_size);
	return 0;
}

static int dojo_card_map(struct dojo_card *card)
{
	struct pci_dev *pdev = card->pdev;
	int ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return dev_err_probe(&pdev->dev, ret, "cannot enable the PCI device\n");

	if (!pci_resource_len(pdev, DOJO_BAR_REGS) || !pci_resource_start(pdev, DOJO_BAR_HBM))
		return dev_err_probe(&pdev->dev, -ENODEV, "firmware gave a BAR no address\n");

	ret = pcim_request_all_regions(pdev, DOJO_DRIVER_NAME);
	if (ret)
		return dev_err_probe(&pdev->dev, ret, "a BAR is in use\n");
	card->regs = pcim_iomap(pdev, DOJO_BAR_REGS, 0);
	if (!card->regs)
		return dev_err_probe(&pdev->dev, -ENOMEM, "cannot map the registers\n");
	card->hbm_phys = pci_resource_start(pdev, DOJO_BAR_HBM);

	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(52));
	if (ret)
		ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(32));
	if (ret)
		return dev_err_probe(&pdev->dev, ret, "no usable DMA mask\n");
	dma_set_max_seg_size(&pdev->dev, UINT_MAX);
	return 0;
}

static void dojo_card_free_vectors(void *pdev)
{
	pci_free_irq_vectors(pdev);
}

static int dojo_card_alloc_vectors(struct dojo_card *card)
{
	unsigned int want = card->num_tiles * DOJO_VECTORS_PER_TILE;
	struct pci_dev *pdev = card->pdev;
	int ret;

	if (vectors)
		want = min(want, vectors);
	ret = pci_alloc_irq_vectors(pdev, 1, want, PCI_IRQ_MSIX);
	if (ret < 0)
		return dev_err_probe(&pdev->dev, ret, "no MSI-X vector\n");
	card->num_vectors = ret;
	return devm_add_action_or_reset(&pdev->dev, dojo_card_free_vectors, pdev);
}

static void dojo_card_tile_release(struct device *dev)
{
	struct auxiliary_device *adev = to_auxiliary_dev(dev);
	struct dojo_card_tile *tile = container_of(adev, struct dojo_card_tile, adev);

	dojo_card_put(tile->card);
	kfree(tile);
}

static int dojo_card_add_tile(struct dojo_card *card, unsigned int index)
{
	struct dojo_card_tile *tile = kzalloc_obj(*tile);
	int ret;

	if (!tile)
		return -ENOMEM;
	tile->card = dojo_card_get(card);
	tile->index = index;
	tile->adev.name = "tile";
	tile->adev.id = card->index * DOJO_MAX_TILES + index;
	tile->adev.dev.parent = &card->pdev->dev;
	tile->adev.dev.release = dojo_card_tile_release;

	ret = auxiliary_device_init(&tile->adev);
	if (ret) {
		dojo_card_put(card);
		kfree(tile);
		return ret;
	}
	ret = auxiliary_device_add(&tile->adev);
	if (ret) {
		auxiliary_device_uninit(&tile->adev);
		return ret;
	}
	card->adev[index] = &tile->adev;
	return 0;
}

static void dojo_card_remove_tiles(struct dojo_card *card)
{
	unsigned int i;

	for (i = 0; i < card->num_tiles; i++) {
		if (!card->adev[i])
			continue;
		auxiliary_device_delete(card->adev[i]);
		auxiliary_device_uninit(card->adev[i]);
		card->adev[i] = NULL;
	}
}

static struct dojo_card *dojo_card_alloc(struct pci_dev *pdev)
{
	struct dojo_card *card = kzalloc_obj(*card);
	int index;

	if (!card)
		return NULL;
	index = ida_alloc_max(&dojo_card_ida, INT_MAX / DOJO_MAX_TILES - 1, GFP_KERNEL);
	if (index < 0)
		goto err_card;
	card->index = index;
	card->reset_wq = alloc_ordered_workqueue("dojo-reset-%d", WQ_MEM_RECLAIM, index);
	if (!card->reset_wq)
		goto err_ida;
	kref_init(&card->ref);
	mutex_init(&card->lock);
	mutex_init(&card->reset_lock);
	card->pdev = pci_dev_get(pdev);
	dojo_reset_init_card(card);
	return card;

err_ida:
	ida_free(&dojo_card_ida, index);
err_card:
	kfree(card);
	return NULL;
}

static int dojo_card_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct dojo_card *card;
	unsigned int i;
	int ret;

	card = dojo_card_alloc(pdev);
	if (!card)
		return -ENOMEM;
	pci_set_drvdata(pdev, card);

	ret = dojo_card_map(card);
	if (!ret)
		ret = dojo_card_identify(card);
	if (!ret)
		ret = dojo_card_alloc_vectors(card);
	if (ret)
		goto err_card;
	pci_set_master(pdev);

	dev_info(&pdev->dev, "Dojo D%u card %s: %u tiles, %llu MiB HBM, interface %u.%u, %u vectors\n",
		 card->generation, card->serial, card->num_tiles, card->hbm_size >> 20,
		 card->version >> 16, card->version & 0xffff, card->num_vectors);

	for (i = 0; i < card->num_tiles; i++) {
		ret = dojo_card_add_tile(card, i);
		if (ret)
			goto err_tiles;
	}
	dojo_hwmon_init(card);
	return 0;

err_tiles:
	dojo_card_remove_tiles(card);
	pci_clear_master(pdev);
err_card:
	card->regs = NULL;
	pci_set_drvdata(pdev, NULL);
	dojo_card_put(card);
	return ret;
}

static void dojo_card_remove(struct pci_dev *pdev)
{
	struct dojo_card *card = pci_get_drvdata(pdev);

	dojo_hwmon_fini(card);
	dojo_card_remove_tiles(card);
	cancel_work_sync(&card->reset_work);
	cancel_delayed_work_sync(&card->pci_limit);
	pci_clear_master(pdev);

	mutex_lock(&card->reset_lock);
	card->regs = NULL;
	mutex_unlock(&card->reset_lock);
	dojo_card_put(card);
}

/* A kernel that comes after us must not find the card writing to memory. */
static void dojo_card_shutdown(struct pci_dev *pdev)
{
	struct dojo_card *card = pci_get_drvdata(pdev);

	writel(DOJO_RESET_KEY, card->regs + DOJO_CARD_RESET);
	pci_clear_master(pdev);
}

static void dojo_card_reset_prepare(struct pci_dev *pdev)
{
	dojo_reset_pci_prepare(pci_get_drvdata(pdev));
}

static void dojo_card_reset_done(struct pci_dev *pdev)
{
	dojo_reset_pci_done(pci_get_drvdata(pdev));
}

static pci_ers_result_t dojo_card_error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	struct dojo_card *card = pci_get_drvdata(pdev);

	if (state == pci_channel_io_perm_failure) {
		dojo_reset_pci_failed(card);
		return PCI_ERS_RESULT_DISCONNECT;
	}
	if (state == pci_channel_io_normal)
		return PCI_ERS_RESULT_CAN_RECOVER;

	dojo_reset_pci_prepare(card);
	dojo_reset_pci_limit(card);
	return PCI_ERS_RESULT_NEED_RESET;
}

static pci_ers_result_t dojo_card_mmio_enabled(struct pci_dev *pdev)
{
	return dojo_card_alive(pci_get_drvdata(pdev)) ? PCI_ERS_RESULT_RECOVERED :
							PCI_ERS_RESULT_NEED_RESET;
}

static pci_ers_result_t dojo_card_slot_reset(struct pci_dev *pdev)
{
	struct dojo_card *card = pci_get_drvdata(pdev);

	if (!READ_ONCE(card->reset_by_pci))
		dojo_reset_pci_prepare(card);
	dojo_reset_pci_limit(card);
	pci_restore_state(pdev);
	pci_set_master(pdev);
	return dojo_card_alive(card) ? PCI_ERS_RESULT_RECOVERED : PCI_ERS_RESULT_DISCONNECT;
}

static void dojo_card_resume(struct pci_dev *pdev)
{
	struct dojo_card *card = pci_get_drvdata(pdev);

	if (READ_ONCE(card->reset_by_pci))
		dojo_reset_pci_done(card);
}

static const struct pci_error_handlers dojo_card_err_handler = {
	.error_detected = dojo_card_error_detected,
	.mmio_enabled = dojo_card_mmio_enabled,
	.slot_reset = dojo_card_slot_reset,
	.resume = dojo_card_resume,
	.reset_prepare = dojo_card_reset_prepare,
	.reset_done = dojo_card_reset_done,
};

static const struct pci_device_id dojo_card_ids[] = {
	{ PCI_DEVICE(DOJO_PCI_VENDOR_ID, DOJO_PCI_DEVICE_ID_D1) },
	{ PCI_DEVICE(DOJO_PCI_VENDOR_ID, DOJO_PCI_DEVICE_ID_D2) },
	{ }
};
MODULE_DEVICE_TABLE(pci, dojo_card_ids);

struct pci_driver dojo_pci_driver = {
	.name = DOJO_DRIVER_NAME,
	.id_table = dojo_card_ids,
	.probe = dojo_card_probe,
	.remove = dojo_card_remove,
	.shutdown = dojo_card_shutdown,
	.err_handler = &dojo_card_err_handler,
	.dev_groups = dojo_card_groups,
};
