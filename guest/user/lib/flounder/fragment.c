/* SPDX-License-Identifier: MIT
 *
 * Messages to fragments and back (facts §1.5; idl/plan.h has the rules).
 *
 * A position names the next fragment; filling moves it on, so a sender that is interrupted by a
 * full channel goes on from where it was, and a sender whose fragment was refused tries the same
 * again. The receiving side checks every length before it believes it: the peer is another domain.
 */
#include "flounder_priv.h"

#include <assert.h>
#include <barrelfish/capabilities.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ELEMENT_WORDS 512 /* the interface compiler refuses larger ones */

/* Data words of a stream, without the word of its length. */
static uint64_t stream_words(const struct flounder_stream_plan *plan, uint64_t length)
{
    if (plan->kind == FLOUNDER_PACKED)
        return length * plan->element_words;
    return (length * plan->element_bytes + 7) / 8;
}

/* ---- out ---- */

/* `count` words of the data, of which `rest` bytes are left; a last partial word is filled up with
 * zeros. */
static void load_words(volatile uint64_t *words, unsigned count, const uint8_t *data, size_t rest)
{
    const unsigned whole = rest / 8 < count ? (unsigned)(rest / 8) : count;
    volatile uint64_t *const end = words + whole;
    while (words < end) {
        uint64_t word;
        memcpy(&word, data, 8);
        *words++ = word;
        data += 8;
    }
    if (whole == count)
        return;
    uint64_t word = 0;
    memcpy(&word, data, rest % 8);
    *words = word;
}

static void packed_out(const struct flounder_stream_plan *plan, volatile uint64_t *words,
                       unsigned count, const uint8_t *data, uint64_t first)
{
    uint64_t packed[MAX_ELEMENT_WORDS], element = UINT64_MAX;
    for (unsigned w = 0; w < count; w++) {
        uint64_t i = first + w;
        if (element != i / plan->element_words) {
            element = i / plan->element_words;
            plan->pack(data + element * plan->element_bytes, packed);
        }
        words[w] = packed[i % plan->element_words];
    }
}

static unsigned fill_stream(const struct flounder_stream_plan *plan,
                            const struct flounder_tx_stream *s, struct flounder_position *at,
                            volatile uint64_t *words, unsigned size)
{
    const uint64_t total = stream_words(plan, s->length);
    unsigned used = 0;
    if (at->word == 0) {
        words[used++] = s->length;
        at->word = 1;
    }
    const uint64_t first = at->word - 1, rest = total - first;
    const unsigned count = rest < size - used ? (unsigned)rest : size - used;
    if (count > 0 && plan->kind == FLOUNDER_PACKED)
        packed_out(plan, words + used, count, s->data, first);
    else if (count > 0)
        load_words(words + used, count, (const uint8_t *)s->data + 8 * first,
                   s->length * plan->element_bytes - 8 * first);
    at->word += count;
    if (at->word > total) {
        at->stream++;
        at->word = 0;
    }
    return used + count;
}

/* Fixed words in the fragment with this index. */
static unsigned fixed_words(const struct flounder_message_plan *plan, unsigned fragment,
                            unsigned size)
{
    unsigned first = fragment * size;
    if (first >= plan->words)
        return 0;
    return plan->words - first < size ? plan->words - first : size;
}

static inline bool fill_from_the_middle(const struct flounder_binding *c,
                                        struct flounder_position *at, volatile uint64_t *words,
                                        unsigned size)
{
    if (at->word == 0)
        return false;
    const struct flounder_tx_stream *s = &c->tx_stream[at->stream];
    if (flounder_stream_left(&c->tx_plan->stream[at->stream], s->length, at) <= 8ul * size)
        return false;
    const uint8_t *data = (const uint8_t *)s->data + 8 * (at->word - 1);
    for (unsigned w = 0; w < size; w++) {
        uint64_t word;
        memcpy(&word, data + 8ul * w, 8);
        words[w] = word;
    }
    at->word += size;
    return true;
}

unsigned flounder_fill(const struct flounder_binding *c, struct flounder_position *at,
                       volatile uint64_t *words, unsigned size)
{
    const struct flounder_message_plan *plan = c->tx_plan;
    if (fill_from_the_middle(c, at, words, size))
        return size;
    assert(!flounder_at_end(plan, at));
    if (at->fragment < plan->fragments) {
        unsigned count = fixed_words(plan, at->fragment, size);
        const uint64_t *from = c->tx_words + at->fragment * size;
        for (unsigned i = 0; i < count; i++)
            words[i] = from[i];
        at->fragment++;
        return count;
    }
    return fill_stream(&plan->stream[at->stream], &c->tx_stream[at->stream], at, words, size);
}

/* ---- in ---- */

static size_t stream_bytes(const struct flounder_stream_plan *plan, size_t length)
{
    if (plan->kind == FLOUNDER_PACKED)
        return length * plan->element_words * sizeof(uint64_t); /* unpacked at the end */
    return length * plan->element_bytes;
}

static errval_t begin_stream(const struct flounder_stream_plan *plan, struct flounder_rx_stream *s,
                             uint64_t length)
{
    if (length > plan->max)
        return FLOUNDER_ERR_RX_INVALID_LENGTH;
    size_t bytes = stream_bytes(plan, length);
    s->data = malloc(bytes + sizeof(uint64_t));
    if (s->data == NULL)
        return LIB_ERR_MALLOC_FAIL;
    memset((uint8_t *)s->data + bytes, 0, sizeof(uint64_t)); /* terminates strings */
    s->length = length;
    return SYS_ERR_OK;
}

/* Stores `count` words of data from word `first` on. */
static void words_in(const struct flounder_stream_plan *plan, struct flounder_rx_stream *s,
                     uint64_t first, const volatile uint64_t *words, unsigned count)
{
    uint8_t *data = (uint8_t *)s->data + 8 * first;
    const size_t rest = stream_bytes(plan, s->length) - 8 * first;
    const unsigned whole = rest / 8 < count ? (unsigned)(rest / 8) : count;
    const volatile uint64_t *const end = words + whole;
    while (words < end) {
        const uint64_t word = *words++;
        memcpy(data, &word, 8);
        data += 8;
    }
    if (whole == count)
        return;
    const uint64_t word = *words; /* the very end */
    memcpy(data, &word, rest % 8);
}

static errval_t unpack_elements(const struct flounder_stream_plan *plan,
                                struct flounder_rx_stream *s)
{
    uint8_t *elements = calloc(1, s->length * plan->element_bytes + sizeof(uint64_t));
    if (elements == NULL)
        return LIB_ERR_MALLOC_FAIL;
    const uint64_t *words = s->data;
    for (size_t i = 0; i < s->length; i++)
        plan->unpack(elements + i * plan->element_bytes, words + i * plan->element_words);
    free(s->data);
    s->data = elements;
    return SYS_ERR_OK;
}

static errval_t take_stream(struct flounder_binding *c, const volatile uint64_t *words,
                            unsigned count, unsigned size, bool padded, unsigned *taken)
{
    struct flounder_position *at = &c->rx_at;
    const struct flounder_stream_plan *plan = &c->rx_plan->stream[at->stream];
    struct flounder_rx_stream *s = &c->rx_stream[at->stream];
    unsigned used = 0;
    if (at->word == 0) {
        if (count == 0)
            return FLOUNDER_ERR_RX_EMPTY_MSG;
        errval_t err = begin_stream(plan, s, words[used++]);
        if (err_is_fail(err))
            return err;
        at->word = 1;
    }
    const uint64_t total = stream_words(plan, s->length);
    const uint64_t first = at->word - 1, rest = total - first;
    const unsigned due = rest < size - used ? (unsigned)rest : size - used;
    if (padded ? count < used + due : count != used + due)
        return FLOUNDER_ERR_RX_INVALID_LENGTH;
    words_in(plan, s, first, words + used, due);
    *taken = used + due;
    at->word += due;
    if (at->word > total) {
        at->stream++;
        at->word = 0;
        if (plan->kind == FLOUNDER_PACKED)
            return unpack_elements(plan, s);
    }
    return SYS_ERR_OK;
}

static inline bool take_into_the_middle(struct flounder_binding *c, const volatile uint64_t *words,
                                        unsigned count, unsigned size)
{
    struct flounder_position *at = &c->rx_at;
    if (at->word == 0 || count != size)
        return false;
    const struct flounder_rx_stream *s = &c->rx_stream[at->stream];
    if (flounder_stream_left(&c->rx_plan->stream[at->stream], s->length, at) <= 8ul * size)
        return false;
    uint8_t *data = (uint8_t *)s->data + 8 * (at->word - 1);
    for (unsigned w = 0; w < size; w++) {
        const uint64_t word = words[w];
        memcpy(data + 8ul * w, &word, 8);
    }
    at->word += size;
    return true;
}

static errval_t take(struct flounder_binding *c, const volatile uint64_t *words, unsigned count,
                     unsigned size, bool padded, unsigned *taken, bool *complete)
{
    struct flounder_position *at = &c->rx_at;
    const struct flounder_message_plan *plan = c->rx_plan;
    if (take_into_the_middle(c, words, count, size)) {
        *taken = size;
        *complete = false;
        return SYS_ERR_OK;
    }
    assert(plan != NULL && !flounder_at_end(plan, at));
    if (at->fragment < plan->fragments) {
        unsigned expected = fixed_words(plan, at->fragment, size);
        if (padded ? count < expected : count != expected)
            return FLOUNDER_ERR_RX_INVALID_LENGTH;
        for (unsigned i = 0; i < expected; i++)
            c->rx_words[at->fragment * size + i] = words[i];
        at->fragment++;
        *taken = expected;
    } else {
        errval_t err = take_stream(c, words, count, size, padded, taken);
        if (err_is_fail(err))
            return err;
    }
    *complete = flounder_at_end(plan, at);
    return SYS_ERR_OK;
}

errval_t flounder_take(struct flounder_binding *c, const volatile uint64_t *words, unsigned count,
                       unsigned size, bool padded, bool *complete)
{
    unsigned taken;
    return take(c, words, count, size, padded, &taken, complete);
}

errval_t flounder_take_piece(struct flounder_binding *c, const volatile uint64_t *words,
                             unsigned count, unsigned size, unsigned *taken, bool *complete)
{
    /* fixed words are cut at the end of a payload, streams begin anywhere in one */
    const bool fixed = c->rx_at.fragment < c->rx_plan->fragments;
    return take(c, words, count, fixed ? size : count, true, taken, complete);
}

void flounder_rx_reset(struct flounder_binding *c)
{
    if (c->rx_plan != NULL) {
        unsigned begun = c->rx_at.stream + (c->rx_at.word > 0 ? 1u : 0u);
        for (unsigned i = 0; i < begun && i < c->rx_plan->streams; i++) {
            free(c->rx_stream[i].data);
            c->rx_stream[i].data = NULL;
        }
    }
    if (c->rx_plan != NULL && !flounder_transport(c)->tickets)
        for (unsigned i = 0; i < c->rx_at.fragment && i < c->rx_plan->caps; i++)
            if (!capref_is_null(c->rx_cap[i]))
                (void)cap_destroy(c->rx_cap[i]); /* came with an earlier fragment */
    c->rx_plan = NULL;
    c->rx_at = (struct flounder_position){ 0, 0, 0 };
}
