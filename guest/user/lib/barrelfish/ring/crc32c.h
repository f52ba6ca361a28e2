/* SPDX-License-Identifier: MIT
 *
 * CRC32C (Castagnoli), 8 bytes at a time: by the processor's instruction where CPUID offers it,
 * else from a table.  Both give the same.
 */
#ifndef BARRELFISH_CRC32C_H
#define BARRELFISH_CRC32C_H

#include <stdbool.h>
#include <stdint.h>

/* Finds out which; before the first use. */
void crc32c_init(void);

extern bool crc32c_in_hardware;
uint64_t crc32c_from_table(uint64_t crc, uint64_t word);

static inline uint64_t crc32c_instruction(uint64_t crc, uint64_t word)
{
    __asm__("crc32q %1, %0" : "+r"(crc) : "r"(word));
    return crc;
}

#endif
