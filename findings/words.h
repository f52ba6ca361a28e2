/* SPDX-License-Identifier: MIT
 *
 * How far a word is from another: for messages that guess what was meant.
 */
#ifndef WORDS_H
#define WORDS_H

#define WORD_LENGTH_MAX 64 /* bytes; longer words are like no other */

/* How many letters must be put in, taken out, replaced or exchanged with their neighbour (optimal
 * string alignment) to make one word of the other.  UINT_MAX if one of them is too long. */
unsigned word_distance(const char *a, const char *b);

#endif
