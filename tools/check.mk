# `make check`: format, layers, static analysis. The image's own checks (tools/check_image.sh) run
# after every link.

C_FILES    = $(shell git ls-files -co --exclude-standard '*.c' '*.h' 2>/dev/null)
TIDIED     = $(filter-out tests/host/% tests/fuzz/% tools/%,$(filter %.c,$(C_FILES)))
SCRIPTS    = $(shell git ls-files -co --exclude-standard '*.sh' .ci/run 2>/dev/null)
TIDY_DONE  = $(TIDIED:%=$(O)/tidy/%.done)

.PHONY: check check-format check-layers check-cppcheck check-tidy check-shell check-python
check: check-format check-layers check-cppcheck check-tidy check-shell check-python $(KERNEL)
	@echo "make check: all is well."

check-format:
	$(call say,FORMAT,"$(words $(C_FILES)) files")
	$(if $(C_FILES),,$(error make check needs a git checkout))
	$(Q)clang-format --dry-run -Werror $(C_FILES)

check-layers:
	$(call say,LAYERS,)
	$(Q)$(PYTHON) tools/layers.py

check-cppcheck:
	$(call say,CPPCHECK,)
	$(Q)cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr --enable=warning,performance,portability \
		--suppress=syntaxError --suppress=preprocessorErrorDirective --suppress=comparePointers \
		--suppress=unknownMacro --suppress=assignBoolToPointer \
		--suppress=va_end_missing:kernel/panic.c -D__GNUC__=12 -D__x86_64__=1 -DKEELSON_VERSION='""' -I . \
		lib mm kernel arch drivers monitor

# One file at a time, in parallel, and only what has changed.
$(O)/tidy/%.done: % .clang-tidy $(O)/gen/asm_offsets.h
	$(call say,TIDY,$<)
	@mkdir -p $(@D)
	$(Q)clang-tidy --quiet $< -- --target=x86_64-linux-gnu -DKEELSON_VERSION='"$(VERSION)"' \
		$(filter-out -Werror -Wformat=2 -fno-tree-loop-distribute-patterns,$(CFLAGS)) 2>$@.log || { cat $@.log; exit 1; }
	@touch $@
check-tidy: $(TIDY_DONE)

check-shell:
	$(call say,SHELL,"$(SCRIPTS)")
	$(Q)shellcheck $(SCRIPTS)

check-python:
	$(call say,PYTHON,)
	$(Q)git ls-files -co --exclude-standard '*.py' | PYTHONPYCACHEPREFIX=$(O)/pycache xargs $(PYTHON) -W error -m py_compile
