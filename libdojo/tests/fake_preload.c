// SPDX-License-Identifier: MIT
/* For LD_PRELOAD: any program finds the fake machine; FAKE_TILES says how many tiles. */
#include <stdlib.h>

#include "fake.h"

__attribute__((constructor)) static void start(void)
{
	const char *tiles = getenv("FAKE_TILES");

	fake_start(tiles ? (unsigned int)strtoul(tiles, NULL, 10) : 2);
}

__attribute__((destructor)) static void stop(void)
{
	fake_stop();
}
