/* SPDX-License-Identifier: MIT
 *
 * What compiled C++ calls: allocation and the odd pure virtual function.  The names are those that
 * the Itanium ABI gives them, so no C++ compiler is needed to build this.  There are no exceptions:
 * `new` that finds no memory ends the domain.  Constructors of static objects run before main(),
 * destructors at exit(), both by the C library's tables.
 */
#include <barrelfish/barrelfish.h>

void *__dso_handle;

void *cxx_new(size_t bytes) __asm__("_Znwm");
void *cxx_new_array(size_t bytes) __asm__("_Znam");
void cxx_delete(void *memory) __asm__("_ZdlPv");
void cxx_delete_array(void *memory) __asm__("_ZdaPv");
void cxx_delete_sized(void *memory, size_t bytes) __asm__("_ZdlPvm");
void cxx_delete_array_sized(void *memory, size_t bytes) __asm__("_ZdaPvm");
void __cxa_pure_virtual(void) __attribute__((noreturn));

void *cxx_new(size_t bytes)
{
    void *memory = malloc(bytes == 0 ? 1 : bytes);

    if (memory == NULL)
        USER_PANIC("operator new: no memory for %zu bytes", bytes);
    return memory;
}

void *cxx_new_array(size_t bytes)
{
    return cxx_new(bytes);
}

void cxx_delete(void *memory)
{
    free(memory);
}

void cxx_delete_array(void *memory)
{
    free(memory);
}

void cxx_delete_sized(void *memory, size_t bytes)
{
    (void)bytes;
    free(memory);
}

void cxx_delete_array_sized(void *memory, size_t bytes)
{
    (void)bytes;
    free(memory);
}

void __cxa_pure_virtual(void)
{
    USER_PANIC("a pure virtual function was called");
}
