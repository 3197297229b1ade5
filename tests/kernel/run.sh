#!/bin/bash
# Runs the kernel's self-tests on several builds and processors: run.sh OUTPUT_FOLDER
set -euo pipefail
out=$1
logs=$out/tests/kernel
mkdir -p "$logs"
rm -f "$logs"/*
broken=0

run() { # NAME KERNEL MACHINE CPU PROCESSORS
    local name=$1 kernel=$2 log=$logs/$1.log status=0
    timeout 300 qemu-system-x86_64 -machine "$3" -accel tcg -cpu "$4" -smp "$5" -m 256M -display none -no-reboot \
        -nic none -serial "file:$log" -device isa-debug-exit,iobase=0xf4,iosize=4 \
        -kernel "$kernel" -append "exit=qemu ktest" >"$log.qemu" 2>&1 || status=$?
    tr -d '\r' <"$log" >"$log.new" && mv "$log.new" "$log"
    echo "$name: $(grep -E '^[0-9]+ passed' "$log" || echo "no result")"
    [ $status -eq 33 ] && return
    echo "$name: QEMU ended with $status; the end of $log:"
    tail -40 "$log"
    grep -qE '^[0-9]+ passed' "$log" || echo "0 passed, 1 failed, 0 skipped" >>"$log"
    return 1
}

run release "$out/keelson.elf" q35 max 1 || broken=1 # one at a time: some measure shares of time
run old-processor "$out/keelson.elf" pc qemu64 2 || broken=1
run debug "$out/debug/keelson.elf" q35 max 4 || broken=1
run llvm "$out/llvm/keelson.elf" q35 max 4 || broken=1

tools/totals.sh "$logs"/*.log | tee "$out/tests/kernel.totals"
exit $broken
