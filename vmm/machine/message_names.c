/* SPDX-License-Identifier: MIT
 *
 * Names of messages, read from the images of the menu with libelf.
 *
 * An image without the section, or one that cannot be read, has no names to give; that is never an
 * error.
 */
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "machine/machine_private.h"

static bool add_section(Elf *elf, size_t names_section, Elf_Scn *section, struct fault_names *names)
{
    GElf_Shdr header;
    if (!gelf_getshdr(section, &header) || header.sh_type != SHT_PROGBITS)
        return true;
    const char *name = elf_strptr(elf, names_section, header.sh_name);
    if (!name || strcmp(name, FAULT_NAMES_SECTION) != 0)
        return true;
    const Elf_Data *data = elf_getdata(section, NULL);
    return !data || !data->d_buf || fault_names_add(names, data->d_buf, data->d_size);
}

bool message_names_read_file(const char *path, struct fault_names *names)
{
    bool ok = true;
    size_t names_section;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return true;
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    if (elf && elf_kind(elf) == ELF_K_ELF && elf_getshdrstrndx(elf, &names_section) == 0)
        for (Elf_Scn *s = elf_nextscn(elf, NULL); s && ok; s = elf_nextscn(elf, s))
            ok = add_section(elf, names_section, s, names);
    elf_end(elf);
    close(fd);
    return ok;
}

bool message_names_read(const struct machine *machine, struct fault_names *names)
{
    bool ok = true;
    for (unsigned i = 0; i < machine->config.module_count && ok; i++) {
        char *path = machine_image_path(machine, &machine->module[i]);
        ok = path && message_names_read_file(path, names);
        free(path);
    }
    return ok;
}
