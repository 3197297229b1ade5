// Any bytes as AML in which \_S5_ is looked for. A type that is given out fits its three bits.

#include "tests/host/lib.h"

#include "tests/host/fake_machine.h"

#include "drivers/acpi/aml.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct aml_s5 s5 = {99, 99};
    uint8_t *exact = malloc(size ? size : 1);
    memcpy(exact, data, size);
    CHECK_TRUE(!aml_find_s5(exact, size, &s5) || (s5.type_a < 8 && s5.type_b < 8));
    free(exact);
    return 0;
}
