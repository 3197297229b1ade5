#!/bin/bash
# Makes a disc that boots on BIOS, UEFI x64 and UEFI IA32: mkiso.sh KERNEL GRUB.CFG ISO
# Checks its tools first, and the result last; never leaves half an image behind.
set -euo pipefail
kernel=$1 config=$2 iso=$3

modules="normal multiboot2 configfile iso9660 fat part_gpt part_msdos part_apple all_video gfxterm
 test echo ls cat reboot halt search search_fs_file search_label serial terminal minicmd loadenv"

need() { # COMMAND PACKAGE
    command -v "$1" >/dev/null && return
    echo "mkiso: $1 is missing: install the package $2 (or run \`make setup\`)" >&2
    exit 1
}

mkrescue=grub-mkrescue
for name in grub2-mkrescue x86_64-elf-grub-mkrescue; do # on Fedora; from Homebrew
    ! command -v $name >/dev/null || mkrescue=$name
done
need $mkrescue "grub-common (Fedora: grub2-tools-extra)"
need xorriso xorriso
need mformat mtools
need xz xz-utils

has_platform() {
    local folder
    for folder in /usr/lib/grub /usr/share/grub2 /usr/lib/grub2 \
        "$(dirname "$(command -v $mkrescue)")"/../lib/*grub; do
        [ ! -d "$folder/$1" ] || return 0
    done
    return 1
}

for platform in i386-pc:grub-pc-bin x86_64-efi:grub-efi-amd64-bin i386-efi:grub-efi-ia32-bin; do
    has_platform "${platform%%:*}" && continue
    echo "mkiso: GRUB's platform ${platform%%:*} is missing: install the package" \
        "${platform##*:} (or run \`make setup\`)" >&2
    exit 1
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/tree/boot/grub"
"${OBJCOPY:-objcopy}" --strip-debug "$kernel" "$work/tree/boot/keelson.elf"
cp "$config" "$work/tree/boot/grub/grub.cfg"
cp -r "$(dirname "$0")/../iso/licenses" "$work/tree/boot/licenses"

if ! $mkrescue --compress=xz --fonts= --locales= --themes= --install-modules="$modules" \
    -o "$work/keelson.iso" "$work/tree" -- -volid KEELSON >"$work/log" 2>&1; then
    cat "$work/log" >&2
    exit 1
fi

# Boot entries: El Torito for BIOS and UEFI, and both architectures' loaders in the EFI partition.
report=$(xorriso -indev "$work/keelson.iso" -report_el_torito plain 2>/dev/null)
for entry in BIOS UEFI; do
    grep -q "El Torito boot img.* $entry " <<<"$report" && continue
    echo "mkiso: the disc has no El Torito entry for $entry" >&2
    exit 1
done
xorriso -osirrox on -indev "$work/keelson.iso" -extract /efi.img "$work/efi.img" >/dev/null 2>&1
for loader in BOOTX64.EFI BOOTIA32.EFI; do
    mdir -i "$work/efi.img" -b "::/efi/boot" 2>/dev/null | grep -qi "$loader" && continue
    echo "mkiso: the disc's EFI partition has no $loader" >&2
    exit 1
done
mkdir -p "$(dirname "$iso")"
mv "$work/keelson.iso" "$iso"
