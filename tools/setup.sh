#!/bin/bash
# Installs what is missing to build, run and test Keelson on Debian and Ubuntu: setup.sh [GOAL...]
# With goals that only build and run, it leaves out what the tests need. On other systems it names
# the packages.
set -euo pipefail

build="make gcc binutils libc6-dev python3 git grub-common grub-pc-bin grub-efi-amd64-bin
 grub-efi-ia32-bin xorriso mtools xz-utils console-setup-linux patch cpio qemu-system-x86 ovmf ovmf-ia32 gdb"
tests="libcmocka-dev python3-pytest python3-pexpect python3-pytest-xdist clang libclang-rt-dev lld llvm
 clang-format clang-tidy cppcheck shellcheck gcovr bochs bochsbios vgabios"

wanted=$build
only_run=yes
[ $# -gt 0 ] || only_run=no
for goal in "$@"; do
    case $goal in
    all | iso | run | run-uefi | debug | gdb | clean | help) ;;
    *) only_run=no ;;
    esac
done
[ $only_run = yes ] || wanted="$wanted $tests"
[ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || wanted="$wanted qemu-system-gui"

if ! command -v apt-get >/dev/null; then
    cat <<'END'
This script installs packages on Debian and Ubuntu only. Elsewhere, install:

  Fedora    gcc binutils make python3 grub2-tools-extra grub2-pc-modules grub2-efi-x64-modules
            grub2-efi-ia32-modules xorriso mtools xz terminus-fonts-console qemu-system-x86 edk2-ovmf
            edk2-ovmf-ia32 gdb
            tests: libcmocka-devel python3-pytest python3-pexpect python3-pytest-xdist clang lld
            llvm clang-tools-extra cppcheck ShellCheck gcovr compiler-rt bochs
  Arch      base-devel python grub libisoburn mtools xz terminus-font qemu-system-x86 edk2-ovmf gdb
            tests: cmocka python-pytest python-pexpect python-pytest-xdist clang lld llvm cppcheck
            shellcheck python-gcovr compiler-rt bochs
  macOS     brew install x86_64-elf-gcc x86_64-elf-binutils x86_64-elf-gdb x86_64-elf-grub xorriso xz
            mtools qemu python; a Terminus PSF font (make FONT=ter-u16n.psf.gz)
            tests: cmocka pytest llvm cppcheck shellcheck gcovr
END
    exit 0
fi

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=()
for package in $wanted; do
    is_installed "$package" || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
    echo "Everything is installed."
    exit 0
fi

sudo=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
        echo "setup: run this as root, or install sudo; missing: ${missing[*]}" >&2
        exit 1
    }
    sudo=sudo
fi
echo "Installing: ${missing[*]}"
$sudo apt-get update -q
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
