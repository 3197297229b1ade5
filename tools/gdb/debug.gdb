# `make debug`: QEMU waits in its firmware. The loader would overwrite a software breakpoint with
# the image, so kmain is waited for by a hardware one; symbols are at their final, high addresses.
source tools/gdb/keelson.gdb
set architecture i386:x86-64
thbreak kmain
continue
