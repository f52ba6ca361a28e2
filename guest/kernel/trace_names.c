/* SPDX-License-Identifier: MIT
 *
 * Names for the flight recorder: read by the machine from this image's file, never at run time.
 * Each table is a sequence of "key=name" texts, each ended by a zero, the table by an empty one.
 */
#define ENTRY(text) text "\0"

__attribute__((used)) const char trace_syscall_names[] =
    ENTRY("0=INVOKE") ENTRY("1=YIELD") ENTRY("2=LRPC") ENTRY("3=DEBUG") ENTRY("4=REBOOT")
        ENTRY("5=NOP") ENTRY("6=PRINT") ENTRY("7=GETCHAR") ENTRY("10=SUSPEND");

#include <barrelfish_kpi/capabilities.h>

/* In the order of enum objtype: the position is the key. */
__attribute__((used)) const char trace_type_names[] =
#define CAP_TYPE(name, memory, object_bytes, mapping, always_copy) ENTRY(#name)
#include <barrelfish_kpi/caps.def>
    ;

/* type=kind: by whose invocations it is called */
__attribute__((used)) const char trace_kind_names[] =
#define CAP_KIND(name, kind) ENTRY(#name "=" #kind)
#include <barrelfish_kpi/caps.def>
    ;

/* type or kind:command=name; a message's length in words stands for its command */
/* clang-format off */
__attribute__((used)) const char trace_command_names[] =
#define CAP_COMMAND(kind, name, number) ENTRY(#kind ":" #number "=" #name)
#include <barrelfish_kpi/commands.def>
    ENTRY("EndPointLMP:0=Send(0)") ENTRY("EndPointLMP:1=Send(1)") ENTRY("EndPointLMP:2=Send(2)")
    ENTRY("EndPointLMP:3=Send(3)") ENTRY("EndPointLMP:4=Send(4)") ENTRY("EndPointLMP:5=Send(5)")
    ENTRY("EndPointLMP:6=Send(6)") ENTRY("EndPointLMP:7=Send(7)") ENTRY("EndPointLMP:8=Send(8)")
    ENTRY("EndPointLMP:9=Send(9)") ENTRY("EndPointLMP:10=Send(10)");
/* clang-format on */
