# Tests by pytest: boots on emulated machines, and the build's own promises. TESTS= chooses, as in
# `make test-machine TESTS="-k panic"`.

TESTS ?=

PYTEST = PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=tests $(PYTHON) -m pytest -p no:cacheprovider \
	-p totals_plugin -q -rs -n 2 --maxprocesses=2

.PHONY: test-machine test-tools screenshots
test-machine test-tools: test-%: $(KERNEL) $(ISO)
	@mkdir -p $(O)/tests; rm -f $(O)/tests/$*.totals
	$(Q)status=0; $(PYTEST) --totals $(O)/tests/$*.totals tests/$* $(TESTS) || status=$$?; \
	cat $(O)/tests/$*.totals || exit 1; exit $$status

# The README's pictures, anew.
screenshots: $(KERNEL) $(ISO)
	$(Q)$(PYTEST) tests/machine/test_screenshots.py -k test_picture
	$(Q)cp $(O)/tests/screenshots/*.png docs/images/
