/* SPDX-License-Identifier: MIT
 *
 * The start information of Multiboot 2 (specification 2.0, chapter 3.6): a row of tags.  Nothing
 * behind its end is read, whatever it says.
 */
#include "loader.h"

#define PAGE ABI_PAGE_BYTES
#define LOW_MEMORY_END 0x100000

#define TAG_END 0
#define TAG_MODULE 3
#define TAG_MEMORY 6
#define TAG_ROOT_OLD 14
#define TAG_ROOT_NEW 15
#define MEMORY_RAM 1

struct tag {
    uint32_t type, bytes;
};
struct tag_module {
    uint32_t type, bytes, start, end;
    /* a string */
};
struct tag_memory {
    uint32_t type, bytes, entry_bytes, version;
    /* entries */
};
struct entry {
    uint64_t base, bytes;
    uint32_t type, reserved;
};

static bool has_end(const char *text, uint64_t bytes)
{
    for (uint64_t i = 0; i < bytes; i++)
        if (text[i] == '\0')
            return true;
    return false;
}

static const char *add_file(struct boot_files *files, const uint8_t *tag, uint32_t bytes)
{
    struct tag_module is;
    if (bytes <= sizeof(is) || !has_end((const char *)tag + sizeof(is), bytes - sizeof(is)))
        return "the line of a module has no end";
    memcpy(&is, tag, sizeof(is));
    if (is.start < LOW_MEMORY_END || is.start % PAGE != 0 || is.end < is.start)
        return "a module lies where it must not";
    if (files->count == ABI_BUNDLE_MAX_FILES)
        return "there are too many modules";
    files->file[files->count++] = (struct boot_file){ .base = is.start,
                                                      .bytes = is.end - is.start,
                                                      .line = (const char *)tag + sizeof(is) };
    return NULL;
}

static const char *add_ranges(struct memory *memory, const uint8_t *tag, uint32_t bytes)
{
    struct tag_memory is;
    struct entry entry;
    if (bytes < sizeof(is))
        return "the map of the memory is cut off";
    memcpy(&is, tag, sizeof(is));
    if (is.entry_bytes < sizeof(entry))
        return "the map of the memory is of a form that is not known";
    for (uint32_t at = sizeof(is); bytes - at >= is.entry_bytes; at += is.entry_bytes) {
        memcpy(&entry, tag + at, sizeof(entry));
        if (entry.type == MEMORY_RAM && !memory_add(memory, entry.base, entry.bytes))
            return "the memory lies in too many pieces";
    }
    return NULL;
}

static const char *read_tag(struct multiboot *multiboot, struct memory *memory, const uint8_t *tag,
                            const struct tag *is)
{
    switch (is->type) {
    case TAG_MODULE:
        return add_file(&multiboot->files, tag, is->bytes);
    case TAG_MEMORY:
        return add_ranges(memory, tag, is->bytes);
    case TAG_ROOT_OLD:
        if (multiboot->root == 0)
            multiboot->root = (uint64_t)tag + sizeof(*is);
        return NULL;
    case TAG_ROOT_NEW: /* knows more */
        multiboot->root = (uint64_t)tag + sizeof(*is);
        return NULL;
    default:
        return NULL;
    }
}

const char *multiboot_read(struct multiboot *multiboot, struct memory *memory, const uint8_t *info,
                           uint64_t limit)
{
    struct tag head, tag;
    memset(multiboot, 0, sizeof(*multiboot));
    if (limit < sizeof(head))
        return "the start information is cut off";
    memcpy(&head, info, sizeof(head)); /* its first word is the length of all */
    const uint64_t bytes = head.type;
    if (bytes > limit)
        return "the start information is too long";
    multiboot->bytes = bytes;
    for (uint64_t at = sizeof(head);; at += (tag.bytes + 7ull) & ~7ull) {
        if (at > bytes || bytes - at < sizeof(tag))
            return "the start information is cut off";
        memcpy(&tag, info + at, sizeof(tag));
        if (tag.bytes < sizeof(tag) || tag.bytes > bytes - at)
            return "a part of the start information has a wrong length";
        if (tag.type == TAG_END)
            return NULL;
        const char *wrong = read_tag(multiboot, memory, info + at, &tag);
        if (wrong != NULL)
            return wrong;
    }
}

/* Is the last part of the path that begins the line this name? */
static bool is_called(const char *line, const char *name)
{
    const char *file = line;
    for (; *line != '\0' && *line != ' '; line++)
        if (*line == '/')
            file = line + 1;
    while (file < line && *name != '\0' && *file == *name) {
        file++;
        name++;
    }
    return file == line && *name == '\0';
}

const char *multiboot_mark_files(struct boot_files *files)
{
    unsigned kernels = 0, inits = 0;
    for (unsigned i = 0; i < files->count; i++) {
        struct boot_file *file = &files->file[i];
        file->flags = is_called(file->line, "cpu")    ? ABI_BUNDLE_KERNEL
                      : is_called(file->line, "init") ? ABI_BUNDLE_INIT
                                                      : 0;
        kernels += file->flags == ABI_BUNDLE_KERNEL;
        inits += file->flags == ABI_BUNDLE_INIT;
    }
    return kernels != 1 ? "one module must be /boot/cpu"
           : inits != 1 ? "one module must be /sbin/init"
                        : NULL;
}
