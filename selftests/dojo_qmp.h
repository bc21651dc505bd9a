/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Breaking the card from outside: properties of QEMU's device model, set over the
 * QMP monitor that the virtual machine offers its guest on a virtio-serial port.
 */
#ifndef DOJO_QMP_H
#define DOJO_QMP_H

#include <linux/types.h>
#include <stddef.h>

/* Descriptor of the monitor, or -errno where there is none */
int dojo_qmp_open(void);

/*
 * Path of the card whose serial number is @serial, for the functions below. 0 or
 * -ENODEV.
 */
int dojo_qmp_card(int qmp, const char *serial, char *path, size_t size);

/* @value is JSON: a number, true, or a string with its quotes. 0 or -EINVAL */
int dojo_qmp_set(int qmp, const char *path, const char *property, const char *value);

/* A command of the human monitor, which must answer OK. 0 or -EINVAL */
int dojo_qmp_monitor(int qmp, const char *text);

#endif
