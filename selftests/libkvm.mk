# SPDX-License-Identifier: GPL-2.0-only
# Used inside the kernel's tools/testing/selftests/kvm: archives its library objects.
include Makefile

$(OUTPUT)/libkvm.a: $(LIBKVM_OBJS)
	rm -f $@
	$(AR) rcs $@ $^
