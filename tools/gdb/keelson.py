"""GDB's view of Keelson: the kernel's things instead of bytes.

    (gdb) source tools/gdb/keelson.py

Commands begin with k-: `help k-log`. They only read memory, so they work the same on QEMU's stub,
on the kernel's own and on a dump. Lists, locks, statuses, flags and page-table entries are printed
so that they can be read.
"""

import re

import gdb

IMAGE_BASE = 0xffffffff80000000
PAGE, TABLE_ENTRIES = 4096, 512
PTE_PRESENT, PTE_WRITE, PTE_USER, PTE_PWT, PTE_PCD, PTE_LARGE, PTE_GLOBAL, PTE_NX = \
    (1 << bit for bit in (0, 1, 2, 3, 4, 7, 8, 63))
PTE_ADDRESS = (1 << 52) - PAGE
LEVELS = {4: "PML4", 3: "PDPT", 2: "PD", 1: "PT"}
ITEMS_MAX = 100_000  # of a list: a broken one ends, too


# --- Reading -------------------------------------------------------------------------------------


def variable(name, file=None):
    """A variable, where several have its name the one of a source file."""
    return gdb.parse_and_eval(f"'{file}'::{name}" if file else f"'{name}'")


def constant(name):
    return int(gdb.parse_and_eval(name))


def pointer_to(kind, address):
    return gdb.Value(int(address)).cast(gdb.lookup_type(kind).pointer())


def container(node, kind, member):
    """The struct that a member belongs to, by the member's address."""
    field = next(one for one in gdb.lookup_type(kind).fields() if one.name == member)
    return pointer_to(kind, int(node) - field.bitpos // 8).dereference()


def items(head, kind, member):
    """What is on a struct list."""
    node = head["next"]
    for _ in range(ITEMS_MAX):
        if node == head.address:
            return
        yield container(node, kind, member)
        node = node["next"]


def text_of(value):
    return value.string("utf-8", "replace") if int(value) else ""


def array_text(value):
    return value.string("utf-8", "replace")


def read(address, size):
    return bytes(gdb.selected_inferior().read_memory(int(address), size))


def symbol_of(address):
    """As `%pS` has it: name+0xoffset."""
    said = gdb.execute(f"info symbol {int(address):#x}", to_string=True)
    found = re.match(r"(\S+)(?: \+ (\d+))? in section", said)
    return f"{found[1]}+{int(found[2] or 0):#x}" if found else f"{int(address):#x}"


def line_of(address):
    place = gdb.find_pc_line(int(address))
    return f"{place.symtab.filename}:{place.line}" if place.symtab else ""


def processors():
    areas, count = variable("areas", "percpu.c"), int(variable("count", "percpu.c"))
    return [areas[i].dereference() for i in range(count)]


def threads():
    return items(variable("all", "thread.c"), "struct thread", "all")


def enumerator(value, prefix):
    """BLOCKED for THREAD_BLOCKED."""
    return str(value).removeprefix(prefix).lower().replace("_", " ")


def nanoseconds(ticks):
    line = variable("newest", "clock.c")
    while int(line) and ticks < int(line["from"]):
        line = line["before"]
    if not int(line):
        return 0
    return int(line["ns"]) + ((ticks - int(line["from"])) * int(line["ns_per_tick"]) >> 32)


def seconds(ticks):
    hz = int(variable("frequency", "clock.c"))
    return ticks / hz if hz else 0.0


# --- Commands ------------------------------------------------------------------------------------


class Command(gdb.Command):
    """Registers itself under its class's docstring; `run` gets the words behind it."""

    name = None

    def __init__(self):
        super().__init__(self.name, gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        del from_tty
        self.dont_repeat()
        self.run(gdb.string_to_argv(argument))


def address_of(words, usage):
    if len(words) != 1:
        raise gdb.GdbError(f"usage: {usage}")
    return int(gdb.parse_and_eval(words[0]).cast(gdb.lookup_type("unsigned long")))


slide = 0  # of the image in physical memory, as far as it has been read


def read_slide():
    """From a kernel that has started; before, what was read last."""
    global slide
    try:
        slide = int(variable("kernel_slide"))
    except gdb.MemoryError:
        pass


class Linked(gdb.Function):
    """$linked(ADDRESS): where the image is linked that lies at a physical address."""

    def __init__(self):
        super().__init__("linked")

    def invoke(self, value):
        return gdb.Value((int(value) & (1 << 64) - 1) - slide + IMAGE_BASE).cast(gdb.lookup_type("unsigned long"))


class Early(Command):
    """k-early SYMBOL: a hardware breakpoint in what runs at physical addresses, before paging.

    Where the loader has moved the image is read from a kernel that has started: so stop at kmain,
    set the breakpoint, and start again, by `monitor system_reset` on QEMU. There, `list *$linked($pc)`
    shows the source."""

    name = "k-early"

    def run(self, words):
        address = address_of([f"&'{words[0]}'"] if len(words) == 1 else [], "k-early SYMBOL")
        read_slide()
        gdb.execute(f"hbreak *{address - IMAGE_BASE + slide:#x}")


class Log(Command):
    """k-log [LINES]: what the kernel's log holds, or its last lines."""

    name = "k-log"

    def run(self, words):
        lines = list(self.lines())
        for line in lines[-int(words[0]):] if words else lines:
            print(line)

    @staticmethod
    def lines():
        ring = variable("ring", "log.c")
        record_type = gdb.lookup_type("struct log_record")
        size, head, tail = ring["data"].type.sizeof, int(ring["head"]), int(ring["tail"])
        first, base = tail, int(ring["data"].address)
        data = b"".join(read(base + at % size, min(size - at % size, head - at))
                        for at in (tail, tail + size - tail % size) if at < head)
        fields = {one.name: (one.bitpos // 8, one.type.sizeof) for one in record_type.fields()}

        def piece(at, length):
            return data[at - first:at - first + length]

        def number(header, name):
            start, length = fields[name]
            return int.from_bytes(header[start:start + length], "little")
        levels = ["error", "warn", "info", "debug"]
        while tail < head:
            header = piece(tail, record_type.sizeof)
            length = number(header, "length")
            text = piece(tail + record_type.sizeof, length).decode("utf-8", "replace")
            us = nanoseconds(number(header, "ticks")) // 1000
            level = number(header, "level")
            yield f"[{us // 1000000:5}.{us % 1000000:06}] c{number(header, 'cpu')} " \
                  f"{levels[level] if level < 4 else level} {text}"
            tail += record_type.sizeof + length


class Threads(Command):
    """k-threads: all threads, where they are and what they have had."""

    name = "k-threads"

    def run(self, words):
        running = {int(cpu["current"]): int(cpu["cpu"]) for cpu in processors() if cpu["is_online"]}
        print("   id  cpu  state      ran, s     name                     at")
        for thread in threads():
            cpu = running.get(int(thread.address))
            state = "runs" if cpu is not None else enumerator(thread["state"], "THREAD_")
            place = "" if cpu is not None else symbol_of(caller(int(thread["stack_pointer"])))
            print(f"{int(thread['id']):5} {int(thread['home']['cpu']):4}  {state:9} "
                  f"{seconds(int(thread['ran'])):9.6f}  {array_text(thread['name']):24} {place}")


def caller(stack_pointer):
    """Where a thread that doesn't run has called the scheduler from."""
    try:
        frames = list(walk_frames(stack_pointer))
    except gdb.MemoryError:
        return 0
    waits = re.compile(r"(scheduler_|aside_|block|park|thread_park|thread_yield|wait_|mutex_|lock_slowly|sleep_ns)")
    outside = [address for address in frames if not waits.match(symbol_of(address))]
    return (outside or frames or [0])[0]


def walk_frames(stack_pointer):
    """Return addresses, by frame pointers: the first pair is what arch_switch() has left."""
    frame = stack_pointer
    for _ in range(64):
        pair = read(frame, 16)
        next_frame, address = (int.from_bytes(pair[at:at + 8], "little") for at in (0, 8))
        if not address:
            return
        yield address
        if next_frame <= frame:
            return
        frame = next_frame


class Backtrace(Command):
    """k-bt THREAD: where a thread is that doesn't run, by its id or name."""

    name = "k-bt"

    def run(self, words):
        if len(words) != 1:
            raise gdb.GdbError("usage: k-bt THREAD")
        for thread in threads():
            if words[0] in (str(int(thread["id"])), array_text(thread["name"])):
                self.show(thread)
                return
        raise gdb.GdbError(f"there is no thread {words[0]}")

    @staticmethod
    def show(thread):
        for cpu in processors():
            if cpu["is_online"] and cpu["current"] == thread.address:
                print(f"{array_text(thread['name'])} runs on CPU {int(cpu['cpu'])}: "
                      f"`thread {int(cpu['cpu']) + 1}`, then `bt`")
                return
        for number, address in enumerate(walk_frames(int(thread["stack_pointer"]))):
            print(f"#{number:<2} {address:#018x} {symbol_of(address)} {line_of(address - 1)}")


class Processors(Command):
    """k-cpus: each processor, what it runs, and what its scheduler has done."""

    name = "k-cpus"

    def run(self, words):
        print("  cpu  APIC  online  runs                     waiting  switches  wakeups  interrupts")
        for cpu in processors():
            queue, online = cpu["scheduler"], bool(cpu["is_online"])
            name = array_text(cpu["current"]["name"]) if int(cpu["current"]) else "-"
            waits = max(int(queue["runnable"]) - (not name.startswith("idle/")), 0)
            print(f"{int(cpu['cpu']):5} {int(cpu['arch']['apic_id']):5}  {'yes' if online else 'no':6}  "
                  f"{name:24} {waits:7} {int(queue['switches']):9} {int(queue['wakeups']):8} "
                  f"{int(cpu['heartbeat']):11}")


class Memory(Command):
    """k-memory: the map of physical memory, and how much of it is free."""

    name = "k-memory"

    def run(self, words):
        pages = variable("pages")
        memory = pages["map"].dereference()
        for i in range(int(memory["count"])):
            one = memory["ranges"][i]
            start, end = int(one["start"]), int(one["end"])
            print(f"{start:012x}..{end:012x} {(end - start) // 1024:12} KiB  {enumerator(one['kind'], 'MEMORY_')}")
        owned = [pages["cpus"][i] for i in range(int(pages["cpu_count"]) + 1)]
        owned = [one for one in owned if int(one)]
        taken = sum(int(one["allocs"]) - int(one["frees"]) for one in owned)
        print(f"{int(pages['total'])} pages, {int(pages['total']) * PAGE >> 20} MiB; "
              f"{taken} more allocations than frees")


class Page(Command):
    """k-page PHYSICAL: what the page allocator knows of a page."""

    name = "k-page"

    def run(self, words):
        address = address_of(words, "k-page PHYSICAL")
        pages = variable("pages")
        kind = next((enumerator(one["kind"], "MEMORY_") for one in self.ranges(pages)
                     if int(one["start"]) <= address < int(one["end"])), "not there")
        print(f"{address & -PAGE:#x}: {kind}")
        tree_size, block_pages = constant("TREE_SIZE"), 512
        index = address // tree_size
        tree = pages["trees"][index] if index < int(pages["count"]) else None
        if tree is None or int(tree) == 0:
            print("its tree of blocks hasn't been used")
            return
        block, page = address % tree_size // (2 << 20), address // PAGE % block_pages
        state = int(tree["block"][block])
        word = int(tree["field"][block * 8 + page // 64])
        whole = state & 0x3ff == block_pages
        taken = "free" if whole or not word >> page % 64 & 1 else "taken"
        hot = self.hot(pages, address)
        print(f"block {block} of tree {index}: {state & 0x3ff} of 512 pages may be taken, state {state:#x}")
        print(f"the page: {'free, in the hot word of CPU ' + hot if hot else taken}")

    @staticmethod
    def ranges(pages):
        memory = pages["map"].dereference()
        return [memory["ranges"][i] for i in range(int(memory["count"]))]

    @staticmethod
    def hot(pages, address):
        for cpu in processors():
            start = int(cpu["page"]["start"])
            bit = (address - start) // PAGE
            if int(cpu["page"]["room"]) and 0 <= bit < 64 and int(cpu["page"]["free"]) >> bit & 1:
                return str(int(cpu["cpu"]))
        return None


def entry_text(entry, level):
    """A page-table entry for people."""
    if not entry & PTE_PRESENT:
        return "not present" if not entry else f"not present ({entry:#x})"
    rights = [name for bit, name in ((PTE_WRITE, "write"), (PTE_USER, "user"), (PTE_GLOBAL, "global"))
              if entry & bit]
    if not entry & PTE_NX:
        rights.append("execute")
    if entry & (PTE_PCD | PTE_PWT):
        rights.append("uncached" if entry & PTE_PCD else "write-through")
    is_page = level == 1 or level < 4 and entry & PTE_LARGE
    what = f"page {entry & PTE_ADDRESS & -(PAGE << 9 * (level - 1)):#x}" if is_page else \
        f"table {entry & PTE_ADDRESS:#x}"
    return f"{what} {' '.join(rights)}"


class Walk(Command):
    """k-walk ADDRESS: its way through the kernel's page tables."""

    name = "k-walk"

    def run(self, words):
        address = address_of(words, "k-walk ADDRESS")
        direct_map = int(variable("direct_map_base"))
        table, level = int(variable("kernel_pml4").address), 4
        while level:
            index = address >> 12 + 9 * (level - 1) & TABLE_ENTRIES - 1
            entry = int.from_bytes(read(table + 8 * index, 8), "little")
            print(f"{LEVELS[level]:4} [{index:3}]: {entry:016x} {entry_text(entry, level)}")
            if not entry & PTE_PRESENT or level == 1 or (level < 4 and entry & PTE_LARGE):
                return
            table, level = direct_map + (entry & PTE_ADDRESS), level - 1


class Slab(Command):
    """k-slab: the object caches."""

    name = "k-slab"

    def run(self, words):
        caches = variable("slab_caches")
        print("cache             size    slabs     room     free   failed")
        for i in range(constant("SLAB_CACHES_MAX")):
            cache = caches[i]
            if int(cache["name"]) and int(cache["slabs"]):
                room = int(cache["slabs"]) * int(cache["per_slab"])
                print(f"{text_of(cache['name']):16} {int(cache['size']):5} {int(cache['slabs']):8} {room:8} "
                      f"{int(cache['free']):8} {int(cache['failed']):8}")


class Interrupts(Command):
    """k-interrupts: interrupt lines and vectors, and how often they have come."""

    name = "k-interrupts"

    def run(self, words):
        line = variable("lines", "irq.c")
        while int(line):
            names, handler = [], line["handlers"]
            while int(handler):
                names.append(text_of(handler["name"]))
                handler = handler["next"]
            print(f"line {int(line['gsi'])}: {int(line['count'])} times, {int(line['unclaimed'])} not claimed, "
                  f"vector {int(line['vector']):#x} of CPU {int(line['cpu'])}: {', '.join(names) or 'nobody'}")
            line = line["next"]
        for cpu in processors():
            slots = cpu["arch"]["vectors"]
            low, high = slots.type.range()
            for i in range(low, high + 1):
                if int(slots[i]["count"]):
                    print(f"CPU {int(cpu['cpu'])} vector {256 - high - 1 + i:#x}: {int(slots[i]['count'])} times, "
                          f"{text_of(slots[i]['name'])}")


class Timers(Command):
    """k-timers: what waits for a time, on each processor, the earliest first."""

    name = "k-timers"

    def run(self, words):
        for cpu in processors():
            found = sorted(self.nodes(cpu["timer"]["queue"]["first"]), key=lambda one: one[0])
            for deadline, timer in found:
                print(f"CPU {int(cpu['cpu'])} {deadline / 1e9:14.6f} s  {text_of(timer['name']):12} "
                      f"{symbol_of(int(timer['run']))}")

    @staticmethod
    def nodes(node):
        left = [node]
        while left and len(left) < ITEMS_MAX:
            node = left.pop()
            if int(node):
                yield int(node["deadline_ns"]), container(node, "struct timer", "node")
                left += [node["left"], node["right"]]


class Symbols(Command):
    """k-symbols ADDRESS|NAME: by the kernel's own table of symbols, as panics use it."""

    name = "k-symbols"

    def run(self, words):
        if len(words) != 1:
            raise gdb.GdbError("usage: k-symbols ADDRESS|NAME")
        base, count = int(variable("kernel_image_start").address), int(variable("symbol_count"))
        table = read(variable("symbol_table").address, 8 * count)
        names_at = int(variable("symbol_names").address)
        names = read(names_at, int(variable("kernel_symbols_end").address) - names_at)
        entries = [(int.from_bytes(table[at:at + 4], "little"), int.from_bytes(table[at + 4:at + 8], "little"))
                   for at in range(0, 8 * count, 8)]

        def name_of(entry):
            return names[entry[1]:names.index(b"\0", entry[1])].decode()
        try:
            address = int(words[0], 0)
        except ValueError:
            found = [entry for entry in entries if name_of(entry) == words[0]]
            if not found:
                raise gdb.GdbError(f"there is no symbol {words[0]}") from None
            for entry in found:
                print(f"{base + entry[0]:#x} {words[0]}")
            return
        below = [entry for entry in entries if base + entry[0] <= address]
        if not below:
            raise gdb.GdbError(f"{address:#x} is in front of all symbols")
        print(f"{address:#x} {name_of(below[-1])}+{address - base - below[-1][0]:#x}")


# --- Printers ------------------------------------------------------------------------------------


class ListPrinter:
    """struct list: how many there are, and their links' addresses."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        if not int(self.value["next"]):
            return "not in use"
        count, node = 0, self.value["next"]
        while node != self.value.address and count < ITEMS_MAX:
            count, node = count + 1, node["next"]
        return f"list of {count}" if count else "empty list"


class LockPrinter:
    """struct lock: whose it is."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        waiting = (int(self.value["next"]) - int(self.value["serving"])) & 0xffffffff
        if not waiting:
            return "free"
        return f"held by CPU {int(self.value['holder'])}" + (f", {waiting - 1} waiting" if waiting > 1 else "")


class MutexPrinter:
    """struct mutex: whose it is."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        owner = int(self.value["owner"])
        if not owner:
            return "free"
        thread = pointer_to("struct thread", owner & ~1)
        return f"held by {array_text(thread['name'])}" + (", others wait" if owner & 1 else "")


PRINTERS = {"list": ListPrinter, "lock": LockPrinter, "mutex": MutexPrinter}


def find_printer(value):
    kind = value.type.strip_typedefs()
    if kind.code == gdb.TYPE_CODE_STRUCT and kind.tag in PRINTERS:
        return PRINTERS[kind.tag](value)
    return None


class Status(gdb.Function):
    """$status(NUMBER): the name of an enum status."""

    def __init__(self):
        super().__init__("status")

    def invoke(self, value):
        for field in gdb.lookup_type("enum status").fields():
            if field.enumval == int(value):
                return field.name
        return "status?"


class PageTableEntry(gdb.Function):
    """$pte(ENTRY[, LEVEL]): a page-table entry for people; level 1 is the last."""

    def __init__(self):
        super().__init__("pte")

    def invoke(self, value, level=1):
        return entry_text(int(value) & (1 << 64) - 1, int(level))


class Flags(gdb.Function):
    """$cr0(VALUE), $cr4(VALUE), $efer(VALUE), $rflags(VALUE): the bits that are set, by name."""

    NAMES = {
        "cr0_flags": {0: "PE", 1: "MP", 2: "EM", 3: "TS", 4: "ET", 5: "NE", 16: "WP", 18: "AM", 29: "NW",
                      30: "CD", 31: "PG"},
        "cr4_flags": {0: "VME", 1: "PVI", 2: "TSD", 3: "DE", 4: "PSE", 5: "PAE", 6: "MCE", 7: "PGE", 8: "PCE",
                      9: "OSFXSR", 10: "OSXMMEXCPT", 11: "UMIP", 12: "LA57", 13: "VMXE", 14: "SMXE",
                      16: "FSGSBASE", 17: "PCIDE", 18: "OSXSAVE", 20: "SMEP", 21: "SMAP", 22: "PKE"},
        "efer_flags": {0: "SCE", 8: "LME", 10: "LMA", 11: "NXE", 12: "SVME", 14: "FFXSR"},
        "rflags": {0: "CF", 2: "PF", 4: "AF", 6: "ZF", 7: "SF", 8: "TF", 9: "IF", 10: "DF", 11: "OF", 14: "NT",
                   16: "RF", 17: "VM", 18: "AC", 21: "ID"},
    }

    def __init__(self, name):
        super().__init__(name)
        self.names = self.NAMES[name]

    def invoke(self, value):
        number = int(value) & (1 << 64) - 1
        known = [name for bit, name in self.names.items() if number >> bit & 1]
        rest = number & ~sum(1 << bit for bit in self.names)
        if self.names is self.NAMES["rflags"]:
            rest &= ~2  # always set
        return " ".join(known + ([hex(rest)] if rest else [])) or "none"


def register():
    for kind in Command.__subclasses__():
        kind()
    Status()
    Linked()
    PageTableEntry()
    for name in Flags.NAMES:
        Flags(name)
    gdb.pretty_printers[:] = [one for one in gdb.pretty_printers if getattr(one, "__name__", "") != "find_printer"]
    gdb.pretty_printers.append(find_printer)


register()
