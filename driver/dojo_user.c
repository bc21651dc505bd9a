// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the programs of a user hold of a tile together, and the most they may: whoever
 * opens the node again and again still leaves something to others.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/moduleparam.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "dojo_device.h"
#include "dojo_user.h"

static unsigned int queues_per_user = 768;
module_param(queues_per_user, uint, 0644);
MODULE_PARM_DESC(queues_per_user, "Queues that a user may hold on a tile (default 768)");

static unsigned int ring_mbytes_per_user = 128;
module_param(ring_mbytes_per_user, uint, 0644);
MODULE_PARM_DESC(ring_mbytes_per_user, "MiB of ring memory that a user may hold on a tile (default 128)");

static unsigned int vms_per_user = 3072;
module_param(vms_per_user, uint, 0644);
MODULE_PARM_DESC(vms_per_user, "Address spaces that a user may hold on a tile (default 3072)");

/*
 * Who calls. A user that made a user namespace answers for all the ids in it; the
 * ids of one that root made are users of their own.
 */
static u32 dojo_user_uid(void)
{
	struct user_namespace *ns;
	kuid_t uid = current_uid();

	for (ns = current_user_ns(); ns != &init_user_ns; ns = ns->parent)
		if (!uid_eq(ns->owner, GLOBAL_ROOT_UID))
			uid = ns->owner;
	return from_kuid(&init_user_ns, uid);
}

static bool dojo_user_is_over(const struct dojo_holding *has)
{
	return has->queues > READ_ONCE(queues_per_user) || has->vms > READ_ONCE(vms_per_user) ||
	       has->ring_bytes > (size_t)READ_ONCE(ring_mbytes_per_user) << 20;
}

/**
 * dojo_user_take() - the caller is about to make something
 * @tile: tile
 * @what: what, to be given back with dojo_user_give()
 *
 * Return: the user; ERR_PTR of -EMFILE if he holds all that he may, or -ENOMEM.
 */
struct dojo_user *dojo_user_take(struct dojo_tile *tile, const struct dojo_holding *what)
{
	struct dojo_user *user, *fresh;
	bool over;

	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	if (!fresh)
		return ERR_PTR(-ENOMEM);
	fresh->tile = tile;
	fresh->uid = dojo_user_uid();

	xa_lock(&tile->users);
	user = __xa_cmpxchg(&tile->users, fresh->uid, NULL, fresh, GFP_KERNEL);
	if (!user)
		swap(user, fresh);
	if (xa_is_err(user)) {
		xa_unlock(&tile->users);
		kfree(fresh);
		return ERR_PTR(xa_err(user));
	}
	user->has.queues += what->queues;
	user->has.vms += what->vms;
	user->has.ring_bytes += what->ring_bytes;
	over = dojo_user_is_over(&user->has);
	xa_unlock(&tile->users);
	kfree(fresh);

	if (!over || capable(CAP_SYS_RESOURCE))
		return user;
	dojo_user_give(user, what);
	return ERR_PTR(-EMFILE);
}

/**
 * dojo_user_give() - undo dojo_user_take()
 * @user: user; may be gone afterwards
 * @what: what was taken
 */
void dojo_user_give(struct dojo_user *user, const struct dojo_holding *what)
{
	struct xarray *users = &user->tile->users;

	xa_lock(users);
	user->has.queues -= what->queues;
	user->has.vms -= what->vms;
	user->has.ring_bytes -= what->ring_bytes;
	if (user->has.queues || user->has.vms)
		user = NULL;
	else
		__xa_erase(users, user->uid);
	xa_unlock(users);
	kfree(user);
}

/**
 * dojo_user_queue_limit() - queues that one user may have
 * @tile: tile
 *
 * Return: how many.
 */
u32 dojo_user_queue_limit(struct dojo_tile *tile)
{
	/* one is the kernel's */
	return min(tile->max_queues - 1, READ_ONCE(queues_per_user));
}

/**
 * dojo_user_vm_limit() - address spaces that one user may have
 * @tile: tile
 *
 * Return: how many.
 */
u32 dojo_user_vm_limit(struct dojo_tile *tile)
{
	/* one is the kernel's */
	return min(tile->max_asids - 1, READ_ONCE(vms_per_user));
}

/**
 * dojo_user_show() - list the users of a tile
 * @tile: tile
 * @m: for debugfs
 */
void dojo_user_show(struct dojo_tile *tile, struct seq_file *m)
{
	struct dojo_user *user;
	unsigned long uid;

	seq_puts(m, "       uid queues ring-bytes  vms\n");
	xa_lock(&tile->users);
	xa_for_each(&tile->users, uid, user)
		seq_printf(m, "%10u %6u %10zu %4u\n", user->uid, user->has.queues,
			   user->has.ring_bytes, user->has.vms);
	xa_unlock(&tile->users);
}
