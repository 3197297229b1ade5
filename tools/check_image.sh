#!/bin/bash
# Checks a linked kernel: check_image.sh IMAGE FIRST_LINK
# Refuses what would only be noticed on a machine, or never: no header, dynamic relocations, vector
# registers, a segment that is writable and executable, symbols that moved between the two links.
set -euo pipefail
image=$1 first=$2
: "${NM:=nm}" "${OBJDUMP:=objdump}"

fail() {
    echo "$image: $*" >&2
    exit 1
}

# LLVM's objdump has no short form for everything: -h, -p and -d are common to both.
grub_file=
for name in grub-file grub2-file x86_64-elf-grub-file; do
    [ -n "$grub_file" ] || ! command -v $name >/dev/null || grub_file=$name
done
if [ -z "$grub_file" ]; then
    echo "$image: not checked for its Multiboot2 header: there is no grub-file" >&2
else
    $grub_file --is-x86-multiboot2 "$image" || fail "no Multiboot2 header in the first 32 KiB"
fi

"$OBJDUMP" -h "$image" | grep -E '\.(rela?|dynamic|got|plt|interp)(\.|[[:space:]])' >&2 &&
    fail "has sections for dynamic relocation"

"$OBJDUMP" -p "$image" | grep -E 'flags rwx' >&2 && fail "has a segment that is writable and executable"

"$OBJDUMP" -d --no-show-raw-insn "$image" | grep -m 5 -E '%([xyz]mm[0-9]|st\(?|mm[0-7]|k[0-7]\b)' >&2 &&
    fail "uses vector or x87 registers"

moved=$(diff <("$NM" "$first" | grep -v ' symbol_\| kernel_symbols_end\| kernel_image_end' | sort) \
    <("$NM" "$image" | grep -v ' symbol_\| kernel_symbols_end\| kernel_image_end' | sort) | head -5) ||
    fail "symbols moved between the two links:" "$moved"
