/*
 * Dojo Interface Processor: figures of the model clock
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Published: peaks of a die, bandwidths of the card. Assumed: the launch
 * latency and INT8's peak. See HARDWARE.md section 12.
 */
#ifndef HW_MISC_DOJO_CLOCK_H
#define HW_MISC_DOJO_CLOCK_H

#define DOJO_PEAK_BF16_GFLOPS   362000
#define DOJO_PEAK_FP32_GFLOPS   22600
#define DOJO_PEAK_INT8_GOPS     362000
#define DOJO_HBM_MBPS           800000
#define DOJO_TTP_MBPS           900000
#define DOJO_PCIE_MBPS          32000
#define DOJO_LAUNCH_NS          500

#endif
