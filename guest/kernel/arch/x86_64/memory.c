/* SPDX-License-Identifier: MIT
 *
 * memcpy and memset of what runs in ring 0: the CPU driver, and the loader of a PC, which is built
 * with this file.  They work by words: where each instruction of ring 0 is emulated, so is each
 * round of a string instruction.
 */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *dst, const void *src, size_t bytes);
void *memset(void *dst, int value, size_t bytes);

void *memcpy(void *dst, const void *src, size_t bytes)
{
    void *ret = dst;
    size_t words = bytes / 8, rest = bytes % 8;
    __asm__ volatile("rep movsq" : "+D"(dst), "+S"(src), "+c"(words)::"memory");
    __asm__ volatile("rep movsb" : "+D"(dst), "+S"(src), "+c"(rest)::"memory");
    return ret;
}

void *memset(void *dst, int value, size_t bytes)
{
    void *ret = dst;
    size_t words = bytes / 8, rest = bytes % 8;
    const uint64_t pattern = 0x0101010101010101ull * (uint8_t)value;
    __asm__ volatile("rep stosq" : "+D"(dst), "+c"(words) : "a"(pattern) : "memory");
    __asm__ volatile("rep stosb" : "+D"(dst), "+c"(rest) : "a"(pattern) : "memory");
    return ret;
}
