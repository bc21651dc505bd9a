/* SPDX-License-Identifier: GPL-2.0-only */
/* Submission of jobs by user space. */
#ifndef DOJO_SUBMIT_H
#define DOJO_SUBMIT_H

/* Jobs in one call, if the queue's ring has room for so many */
#define DOJO_JOBS_PER_SUBMIT	1024

#endif
