// A QEMU TCG plugin: how many instructions are executed from one address to another.
//
//   -plugin ./insn_count.so,start=ADDRESS,end=ADDRESS,out=FILE[,pause=ADDRESS,resume=ADDRESS]
//
// From `pause` to `resume` nothing is counted.
// Counting begins anew at each execution of `start` (boot loaders run at such addresses too: the
// last one counts) and ends at the first of `end` behind it: then the figure is written to FILE and
// QEMU ended. Exact for one virtual processor. The few declarations of QEMU's plugin API
// (version 1) that are needed stand here, since distributions don't package its header.

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef uint64_t qemu_plugin_id_t;
enum { CB_NO_REGS, INLINE_ADD_U64 = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
                                           void (*callback)(qemu_plugin_id_t,
                                                            struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
                                            void (*callback)(unsigned vcpu, void *data), int flags,
                                            void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, int operation,
                                                void *counter, uint64_t value);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

static uint64_t start_address, end_address, pause_address, resume_address;
static uint64_t executed, executed_at_start, executed_at_pause;
static bool started, paused;
static const char *out = "/dev/stderr";

static void at_start(unsigned vcpu, void *data)
{
    (void)vcpu, (void)data;
    started = true;
    executed_at_start = executed;
}

static void at_pause(unsigned vcpu, void *data)
{
    (void)vcpu, (void)data;
    paused = started;
    executed_at_pause = executed;
}

static void at_resume(unsigned vcpu, void *data)
{
    (void)vcpu, (void)data;
    if (paused)
        executed_at_start += executed - executed_at_pause;
    paused = false;
}

static void at_end(unsigned vcpu, void *data)
{
    (void)vcpu, (void)data;
    if (!started)
        return;
    FILE *file = fopen(out, "w");
    if (file) {
        fprintf(file, "%" PRIu64 "\n", executed - executed_at_start);
        fclose(file);
    }
    _Exit(0);
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(block, i);
        uint64_t address = qemu_plugin_insn_vaddr(insn);
        if (address == start_address)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, at_start, CB_NO_REGS, NULL);
        if (address == pause_address)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, at_pause, CB_NO_REGS, NULL);
        if (address == resume_address)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, at_resume, CB_NO_REGS, NULL);
        if (address == end_address)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, at_end, CB_NO_REGS, NULL);
        qemu_plugin_register_vcpu_insn_exec_inline(insn, INLINE_ADD_U64, &executed, 1);
    }
}

__attribute__((visibility("default"))) int
qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "start=", 6) == 0)
            start_address = strtoull(argv[i] + 6, NULL, 0);
        else if (strncmp(argv[i], "end=", 4) == 0)
            end_address = strtoull(argv[i] + 4, NULL, 0);
        else if (strncmp(argv[i], "pause=", 6) == 0)
            pause_address = strtoull(argv[i] + 6, NULL, 0);
        else if (strncmp(argv[i], "resume=", 7) == 0)
            resume_address = strtoull(argv[i] + 7, NULL, 0);
        else if (strncmp(argv[i], "out=", 4) == 0)
            out = argv[i] + 4;
        else
            return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
    return 0;
}
