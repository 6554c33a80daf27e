# SPDX-License-Identifier: GPL-2.0-only
#
# kvmx: make help

VERSION := $(shell sed -n 's/^.define KVMX_VERSION[[:space:]]*"\(.*\)"/\1/p' include/kvmx.h)
TOP := $(CURDIR)
BUILD := $(TOP)/build
LAB_KERNEL ?= 6.1

# --- which kernel -------------------------------------------------------------
# KDIR=: these headers. KVER=6.1 or 6.12: the lab's. Else the running kernel's,
# else the newest installed.
ifdef KVER
KVERS := 6.1 6.12
ifeq ($(filter $(KVER),$(KVERS)),)
$(error KVER=$(KVER): one of $(KVERS))
endif
KDIR = $(wildcard $(BUILD)/lab/kernel_$(subst .,_,$(KVER))/usr/src/linux-headers-*-cloud-amd64)
endif
running := $(wildcard /lib/modules/$(shell uname -r)/build)
newest = $(shell ls -d /lib/modules/*/build 2>/dev/null | sort -V | tail -n 1)
KDIR ?= $(or $(running),$(newest))
KREL = $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h 2>/dev/null)
OUT = $(BUILD)/$(KREL)

.PHONY: all modules sources test-module help
all: modules

# --- the modules ---------------------------------------------------------------
# Kbuild puts objects beside their sources, so each kernel gets a folder of links.
module-folders := vm run irqfd irqchip pv async_pf vcpu mmu vmx bus emulate compat include

modules: sources
	@flock $(OUT)/.lock $(MAKE) --no-print-directory -C $(KDIR) M=$(OUT) $(KBUILD_ARGS) modules

sources:
	@test -n "$(KREL)" || { echo "make: no kernel headers$(if $(KDIR), in $(KDIR)):" \
		"give KDIR=, or install linux-headers-$$(uname -r)" >&2; exit 1; }
	@tools/link-sources $(OUT) Kbuild kvm_main.c $(wildcard $(module-folders))

# Modules that tests load: selftests/module/Kbuild.
test-module:
	@test -n "$(KREL)" || { echo "make: no kernel headers" >&2; exit 1; }
	@tools/link-sources $(BUILD)/test-module/$(KREL) selftests/module compat/compat.h compat/ipi.h
	@$(MAKE) --no-print-directory -C $(KDIR) \
		M=$(BUILD)/test-module/$(KREL)/selftests/module $(KBUILD_ARGS) modules

# --- on this machine -----------------------------------------------------------
.PHONY: load unload install uninstall dkms
load:
	@MODULES=$(OUT) tools/kvmx load $(PARAMS)

unload:
	@tools/kvmx unload

# Beside the distribution's modules, not over them: depmod prefers updates/.
install: modules
	@$(MAKE) --no-print-directory -C $(KDIR) M=$(OUT) INSTALL_MOD_DIR=updates modules_install
	@depmod $(if $(INSTALL_MOD_PATH),-b $(INSTALL_MOD_PATH)) $(KREL)
	@echo "installed for $(KREL); modprobe kvm_intel loads it"

uninstall:
	@rm -f $(addprefix $(INSTALL_MOD_PATH)/lib/modules/$(KREL)/updates/kvm,.ko -intel.ko)
	@depmod $(if $(INSTALL_MOD_PATH),-b $(INSTALL_MOD_PATH)) $(KREL)

dkms-tree := /usr/src/kvmx-$(VERSION)
dkms:
	@command -v dkms >/dev/null || { echo "make: dkms is not installed" >&2; exit 1; }
	@dkms remove kvmx/$(VERSION) --all >/dev/null 2>&1 || true
	@rm -rf $(dkms-tree)
	@mkdir -p $(dkms-tree)
	@cp -a Kbuild Makefile dkms.conf COPYING README tools kvm_main.c \
		$(wildcard $(module-folders)) $(dkms-tree)
	@dkms add kvmx/$(VERSION)
	@dkms install kvmx/$(VERSION)

# --- in the lab ------------------------------------------------------------------
.PHONY: demo shell test test-wide test-nested test-emulator fuzz bench docs check
demo:
	@lab/setup lab
	@$(MAKE) --no-print-directory modules KVER=$(LAB_KERNEL)
	@LAB_KERNEL=$(LAB_KERNEL) lab/demo

shell:
	@lab/setup lab
	@$(MAKE) --no-print-directory modules KVER=$(LAB_KERNEL)
	@LAB_KERNEL=$(LAB_KERNEL) lab/shell

test:
	@lab/setup lab test
	@tools/test

test-wide:
	@lab/setup lab test guests
	@tools/test wide

test-nested:
	@lab/setup lab test
	@tools/test 6.1-nested 6.12-nested

test-emulator:
	@$(MAKE) -s --no-print-directory -C tests OUT=$(BUILD)/tests against-cpu

FUZZ_SECONDS ?= 60
fuzz:
	@lab/setup fuzz
	@$(MAKE) --no-print-directory -C tests OUT=$(BUILD)/tests FUZZ_SECONDS=$(FUZZ_SECONDS) fuzz

bench:
	@lab/setup lab test bench
	@$(MAKE) --no-print-directory modules KVER=$(LAB_KERNEL)
	@LAB_KERNEL=$(LAB_KERNEL) bench/run

# The pages that programs print, from the tables of the built modules among others.
docs:
	@lab/setup lab
	@for k in 6.1 6.12; do $(MAKE) --no-print-directory modules KVER=$$k || exit 1; done
	@tools/docs

check:
	@lab/setup lab test check
	@tools/check $(CHECKS)

# --- the rest ----------------------------------------------------------------------
.PHONY: clean distclean
# What is made from the sources; the lab's downloads stay.
clean:
	@for d in $(BUILD)/*; do case $$d in */lab) ;; *) rm -rf "$$d" ;; esac; done
	@rm -rf bench/out

distclean: clean
	@rm -rf $(BUILD)

help:
	@echo "on a machine with VT-x:"
	@echo "  make              kvm.ko and kvm-intel.ko in build/<kernel>/; KDIR= chooses the headers"
	@echo "  make load         put them in the place of the distribution's kvm; PARAMS= for kvm.ko"
	@echo "  make unload       and back"
	@echo "  make install      into /lib/modules; make uninstall"
	@echo "  make dkms         the same through DKMS, for every kernel to come"
	@echo "on any machine:"
	@echo "  make demo         boot Linux in QEMU on kvmx in the lab; LAB_KERNEL=6.1 or 6.12"
	@echo "  make shell        a shell in the lab, kvmx loaded"
	@echo "  make test         what shows that nothing broke, on both kernels: 45 minutes"
	@echo "  make test-wide    everything, on every kind of machine: hours; BOCHS= helps"
	@echo "  make test-nested  the selftests on VT-x as the distribution's kvm emulates it"
	@echo "  make test-emulator  the instruction emulator against this CPU; SEED=, CASES=, CASE=, LIST=1"
	@echo "  make fuzz         libFuzzer and AFL++ on the emulator, FUZZ_SECONDS=60"
	@echo "  make bench        kvmx beside the distribution's kvm, bench/out/"
	@echo "  make docs         what programs print into Documentation/, anew"
	@echo "  make check        warnings, sparse, checkpatch, coccinelle; CHECKS= for some"
	@echo "  make clean        remove what was built; make distclean also the lab"
