#include "correlate/node_pool.h"

#include <new>

namespace pipetrace {
namespace {

constexpr std::size_t kAlignmentMax = alignof(std::max_align_t);

}  // namespace

void* NodePool::do_allocate(std::size_t bytes, std::size_t alignment) {
    if (bytes == 0 || bytes > kBytesMax || alignment > kAlignmentMax) {
        return std::pmr::new_delete_resource()->allocate(bytes, alignment);
    }
    const std::size_t grains = (bytes + kGrain - 1) / kGrain;
    std::vector<void*>& unused = unused_[grains - 1];
    if (unused.empty()) return ::operator new(grains* kGrain);
    void* block = unused.back();
    unused.pop_back();
    return block;
}

void NodePool::do_deallocate(void* block, std::size_t bytes, std::size_t alignment) {
    if (bytes == 0 || bytes > kBytesMax || alignment > kAlignmentMax) {
        std::pmr::new_delete_resource()->deallocate(block, bytes, alignment);
        return;
    }
    std::vector<void*>& unused = unused_[(bytes + kGrain - 1) / kGrain - 1];
    if (unused.size() < kKeptMax) {
        unused.push_back(block);
    } else {
        ::operator delete(block);
    }
}

void NodePool::trim() {
    for (std::vector<void*>& unused : unused_) {
        for (void* block : unused) ::operator delete(block);
        unused.clear();
        unused.shrink_to_fit();
    }
}

}  // namespace pipetrace
