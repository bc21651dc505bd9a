/* SPDX-License-Identifier: MIT */
/* What the files of the fake kernel side share; world.lock is held in all of it. */
#ifndef FAKE_WORLD_H
#define FAKE_WORLD_H

#include <errno.h>
#include <pthread.h>
#include <sys/types.h>

#include "fake.h"

#define MAX		256
#define PAGE		4096u
#define VA_BITS		48
#define BO_SPACING	(1ull << 32)
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

struct bo {
	unsigned int references;
	uint64_t size;
	uint32_t domains;
	uint32_t flags;
	uint32_t advice;
	uint64_t offset;
	void *memory;
};

struct mapping {
	uint64_t va;
	uint64_t size;
	unsigned char *memory;	/* NULL: reads zero */
	bool readonly;
	bool null;
	unsigned int bo;
};

struct fake_vm {
	bool used;
	bool unusable;
	unsigned int queues;
	struct mapping mapping[MAX];
	unsigned int count;
};

struct syncobj {
	unsigned int references;
	bool submitted;
	bool signalled;
	int error;
	uint64_t value;		/* reached */
	uint64_t promised;	/* submitted */
};

struct job {
	struct drm_dojo_job job;
	struct drm_dojo_sync_op *syncs;
	struct job *next;
};

struct queue {
	bool used;
	unsigned int vm;
	uint32_t queue_class;
	struct drm_dojo_queue_get_state state;
	uint64_t before_last;	/* packets, when the last completed job began */
	struct job *pending;
};

/* An open file of a node: its handles and ids are indices here, 0 is none. */
struct client {
	bool used;
	unsigned int tile;
	unsigned int handle[MAX];	/* index of bo */
	unsigned int sync[MAX];		/* index of syncobj */
	struct fake_vm vm[8];
	struct queue queue[16];
};

enum file_type { FILE_NONE, FILE_NODE, FILE_DMA_BUF, FILE_SYNCOBJ, FILE_SYNC_FILE };

struct file {
	enum file_type type;
	unsigned int index;
};

struct watch {
	unsigned int sync;
	uint64_t point;
	int eventfd;
};

struct world {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int memory;		/* memfd, all buffers */
	char dir[64];		/* sysfs */
	struct bo bo[MAX];
	struct syncobj sync[MAX];
	struct client client[16];
	struct file file[1024];
	struct watch watch[16];
};

extern struct world world;

/* fake_world.c */
struct file *file_of(int fd);
int new_file(enum file_type type, unsigned int index);
struct fake_vm *find_vm(struct client *client, uint32_t id);
struct queue *find_queue(struct client *client, uint32_t id);
struct bo *find_bo(struct client *client, uint32_t handle);
struct syncobj *find_sync(struct client *client, uint32_t handle);
unsigned int free_slot(const unsigned int *slots);
uint64_t now_ns(void);
int real_open(const char *path, int flags, mode_t mode);

/* the rest: every ioctl's arguments, 0 or -errno */
int query_ioctl(struct client *client, unsigned long request, void *arg);
int memory_ioctl(struct client *client, unsigned long request, void *arg);
int queue_ioctl(struct client *client, unsigned long request, void *arg);
int sync_ioctl(struct client *client, unsigned long request, void *arg);

/* fake_memory.c */
void put_bo(unsigned int index);

/* fake_sync.c */
int check_syncs(struct client *client, const struct drm_dojo_obj_array *array);
bool is_reached(struct client *client, const struct drm_dojo_sync_op *op);
void promise_op(struct client *client, const struct drm_dojo_sync_op *op);
void signal_op(struct client *client, const struct drm_dojo_sync_op *op, int error);
void signal_changed(void);

/* fake_queue.c */
void run_pending(void);

/* fake_sysfs.c */
void make_sysfs(void);
void remove_sysfs(void);

#endif
