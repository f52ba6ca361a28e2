/* SPDX-License-Identifier: MIT
 *
 * A machine as a libvirt domain: what qemu_words.c says, in libvirt's words.  What libvirt has no
 * word for (the device by which the guest ends the machine) goes behind <qemu:commandline>.
 */
#include <inttypes.h>

#include "findings/markup.h"
#include "machine/export.h"
#include "machine/machine_private.h"

static void print_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        const char *entity = markup_entity(*text);
        if (entity)
            fputs(entity, out);
        else
            fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
    }
}

static void print_nodes(const struct machine *machine, FILE *out)
{
    const struct machine_config *config = &machine->config;
    fputs("    <numa>\n", out);
    for (unsigned node = 0; node < config->node_count; node++) {
        const char *comma = "";
        fprintf(out, "      <cell id='%u' cpus='", node);
        for (unsigned core = 0; core < config->core_count; core++) {
            if (config->core_node[core] == node) {
                fprintf(out, "%s%u", comma, core);
                comma = ",";
            }
        }
        fprintf(out, "' memory='%" PRIu64 "' unit='MiB'>\n        <distances>\n",
                machine_pc_mib(machine, node));
        for (unsigned to = 0; to < config->node_count; to++)
            fprintf(out, "          <sibling id='%u' value='%u'/>\n", to,
                    machine->boot->topology.distance[node][to]);
        fputs("        </distances>\n      </cell>\n", out);
    }
    fputs("    </numa>\n", out);
}

static void print_cpu(const struct machine *machine, const struct pc_setup *setup, FILE *out)
{
    fputs("  <cpu mode='maximum' check='none'>\n", out);
    fprintf(out, "    <topology sockets='1' dies='1' cores='%u' threads='1'/>\n",
            machine->config.core_count);
    if (setup->kvm)
        fputs("    <feature policy='disable' name='arch-capabilities'/>\n", out);
    if (machine->config.board == BOARD_Q35 && machine->config.node_count > 1)
        print_nodes(machine, out);
    fputs("  </cpu>\n", out);
}

static void print_devices(const char *console, FILE *out)
{
    fputs("  <devices>\n", out);
    /* each board would get more than it needs, or can have */
    fputs("    <controller type='usb' model='none'/>\n    <memballoon model='none'/>\n", out);
    if (console) {
        fputs("    <serial type='unix'>\n      <source mode='connect' path='", out);
        print_text(out, console);
        fputs("'/>\n      <target port='0'/>\n    </serial>\n", out);
    } else {
        fputs("    <serial type='pty'>\n      <target port='0'/>\n    </serial>\n"
              "    <console type='pty'>\n      <target type='serial' port='0'/>\n    </console>\n",
              out);
    }
    fputs("  </devices>\n", out);
}

void machine_libvirt_xml(const struct machine *machine, const struct pc_setup *setup,
                         const char *name, const char *console, FILE *out)
{
    uint64_t mib = 0;
    for (unsigned node = 0; node < machine->config.node_count; node++)
        mib += machine_pc_mib(machine, node);
    fprintf(out, "<domain type='%s' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n",
            setup->kvm ? "kvm" : "qemu");
    fputs("  <name>", out);
    print_text(out, name);
    fprintf(out, "</name>\n  <memory unit='MiB'>%" PRIu64 "</memory>\n", mib);
    fputs("  <memoryBacking>\n    <source type='memfd'/>\n    <access mode='shared'/>\n"
          "  </memoryBacking>\n",
          out);
    fprintf(out, "  <vcpu>%u</vcpu>\n  <os>\n    <type arch='x86_64' machine='%s'>hvm</type>\n",
            machine->config.core_count, board_name((enum machine_board)machine->config.board));
    fputs("    <kernel>", out);
    print_text(out, setup->loader);
    fputs("</kernel>\n    <initrd>", out);
    print_text(out, setup->bundle);
    fputs("</initrd>\n  </os>\n", out);
    /* without <acpi/> libvirt has the firmware leave its tables out, and nodes with them */
    fputs(machine->config.board == BOARD_Q35 ? "  <features>\n    <acpi/>\n  </features>\n" : "",
          out);
    print_cpu(machine, setup, out);
    fputs("  <on_poweroff>destroy</on_poweroff>\n  <on_reboot>destroy</on_reboot>\n"
          "  <on_crash>destroy</on_crash>\n",
          out);
    print_devices(console, out);
    fputs("  <qemu:commandline>\n    <qemu:arg value='-device'/>\n"
          "    <qemu:arg value='isa-debug-exit,iobase=0xf4,iosize=4'/>\n  </qemu:commandline>\n"
          "</domain>\n",
          out);
}
