/* SPDX-License-Identifier: MIT
 *
 * The result files of vmm run (outputs.h).
 *
 * Each is held open beside its name from before the first run until after the last (out_file.h).
 * When a run begins, JSON, JUnit and Markdown are also written once as they are then, with the run
 * as "unfinished": what a killed program leaves has the seed of the run that was killed, and the
 * results of those before it.
 */
#include "cli/outputs.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/program.h"

typedef int write_results(const struct report_files *files, FILE *out);

static bool complain(const struct output *output, const char *problem)
{
    fprintf(stderr, "vmm: %s %s: %s\n", output->option, output->path, problem);
    return false;
}

static bool same_inode(const struct stat *one, const char *path)
{
    struct stat other;
    return stat(path, &other) == 0 && one->st_dev == other.st_dev && one->st_ino == other.st_ino;
}

static bool is_image(const struct stat *info, const char *images, const struct menu_line *line)
{
    char path[2 * PATH_MAX];
    return (menu_image_file(line, images, path, sizeof(path)) && same_inode(info, path)) ||
           (line->place.file && same_inode(info, line->place.file));
}

static bool is_of_scenario(const struct stat *info, const char *images,
                           const struct scenario *scenario)
{
    if (same_inode(info, scenario->file) || is_image(info, images, &scenario->menu.kernel))
        return true;
    for (size_t i = 0; i < scenario->menu.module_count; i++)
        if (is_image(info, images, &scenario->menu.modules[i]))
            return true;
    return false;
}

bool outputs_same_file(const char *one, const char *other)
{
    struct stat info;
    return stat(one, &info) == 0 && same_inode(&info, other);
}

bool outputs_is_input(const char *path, const struct inputs *inputs)
{
    struct stat info;
    if (stat(path, &info) < 0 || !S_ISREG(info.st_mode))
        return false;
    char program[PATH_MAX];
    bool found = program_path(program, sizeof(program)) && same_inode(&info, program);
    for (int i = 0; i < inputs->count && !found; i++)
        found =
            same_inode(&info, inputs->paths[i]) ||
            (inputs->scenarios[i] && is_of_scenario(&info, inputs->images, inputs->scenarios[i]));
    return found;
}

static bool open_one(struct output *output, const struct inputs *inputs)
{
    if (!output->path)
        return true;
    if (outputs_is_input(output->path, inputs))
        return complain(output, "that is an input of the run; name another file");
    int error = out_file_open(&output->file, output->path);
    if (!error)
        return true;
    char problem[128];
    snprintf(problem, sizeof(problem), "cannot write: %s",
             error == -ENXIO ? "nobody reads this pipe" : strerror(-error));
    return complain(output, problem);
}

/* Two results in one file would destroy each other.  (Two to a terminal or a pipe are the user's
 * will.) */
static bool same_file(const struct output *a, const struct output *b)
{
    return a->file.stream && b->file.stream && !out_file_is_direct(&a->file) &&
           strcmp(a->file.target, b->file.target) == 0;
}

static void abandon(struct output *output)
{
    if (output->file.stream)
        out_file_close(&output->file, false);
}

bool outputs_open(struct outputs *outputs, const struct options *options,
                  const struct inputs *inputs)
{
    *outputs = (struct outputs){
        .json = { .option = "--json", .path = options->json },
        .junit = { .option = "--junit", .path = options->junit },
        .markdown = { .option = "--summary-md", .path = options->summary_md },
        .trace = { .option = "--trace", .path = options->trace },
        .faults = { .option = "--faults-out", .path = options->faults_out },
    };
    struct output *const all[] = { &outputs->json, &outputs->junit, &outputs->markdown,
                                   &outputs->trace, &outputs->faults };
    const size_t count = sizeof(all) / sizeof(all[0]);
    bool good = true;
    for (size_t i = 0; i < count && good; i++)
        good = open_one(all[i], inputs);
    for (size_t i = 0; i < count && good; i++) {
        for (size_t j = 0; j < i && good; j++) {
            good = !same_file(all[i], all[j]);
            if (!good)
                fprintf(stderr, "vmm: %s and %s need a file each\n", all[j]->option,
                        all[i]->option);
        }
    }
    for (size_t i = 0; i < count && !good; i++)
        abandon(all[i]);
    return good;
}

/* Writes the results as they are now.  What is a pipe gets them once, at the end. */
static void write_now(const struct output *output, const struct report_files *files,
                      write_results *write)
{
    struct out_file file;
    if (!output->path || out_file_is_direct(&output->file) ||
        out_file_open(&file, output->path) != 0)
        return; /* whatever is wrong is said at the end */
    int written = write(files, file.stream);
    out_file_close(&file, written == 0);
}

void outputs_begin(struct outputs *outputs, const struct scenario *scenario, const char *engine,
                   uint64_t seed)
{
    if (!outputs->json.path && !outputs->junit.path && !outputs->markdown.path)
        return;
    if (report_files_begin(&outputs->files, scenario, engine, seed) != 0)
        return; /* out of memory: the run will say so */
    write_now(&outputs->json, &outputs->files, report_files_write_json);
    write_now(&outputs->junit, &outputs->files, report_files_write_junit);
    write_now(&outputs->markdown, &outputs->files, report_files_write_markdown);
}

/* `written` is 0, or why not all of it was written to the stream. */
static bool close_one(struct output *output, int written)
{
    if (!output->file.stream)
        return true;
    int error = out_file_close(&output->file, written == 0);
    if (written)
        error = written;
    if (!error)
        return true;
    char problem[128];
    snprintf(problem, sizeof(problem), "cannot write: %s",
             error == -ENXIO ? "nobody reads this pipe" : strerror(-error));
    return complain(output, problem);
}

bool outputs_close(struct outputs *outputs)
{
    FILE *json = outputs->json.file.stream, *junit = outputs->junit.file.stream,
         *markdown = outputs->markdown.file.stream;
    bool good =
        close_one(&outputs->json, json ? report_files_write_json(&outputs->files, json) : 0);
    good &=
        close_one(&outputs->junit, junit ? report_files_write_junit(&outputs->files, junit) : 0);
    good &= close_one(&outputs->markdown,
                      markdown ? report_files_write_markdown(&outputs->files, markdown) : 0);
    good &= close_one(&outputs->trace, outputs->trace_error);
    good &= close_one(&outputs->faults, 0);
    report_files_free(&outputs->files);
    return good;
}
