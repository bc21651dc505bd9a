# SPDX-License-Identifier: GPL-2.0-only
# `make help` lists what there is. Everything made lies below build/, or in ${XDG_CACHE_HOME:-~/.cache}/dojo.

KDIR	?= /lib/modules/$(shell uname -r)/build
PREFIX	?= /usr/local
KERNEL	?= 6.12
MODEL	?= mlp
DATASET	?= /usr/share/datasets/fashion-mnist
T	?=

VM	:= qemu/vm
NATIVE	:= $(CURDIR)/build/native
export DESTDIR PREFIX SOAK

MAKEFLAGS += --no-print-directory

all: libdojo tools module

# $(call sub,FOLDER,TARGETS): its own Makefile, output below build/native
sub = +@[ -e $(1)/Makefile ] || { echo "error: $(1)/Makefile is missing" >&2; exit 1; }; \
	$(MAKE) -C $(1) O=$(NATIVE)/$(1) LIBDOJO_O=$(NATIVE)/libdojo $(2)

module:
	@$(VM)/module $(KDIR) build/native/module

libdojo:
	$(call sub,libdojo,all)

tools: libdojo
	$(call sub,tools,all)

install: all
	$(MAKE) -C $(KDIR) M=$(CURDIR)/build/native/module $(if $(DESTDIR),INSTALL_MOD_PATH=$(DESTDIR)) modules_install
	$(call sub,libdojo,install)
	$(call sub,tools,install)

demo:
	@$(VM)/demo.sh $(MODEL) $(DATASET)

check:
	@$(VM)/check.sh $(KERNEL) $(T)

shell:
	@$(VM)/build.sh module $(KERNEL) && $(VM)/build.sh user && $(VM)/run.sh -k $(KERNEL) -n shell -t 86400 --shell

bench:
	@$(VM)/bench.sh

lint:
	@$(VM)/lint.sh $(T)

qtest:
	@$(VM)/qtest.sh $(T)

native:
	@$(VM)/native.sh

check-setup:
	@$(VM)/setup-test.sh $(T)

coverage:
	@$(VM)/coverage.sh $(T)

soak:
	@$(VM)/soak.sh $(T)

clean:
	rm -rf build

help:
	@echo 'In a virtual machine (no card, no headers and no libraries needed; the first run sets everything up):'
	@echo '  demo      train a classifier on tiles      MODEL=mlp|cnn'
	@echo '  check     the selftests                    T="name..." KERNEL=6.12|7.3|debug|debug-6.12'
	@echo '  shell     a root shell, driver loaded      KERNEL=...'
	@echo '  bench     copies, submissions, GEMM, training beside the CPU    SIZES=256,... FORMATS=fp32,...'
	@echo '  coverage  lines of the driver that the selftests run (debug kernel)'
	@echo '  soak      native and check, fuzzers and heavy tests at full scale   SOAK="kernel..."'
	@echo
	@echo 'In the build root, without booting:'
	@echo '  lint      static analysis of everything    T="check..."'
	@echo '  qtest     tests of the model of the card   T="pattern..."'
	@echo '  native    tests and fuzzing of what runs without a driver: decoder, numerics, libdojo, tools'
	@echo '  check-setup   the set-up on full disks, without a mirror, interrupted...    T="test..."'
	@echo
	@echo 'On this machine:'
	@echo '  all       (default) module, libdojo, tools KDIR=kernel build tree'
	@echo '  module  libdojo  tools                     each alone'
	@echo '  install                                    PREFIX=/usr/local DESTDIR='
	@echo '  clean     remove build/'
	@echo
	@echo 'Of the machine: DOJO_CARD="tiles=2,hbm=1G" (several: separated by spaces), DOJO_IOMMU=1 (cards behind'
	@echo 'an IOMMU), DOJO_VM_ACCEL=kvm|tcg (default: kvm where it works). qemu/README.md has more.'

.PHONY: all module libdojo tools install demo check shell bench lint qtest native check-setup coverage soak clean help
