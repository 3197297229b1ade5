# Boots on emulated machines: `make test-machine`. TESTS= chooses, as in TESTS="-k panic".

TESTS ?=

.PHONY: test-machine
test-machine: $(KERNEL) $(ISO)
	@rm -f $(O)/tests/machine.totals
	$(Q)status=0; PYTHONDONTWRITEBYTECODE=1 $(PYTHON) -m pytest -p no:cacheprovider -q --tb=short -rfEs \
		-n 2 tests/machine $(TESTS) || status=$$?; \
	cat $(O)/tests/machine.totals || exit 1; exit $$status
