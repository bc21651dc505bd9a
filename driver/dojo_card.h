/* SPDX-License-Identifier: GPL-2.0-only */
/* The card: a PCI function. */
#ifndef DOJO_CARD_H
#define DOJO_CARD_H

#include <linux/types.h>

struct auxiliary_device;
struct dojo_card;

extern struct pci_driver dojo_pci_driver;

struct dojo_card *dojo_card_of(struct auxiliary_device *adev, unsigned int *index);
struct dojo_card *dojo_card_get(struct dojo_card *card);
void dojo_card_put(struct dojo_card *card);
bool dojo_card_alive(struct dojo_card *card);
u32 dojo_card_read(struct dojo_card *card, u32 offset);
u64 dojo_card_read64(struct dojo_card *card, u32 offset);

#endif
