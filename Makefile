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

.PHONY: all modules sources help
all: modules

# --- the modules ---------------------------------------------------------------
# Kbuild puts objects beside their sources, so each kernel gets a folder of links.
module-folders := vm vcpu vmx mmu emulate irqfd async_pf irqchip pv compat include

modules: sources
	@$(MAKE) --no-print-directory -C $(KDIR) M=$(OUT) $(KBUILD_ARGS) modules

sources:
	@test -n "$(KREL)" || { echo "make: no kernel headers$(if $(KDIR), in $(KDIR)):" \
		"give KDIR=, or install linux-headers-$$(uname -r)" >&2; exit 1; }
	@tools/link-sources $(OUT) Kbuild kvm_main.c $(wildcard $(module-folders))
