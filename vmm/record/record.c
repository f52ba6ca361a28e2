/* SPDX-License-Identifier: MIT
 *
 * Recording a run.
 *
 * The recorder copies what the run depends on before it starts and writes an index with the seed,
 * then one fixed-size entry for each slice as the engine reports it, and the whole index at the
 * end.  So a run that is killed leaves a folder that vmm replay can repeat as far as it was
 * recorded.  It writes into a folder that is new, empty, or was left before any run began (no
 * index): never over anything somebody may want to keep.  The index takes its place by a rename, so
 * it is never half written.  The recorder does not touch the machine while that runs; observing
 * must not change what is observed.
 */
#include "record/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "abi/version.h"
#include "engine/program.h"
#include "machine/machine.h"
#include "record/record_private.h"
#include "report/in_file.h"
#include "report/out_file.h"
#include "run/status.h"

/* ---- files ---- */

FILE *record_open(const char *dir, const char *name, const char *mode)
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    return mode[0] == 'r' ? in_file_open(path) : out_file_create(path);
}

/* Makes the folders behind the first bytes of `path`, and above its last component. */
static int make_parents(char *path, size_t first)
{
    int error = 0;
    for (char *slash = strchr(path + first + 1, '/'); slash && !error;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        error = out_folder_create(path);
        *slash = '/';
    }
    return error;
}

int record_hash(const char *from, const char *to, char hash[HASH_TEXT_BYTES], uint64_t *bytes)
{
    static char buffer[65536];
    uint64_t size = 0;
    XXH3_state_t *state = XXH3_createState();
    if (!state)
        return -ENOMEM;
    FILE *in = in_file_open(from), *out = in && to ? out_file_create(to) : NULL;
    int error = !in || (to && !out) ? -errno : 0;
    XXH3_64bits_reset(state);
    while (!error) {
        size_t got = fread(buffer, 1, sizeof(buffer), in);
        if (got == 0)
            break;
        XXH3_64bits_update(state, buffer, got);
        size += got;
        if (out && fwrite(buffer, 1, got, out) != got)
            error = -errno;
    }
    if (!error && ferror(in))
        error = -EIO;
    snprintf(hash, HASH_TEXT_BYTES, "%016" PRIx64, (uint64_t)XXH3_64bits_digest(state));
    if (bytes)
        *bytes = size;
    if (in)
        fclose(in);
    if (out && fclose(out) != 0 && !error)
        error = -errno;
    XXH3_freeState(state);
    return error;
}

void record_hash_build(const struct engine_ops *ops, char program[HASH_TEXT_BYTES],
                       char library[HASH_TEXT_BYTES])
{
    const char *path = ops->library_path ? ops->library_path() : NULL;
    program[0] = library[0] = '\0';
    char self[PATH_MAX];
    if (!program_path(self, sizeof(self)) || record_hash(self, NULL, program, NULL))
        program[0] = '\0';
    if (!path || record_hash(path, NULL, library, NULL))
        library[0] = '\0';
}

/* ---- recording ---- */

struct recorder {
    char dir[PATH_MAX - 64];
    struct recorder_run run;
    int lock; /* the folder, locked, so that two runs cannot record into it; or -1 */
    FILE *slices;
    FILE *input; /* NULL: nobody types */
    struct machine_input_source source;
    json_t *images;
    char scenario_hash[HASH_TEXT_BYTES];
    uint64_t slice_count, slices_most, slices_left_out; /* written, may be, were not */
    int error;                                          /* the first one */
    char file[PATH_MAX]; /* which file it concerned while starting, "" for none in particular */
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

static int record_image(struct recorder *recorder, const struct menu_line *line)
{
    const char *path = line->path;
    char from[PATH_MAX], to[PATH_MAX], hash[HASH_TEXT_BYTES];
    uint64_t bytes = 0;
    if (has_image(recorder->images, path))
        return 0; /* the same image on two menu lines */
    if (!menu_image_file(line, recorder->run.images, from, sizeof(from)) ||
        (size_t)snprintf(to, sizeof(to), "%s/" RECORD_IMAGES "%s", recorder->dir, path) >=
            sizeof(to))
        return -ENAMETOOLONG;
    int error = make_parents(to, strlen(recorder->dir));
    if (!error)
        error = record_hash(from, to, hash, &bytes);
    if (error) {
        snprintf(recorder->file, sizeof(recorder->file), "%s: ", path);
        return error;
    }
    return json_array_append_new(
               recorder->images,
               json_pack("{s:s, s:I, s:s}", "path", path, "bytes", (json_int_t)bytes, "xxh3", hash))
               ? -ENOMEM
               : 0;
}

static int record_scenario(struct recorder *recorder, const struct scenario *scenario)
{
    char path[PATH_MAX];
    FILE *out = record_open(recorder->dir, RECORD_SCENARIO, "we");
    if (!out)
        return -errno;
    int error = scenario_write(scenario, out);
    if (fclose(out) != 0 && !error)
        error = -errno;
    snprintf(path, sizeof(path), "%s/" RECORD_SCENARIO, recorder->dir);
    return error ? error : record_hash(path, NULL, recorder->scenario_hash, NULL);
}

/* Why nothing may be written into the folder, in problem[]; "" if it may.  The folder may be
 * missing. */
static void check_folder(const char *dir, char *problem, size_t bytes)
{
    static const char *const ours[] = { ".",           "..",          RECORD_SCENARIO,
                                        RECORD_IMAGES, RECORD_SLICES, RECORD_INPUT };
    DIR *stream = opendir(dir);
    problem[0] = '\0';
    if (!stream) {
        if (errno != ENOENT)
            snprintf(problem, bytes, "%s", strerror(errno));
        return;
    }
    for (const struct dirent *entry; !problem[0] && (entry = readdir(stream));) {
        bool known = false;
        for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
            known |= strcmp(entry->d_name, ours[i]) == 0;
        /* an index that was being written when the program was killed */
        known |= strncmp(entry->d_name, RECORD_INDEX ".", sizeof(RECORD_INDEX)) == 0;
        if (strcmp(entry->d_name, RECORD_INDEX) == 0)
            snprintf(problem, bytes,
                     "it holds a recorded run; remove that first (rm -r), or name a new folder");
        else if (!known)
            snprintf(problem, bytes,
                     "it holds '%.80s', which is no part of a recorded run; name a new folder",
                     entry->d_name);
    }
    closedir(stream);
}

/* Writes record.json; `result` is NULL before the run has ended. */
static int write_index(const struct recorder *recorder, const struct run_result *result)
{
    char seed[24], program[HASH_TEXT_BYTES], library[HASH_TEXT_BYTES];
    record_hash_build(recorder->run.ops, program, library);
    snprintf(seed, sizeof(seed), "%" PRIu64, recorder->run.seed);
    bool complete = result && result->verdict != VERDICT_INTERRUPTED &&
                    result->verdict != VERDICT_ERROR && strcmp(result->reason, "guard") != 0 &&
                    strcmp(result->reason, "limit") != 0;
    json_t *root = json_pack(
        "{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:O}", "version", RECORD_VERSION, "vmm",
        PROJECT_VERSION, "program_xxh3", program, "engine", recorder->run.ops->name,
        "engine_version", recorder->run.capability->version, "library_xxh3", library,
        "scenario_xxh3", recorder->scenario_hash, "seed", seed, "trap_window",
        (int)recorder->run.trap_window, "finished", result != NULL, "images", recorder->images);
    json_t *end =
        !result ? NULL
                : json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:s}", "verdict",
                            verdict_name(result->verdict), "reason", result->reason, "complete",
                            (int)complete, "slices", (json_int_t)recorder->slice_count,
                            "slices_left_out", (json_int_t)recorder->slices_left_out, "machine_ns",
                            (json_int_t)result->machine_ns, "state_hash", result->state_hash);
    struct out_file file;
    char path[PATH_MAX];
    int error = root && (end || !result) ? 0 : -ENOMEM;
    if (!error && end && json_object_update(root, end))
        error = -ENOMEM;
    if (!error &&
        (size_t)snprintf(path, sizeof(path), "%s/" RECORD_INDEX, recorder->dir) >= sizeof(path))
        error = -ENAMETOOLONG;
    if (!error)
        error = out_file_open(&file, path);
    if (!error) {
        bool written =
            json_dumpf(root, file.stream, JSON_INDENT(1)) == 0 && fputc('\n', file.stream) != EOF;
        error = out_file_close(&file, written);
    }
    json_decref(end);
    json_decref(root);
    return error;
}

static int start_recording(struct recorder *recorder, const struct scenario *scenario)
{
    const struct slices_header header = { SLICES_MAGIC, sizeof(struct engine_slice) };
    if (mkdir(recorder->dir, 0777) < 0 && errno != EEXIST)
        return -errno;
    recorder->lock = open(recorder->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (recorder->lock < 0 || flock(recorder->lock, LOCK_EX | LOCK_NB) < 0)
        return -errno;
    char problem[160]; /* what another run may have written since it was looked at */
    check_folder(recorder->dir, problem, sizeof(problem));
    if (problem[0])
        return -EEXIST;
    int error = record_scenario(recorder, scenario);
    if (!error)
        error = record_image(recorder, &scenario->menu.kernel);
    for (size_t i = 0; !error && i < scenario->menu.module_count; i++)
        error = record_image(recorder, &scenario->menu.modules[i]);
    if (error)
        return error;
    recorder->slices = record_open(recorder->dir, RECORD_SLICES, "wbe");
    if (!recorder->slices || fwrite(&header, sizeof(header), 1, recorder->slices) != 1 ||
        fflush(recorder->slices) != 0)
        return -errno;
    recorder->input = recorder->run.input ? record_open(recorder->dir, RECORD_INPUT, "wbe") : NULL;
    if (recorder->run.input && !recorder->input)
        return -errno;
    return write_index(recorder, NULL);
}

struct recorder *recorder_create(const char *dir, const struct scenario *scenario,
                                 const struct recorder_run *run, int *status)
{
    char problem[160];
    check_folder(dir, problem, sizeof(problem));
    if (problem[0]) {
        fprintf(stderr, "vmm: --record %s: %s\n", dir, problem);
        *status = STATUS_USAGE;
        return NULL;
    }
    struct recorder *recorder = calloc(1, sizeof(*recorder));
    int error = recorder ? 0 : -ENOMEM;
    if (recorder) {
        recorder->lock = -1;
        recorder->run = *run;
        recorder->slices_most = (run->slices_limit ? run->slices_limit : RECORD_SLICES_LIMIT) /
                                sizeof(struct engine_slice);
        recorder->images = json_array();
        if ((size_t)snprintf(recorder->dir, sizeof(recorder->dir), "%s", dir) >=
            sizeof(recorder->dir))
            error = -ENAMETOOLONG;
        else
            error = recorder->images ? start_recording(recorder, scenario) : -ENOMEM;
    }
    if (!error)
        return recorder;
    fprintf(stderr, "vmm: --record %s: %s%s\n", dir, recorder ? recorder->file : "",
            error == -ESPIPE        ? "it is not a regular file"
            : error == -EWOULDBLOCK ? "another run is recording into it"
                                    : strerror(-error));
    if (recorder) {
        recorder->error = 0; /* said already */
        recorder_close(recorder);
    }
    *status = STATUS_USAGE;
    return NULL;
}

static void record_slice(void *context, const struct engine_slice *slice)
{
    struct recorder *recorder = context;
    if (recorder->slice_count == recorder->slices_most) {
        recorder->slices_left_out++;
        return;
    }
    recorder->slice_count++;
    if (fwrite(slice, sizeof(*slice), 1, recorder->slices) != 1 && !recorder->error)
        recorder->error = errno ? -errno : -EIO;
}

static size_t take_input(void *context, uint64_t turn, char *bytes, size_t room, bool *end)
{
    struct recorder *recorder = context;
    const struct machine_input_source *from = recorder->run.input;
    const size_t count = from->take(from->context, turn, bytes, room, end);
    const struct input_entry entry = { turn, (uint32_t)count, *end };
    if (count == 0 && !*end)
        return 0;
    /* At once: of a run that is killed there is all that it has seen. */
    if ((fwrite(&entry, sizeof(entry), 1, recorder->input) != 1 ||
         fwrite(bytes, 1, count, recorder->input) != count || fflush(recorder->input) != 0) &&
        !recorder->error)
        recorder->error = errno ? -errno : -EIO;
    return count;
}

static enum machine_waited wait_for_input(void *context, uint64_t turn, uint64_t ns)
{
    const struct recorder *recorder = context;
    return recorder->run.input->wait(recorder->run.input->context, turn, ns);
}

const struct machine_input_source *recorder_source(struct recorder *recorder)
{
    recorder->source = (struct machine_input_source){ .context = recorder,
                                                      .take = take_input,
                                                      .wait = wait_for_input };
    return recorder->input ? &recorder->source : NULL;
}

void recorder_before_run(void *context, struct machine *machine, struct engine *engine)
{
    struct recorder *recorder = context;
    (void)machine;
    recorder->run.ops->observe(engine, record_slice, recorder);
}

void recorder_after_run(void *context, struct machine *machine, struct engine *engine,
                        struct run_result *result)
{
    struct recorder *recorder = context;
    (void)machine;
    recorder->run.ops->observe(engine, NULL, NULL);
    if (fflush(recorder->slices) != 0 && !recorder->error)
        recorder->error = -errno;
    int error = recorder->error ? 0 : write_index(recorder, result);
    if (error)
        recorder->error = error;
}

bool recorder_close(struct recorder *recorder)
{
    if (recorder->slices && fclose(recorder->slices) != 0 && !recorder->error)
        recorder->error = -errno;
    if (recorder->input && fclose(recorder->input) != 0 && !recorder->error)
        recorder->error = -errno;
    int error = recorder->error;
    if (error)
        fprintf(stderr, "vmm: --record %s: cannot write: %s\n", recorder->dir, strerror(-error));
    if (recorder->slices_left_out > 0)
        fprintf(stderr,
                "vmm: --record %s: %" PRIu64 " slices after the first %" PRIu64
                " are left out (--output-limit); vmm replay compares those, and the final state\n",
                recorder->dir, recorder->slices_left_out, recorder->slice_count);
    json_decref(recorder->images);
    if (recorder->lock >= 0)
        close(recorder->lock);
    free(recorder);
    return error == 0;
}
