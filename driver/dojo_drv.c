// SPDX-License-Identifier: GPL-2.0-only
/* The module. */
#include <linux/auxiliary_bus.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/workqueue.h>

#include "dojo_card.h"
#include "dojo_device.h"
#include "dojo_queue.h"
#include "dojo_tile.h"

struct workqueue_struct *dojo_wq;

static int __init dojo_init(void)
{
	int ret;

	dojo_wq = alloc_workqueue("dojo", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!dojo_wq)
		return -ENOMEM;

	ret = auxiliary_driver_register(&dojo_tile_driver);
	if (ret)
		goto err_wq;
	ret = pci_register_driver(&dojo_pci_driver);
	if (ret)
		goto err_tile;
	return 0;

err_tile:
	auxiliary_driver_unregister(&dojo_tile_driver);
err_wq:
	destroy_workqueue(dojo_wq);
	return ret;
}
module_init(dojo_init);

static void __exit dojo_exit(void)
{
	pci_unregister_driver(&dojo_pci_driver);
	auxiliary_driver_unregister(&dojo_tile_driver);
	dojo_tile_wait_gone();
	destroy_workqueue(dojo_wq);
	dojo_queues_orphan();
}
module_exit(dojo_exit);

DOJO_IMPORT_NS_DMA_BUF;
MODULE_DESCRIPTION("Dojo Interface Processor");
MODULE_AUTHOR("The Dojo project");
MODULE_LICENSE("GPL");
