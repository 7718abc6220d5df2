#include "app/resident_memory.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace pipetrace {
namespace {

/// Of one loaded file: what is never written to, so that nothing is lost.
int forget_code_of(dl_phdr_info* file, std::size_t, void*) {
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    for (int i = 0; i < file->dlpi_phnum; ++i) {
        const ElfW(Phdr)& segment = file->dlpi_phdr[i];
        if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
        const std::uintptr_t begin = (file->dlpi_addr + segment.p_vaddr) / page * page;
        const std::uintptr_t end = file->dlpi_addr + segment.p_vaddr + segment.p_memsz;
        ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
    }
    return 0;
}

}  // namespace

void forget_startup_code() { ::dl_iterate_phdr(forget_code_of, nullptr); }

void keep_large_blocks_apart() {
    constexpr int kLarge = 128 << 10;  // glibc's own threshold, which once set no longer grows
    ::mallopt(M_MMAP_THRESHOLD, kLarge);
}

}  // namespace pipetrace
