/* SPDX-License-Identifier: GPL-2.0-only */
/* System memory for the rest of the machine when that is short. */
#ifndef DOJO_SHRINKER_H
#define DOJO_SHRINKER_H

#include <linux/types.h>

struct dojo_mm;

int dojo_shrinker_init(struct dojo_mm *mm);
void dojo_shrinker_fini(struct dojo_mm *mm);
bool dojo_shrinker_at_work(struct dojo_mm *mm);

#endif
