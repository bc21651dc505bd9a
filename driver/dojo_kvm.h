/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's own address space on a tile, ASID 0: rings, fence records,
 * queue contexts and the batches of moves and clears. Its memory and its page
 * tables are coherent system memory, so they outlive every reset.
 */
#ifndef DOJO_KVM_H
#define DOJO_KVM_H

#include <linux/types.h>

struct dojo_tile;

/**
 * struct dojo_kmem - kernel memory that the tile can reach
 * @cpu: address for the CPU; zeroed at allocation
 * @dma: bus address
 * @va: address in ASID 0, page aligned
 * @size: bytes, a multiple of the page size
 */
struct dojo_kmem {
	void *cpu;
	dma_addr_t dma;
	u64 va;
	size_t size;
};

int dojo_kvm_init(struct dojo_tile *tile);
void dojo_kvm_fini(struct dojo_tile *tile);
u64 dojo_kvm_root(struct dojo_tile *tile);
int dojo_kmem_alloc(struct dojo_tile *tile, size_t size, struct dojo_kmem *mem);
void dojo_kmem_free(struct dojo_tile *tile, struct dojo_kmem *mem);

#endif
