// What `hardware` says about a machine.

#include "monitor/hardware.h"
#include "arch/x86_64/registers.h"
#include "lib/format.h"
#include "lib/string.h"

printf_like(2, 0) static void add(char text[HARDWARE_TEXT_MAX], const char *format, va_list args)
{
    size_t length = strlen(text);
    vsnprintf(text + length, HARDWARE_TEXT_MAX - length, format, args);
}

void hardware_add(char text[HARDWARE_TEXT_MAX], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(text, format, args);
    va_end(args);
}

void hardware_add_item(char text[HARDWARE_TEXT_MAX], const char *format, ...)
{
    va_list args;
    if (text[0])
        hardware_add(text, ", ");
    va_start(args, format);
    add(text, format, args);
    va_end(args);
}

static const char *state_words(const struct virtualization *found)
{
    switch (found->state) {
    case VIRTUALIZATION_OFF:
        return "switched off by the firmware, and locked";
    case VIRTUALIZATION_OPEN: // VT-x is off after every reset, AMD-V only where somebody says so
        return found->kind == VIRTUALIZATION_VT_X ? "not on yet, and not locked"
                                                  : "switched off, but not locked";
    default:
        return "but whether it is on can't be read";
    }
}

void hardware_virtualization(char text[HARDWARE_TEXT_MAX], const struct virtualization *found)
{
    if (found->kind == VIRTUALIZATION_NONE) {
        hardware_add(text, "neither AMD-V nor VT-x");
        return;
    }
    hardware_add(text, found->kind == VIRTUALIZATION_VT_X ? "VT-x" : "AMD-V");
    if (found->state != VIRTUALIZATION_ON) {
        hardware_add_item(text, "%s", state_words(found));
        return;
    }
    if (found->revision)
        hardware_add_item(text, "revision 0x%x", found->revision);
    if (found->asids)
        hardware_add_item(text, "%u ASIDs", found->asids);
    if (found->next_rip)
        hardware_add_item(text, "NRIP save");
}

void hardware_nested_paging(char text[HARDWARE_TEXT_MAX], const struct virtualization *found)
{
    if (found->kind == VIRTUALIZATION_NONE || found->nested_paging == ANSWER_NO) {
        hardware_add(text, "no");
        return;
    }
    if (found->nested_paging == ANSWER_UNKNOWN) {
        hardware_add(text, "can't be read");
        return;
    }
    hardware_add(text, "yes");
    if (found->kind != VIRTUALIZATION_VT_X)
        return;
    hardware_add_item(text, "with%s unrestricted guest",
                      found->real_mode == ANSWER_YES ? "" : "out");
    if (found->vpid)
        hardware_add_item(text, "VPID");
}

// [SDM3 11.12.1, table 11-5]
void hardware_apic(char text[HARDWARE_TEXT_MAX], const uint64_t *base, bool has_x2apic)
{
    uint64_t mode = base ? *base & (APIC_BASE_ENABLE | APIC_BASE_X2APIC) : 0;
    if (!base)
        hardware_add(text, "its register can't be read");
    else if (mode == 0)
        hardware_add(text, "off, or none");
    else if (mode == APIC_BASE_X2APIC)
        hardware_add(text, "in a mode that doesn't exist");
    else if (mode == APIC_BASE_ENABLE)
        hardware_add(text, "xAPIC%s", has_x2apic ? ", x2APIC possible" : "");
    else
        hardware_add(text, "x2APIC, already on");
}

void hardware_hypervisor(char text[HARDWARE_TEXT_MAX], const char *signature)
{
    static const struct {
        const char *signature, *name;
    } known[] = {
        {"TCGTCGTCGTCG", "QEMU without acceleration"},
        {"KVMKVMKVM", "KVM"},
        {"Linux KVM Hv", "KVM, as Hyper-V"},
        {"Microsoft Hv", "Hyper-V"},
        {"VMwareVMware", "VMware"},
        {"VBoxVBoxVBox", "VirtualBox"},
        {"XenVMMXenVMM", "Xen"},
        {"bhyve bhyve ", "bhyve"},
        {"ACRNACRNACRN", "ACRN"},
    };
    for (unsigned i = 0; signature && i < ARRAY_SIZE(known); i++) {
        if (string_equal(signature, known[i].signature)) {
            hardware_add(text, "%s", known[i].name);
            return;
        }
    }
    if (!signature)
        hardware_add(text, "none");
    else
        hardware_add(text, signature[0] ? "one that says '%.12s'" : "one without a name",
                     signature);
}

static const char *verdict_on_none(bool is_guest)
{
    return is_guest ? "Keelson runs here; for guests the hypervisor must offer AMD-V or VT-x."
                    : "Keelson runs here, but guests can't: neither AMD-V nor VT-x.";
}

static const char *verdict_on_off(bool is_vt_x)
{
    return is_vt_x
               ? "Keelson runs here; for guests switch VT-x on in the firmware's set-up."
               : "Keelson runs here; for guests switch AMD-V (SVM) on in the firmware's set-up.";
}

const char *hardware_verdict(const struct virtualization *found, bool is_guest)
{
    if (found->kind == VIRTUALIZATION_NONE)
        return verdict_on_none(is_guest);
    if (found->nested_paging == ANSWER_NO)
        return "Keelson runs here, but guests can't: the processor has no nested paging.";
    if (found->state == VIRTUALIZATION_OFF)
        return verdict_on_off(found->kind == VIRTUALIZATION_VT_X);
    if (found->state == VIRTUALIZATION_UNKNOWN || found->nested_paging == ANSWER_UNKNOWN)
        return "Keelson runs here; whether guests can isn't told by this processor.";
    if (found->real_mode != ANSWER_YES)
        return "Keelson runs here, and guests can, but none that starts in real mode.";
    return "Keelson runs here, and this machine can run guests.";
}
