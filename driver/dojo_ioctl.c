// SPDX-License-Identifier: GPL-2.0-only
/*
 * The node: open and close, the table of ioctls, and a guard in front of the
 * DRM core's own.
 *
 * The guard is there because on accel nodes the core dereferences a NULL master in
 * GET_UNIQUE and GET_MAGIC, and allocates whatever number of syncobj handles is
 * asked for.
 */
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <drm/drm_accel.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_ioctl.h>

#include "dojo_bo.h"
#include "dojo_device.h"
#include "dojo_ioctl.h"
#include "dojo_mm.h"
#include "dojo_queue.h"
#include "dojo_vm.h"

/* Handles in one call of the core's syncobj ioctls */
#define DOJO_SYNCOBJ_HANDLES_MAX	16384

/*
 * Where the core's ioctls that take a counted array of handles have the count. The
 * core reads it again after us: who changes it in between gets what the guard
 * would have spared him, a failed allocation with a warning.
 */
static int dojo_guard_count_offset(unsigned int nr)
{
	switch (nr) {
	case DRM_IOCTL_NR(DRM_IOCTL_SYNCOBJ_WAIT):
		return offsetof(struct drm_syncobj_wait, count_handles);
	case DRM_IOCTL_NR(DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT):
		return offsetof(struct drm_syncobj_timeline_wait, count_handles);
	case DRM_IOCTL_NR(DRM_IOCTL_SYNCOBJ_RESET):
	case DRM_IOCTL_NR(DRM_IOCTL_SYNCOBJ_SIGNAL):
		return offsetof(struct drm_syncobj_array, count_handles);
	case DRM_IOCTL_NR(DRM_IOCTL_SYNCOBJ_QUERY):
	case DRM_IOCTL_NR(DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL):
		return offsetof(struct drm_syncobj_timeline_array, count_handles);
	default:
		return -1;
	}
}

/* On a wedged tile only what looks or gives back. */
static bool dojo_guard_wedged(unsigned int nr)
{
	switch (nr - DRM_COMMAND_BASE) {
	case DRM_DOJO_BO_CREATE:
	case DRM_DOJO_VM_CREATE:
	case DRM_DOJO_VM_BIND:
	case DRM_DOJO_QUEUE_CREATE:
	case DRM_DOJO_QUEUE_SUBMIT:
		return true;
	default:
		return false;
	}
}

static int dojo_guard(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct drm_file *file = filp->private_data;
	struct drm_device *drm = file->minor->dev;
	unsigned int nr = DRM_IOCTL_NR(cmd);
	int offset = dojo_guard_count_offset(nr);
	bool oopses;
	u32 count;

	if (drm_dev_is_unplugged(drm))
		return -ENODEV;
	oopses = nr == DRM_IOCTL_NR(DRM_IOCTL_GET_UNIQUE) ||
		 nr == DRM_IOCTL_NR(DRM_IOCTL_GET_MAGIC);
	if (DOJO_REJECT(drm, oopses))
		return -EOPNOTSUPP;
	if (offset >= 0) {
		if (get_user(count, (u32 __user *)(arg + offset)))
			return -EFAULT;
		if (DOJO_REJECT(drm, count > DOJO_SYNCOBJ_HANDLES_MAX))
			return -EINVAL;
	}
	if (dojo_tile_state(to_dojo_tile(drm)) == DOJO_TILE_WEDGED &&
	    DOJO_REJECT(drm, dojo_guard_wedged(nr)))
		return -ECANCELED;
	return 0;
}

/*
 * Our own ioctls run with the device entered: once drm_dev_unplug() has returned
 * there is none under way. Whatever they wait for ends when the tile is taken out of
 * service, which comes before that. The core's may wait for ever.
 */
static long dojo_guarded(struct file *filp, unsigned int cmd, unsigned long arg,
			 long (*ioctl)(struct file *filp, unsigned int cmd, unsigned long arg))
{
	struct drm_device *drm = ((struct drm_file *)filp->private_data)->minor->dev;
	unsigned int nr = DRM_IOCTL_NR(cmd);
	long ret;
	int idx;

	if (nr < DRM_COMMAND_BASE || nr >= DRM_COMMAND_END)
		return ioctl(filp, cmd, arg);

	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;
	ret = ioctl(filp, cmd, arg);
	drm_dev_exit(idx);
	return ret;
}

static long dojo_unlocked_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	int ret = dojo_guard(filp, cmd, arg);

	return ret ?: dojo_guarded(filp, cmd, arg, drm_ioctl);
}

#ifdef CONFIG_COMPAT
static long dojo_compat_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	int ret = dojo_guard(filp, cmd, (unsigned long)compat_ptr(arg));

	return ret ?: dojo_guarded(filp, cmd, arg, drm_compat_ioctl);
}
#endif

static void dojo_file_free(struct kref *ref)
{
	kfree(container_of(ref, struct dojo_file, ref));
}

/**
 * dojo_file_put() - drop a reference
 * @file: file
 */
void dojo_file_put(struct dojo_file *file)
{
	kref_put(&file->ref, dojo_file_free);
}

static int dojo_open(struct drm_device *drm, struct drm_file *drm_file)
{
	struct dojo_file *file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!file)
		return -ENOMEM;

	kref_init(&file->ref);
	file->tile = to_dojo_tile(drm);
	file->drm = drm_file;
	xa_init_flags(&file->queues, XA_FLAGS_ALLOC1);
	spin_lock_init(&file->lock);
	file->pid = task_tgid_nr(current);
	get_task_comm(file->comm, current);

	ret = dojo_mm_file_open(file);
	if (ret) {
		dojo_file_put(file);
		return ret;
	}
	drm_file->driver_priv = file;
	return 0;
}

static void dojo_postclose(struct drm_device *drm, struct drm_file *drm_file)
{
	struct dojo_file *file = to_dojo_file(drm_file);

	dojo_queue_file_close(file);
	dojo_mm_file_close(file);
	file->drm = NULL;
	dojo_file_put(file);
}

static const struct drm_ioctl_desc dojo_ioctls[] = {
	DRM_IOCTL_DEF_DRV(DOJO_DEV_QUERY, dojo_ioctl_dev_query, 0),
	DRM_IOCTL_DEF_DRV(DOJO_BO_CREATE, dojo_ioctl_bo_create, 0),
	DRM_IOCTL_DEF_DRV(DOJO_BO_MMAP_OFFSET, dojo_ioctl_bo_mmap_offset, 0),
	DRM_IOCTL_DEF_DRV(DOJO_BO_QUERY, dojo_ioctl_bo_query, 0),
	DRM_IOCTL_DEF_DRV(DOJO_BO_ADVISE, dojo_ioctl_bo_advise, 0),
	DRM_IOCTL_DEF_DRV(DOJO_VM_CREATE, dojo_ioctl_vm_create, 0),
	DRM_IOCTL_DEF_DRV(DOJO_VM_DESTROY, dojo_ioctl_vm_destroy, 0),
	DRM_IOCTL_DEF_DRV(DOJO_VM_BIND, dojo_ioctl_vm_bind, 0),
	DRM_IOCTL_DEF_DRV(DOJO_VM_GET_STATE, dojo_ioctl_vm_get_state, 0),
	DRM_IOCTL_DEF_DRV(DOJO_QUEUE_CREATE, dojo_ioctl_queue_create, 0),
	DRM_IOCTL_DEF_DRV(DOJO_QUEUE_DESTROY, dojo_ioctl_queue_destroy, 0),
	DRM_IOCTL_DEF_DRV(DOJO_QUEUE_SUBMIT, dojo_ioctl_queue_submit, 0),
	DRM_IOCTL_DEF_DRV(DOJO_QUEUE_GET_STATE, dojo_ioctl_queue_get_state, 0),
	DRM_IOCTL_DEF_DRV(DOJO_QUEUE_GET_JOB, dojo_ioctl_queue_get_job, 0),
};

static const struct file_operations dojo_fops = {
	.owner = THIS_MODULE,
	.open = accel_open,
	.release = drm_release,
	.unlocked_ioctl = dojo_unlocked_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl = dojo_compat_ioctl,
#endif
	.poll = drm_poll,
	.read = drm_read,
	.llseek = noop_llseek,
	.mmap = dojo_gem_mmap,
	.show_fdinfo = drm_show_fdinfo,
	.fop_flags = FOP_UNSIGNED_OFFSET,
};

const struct drm_driver dojo_drm_driver = {
	.driver_features = DRIVER_COMPUTE_ACCEL | DRIVER_GEM | DOJO_DRIVER_GEM_GPUVA |
			   DRIVER_SYNCOBJ | DRIVER_SYNCOBJ_TIMELINE,
	.open = dojo_open,
	.postclose = dojo_postclose,
	.gem_prime_import = dojo_gem_prime_import,
	.show_fdinfo = dojo_show_fdinfo,
	.ioctls = dojo_ioctls,
	.num_ioctls = ARRAY_SIZE(dojo_ioctls),
	.fops = &dojo_fops,
	.name = DOJO_DRIVER_NAME,
	.desc = DOJO_DRIVER_DESC,
	DOJO_DRIVER_DATE
	.major = DOJO_ACCEL_MAJOR,
	.minor = DOJO_ACCEL_MINOR,
};
