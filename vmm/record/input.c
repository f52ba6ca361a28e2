/* SPDX-License-Identifier: MIT
 *
 * Input of an interactive run, repeated: the bytes that were taken at a turn of the engine are
 * taken at that turn again, and nothing is waited for.  Must never give more than there is room
 * for: a record that was changed is then another run, not a crash.
 */
#include <stdlib.h>

#include "record/record_private.h"

struct input_replay {
    struct machine_input_source source;
    FILE *entries;
    struct input_entry next;
    bool more; /* `next` is one */
};

static void advance(struct input_replay *replay)
{
    replay->more = fread(&replay->next, sizeof(replay->next), 1, replay->entries) == 1;
}

static size_t take(void *context, uint64_t turn, char *bytes, size_t room, bool *end)
{
    struct input_replay *replay = context;
    if (!replay->more || replay->next.turn != turn)
        return 0;
    size_t count = replay->next.bytes < room ? replay->next.bytes : room;
    count = fread(bytes, 1, count, replay->entries);
    *end = replay->next.end != 0;
    advance(replay);
    return count;
}

static enum machine_waited wait_for_input(void *context, uint64_t turn, uint64_t ns)
{
    const struct input_replay *replay = context;
    (void)ns;
    return replay->more && replay->next.turn == turn ? MACHINE_WAITED_INPUT : MACHINE_WAITED;
}

struct input_replay *input_replay_new(FILE *entries)
{
    struct input_replay *replay = calloc(1, sizeof(*replay));
    if (!replay)
        return NULL;
    replay->entries = entries;
    replay->source =
        (struct machine_input_source){ .context = replay, .take = take, .wait = wait_for_input };
    advance(replay);
    return replay;
}

const struct machine_input_source *input_replay_source(struct input_replay *replay)
{
    return &replay->source;
}

void input_replay_free(struct input_replay *replay)
{
    if (!replay)
        return;
    fclose(replay->entries);
    free(replay);
}
