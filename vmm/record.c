/* SPDX-License-Identifier: MIT
 *
 * Recording and comparing runs.
 *
 * The recorder copies what the run depends on before it starts, then writes one fixed-size entry for
 * each slice as the engine reports it.  The comparer reads the same entries in step with a second
 * run and stops it at the first that differs: there the two runs took different ways, and everything
 * later is only a consequence.  Neither touches the machine while it runs; observing must not change
 * what is observed.
 */
#include "record.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "cmd.h"
#include "engine/unicorn.h"
#include "machine/machine.h"
#include "scenario/units.h"

#define RECORD_VERSION 1
#define SLICES_MAGIC 0x534c5331 /* "1SLS" */

struct slices_header {
    uint32_t magic, entry_bytes;
};

static_assert(sizeof(struct unicorn_slice) == 32, "entries have no padding");

/* ---- files ---- */

static FILE *open_in(const char *dir, const char *name, const char *mode)
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    return fopen(path, mode);
}

/* Makes the folders above the last component of `path`. */
static int make_parents(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int failed = mkdir(path, 0777) < 0 && errno != EEXIST;
        *slash = '/';
        if (failed)
            return -errno;
    }
    return 0;
}

/* Reads the file at `from`, hashing it, and writes it to `to` if that is not NULL. */
static int copy_and_hash(const char *from, const char *to, uint64_t *hash, uint64_t *bytes)
{
    static char buffer[65536];
    XXH3_state_t *state = XXH3_createState();
    FILE *in = fopen(from, "rbe"), *out = to ? fopen(to, "wbe") : NULL;
    int error = !state ? -ENOMEM : !in || (to && !out) ? -errno : 0;
    *bytes = 0;
    if (!error)
        XXH3_64bits_reset(state);
    while (!error) {
        size_t got = fread(buffer, 1, sizeof(buffer), in);
        if (got == 0)
            break;
        XXH3_64bits_update(state, buffer, got);
        *bytes += got;
        if (out && fwrite(buffer, 1, got, out) != got)
            error = -errno;
    }
    if (!error && ferror(in))
        error = -EIO;
    if (!error)
        *hash = XXH3_64bits_digest(state);
    if (in)
        fclose(in);
    if (out && fclose(out) != 0 && !error)
        error = -errno;
    XXH3_freeState(state);
    return error;
}

static char *hash_text(uint64_t hash, char text[17])
{
    snprintf(text, 17, "%016" PRIx64, hash);
    return text;
}

/* ---- recording ---- */

struct recorder {
    char dir[PATH_MAX - 64];
    FILE *slices;
    json_t *images;
    uint64_t slice_count;
    int error; /* the first one */
};

static bool has_image(const json_t *images, const char *path)
{
    size_t i;
    json_t *image;
    json_array_foreach(images, i, image)
    {
        if (strcmp(json_string_value(json_object_get(image, "path")), path) == 0)
            return true;
    }
    return false;
}

static int record_image(struct recorder *recorder, const char *images, const char *path)
{
    char from[PATH_MAX], to[PATH_MAX], text[17];
    uint64_t hash = 0, bytes = 0;
    if (has_image(recorder->images, path))
        return 0; /* the same image on two menu lines */
    if ((size_t)snprintf(from, sizeof(from), "%s%s", images, path) >= sizeof(from) ||
        (size_t)snprintf(to, sizeof(to), "%s/guest%s", recorder->dir, path) >= sizeof(to))
        return -ENAMETOOLONG;
    int error = make_parents(to);
    if (!error)
        error = copy_and_hash(from, to, &hash, &bytes);
    if (error)
        return error;
    return json_array_append_new(recorder->images,
                                 json_pack("{s:s, s:I, s:s}", "path", path, "bytes",
                                           (json_int_t)bytes, "xxh3", hash_text(hash, text)))
               ? -ENOMEM
               : 0;
}

static int record_scenario(struct recorder *recorder, const struct scenario *scenario)
{
    FILE *out = open_in(recorder->dir, "scenario.yaml", "we");
    if (!out)
        return -errno;
    int error = scenario_write(scenario, out);
    if (fclose(out) != 0 && !error)
        error = -errno;
    return error;
}

static int start_recording(struct recorder *recorder, const struct scenario *scenario,
                           const char *images)
{
    const struct slices_header header = { SLICES_MAGIC, sizeof(struct unicorn_slice) };
    if (mkdir(recorder->dir, 0777) < 0 && errno != EEXIST)
        return -errno;
    int error = record_scenario(recorder, scenario);
    if (!error)
        error = record_image(recorder, images, scenario->menu.kernel.path);
    for (size_t i = 0; !error && i < scenario->menu.module_count; i++)
        error = record_image(recorder, images, scenario->menu.modules[i].path);
    if (error)
        return error;
    recorder->slices = open_in(recorder->dir, "slices.bin", "wbe");
    if (!recorder->slices || fwrite(&header, sizeof(header), 1, recorder->slices) != 1)
        return -errno;
    return 0;
}

struct recorder *recorder_create(const char *dir, const struct scenario *scenario,
                                 const char *images, int *status)
{
    struct recorder *recorder = calloc(1, sizeof(*recorder));
    int error = recorder ? 0 : -ENOMEM;
    if (recorder) {
        recorder->images = json_array();
        if ((size_t)snprintf(recorder->dir, sizeof(recorder->dir), "%s", dir) >=
            sizeof(recorder->dir))
            error = -ENAMETOOLONG;
        else
            error = recorder->images ? start_recording(recorder, scenario, images) : -ENOMEM;
    }
    if (!error)
        return recorder;
    fprintf(stderr, "vmm: --record %s: %s\n", dir, strerror(-error));
    if (recorder) {
        recorder->error = 0; /* said already */
        recorder_close(recorder);
    }
    *status = STATUS_USAGE;
    return NULL;
}

static void record_slice(void *context, const struct unicorn_slice *slice)
{
    struct recorder *recorder = context;
    recorder->slice_count++;
    if (fwrite(slice, sizeof(*slice), 1, recorder->slices) != 1 && !recorder->error)
        recorder->error = errno ? -errno : -EIO;
}

void recorder_before_run(void *context, struct machine *machine, struct engine *engine)
{
    (void)machine;
    unicorn_observe(engine, record_slice, context);
}

void recorder_after_run(void *context, struct machine *machine, struct engine *engine,
                        struct run_result *result)
{
    struct recorder *recorder = context;
    char seed[24];
    (void)machine;
    unicorn_observe(engine, NULL, NULL);
    snprintf(seed, sizeof(seed), "%" PRIu64, result->seed);
    bool complete = result->verdict != VERDICT_INTERRUPTED && result->verdict != VERDICT_ERROR &&
                    strcmp(result->reason, "real-time limit") != 0;
    json_t *root =
        json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:s, s:O}", "version",
                  RECORD_VERSION, "vmm", VMM_VERSION, "engine", result->engine, "engine_version",
                  result->engine_version, "seed", seed, "verdict", verdict_name(result->verdict),
                  "reason", result->reason, "complete", (int)complete, "slices",
                  (json_int_t)recorder->slice_count, "machine_ns", (json_int_t)result->machine_ns,
                  "state_hash", result->state_hash, "images", recorder->images);
    FILE *out = root ? open_in(recorder->dir, "record.json", "we") : NULL;
    if (!root)
        recorder->error = -ENOMEM;
    else if (!out || json_dumpf(root, out, JSON_INDENT(1)) || fputc('\n', out) == EOF)
        recorder->error = errno ? -errno : -EIO;
    if (out && fclose(out) != 0)
        recorder->error = -errno;
    json_decref(root);
}

bool recorder_close(struct recorder *recorder)
{
    if (recorder->slices && fclose(recorder->slices) != 0 && !recorder->error)
        recorder->error = -errno;
    int error = recorder->error;
    if (error)
        fprintf(stderr, "vmm: --record %s: cannot write: %s\n", recorder->dir, strerror(-error));
    json_decref(recorder->images);
    free(recorder);
    return error == 0;
}

/* ---- comparing ---- */

struct comparer {
    FILE *slices;
    const struct recorded *recorded;
    struct engine *engine;
    uint64_t count; /* slices compared */
    bool differs, ended;
    struct unicorn_slice expected, found; /* if differs; expected is zero beyond the record's end */
};

static const char *text_in(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
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
    snprintf(recorded->engine, sizeof(recorded->engine), "%s", text_in(root, "engine"));
    snprintf(recorded->engine_version, sizeof(recorded->engine_version), "%s",
             text_in(root, "engine_version"));
    snprintf(recorded->verdict, sizeof(recorded->verdict), "%s", text_in(root, "verdict"));
    snprintf(recorded->reason, sizeof(recorded->reason), "%s", text_in(root, "reason"));
    snprintf(recorded->state_hash, sizeof(recorded->state_hash), "%s", text_in(root, "state_hash"));
    recorded->slices = number_in(root, "slices");
    recorded->machine_ns = number_in(root, "machine_ns");
    recorded->complete = json_is_true(json_object_get(root, "complete"));
    return NULL;
}

static bool check_images_of(const char *dir, const json_t *images)
{
    size_t i;
    json_t *image;
    bool good = true;
    json_array_foreach(images, i, image)
    {
        char path[PATH_MAX], text[17];
        uint64_t hash = 0, bytes;
        snprintf(path, sizeof(path), "%s/guest%s", dir, text_in(image, "path"));
        int error = copy_and_hash(path, NULL, &hash, &bytes);
        if (error)
            fprintf(stderr, "vmm: %s: %s\n", path, strerror(-error));
        else if (strcmp(hash_text(hash, text), text_in(image, "xxh3")) != 0)
            fprintf(stderr, "vmm: %s: not the image that was recorded (hash %s, recorded %s)\n",
                    path, text, text_in(image, "xxh3"));
        else
            continue;
        good = false;
    }
    return good;
}

static const char *open_slices(struct comparer *comparer, const char *dir)
{
    struct slices_header header;
    comparer->slices = open_in(dir, "slices.bin", "rbe");
    if (!comparer->slices)
        return "slices.bin is missing";
    if (fread(&header, sizeof(header), 1, comparer->slices) != 1 || header.magic != SLICES_MAGIC ||
        header.entry_bytes != sizeof(struct unicorn_slice))
        return "slices.bin: not a record of this version of vmm";
    return NULL;
}

struct comparer *comparer_create(const char *dir, struct recorded *recorded, int *status)
{
    json_error_t json_error;
    struct comparer *comparer = calloc(1, sizeof(*comparer));
    const char *problem = comparer ? NULL : "the host is out of memory";
    json_t *root = NULL;
    *status = STATUS_USAGE;
    if (!problem) {
        FILE *in = open_in(dir, "record.json", "re");
        root = in ? json_loadf(in, 0, &json_error) : NULL;
        problem = !in     ? "no recorded run (no record.json); vmm run --record DIR makes one"
                  : !root ? "record.json: not JSON"
                          : read_record(root, recorded);
        if (in)
            fclose(in);
    }
    if (!problem)
        problem = open_slices(comparer, dir);
    if (problem)
        fprintf(stderr, "vmm: %s: %s\n", dir, problem);
    bool good = !problem && check_images_of(dir, json_object_get(root, "images"));
    json_decref(root);
    if (good) {
        comparer->recorded = recorded;
        return comparer;
    }
    if (comparer)
        comparer_close(comparer);
    return NULL;
}

static void compare_slice(void *context, const struct unicorn_slice *slice)
{
    struct comparer *comparer = context;
    if (comparer->differs || comparer->ended)
        return;
    /* A run that was cut off from outside is the same as far as it went. */
    if (!comparer->recorded->complete && comparer->count == comparer->recorded->slices) {
        comparer->ended = true;
        engine_unicorn.request_stop(comparer->engine, STOP_REQUEST);
        return;
    }
    struct unicorn_slice expected = { 0 };
    bool more = fread(&expected, sizeof(expected), 1, comparer->slices) == 1;
    if (more && memcmp(&expected, slice, sizeof(expected)) == 0) {
        comparer->count++;
        return;
    }
    comparer->differs = true;
    comparer->expected = expected;
    comparer->found = *slice;
    engine_unicorn.request_stop(comparer->engine, STOP_REQUEST);
}

void comparer_before_run(void *context, struct machine *machine, struct engine *engine)
{
    struct comparer *comparer = context;
    (void)machine;
    comparer->engine = engine;
    unicorn_observe(engine, compare_slice, comparer);
}

/* "core 1 at 0.001234567 s, cpu!dispatch+0x12" */
static void slice_text(struct machine *machine, const struct unicorn_slice *slice, char *text,
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
    unicorn_observe(engine, NULL, NULL);
    if (result->verdict == VERDICT_INTERRUPTED)
        return;
    result->verdict = VERDICT_FAIL;
    snprintf(result->reason, sizeof(result->reason), "differs");
    if (comparer->differs) {
        describe_difference(comparer, machine, result);
    } else if (comparer->count < recorded->slices) {
        snprintf(result->detail, sizeof(result->detail),
                 "ended after %" PRIu64 " slices, the recorded run went on to %" PRIu64,
                 comparer->count, recorded->slices);
    } else if (recorded->complete && strcmp(recorded->state_hash, result->state_hash) != 0) {
        snprintf(result->detail, sizeof(result->detail),
                 "all %" PRIu64 " slices are the same, but the final state is not: hash %s, "
                 "recorded %s",
                 comparer->count, result->state_hash, recorded->state_hash);
    } else {
        result->verdict = VERDICT_PASS;
        snprintf(result->reason, sizeof(result->reason), "same");
        snprintf(result->detail, sizeof(result->detail),
                 "the same as recorded (%s, %s): %" PRIu64 " slices, hash %s", recorded->verdict,
                 recorded->reason, comparer->count,
                 recorded->complete ? recorded->state_hash : "not recorded");
    }
}

void comparer_close(struct comparer *comparer)
{
    if (comparer->slices)
        fclose(comparer->slices);
    free(comparer);
}
