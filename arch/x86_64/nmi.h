// Non-maskable interrupts: who has sent one. Nothing says so but those who may have.
#pragma once

#include "arch/arch.h"
#include "lib/types.h"

struct trap_frame;

// Looks whether this NMI is its own and deals with it; returns whether it was. Several may have one
// NMI between them, so all are asked. Takes no lock, writes no log.
typedef bool nmi_hook(struct trap_frame *frame);

// Takes NMIs from now on. One that no hook knows, and the chipset neither, is a panic. Once, at
// start.
void nmi_init(void);

// Asks `hook` too, behind those that are there. Start-up only.
void nmi_add_hook(nmi_hook *hook);

// So many NMIs may still come to this processor for what has been dealt with: they are nobody's
// fault, for a second.
void nmi_owe(unsigned count);

// For the panic screen of an NMI: one line.
void nmi_print(const struct trap_frame *frame, arch_printer *print);
