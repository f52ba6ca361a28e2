/* SPDX-License-Identifier: MIT
 *
 * CRC32C without the instruction for it: bit by bit for the table, then a byte at a time.
 */
#include "crc32c.h"

#include <cpuid.h>

#define POLYNOMIAL 0x82f63b78u /* Castagnoli, lowest bit first */

bool crc32c_in_hardware;
static uint32_t table[256];

void crc32c_init(void)
{
    unsigned a, b, c = 0, d;

    if (table[1] != 0)
        return;
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
        table[byte] = crc;
    }
    crc32c_in_hardware = __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_SSE4_2) != 0;
}

uint64_t crc32c_from_table(uint64_t crc, uint64_t word)
{
    uint32_t rest = (uint32_t)crc;

    for (unsigned byte = 0; byte < 8; byte++, word >>= 8)
        rest = rest >> 8 ^ table[(rest ^ word) & 0xff];
    return rest;
}
