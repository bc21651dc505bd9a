/* SPDX-License-Identifier: GPL-2.0-only */
/* Event rings and interrupts. */
#ifndef DOJO_EVENT_H
#define DOJO_EVENT_H

struct dojo_tile;

int dojo_event_init(struct dojo_tile *tile);
void dojo_event_fini(struct dojo_tile *tile);
void dojo_event_setup(struct dojo_tile *tile);
void dojo_event_poll(struct dojo_tile *tile);

#endif
