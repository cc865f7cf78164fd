/* elf_patch.c: finding a section of a relocatable ELF64 object, so that its bytes can be written
 * after LLVM is done.
 *
 * The object comes from LLVM, but every offset is checked all the same: a header that points
 * outside gives NULL.
 */
#include "native/module.h"

#include <elf.h>
#include <string.h>

static bool lies_inside(size_t whole, uint64_t offset, uint64_t size) {
    return offset <= whole && size <= whole - offset;
}

static bool is_little_endian_elf64(const char *object, size_t size, Elf64_Ehdr *header) {
    if (size < sizeof *header) return false;
    memcpy(header, object, sizeof *header);
    return memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
           header->e_ident[EI_CLASS] == ELFCLASS64 && header->e_ident[EI_DATA] == ELFDATA2LSB &&
           header->e_type == ET_REL && header->e_shentsize == sizeof(Elf64_Shdr);
}

/* Section `index` of the table; index 0 holds the counts that do not fit into the header. */
static bool read_section(const char *object, size_t size, const Elf64_Ehdr *header, uint64_t index,
                         Elf64_Shdr *section) {
    uint64_t table = header->e_shoff;
    if (!lies_inside(size, table, 0) || index >= (size - table) / sizeof *section) return false;
    memcpy(section, object + table + index * sizeof *section, sizeof *section);
    return true;
}

/* Whether the NUL-terminated text at `offset` of the table of names is `name`. */
static bool has_name(const char *names, uint64_t names_size, uint64_t offset, const char *name) {
    size_t needed = strlen(name) + 1;
    return lies_inside(names_size, offset, needed) && memcmp(names + offset, name, needed) == 0;
}

char *elf_find_section(char *object, size_t object_size, const char *name, size_t *size) {
    Elf64_Ehdr header;
    Elf64_Shdr zero, names, section;
    if (!is_little_endian_elf64(object, object_size, &header)) return NULL;
    if (!read_section(object, object_size, &header, 0, &zero)) return NULL;
    uint64_t count = header.e_shnum ? header.e_shnum : zero.sh_size;
    uint64_t names_index = header.e_shstrndx == SHN_XINDEX ? zero.sh_link : header.e_shstrndx;
    if (!read_section(object, object_size, &header, names_index, &names)) return NULL;
    if (!lies_inside(object_size, names.sh_offset, names.sh_size)) return NULL;
    for (uint64_t k = 1; k < count; k++) {
        if (!read_section(object, object_size, &header, k, &section)) return NULL;
        if (section.sh_type != SHT_PROGBITS) continue;
        if (!has_name(object + names.sh_offset, names.sh_size, section.sh_name, name)) continue;
        if (!lies_inside(object_size, section.sh_offset, section.sh_size)) return NULL;
        *size = section.sh_size;
        return object + section.sh_offset;
    }
    return NULL;
}
