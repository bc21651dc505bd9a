/* SPDX-License-Identifier: GPL-2.0-only */
/* Resets of a tile and of its card, and what comes after the last of them. */
#ifndef DOJO_RESET_H
#define DOJO_RESET_H

#include <linux/types.h>

struct dojo_card;
struct dojo_queue;
struct dojo_tile;

void dojo_reset_init_tile(struct dojo_tile *tile);
void dojo_reset_init_card(struct dojo_card *card);
int dojo_reset_first(struct dojo_tile *tile);
void dojo_reset_last(struct dojo_tile *tile);

void dojo_reset_request(struct dojo_tile *tile, const struct dojo_queue *guilty,
			const char *cause);
void dojo_reset_request_card(struct dojo_tile *tile, const char *cause);
void dojo_reset_wait(struct dojo_tile *tile);
int dojo_reset_wait_up(struct dojo_tile *tile);
int dojo_reset_now(struct dojo_tile *tile, bool card);
void dojo_reset_pci_prepare(struct dojo_card *card);
void dojo_reset_pci_limit(struct dojo_card *card);
void dojo_reset_pci_done(struct dojo_card *card);
void dojo_reset_pci_failed(struct dojo_card *card);

#endif
