/* SPDX-License-Identifier: MIT
 *
 * A machine that others run: all that is heard of it is its console.  A line becomes what the
 * console and power devices would have made of it, so whoever watches the machine sees no
 * difference.
 */
#include <stdlib.h>
#include <string.h>

#include "machine/fabric.h"
#include "machine/machine_private.h"
#include "machine/pc_line.h"
#include "machine/pump.h"

#define END_OF_INPUT 4 /* control-D; a UART has no other */

static void say(struct machine *machine, const struct pc_line *said, uint32_t kind)
{
    char text[ABI_CONSOLE_MAX + 1];
    struct machine_console_line line = {
        .core = said->core,
        .time_ns = said->time_ns,
        .kind = kind,
        .text = text,
        .bytes = (uint32_t)(said->bytes < ABI_CONSOLE_MAX ? said->bytes : ABI_CONSOLE_MAX),
    };
    memcpy(text, said->text, line.bytes);
    text[line.bytes] = '\0';
    memcpy(line.speaker, said->speaker, sizeof(line.speaker));
    machine->state.stats.console_lines++;
    const struct machine_sink *sink = &machine->config.sink;
    if (sink->console_line)
        sink->console_line(sink->context, &line);
    fabric_console(machine, &line);
    input_console(machine, &line);
}

static void end(struct machine *machine, const struct pc_line *said)
{
    char code[8] = "";
    memcpy(code, said->text, said->bytes < sizeof(code) ? said->bytes : sizeof(code) - 1);
    if (said->kind == PC_LINE_PANIC) {
        machine_tell(machine, MACHINE_EVENT_PANIC, said->core, said->time_ns,
                     "the CPU driver gave up");
        machine_end(machine, STOP_PANIC, said->core);
        return;
    }
    machine->state.exit_code = (uint32_t)strtoul(code, NULL, 10) & 0xff;
    machine_tell(machine, MACHINE_EVENT_EXIT, said->core, said->time_ns, "exit code %u",
                 machine->state.exit_code);
    machine_end(machine, STOP_EXIT, said->core);
}

static void guest_spoke(struct machine *machine, struct pc_line *said)
{
    said->time_ns = pump_time(machine, said->time_ns);
    machine->guest_spoke = true;
}

void machine_pc_said(struct machine *machine, const char *line, size_t bytes, uint64_t now_ns)
{
    struct pc_line said;
    machine_lock(machine);
    if (machine->state.stopped) {
        machine_unlock(machine);
        return;
    }
    if (!pc_line_parse(line, bytes, &said) || said.core >= machine->config.core_count)
        said = (struct pc_line){
            .kind = PC_LINE_KERNEL, .time_ns = now_ns, .text = line, .bytes = bytes
        };
    else
        guest_spoke(machine, &said);
    switch (said.kind) {
    case PC_LINE_PUMP:
        pump_found(machine, &said, now_ns); /* until now its time was the guest's own */
        break;
    case PC_LINE_EXIT:
    case PC_LINE_PANIC:
        end(machine, &said);
        break;
    default:
        say(machine, &said,
            said.kind == PC_LINE_USER    ? ABI_CONSOLE_USER
            : said.kind == PC_LINE_TRACE ? ABI_CONSOLE_TRACE
                                         : ABI_CONSOLE_KERNEL);
    }
    machine_unlock(machine);
}

size_t machine_pc_typed(struct machine *machine, char *to, size_t room, uint64_t now_ns)
{
    struct device_state *device = &machine->state.device;
    machine_lock(machine);
    size_t bytes = 0, got;
    if (!machine->guest_spoke) /* firmware and loader set the UART up: what it has then is lost */
        room = 0;
    while (bytes < room &&
           (got = device_input_take(device, to + bytes, (unsigned)(room - bytes)))) {
        bytes += got;
        input_give(machine, now_ns); /* there is room again */
    }
    if (bytes < room && device->input.ended && !machine->typed_end) {
        machine->typed_end = true;
        to[bytes++] = END_OF_INPUT;
    }
    machine_unlock(machine);
    return bytes;
}
