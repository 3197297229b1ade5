# Tests and fuzz targets that run on the developer's machine. Part of the build by way of
# tests/tests.mk; `make -f tests/host.mk O=dir test-host` works too.

O            ?= build
Q            ?= @
HOSTCC       ?= cc
FUZZCC       ?= clang
PYTHON       ?= python3
SECONDS_EACH ?= 60

HOST_WARNINGS := -Wall -Wextra -Werror -Wshadow -Wno-unused-function
HOST_INCLUDES := -iquote tests/host/fake -iquote . -iquote $(O)/tests/gen
HOST_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
HOST_FLAGS    := -std=gnu17 -g -fno-strict-aliasing $(HOST_WARNINGS) $(HOST_INCLUDES)

# As the kernel is compiled, where the optimiser's view of the code is what is tested.
HOST_AS_KERNEL := -O2 -mgeneral-regs-only -mno-red-zone -fno-builtin \
	$(if $(LLVM),,-fno-tree-loop-distribute-patterns)

HOST_DIR   := $(O)/tests/host
HOST_NAMES := $(basename $(notdir $(wildcard tests/host/test_*.c)))
TSAN_NAMES := $(basename $(notdir $(wildcard tests/host/tsan_*.c)))
FUZZ_NAMES := $(basename $(notdir $(wildcard tests/fuzz/fuzz_*.c)))
HOST_TESTS := $(addprefix $(HOST_DIR)/,$(HOST_NAMES) test_string_as_kernel $(TSAN_NAMES) \
	$(FUZZ_NAMES))

# As the Makefile's, in a folder of its own: this file is used without it too.
HOST_FONT := $(O)/tests/gen/font_data.c

host_say = $(if $(Q),@printf '  %-8s %s\n' $(1) $(2))

.PHONY: test-host fuzz coverage $(FUZZ_NAMES:%=run-%)

# --- Tests ------------------------------------------------------------------------------------

test-host: $(HOST_TESTS)
	$(Q)$(PYTHON) tests/host/run.py --logs $(HOST_DIR) --totals $(O)/tests/host.totals $^

$(HOST_FONT): tools/font.py $(FONT)
	@mkdir -p $(@D)
	$(Q)$(PYTHON) tools/font.py $(FONT) > $@ || { rm -f $@; exit 1; }

$(HOST_DIR)/test_font $(O)/coverage/test_font: $(HOST_FONT)

$(HOST_DIR)/test_%: tests/host/test_%.c tests/host.mk
	$(call host_say,HOSTCC,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_FLAGS) -O1 $(HOST_SANITIZE) -MMD -MP -MF $@.d -MT $@ -o $@ $< -lcmocka

$(HOST_DIR)/test_string_as_kernel: tests/host/test_string.c tests/host.mk
	$(call host_say,HOSTCC,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_FLAGS) $(HOST_AS_KERNEL) -MMD -MP -MF $@.d -MT $@ -o $@ $< -lcmocka

# Threads that stand for processors.
$(HOST_DIR)/tsan_%: tests/host/tsan_%.c tests/host.mk
	$(call host_say,HOSTCC,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_FLAGS) -O1 -fsanitize=thread -pthread -MMD -MP -MF $@.d -MT $@ -o $@ $< -lcmocka

# A fuzz target under the test compiler: its seeds, once each.
$(HOST_DIR)/fuzz_%: tests/fuzz/replay.c tests/fuzz/fuzz_%.c tests/host.mk
	$(call host_say,HOSTCC,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_FLAGS) -O1 $(HOST_SANITIZE) -DFUZZ_TARGET='"tests/fuzz/fuzz_$*.c"' \
		-DFUZZ_SEEDS='"tests/fuzz/seeds/$*"' -MMD -MP -MF $@.d -MT $@ -o $@ $< -lcmocka

# --- Fuzzing ----------------------------------------------------------------------------------

# `make fuzz SECONDS_EACH=600`: what is found stays in the corpus, what crashes beside it.
fuzz: $(FUZZ_NAMES:%=run-%)

$(FUZZ_NAMES:%=run-%): run-%: $(O)/fuzz/%
	@mkdir -p $(O)/fuzz/corpus_$*
	$(call host_say,FUZZ,"$* for $(SECONDS_EACH) s")
	$(Q)$(O)/fuzz/$* -max_total_time=$(SECONDS_EACH) -timeout=10 -max_len=16384 -verbosity=0 \
		-print_final_stats=1 -artifact_prefix=$(O)/fuzz/$*- $(O)/fuzz/corpus_$* \
		tests/fuzz/seeds/$(*:fuzz_%=%) 2>$(O)/fuzz/$*.log || { tail -50 $(O)/fuzz/$*.log; exit 1; }
	@sed -n 's/^stat::number_of_executed_units: /  $*: runs: /p' $(O)/fuzz/$*.log

$(O)/fuzz/fuzz_%: tests/fuzz/fuzz_%.c tests/host.mk
	$(call host_say,FUZZCC,$@)
	@mkdir -p $(@D)
	$(Q)$(FUZZCC) $(HOST_FLAGS) -O1 -DHOST_FUZZ -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all -MMD -MP -MF $@.d -MT $@ -o $@ $<

# --- Coverage ---------------------------------------------------------------------------------

COVERAGE_DIR   := $(O)/coverage
COVERAGE_TESTS := $(HOST_NAMES:%=$(COVERAGE_DIR)/%)

coverage: $(COVERAGE_TESTS)
	@rm -f $(COVERAGE_DIR)/*.gcda
	-$(Q)$(PYTHON) tests/host/run.py --logs $(COVERAGE_DIR) $^
	$(Q)gcovr --root . --object-directory $(COVERAGE_DIR) --filter '(lib|mm|kernel|arch|drivers|monitor)/' \
		--output $(O)/coverage.txt $(COVERAGE_DIR)
	@cat $(O)/coverage.txt

$(COVERAGE_DIR)/%: tests/host/%.c tests/host.mk
	$(call host_say,HOSTCC,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_FLAGS) -O0 --coverage -MMD -MP -MF $@.d -MT $@ -o $@ $< -lcmocka

-include $(HOST_TESTS:=.d) $(FUZZ_NAMES:%=$(O)/fuzz/%.d) $(COVERAGE_TESTS:=.d)
