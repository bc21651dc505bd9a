// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's address space on a tile, and the memory of page tables. */
#include <linux/dma-mapping.h>
#include <linux/slab.h>

#include "dojo_admin.h"
#include "dojo_kvm.h"
#include "dojo_ttm.h"

/* By page; 0 stays invalid, and so does the top half */
#define DOJO_KVM_FIRST		(SZ_1G >> DOJO_PAGE_SHIFT)
#define DOJO_KVM_LAST		((DOJO_VA_END / 2 >> DOJO_PAGE_SHIFT) - 1)

/* Programs decide how many there are: charge them, and kill nobody for them. */
#define DOJO_PT_GFP		(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

static void dojo_pt_page_destroy(struct dojo_mm *mm, struct dojo_pt_page *page)
{
	dma_free_coherent(dojo_dma_dev(mm->tile), DOJO_PAGE_SIZE, page->cpu, page->dma);
	kfree(page->child);
	kfree(page);
}

static struct dojo_pt_page *dojo_pt_page_create(struct dojo_mm *mm, bool dir)
{
	struct dojo_pt_page *page;

	page = kzalloc(sizeof(*page), DOJO_PT_GFP);
	if (!page)
		return NULL;
	if (dir) {
		page->child = kcalloc(DOJO_PT_ENTRIES, sizeof(*page->child), DOJO_PT_GFP);
		if (!page->child)
			goto err_free;
	}
	page->cpu = dma_alloc_coherent(dojo_dma_dev(mm->tile), DOJO_PAGE_SIZE, &page->dma,
				       DOJO_PT_GFP);
	if (!page->cpu)
		goto err_free;
	return page;

err_free:
	kfree(page->child);
	kfree(page);
	return NULL;
}

static struct dojo_pt_page *dojo_pt_tile_alloc(struct dojo_pt *pt, bool dir)
{
	struct dojo_mm *mm = pt->priv;
	struct dojo_pt_page *page;

	spin_lock(&mm->pt_lock);
	page = list_first_entry_or_null(dir ? &mm->pt_dir : &mm->pt_leaf,
					struct dojo_pt_page, link);
	if (page) {
		list_del(&page->link);
		mm->pt_spare--;
	}
	spin_unlock(&mm->pt_lock);
	if (!page)
		return dojo_pt_page_create(mm, dir);

	memset(page->cpu, 0, DOJO_PAGE_SIZE);
	if (dir)
		memset(page->child, 0, DOJO_PT_ENTRIES * sizeof(*page->child));
	page->used = 0;
	return page;
}

static void dojo_pt_tile_free(struct dojo_pt *pt, struct dojo_pt_page *page)
{
	struct dojo_mm *mm = pt->priv;
	bool keep;

	spin_lock(&mm->pt_lock);
	keep = mm->pt_spare < DOJO_SPARE_TABLES;
	if (keep) {
		list_add(&page->link, page->child ? &mm->pt_dir : &mm->pt_leaf);
		mm->pt_spare++;
	}
	spin_unlock(&mm->pt_lock);
	if (!keep)
		dojo_pt_page_destroy(mm, page);
}

/* Tables in coherent memory, some spare ones kept by the tile */
const struct dojo_pt_ops dojo_pt_tile_ops = {
	.alloc = dojo_pt_tile_alloc,
	.free = dojo_pt_tile_free,
};

/**
 * dojo_kvm_init() - make the kernel's address space
 * @tile: tile, with its struct dojo_mm
 *
 * Return: 0 or -ENOMEM.
 */
int dojo_kvm_init(struct dojo_tile *tile)
{
	struct dojo_mm *mm = tile->mm;

	spin_lock_init(&mm->pt_lock);
	INIT_LIST_HEAD(&mm->pt_leaf);
	INIT_LIST_HEAD(&mm->pt_dir);
	mutex_init(&mm->kvm.lock);
	mt_init_flags(&mm->kvm.ranges, MT_FLAGS_ALLOC_RANGE);
	return dojo_pt_init(&mm->kvm.pt, &dojo_pt_tile_ops, mm);
}

/**
 * dojo_kvm_fini() - undo dojo_kvm_init()
 * @tile: tile that the card does not run any more; every dojo_kmem is freed
 */
void dojo_kvm_fini(struct dojo_tile *tile)
{
	struct dojo_mm *mm = tile->mm;
	struct dojo_pt_page *page, *next;

	drm_WARN_ON(&tile->drm, !mtree_empty(&mm->kvm.ranges));
	dojo_pt_fini(&mm->kvm.pt);
	mtree_destroy(&mm->kvm.ranges);
	mutex_destroy(&mm->kvm.lock);

	list_for_each_entry_safe(page, next, &mm->pt_leaf, link)
		dojo_pt_page_destroy(mm, page);
	list_for_each_entry_safe(page, next, &mm->pt_dir, link)
		dojo_pt_page_destroy(mm, page);
	INIT_LIST_HEAD(&mm->pt_leaf);
	INIT_LIST_HEAD(&mm->pt_dir);
	mm->pt_spare = 0;
}

/**
 * dojo_kvm_root() - what register KERNEL_ROOT is to hold
 * @tile: tile
 *
 * Return: table entry.
 */
u64 dojo_kvm_root(struct dojo_tile *tile)
{
	return dojo_pt_root(&tile->mm->kvm.pt);
}

/**
 * dojo_kmem_alloc() - allocate memory that the kernel and the tile share
 * @tile: tile
 * @size: bytes, rounded up to the page size
 * @mem: out
 *
 * May be called before the tile is enabled.
 *
 * Return: 0 or -ENOMEM.
 */
int dojo_kmem_alloc(struct dojo_tile *tile, size_t size, struct dojo_kmem *mem)
{
	struct dojo_kvm *kvm = &tile->mm->kvm;
	struct dojo_layout *layout;
	struct dojo_pt_need need = {};
	struct dojo_pt_batch batch;
	unsigned long first;
	int ret = -ENOMEM;

	size = round_up(size, DOJO_PAGE_SIZE);
	dojo_pt_batch_init(&batch);
	batch.keep = true;

	layout = dojo_layout_alloc(1);
	if (!layout)
		return -ENOMEM;

	mem->size = size;
	mem->cpu = dma_alloc_coherent(dojo_dma_dev(tile), size, &mem->dma,
				      GFP_KERNEL | __GFP_NOWARN);
	if (!mem->cpu)
		goto out;
	dojo_layout_append(layout, DOJO_PTE_TARGET(DOJO_TARGET_SYSTEM) | mem->dma, size);

	ret = mtree_alloc_range(&kvm->ranges, &first, kvm, size >> DOJO_PAGE_SHIFT,
				DOJO_KVM_FIRST, DOJO_KVM_LAST, GFP_KERNEL);
	if (ret)
		goto err_dma;
	mem->va = (u64)first << DOJO_PAGE_SHIFT;

	mutex_lock(&kvm->lock);
	dojo_pt_need_map(&kvm->pt, &need, mem->va, size, layout, 0);
	mutex_unlock(&kvm->lock);
	ret = dojo_pt_batch_reserve(&kvm->pt, &batch, &need);
	if (ret)
		goto err_va;

	mutex_lock(&kvm->lock);
	dojo_pt_map(&kvm->pt, &batch, mem->va, size, layout, 0,
		    DOJO_PTE_READ | DOJO_PTE_WRITE);
	mutex_unlock(&kvm->lock);
	goto out;

err_va:
	mtree_erase(&kvm->ranges, first);
err_dma:
	dma_free_coherent(dojo_dma_dev(tile), size, mem->cpu, mem->dma);
	mem->cpu = NULL;
out:
	dojo_pt_batch_fini(&kvm->pt, &batch);
	dojo_layout_put(layout);
	return ret;
}

/**
 * dojo_kmem_free() - free what dojo_kmem_alloc() gave
 * @tile: tile
 * @mem: memory that no work of the card names any more; or never allocated
 */
void dojo_kmem_free(struct dojo_tile *tile, struct dojo_kmem *mem)
{
	struct dojo_kvm *kvm = &tile->mm->kvm;
	struct dojo_pt_batch batch;

	if (!mem->cpu)
		return;

	/*
	 * No tables are needed: a large page, if any, is unmapped whole. And none
	 * are freed, since others may have counted on them.
	 */
	dojo_pt_batch_init(&batch);
	batch.keep = true;
	mutex_lock(&kvm->lock);
	dojo_pt_unmap(&kvm->pt, &batch, mem->va, mem->size);
	mutex_unlock(&kvm->lock);
	dojo_admin_invalidate(tile, 0, mem->va, mem->size);
	dojo_pt_batch_fini(&kvm->pt, &batch);

	mtree_erase(&kvm->ranges, mem->va >> DOJO_PAGE_SHIFT);
	dma_free_coherent(dojo_dma_dev(tile), mem->size, mem->cpu, mem->dma);
	mem->cpu = NULL;
}
