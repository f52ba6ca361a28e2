/* SPDX-License-Identifier: MIT
 *
 * A failing run with faults, in the few lines that matter: the property that does not hold, the
 * faults that had happened, the last message that each core sent and was shown, and the commands
 * that show it again.
 *
 * At most FAULT_SUMMARY_LINES lines, whatever the run was: of each part the last are shown, and it
 * is said how many there were.
 */
#include <inttypes.h>
#include <string.h>

#include "report/again.h"
#include "report/summary.h"
#include "scenario/text.h"

/* 1 heading, 3 + 1 properties, 1 + 5 faults, 1 + 6 cores, 2 commands */
#define PROPERTIES_MAX 3
#define FAULTS_MAX 5
#define CORES_MAX 6

static void put_clean(FILE *out, const char *text)
{
    text_write(out, text, strlen(text));
}

static void print_properties(const struct summary *summary, FILE *out)
{
    char text[1400];
    unsigned shown = 0, more = 0;
    const char *broken = matcher_broken_property(summary->matcher);
    if (broken) {
        fputs("    property: ", out);
        put_clean(out, broken);
        fputc('\n', out);
        shown++;
    }
    for (size_t i = 0; i < summary->scenario->expectation_count; i++) {
        if (matcher_holds(summary->matcher, i))
            continue;
        if (shown == PROPERTIES_MAX) {
            more++;
            continue;
        }
        fputs("    property: ", out);
        put_clean(out, expectation_text(&summary->scenario->expectations[i], text, 200));
        fputc('\n', out);
        shown++;
    }
    if (more > 0)
        fprintf(out, "    ... and %u more\n", more);
}

static void print_faults(const struct summary *summary, FILE *out)
{
    const struct fault_log *log = summary->faults;
    char text[512];
    if (log->total == 0) {
        fputs("    no fault had happened\n", out);
        return;
    }
    size_t from = log->count > FAULTS_MAX ? log->count - FAULTS_MAX : 0;
    fprintf(out, "    %" PRIu64 " fault%s had happened%s\n", log->total, log->total == 1 ? "" : "s",
            from > 0 ? ", the last:" : ":");
    for (size_t i = from; i < log->count; i++) {
        const struct fault_entry *entry = &log->entry[i];
        fprintf(out, "      %.6f s  ", (double)entry->time_ns / 1e9);
        put_clean(out, fault_entry_text(entry, summary->scenario, text, sizeof(text)));
        fputc('\n', out);
    }
}

/* "myappif.hello #3 to core 0 at 0.002107 s" */
static void put_message(FILE *out, const struct machine_message *message, bool sent)
{
    char text[256];
    int interface = (int)strcspn(message->channel, ":");
    snprintf(text, sizeof(text), "%.*s.%s #%" PRIu64 " %s core %u at %.6f s", interface,
             message->channel, message->name, message->number, sent ? "to" : "from",
             sent ? message->to : message->from, (double)message->time_ns / 1e9);
    put_clean(out, text);
}

static void print_messages(const struct summary *summary, FILE *out)
{
    const struct run_result *result = summary->result;
    unsigned shown = 0;
    fputs("    last messages in the channels that were watched:\n", out);
    for (unsigned core = 0; result->sent && result->shown && core < result->core_count; core++) {
        const struct machine_message *sent = &result->sent[core], *got = &result->shown[core];
        if ((sent->time_ns == 0 && got->time_ns == 0) || shown == CORES_MAX)
            continue;
        shown++;
        fprintf(out, "      core %u sent ", core);
        if (sent->time_ns != 0)
            put_message(out, sent, true);
        else
            fputs("nothing", out);
        fputs(", was shown ", out);
        if (got->time_ns != 0)
            put_message(out, got, false);
        else
            fputs("nothing", out);
        fputc('\n', out);
    }
    if (shown == 0)
        fputs("      none\n", out);
}

void fault_summary_print(const struct summary *summary, FILE *out)
{
    fputs("  faults, and what came of them:\n", out);
    print_properties(summary, out);
    print_faults(summary, out);
    print_messages(summary, out);
    fputs("    again: ", out);
    again_write(out, summary->scenario, summary->result);
    fputs(summary->result->virtual_time ? "\n" : "   (in real time: the same faults by number)\n",
          out);
    fputs("    its faults alone, as rules: ", out);
    again_write(out, summary->scenario, summary->result);
    fputs(" --faults-out faults.yaml\n", out);
}
