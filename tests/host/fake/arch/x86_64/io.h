// Port I/O and registers in memory that go to a simulated machine: the test defines the functions
// that it comes to.
#pragma once

#include "lib/types.h"

uint32_t fake_port_read(uint16_t port, unsigned size);
void fake_port_write(uint16_t port, unsigned size, uint32_t value);

static inline uint8_t port_read8(uint16_t port)
{
    return (uint8_t)fake_port_read(port, 1);
}

static inline uint16_t port_read16(uint16_t port)
{
    return (uint16_t)fake_port_read(port, 2);
}

static inline uint32_t port_read32(uint16_t port)
{
    return fake_port_read(port, 4);
}

static inline void port_write8(uint16_t port, uint8_t value)
{
    fake_port_write(port, 1, value);
}

static inline void port_write16(uint16_t port, uint16_t value)
{
    fake_port_write(port, 2, value);
}

static inline void port_write32(uint16_t port, uint32_t value)
{
    fake_port_write(port, 4, value);
}

static inline void port_write_bytes(uint16_t port, const void *bytes, size_t count)
{
    for (const uint8_t *at = bytes; count--; at++)
        fake_port_write(port, 1, *at);
}

uint32_t fake_mmio_read(const volatile void *address);
void fake_mmio_write(volatile void *address, uint32_t value);

static inline uint32_t mmio_read32(const volatile void *address)
{
    return fake_mmio_read(address);
}

static inline void mmio_write32(volatile void *address, uint32_t value)
{
    fake_mmio_write(address, value);
}

static inline void store_words(void *to, uint64_t word, size_t count)
{
    for (uint8_t *at = to; count; count--, at += sizeof(word))
        __builtin_memcpy(at, &word, sizeof(word));
}

static inline void store_fence(void)
{
}
