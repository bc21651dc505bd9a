// SPDX-License-Identifier: MIT
/*
 * For LD_PRELOAD: any program finds the fake machine. FAKE_TILES says how many tiles, FAKE_D2 that
 * it is a D2.
 */
#include <stdlib.h>

#include "fake.h"

__attribute__((constructor)) static void start(void)
{
	const char *tiles = getenv("FAKE_TILES");

	fake_start(tiles ? (unsigned int)strtoul(tiles, NULL, 10) : 2);
	fake.collective = !!getenv("FAKE_D2");
}

__attribute__((destructor)) static void stop(void)
{
	fake_stop();
}
