#include "counted_allocations.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::uint64_t> taken{0};
std::atomic<std::uint64_t> returned{0};

void* take(void* memory) {
    if (memory == nullptr) throw std::bad_alloc();
    taken.fetch_add(1, std::memory_order_relaxed);
    return memory;
}

void give_back(void* memory) {
    if (memory != nullptr) returned.fetch_add(1, std::memory_order_relaxed);
    std::free(memory);
}

/// aligned_alloc() wants a multiple of the alignment.
std::size_t rounded(std::size_t size, std::align_val_t alignment) {
    const auto step = static_cast<std::size_t>(alignment);
    return (size + step - 1) / step * step;
}

}  // namespace

// The others (arrays, no-throw) call these.
void* operator new(std::size_t size) { return take(std::malloc(size > 0 ? size : 1)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
    return take(std::aligned_alloc(static_cast<std::size_t>(alignment), rounded(size, alignment)));
}
void operator delete(void* memory) noexcept { give_back(memory); }
void operator delete(void* memory, std::size_t) noexcept { give_back(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { give_back(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { give_back(memory); }

namespace pipetrace::testing {

Allocations allocations_so_far() {
    const std::uint64_t count = taken.load(std::memory_order_relaxed);
    return {count, count - returned.load(std::memory_order_relaxed)};
}

}  // namespace pipetrace::testing
