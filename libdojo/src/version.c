// SPDX-License-Identifier: MIT
#include "internal.h"

unsigned int dojo_version(void)
{
	return DOJO_VERSION_MAJOR << 16 | DOJO_VERSION_MINOR;
}
