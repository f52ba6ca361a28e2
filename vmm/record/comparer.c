/* SPDX-License-Identifier: MIT
 *
 * Comparing a run with a recorded one.
 *
 * The comparer reads the entries of slices.bin in step with a second run and stops it at the first
 * that differs: there the two runs took different ways, and everything later is only a consequence.
 * What the record holds is checked against its hashes before anything runs, so that a changed
 * folder is not taken for a run that took another way.  Must never trust a number of the record
 * further than for comparing with it.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "machine/machine.h"
#include "record/record.h"
#include "record/record_private.h"
#include "run/status.h"
#include "scenario/text.h"
#include "scenario/units.h"

struct comparer {
    FILE *slices;
    struct input_replay *input; /* NULL: nobody typed */
    const struct recorded *recorded;
    const struct engine_ops *ops; /* of the recorded engine */
    struct engine *engine;
    uint64_t count;    /* slices compared */
    uint64_t left_out; /* that happened after the last recorded one, where some were left out */
    bool differs, ended;
    struct engine_slice expected, found; /* if differs; expected is zero beyond the record's end */
};

static const char *text_in(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* The same for what will be shown: it may have been edited. */
static void copy_text(const json_t *object, const char *key, char *to, size_t bytes)
{
    const char *text = text_in(object, key);
    char *clean = text_clean(text, strlen(text));
    snprintf(to, bytes, "%s", clean ? clean : "");
    free(clean);
}

static uint64_t number_in(const json_t *object, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(object, key));
}

/* NULL, or what is wrong with the record (static text). */
static const char *read_record(const json_t *root, struct recorded *recorded)
{
    if (number_in(root, "version") != RECORD_VERSION)
        return "record.json: not a record of this version of vmm";
    if (parse_unsigned(text_in(root, "seed"), &recorded->seed))
        return "record.json: no seed in it";
    copy_text(root, "engine", recorded->engine, sizeof(recorded->engine));
    copy_text(root, "engine_version", recorded->engine_version, sizeof(recorded->engine_version));
    copy_text(root, "verdict", recorded->verdict, sizeof(recorded->verdict));
    copy_text(root, "reason", recorded->reason, sizeof(recorded->reason));
    copy_text(root, "state_hash", recorded->state_hash, sizeof(recorded->state_hash));
    recorded->finished = json_is_true(json_object_get(root, "finished"));
    recorded->slices = number_in(root, "slices");
    recorded->slices_left_out = number_in(root, "slices_left_out");
    recorded->trap_window = json_is_true(json_object_get(root, "trap_window"));
    recorded->machine_ns = number_in(root, "machine_ns");
    recorded->complete = json_is_true(json_object_get(root, "complete"));
    return NULL;
}

/* Is the file what it was?  One line if not. */
static bool check_file(const char *dir, const char *folder, const char *name, const json_t *entry,
                       const char *key, const char *what)
{
    char path[PATH_MAX], hash[HASH_TEXT_BYTES], recorded[HASH_TEXT_BYTES];
    copy_text(entry, key, recorded, sizeof(recorded));
    if ((size_t)snprintf(path, sizeof(path), "%s%s%s", dir, folder, name) >= sizeof(path)) {
        fprintf(stderr, "vmm: %s: %s\n", dir, strerror(ENAMETOOLONG));
        return false;
    }
    int error = record_hash(path, NULL, hash, NULL);
    if (error)
        fprintf(stderr, "vmm: %s: %s\n", path,
                error == -ESPIPE ? "it is not a regular file" : strerror(-error));
    else if (strcmp(hash, recorded) != 0)
        fprintf(stderr, "vmm: %s: not the %s that was recorded (hash %s, recorded %s)\n", path,
                what, hash, recorded);
    else
        return true;
    return false;
}

/* Does it name a file below the recording's images, by a text that can be shown? */
static bool is_image_path(const char *path)
{
    char *clean = text_clean(path, strlen(path));
    const bool shown = clean && strcmp(clean, path) == 0;
    free(clean);
    return shown && path[0] == '/' && !strstr(path, "/../") && strlen(path) < PATH_MAX;
}

static bool check_files(const char *dir, const json_t *root)
{
    size_t i;
    json_t *image;
    bool good = check_file(dir, "/", RECORD_SCENARIO, root, "scenario_xxh3", "scenario");
    json_array_foreach(json_object_get(root, "images"), i, image)
    {
        const char *path = text_in(image, "path");
        if (is_image_path(path))
            good &= check_file(dir, "/" RECORD_IMAGES, path, image, "xxh3", "image");
        else {
            fprintf(stderr, "vmm: %s: record.json: image %zu is not in the folder\n", dir, i);
            return false;
        }
    }
    return good;
}

/* Another build may run differently: said, not refused, for a new build may well run the same. */
static void compare_builds(const struct engine_ops *ops, const json_t *root,
                           const struct recorded *recorded)
{
    char program[HASH_TEXT_BYTES], library[HASH_TEXT_BYTES];
    record_hash_build(ops, program, library);
    if (strcmp(program, text_in(root, "program_xxh3")) != 0)
        fprintf(stderr, "vmm: recorded with another build of vmm: the runs may differ\n");
    if (strcmp(library, text_in(root, "library_xxh3")) != 0)
        fprintf(stderr, "vmm: recorded with another library (%s): the runs may differ\n",
                recorded->engine_version);
}

/* How many whole entries the file has.  A recording that broke off may end with a part of one. */
static const char *count_slices(const struct stat *info, struct recorded *recorded)
{
    uint64_t size = (uint64_t)info->st_size - sizeof(struct slices_header);
    uint64_t found = size / sizeof(struct engine_slice);
    if (!recorded->finished) {
        recorded->slices = found;
        return NULL;
    }
    return size % sizeof(struct engine_slice) == 0 && found == recorded->slices
               ? NULL
               : "slices.bin and record.json do not agree on the number of slices: one of them was "
                 "changed or is cut off";
}

static const char *open_slices(struct comparer *comparer, const char *dir,
                               struct recorded *recorded)
{
    struct slices_header header;
    struct stat info;
    comparer->slices = record_open(dir, RECORD_SLICES, "rbe");
    if (!comparer->slices)
        return "slices.bin is missing or cannot be read";
    if (fread(&header, sizeof(header), 1, comparer->slices) != 1 || header.magic != SLICES_MAGIC ||
        header.entry_bytes != sizeof(struct engine_slice))
        return "slices.bin: not a record of this version of vmm";
    if (fstat(fileno(comparer->slices), &info) < 0)
        return "slices.bin cannot be looked at";
    return count_slices(&info, recorded);
}

static const char *open_input(struct comparer *comparer, const char *dir)
{
    FILE *entries = record_open(dir, RECORD_INPUT, "rbe");
    if (!entries)
        return errno == ENOENT ? NULL : "input.bin cannot be read";
    comparer->input = input_replay_new(entries);
    if (comparer->input)
        return NULL;
    fclose(entries);
    return "the host is out of memory";
}

struct comparer *comparer_create(const char *dir, struct recorded *recorded, int *status)
{
    json_error_t json_error;
    struct comparer *comparer = calloc(1, sizeof(*comparer));
    const char *problem = comparer ? NULL : "the host is out of memory";
    json_t *root = NULL;
    *status = STATUS_USAGE;
    if (!problem) {
        FILE *in = record_open(dir, RECORD_INDEX, "re");
        root = in ? json_loadf(in, 0, &json_error) : NULL;
        problem = !in     ? "no recorded run (no record.json); vmm run --record DIR makes one"
                  : !root ? "record.json: not JSON"
                          : read_record(root, recorded);
        if (in)
            fclose(in);
    }
    if (!problem) {
        comparer->ops = engine_find(recorded->engine);
        if (!comparer->ops || !comparer->ops->observe || !comparer->ops->state_hash)
            problem =
                "recorded on an engine that this vmm does not have, or that cannot repeat a run";
    }
    if (!problem)
        problem = open_slices(comparer, dir, recorded);
    if (!problem)
        problem = open_input(comparer, dir);
    if (problem)
        fprintf(stderr, "vmm: %s: %s\n", dir, problem);
    bool good = !problem && check_files(dir, root);
    if (good)
        compare_builds(comparer->ops, root, recorded);
    json_decref(root);
    if (good) {
        comparer->recorded = recorded;
        return comparer;
    }
    if (comparer)
        comparer_close(comparer);
    return NULL;
}

static void compare_slice(void *context, const struct engine_slice *slice)
{
    struct comparer *comparer = context;
    if (comparer->differs || comparer->ended)
        return;
    /* A run that was cut off from outside is the same as far as it went. */
    if (!comparer->recorded->complete && comparer->count == comparer->recorded->slices) {
        comparer->ended = true;
        comparer->ops->request_stop(comparer->engine, STOP_REQUEST);
        return;
    }
    if (comparer->count == comparer->recorded->slices &&
        comparer->left_out < comparer->recorded->slices_left_out) {
        comparer->left_out++;
        return;
    }
    struct engine_slice expected = { 0 };
    bool more = fread(&expected, sizeof(expected), 1, comparer->slices) == 1;
    if (more && memcmp(&expected, slice, sizeof(expected)) == 0) {
        comparer->count++;
        return;
    }
    comparer->differs = true;
    comparer->expected = expected;
    comparer->found = *slice;
    comparer->ops->request_stop(comparer->engine, STOP_REQUEST);
}

const struct machine_input_source *comparer_source(struct comparer *comparer)
{
    return comparer->input ? input_replay_source(comparer->input) : NULL;
}

void comparer_before_run(void *context, struct machine *machine, struct engine *engine)
{
    struct comparer *comparer = context;
    (void)machine;
    comparer->engine = engine;
    comparer->ops->observe(engine, compare_slice, comparer);
}

/* "core 1 at 0.001234567 s, cpu!dispatch+0x12" */
static void slice_text(struct machine *machine, const struct engine_slice *slice, char *text,
                       size_t bytes)
{
    char symbol[112] = "", domain[sizeof(((struct abi_dcb_head *)0)->name) + 1] = "";
    if (slice->blocks == 0 && slice->end_ns == 0) {
        snprintf(text, bytes, "nothing (the run ended there)");
        return;
    }
    if (slice->core < machine_core_count(machine)) {
        const struct abi_dcb_head *head =
            machine_memory(machine, machine_core_page(machine, slice->core)->current_dcb,
                           sizeof(struct abi_dcb_head));
        if (head)
            memcpy(domain, head->name, sizeof(head->name));
    }
    machine_symbol(machine, domain, slice->rip, symbol, sizeof(symbol));
    snprintf(text, bytes, "core %u at %" PRIu64 ".%09" PRIu64 " s, rip %#" PRIx64 " %s",
             slice->core, slice->end_ns / 1000000000, slice->end_ns % 1000000000, slice->rip,
             symbol);
}

static void describe_difference(const struct comparer *comparer, struct machine *machine,
                                struct run_result *result)
{
    char found[200], expected[200];
    slice_text(machine, &comparer->found, found, sizeof(found));
    slice_text(machine, &comparer->expected, expected, sizeof(expected));
    if (strcmp(found, expected) == 0)
        snprintf(result->detail, sizeof(result->detail),
                 "first difference in slice %" PRIu64 ": %s: %s", comparer->count, found,
                 comparer->found.blocks != comparer->expected.blocks ? "its length"
                                                                     : "the registers");
    else
        snprintf(result->detail, sizeof(result->detail),
                 "first difference in slice %" PRIu64 ": %s; recorded: %s", comparer->count, found,
                 expected);
}

void comparer_after_run(void *context, struct machine *machine, struct engine *engine,
                        struct run_result *result)
{
    struct comparer *comparer = context;
    const struct recorded *recorded = comparer->recorded;
    comparer->ops->observe(engine, NULL, NULL);
    if (result->verdict == VERDICT_INTERRUPTED)
        return;
    result->verdict = VERDICT_FAIL;
    snprintf(result->reason, sizeof(result->reason), "differs");
    if (comparer->differs) {
        describe_difference(comparer, machine, result);
    } else if (comparer->count < recorded->slices ||
               (recorded->complete && comparer->left_out < recorded->slices_left_out)) {
        snprintf(result->detail, sizeof(result->detail),
                 "ended after %" PRIu64 " slices, the recorded run went on to %" PRIu64,
                 comparer->count + comparer->left_out,
                 recorded->slices + recorded->slices_left_out);
    } else if (recorded->complete && strcmp(recorded->state_hash, result->state_hash) != 0) {
        snprintf(result->detail, sizeof(result->detail),
                 "all %" PRIu64 " slices are the same, but the final state is not: hash %s, "
                 "recorded %s",
                 comparer->count, result->state_hash, recorded->state_hash);
    } else {
        result->verdict = VERDICT_PASS;
        snprintf(result->reason, sizeof(result->reason), "same");
        if (!recorded->finished) {
            snprintf(result->detail, sizeof(result->detail),
                     "the same as recorded, as far as that goes (the recording broke off): %" PRIu64
                     " slices",
                     comparer->count);
            return;
        }
        snprintf(result->detail, sizeof(result->detail),
                 "the same as recorded (%s, %s): %" PRIu64 " slices, hash %s", recorded->verdict,
                 recorded->reason, comparer->count,
                 recorded->complete ? recorded->state_hash : "not recorded");
        if (recorded->slices_left_out > 0) {
            size_t used = strlen(result->detail);
            snprintf(result->detail + used, sizeof(result->detail) - used,
                     "; %" PRIu64 " later ones were not recorded", comparer->left_out);
        }
    }
}

void comparer_close(struct comparer *comparer)
{
    if (comparer->slices)
        fclose(comparer->slices);
    input_replay_free(comparer->input);
    free(comparer);
}
