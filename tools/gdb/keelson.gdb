# Settings for GDB on Keelson, for every way to attach.
set pagination off
set confirm off
set disassemble-next-line auto
set print pretty on
source tools/gdb/keelson.py
