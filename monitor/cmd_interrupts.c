// The command that shows which interrupts have come, and gives a line that stormed a new chance.

#include "arch/x86_64/pic.h"
#include "arch/x86_64/vector.h"
#include "kernel/console.h"
#include "kernel/irq.h"
#include "kernel/percpu.h"
#include "lib/format.h"
#include "lib/string.h"
#include "monitor/command.h"
#include "monitor/completion.h"

enum { VECTORS_END = 256, WHAT_MAX = 58, COLUMNS = 78, LISTED_MAX = 16 };

// How often something has come, and where.
struct counts {
    uint64_t total, least, most;
    unsigned cpus;  // that have a count
    uint32_t first; // of them
};

// A line by its own vectors, or else one vector of the kernel's own on all processors.
struct source {
    const struct irq_line *line;
    uint8_t vector;
};

static bool is_some_lines(uint8_t vector, uint32_t cpu)
{
    const struct irq_line *line = irq_line_next(NULL);
    while (line && irq_line_vector(line, cpu) != vector)
        line = irq_line_next(line);
    return line;
}

static uint64_t count_on(const struct source *source, uint32_t cpu)
{
    uint8_t vector = source->line ? irq_line_vector(source->line, cpu) : source->vector;
    const struct vector_slot *slot = vector ? vector_get(cpu, vector) : NULL;
    if (!slot || !slot->count || (!source->line && is_some_lines(vector, cpu)))
        return 0;
    return slot->count;
}

static struct counts count(const struct source *source)
{
    struct counts counts = {.least = UINT64_MAX};
    for (uint32_t cpu = 0; cpu < percpu_count(); cpu++) {
        uint64_t here = count_on(source, cpu);
        if (!here)
            continue;
        counts.first = counts.cpus++ ? counts.first : cpu;
        counts.total += here;
        counts.least = here < counts.least ? here : counts.least;
        counts.most = here > counts.most ? here : counts.most;
    }
    return counts;
}

static void list_cpus(const struct source *source)
{
    char text[32];
    size_t column = 0;
    for (uint32_t cpu = 0; cpu < percpu_count(); cpu++) {
        uint64_t here = count_on(source, cpu);
        if (!here)
            continue;
        size_t length = snprintf(text, sizeof(text), "  %u: %lu", cpu, here);
        if (!column || column + length > COLUMNS) {
            print(column ? "\n%23s" : "%23s", "");
            column = 23;
        }
        print_text(text);
        column += length;
    }
    print("\n");
}

static void show_row(const struct source *source, const char *what)
{
    struct counts counts = count(source);
    char cpu[12] = "*";
    if (counts.cpus <= 1)
        (void)snprintf(cpu, sizeof(cpu), "%u",
                       counts.cpus    ? counts.first
                       : source->line ? source->line->cpu
                                      : 0);
    print("  0x%02x %12lu %4s  %s\n", source->vector, counts.total, cpu, what);
    if (counts.cpus > LISTED_MAX)
        print("%25son %u processors, %lu to %lu each\n", "", counts.cpus, counts.least,
              counts.most);
    else if (counts.cpus > 1)
        list_cpus(source);
}

static void show_line(const struct irq_line *line)
{
    struct source source = {line, line->vector};
    char names[32], what[WHAT_MAX];
    irq_line_names(line, names, sizeof(names));
    (void)snprintf(what, sizeof(what), "line %u, %s, %s, %s: %s", line->gsi,
                   line->is_level ? "level" : "edge", line->is_low ? "low" : "high",
                   line->chip->name, names);
    show_row(&source, what);
    if (line->unclaimed)
        print("%25snot claimed: %lu\n", "", line->unclaimed);
    if (line->storms)
        print("%25sstorms: %lu%s\n", "", line->storms,
              line->state == IRQ_STORM ? "; masked, see `help interrupts`" : "");
}

// All that isn't a line's: whose a vector is, the first processor where it has come knows.
static void show_vector(uint8_t vector)
{
    struct source source = {NULL, vector};
    struct counts counts = count(&source);
    if (!counts.cpus)
        return;
    const struct vector_slot *slot = vector_get(counts.first, vector);
    show_row(&source, slot->name ? slot->name : "nobody expects it");
}

static void show_all(void)
{
    print("vector        count  CPU  what\n");
    for (const struct irq_line *line = irq_line_next(NULL); line; line = irq_line_next(line))
        show_line(line);
    for (unsigned vector = VECTOR_PIC; vector < VECTORS_END; vector++)
        show_vector((uint8_t)vector);
    if (pic_spurious_count())
        print("spurious, by the 8259: %lu\n", pic_spurious_count());
    if (!irq_is_available())
        print("no interrupt controller is in use; devices are polled\n");
}

COMPLETER(LINE)
{
    enum { OFFERED_MAX = 16 };
    static char numbers[OFFERED_MAX][12];
    unsigned used = 0;
    for (const struct irq_line *line = irq_line_next(NULL); line && used < OFFERED_MAX;
         line = irq_line_next(line)) {
        if (line->state != IRQ_STORM)
            continue;
        (void)snprintf(numbers[used], sizeof(numbers[used]), "%u", line->gsi);
        completion_offer(completion, numbers[used++]);
    }
}

static enum status unmask(const char *word)
{
    uint64_t number;
    if (!command_number(word, &number))
        return FAILED;
    if (number <= UINT32_MAX && irq_unmask((uint32_t)number) == OK)
        return OK;
    print("line %lu isn't masked for a storm\n", number);
    return FAILED;
}

COMMAND(interrupts, "[unmask LINE]", "interrupts that have come, by vector and processor",
        "interrupts")
{
    if (argc == 3 && string_equal(argv[1], "unmask"))
        return unmask(argv[2]);
    if (argc != 1)
        return BAD_ARGUMENT;
    show_all();
    return OK;
}
