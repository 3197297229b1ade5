# `make test` and its parts. Each part prints a line "N passed, N failed, N skipped" and leaves it
# in $(O)/tests/PART.totals; `make test` runs them one after the other (each uses all processors)
# and ends with the sum.

include tests/host.mk
include tests/machine.mk

.PHONY: test test-kernel test-mutants bench

test:
	@rm -f $(O)/tests/*.totals; status=0; \
	for part in test-host test-kernel test-tools test-machine; do \
		echo "== $$part"; $(MAKE) --no-print-directory $$part || status=1; \
	done; \
	echo "== make test"; tools/totals.sh $(O)/tests/*.totals || status=1; exit $$status

# The self-tests in builds that differ: release, debug with UBSan's traps, and clang with lld.
test-kernel: $(KERNEL)
	@$(MAKE) --no-print-directory O=$(O)/debug DEBUG=1 UBSAN=1 all
	@$(MAKE) --no-print-directory O=$(O)/llvm LLVM=1 all
	@tests/kernel/run.sh $(O)

test-mutants:
	@$(PYTHON) tests/mutants/run.py

bench: $(ISO)
	@$(PYTHON) tests/bench/bench.py
