# Keelson's build. `make help` lists the targets and variables.

SHELL := /bin/bash -o pipefail
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

# Several goals are made one after the other, as typed: `make setup run`, `make clean iso`. Each is a
# make of its own, so that the one behind setup finds the tools.
ifneq ($(word 2,$(MAKECMDGOALS)),)

.PHONY: in-order $(MAKECMDGOALS)
in-order:
	+@for goal in $(MAKECMDGOALS); do \
		$(MAKE) --no-print-directory $$goal SETUP_FOR="$(filter-out setup,$(MAKECMDGOALS))" || exit 1; \
	done
$(MAKECMDGOALS): in-order ; @:

else

VERSION := 0.1.0

# --- What can be chosen -----------------------------------------------------------------------

O        ?= build
V        ?=
LLVM     ?=
DEBUG    ?=
UBSAN    ?=
CPUS     ?= 2
MEMORY   ?= 512M
MACHINE  ?= q35
FIRMWARE ?= bios
ACCEL    ?= tcg
FONT     ?=
GUESTS   ?=
DEVICE   ?=
# One spelling of one folder: another would compile everything again.
override O := $(subst $(CURDIR)/,,$(O))
export O CPUS MEMORY MACHINE FIRMWARE ACCEL

# All processors, unless somebody has said otherwise or a make above has its job server.
ifeq ($(filter -j% --jobserver%,$(MAKEFLAGS)),)
ifndef KEELSON_JOBS
export KEELSON_JOBS := 1
MAKEFLAGS += --jobs=$(shell nproc 2>/dev/null || echo 2)
endif
endif

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-8s %s\n' $(1) $(2))

# --- Tools ------------------------------------------------------------------------------------

ifndef PYTHON # the first that has what the tests need; makes below inherit it
PYTHON := $(or $(shell for p in python3 /usr/bin/python3; do \
	$$p -c 'import pytest, pexpect, xdist' 2>/dev/null && echo $$p && break; done),python3)
endif
HOSTCC ?= $(if $(LLVM),clang,cc)

ifneq ($(LLVM),)
CC      := clang --target=x86_64-linux-gnu
LD      := ld.lld
NM      := llvm-nm
OBJDUMP := llvm-objdump
OBJCOPY := llvm-objcopy
SIZE    := llvm-size
else
CROSS_COMPILE ?= $(shell for p in x86_64-elf- x86_64-linux-gnu-; do \
	command -v $${p}gcc >/dev/null && command -v $${p}ld >/dev/null && echo $$p && break; done)
CC      := $(CROSS_COMPILE)gcc
LD      := $(CROSS_COMPILE)ld
NM      := $(CROSS_COMPILE)nm
OBJDUMP := $(CROSS_COMPILE)objdump
OBJCOPY := $(CROSS_COMPILE)objcopy
SIZE    := $(CROSS_COMPILE)size
endif
export CC NM OBJDUMP OBJCOPY SIZE PYTHON

# --- Flags ------------------------------------------------------------------------------------

INCLUDES := -iquote . -iquote $(O)

CFLAGS := -std=gnu17 -O2 -g -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wundef -Wformat=2 -ffreestanding -mcmodel=kernel -mno-red-zone -mgeneral-regs-only \
	-fno-pie -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer -fno-optimize-sibling-calls -fstack-protector-strong \
	-mstack-protector-guard=tls -mstack-protector-guard-reg=gs -mstack-protector-guard-offset=40 \
	-fcf-protection=none -fno-asynchronous-unwind-tables -fno-strict-aliasing -fno-common \
	"-ffile-prefix-map=$(CURDIR)/=" "-fdebug-prefix-map=$(CURDIR)=." $(INCLUDES)
ifneq ($(DEBUG),)
CFLAGS += -DKEELSON_DEBUG=1
endif
ifneq ($(UBSAN),)
CFLAGS += -fsanitize=undefined -fsanitize-undefined-trap-on-error
endif
ASFLAGS := -g -Wa,--noexecstack "-fdebug-prefix-map=$(CURDIR)=." $(INCLUDES)
LDFLAGS := -nostdlib -static -z max-page-size=4096 -z noexecstack --build-id=sha1 --fatal-warnings

# --- Sources ----------------------------------------------------------------------------------

ROOMS   := lib arch/x86_64 mm kernel drivers drivers/acpi monitor tests/kernel tests/bench
SOURCES := $(filter-out arch/x86_64/asm_offsets.c,$(foreach r,$(ROOMS),$(wildcard $(r)/*.c $(r)/*.S)))
OBJECTS := $(addprefix $(O)/obj/,$(addsuffix .o,$(SOURCES))) $(O)/obj/font_data.c.o
KERNEL  := $(O)/keelson.elf
ISO     := $(O)/keelson.iso

.PHONY: all iso help
all: $(KERNEL)
iso: $(ISO)

# --- The kernel -------------------------------------------------------------------------------

# Rewritten only when the compiler or its flags change: then everything is compiled again.
$(O)/gen/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CFLAGS) $(LD) $(LDFLAGS) $(VERSION) $(FONT)' | cmp -s - $@ || \
		echo '$(CC) $(CFLAGS) $(LD) $(LDFLAGS) $(VERSION) $(FONT)' > $@

# The same for the list of objects: a source file that is gone must be gone from the kernel too.
$(O)/gen/objects: FORCE
	@mkdir -p $(@D)
	@echo '$(OBJECTS)' | cmp -s - $@ || echo '$(OBJECTS)' > $@

$(O)/gen/asm_offsets.h: arch/x86_64/asm_offsets.c $(O)/gen/flags
	$(call say,OFFSETS,$@)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -MT $@ -MF $@.d -S -o - $< | \
		sed -n 's/.*"define \([A-Z_0-9]*\) \([0-9]*\)".*/#define \1 \2/p' > $@

# These would be compiled into calls of themselves.
$(O)/obj/lib/string.c.o: CFLAGS += -fno-builtin $(if $(LLVM),,-fno-tree-loop-distribute-patterns)
# What runs once, or waits for people: small matters more than fast.
SMALL := tests/kernel/% monitor/% drivers/acpi/% mm/%_check kernel/multiboot2 kernel/pvh \
	$(addprefix arch/x86_64/,report machine_% topology pmu smp ap_tables calibrate reference_% tsc% ioapic pic)
$(SMALL:%=$(O)/obj/%.c.o): CFLAGS += -Os
$(O)/obj/kernel/version.c.o: CFLAGS += -DKEELSON_VERSION='"$(VERSION)"'

$(O)/obj/%.c.o: %.c $(O)/gen/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(O)/gen/font_data.c: tools/font.py $(FONT) $(O)/gen/flags
	$(call say,FONT,$(FONT))
	@mkdir -p $(@D)
	$(Q)$(PYTHON) tools/font.py $(FONT) > $@

$(O)/obj/font_data.c.o: $(O)/gen/font_data.c $(O)/gen/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(O)/obj/%.S.o: %.S $(O)/gen/flags $(O)/gen/asm_offsets.h
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ASFLAGS) -MMD -MP -c -o $@ $<

$(O)/gen/linker.ld: linker.ld mm/layout.h $(O)/gen/flags
	$(Q)$(CC) -E -P -undef -D__ASSEMBLER__ $(INCLUDES) -x c -o $@ $<

# Two links: the symbol table of the first goes into the second, behind everything it names.
$(O)/gen/symbols0.S: tools/symbols.py
	@mkdir -p $(@D)
	$(Q)$(PYTHON) tools/symbols.py </dev/null > $@

$(O)/gen/symbols1.S: $(O)/keelson0.elf tools/symbols.py
	$(Q)$(NM) $< | $(PYTHON) tools/symbols.py > $@

$(O)/gen/symbols%.o: $(O)/gen/symbols%.S
	$(Q)$(CC) $(ASFLAGS) -c -o $@ $<

$(O)/keelson0.elf: $(OBJECTS) $(O)/gen/objects $(O)/gen/symbols0.o $(O)/gen/linker.ld
	$(Q)$(LD) $(LDFLAGS) -T $(O)/gen/linker.ld -o $@ $(OBJECTS) $(O)/gen/symbols0.o

$(KERNEL): $(O)/gen/symbols1.o tools/check_image.sh
	$(call say,LD,$@)
	$(Q)$(LD) $(LDFLAGS) -T $(O)/gen/linker.ld -o $@.new $(OBJECTS) $(O)/gen/symbols1.o
	$(Q)tools/check_image.sh $@.new $(O)/keelson0.elf
	$(Q)mv $@.new $@

# --- The ISO ----------------------------------------------------------------------------------

$(ISO): $(KERNEL) iso/grub.cfg $(wildcard iso/licenses/*) tools/mkiso.sh
	$(if $(GUESTS),$(error GUESTS= is not there yet: it comes with virtual machines))
	$(call say,ISO,$@)
	$(Q)tools/mkiso.sh $(KERNEL) iso/grub.cfg $@

# --- Setting up -------------------------------------------------------------------------------

.PHONY: setup
setup:
	@tools/setup.sh $(SETUP_FOR)

# --- Running ----------------------------------------------------------------------------------

.PHONY: run run-uefi debug gdb dump
run: $(ISO)
	@$(PYTHON) tools/qemu.py run --iso $(ISO)

run-uefi: $(ISO)
	@FIRMWARE=uefi $(PYTHON) tools/qemu.py run --iso $(ISO)

debug: $(ISO)
	@$(PYTHON) tools/qemu.py debug --iso $(ISO) --symbols $(KERNEL)

# QEMU's port, or a serial line: LINE=/dev/ttyUSB0.
LINE ?= localhost:1234
BAUD ?= 115200

gdb: $(KERNEL)
	@gdb -q -x tools/gdb/keelson.gdb -ex 'set serial baud $(BAUD)' -ex 'target remote $(LINE)' $(KERNEL)

dump:
	@$(PYTHON) tools/qemu.py dump --symbols $(KERNEL)

# --- Tests ------------------------------------------------------------------------------------

include tests/tests.mk

# --- Checks -----------------------------------------------------------------------------------

include tools/check.mk

# --- The rest ---------------------------------------------------------------------------------

.PHONY: usb netboot test-guests clean FORCE
usb netboot test-guests:
	@echo "make $@ is not there yet." >&2; exit 1

clean:
	$(Q)rm -rf $(O)

help:
	@cat tools/help.txt

FORCE:

-include $(OBJECTS:.o=.d) $(O)/gen/asm_offsets.h.d

endif
