#!/bin/bash
# Adds up lines "N passed, N failed, N skipped" of files: totals.sh FILE...
# Exits with 1 where something failed, nothing ran, or a file has no such line.
set -euo pipefail
passed=0 failed=0 skipped=0 broken=0
for file in "$@"; do
    if line=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped' "$file" | tail -1); then
        read -r p _ f _ s _ <<<"$line"
        ((passed += p, failed += f, skipped += s)) || true
    else
        echo "$file: no totals" >&2
        broken=1
    fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $broken -eq 0 ] && [ $failed -eq 0 ] && [ $passed -gt 0 ]
