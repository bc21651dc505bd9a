/* SPDX-License-Identifier: GPL-2.0-only */
/* What the machine says about cards and module, without opening a node. */
#ifndef DOJO_TOOLS_MACHINE_H
#define DOJO_TOOLS_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

#define MACHINE_CARDS_MAX	32

/**
 * struct pci_card - a Dojo card on the PCI bus
 * @address: "0000:00:04.0"
 * @driver: that has taken it, "" if none
 */
struct pci_card {
	char address[32];
	char driver[64];
	unsigned int vendor;
	unsigned int device;
};

/* Cards in the order of their addresses; returns how many. */
size_t machine_cards(struct pci_card *cards, size_t max);
bool machine_module_loaded(void);
/* the running module's version, or its srcversion, or "" */
void machine_module_version(char *text, size_t size);

/*
 * A file under /sys, without the newline at its end. Returns 0 or -errno;
 * @text is "" then.
 */
int sysfs_read(char *text, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* the absolute path of a name under /sys */
int sysfs_path(char *path, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
