/* SPDX-License-Identifier: GPL-2.0-only */
/* Temperature, power, energy and clock of a card. */
#ifndef DOJO_HWMON_H
#define DOJO_HWMON_H

struct dojo_card;

void dojo_hwmon_init(struct dojo_card *card);
void dojo_hwmon_fini(struct dojo_card *card);

#endif
