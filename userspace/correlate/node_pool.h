// Memory for the nodes of tables whose entries come and go with every failure: what one gives back the next
// takes, so that steady work allocates nothing. What is kept beyond need goes back with trim().
#pragma once

#include <array>
#include <cstddef>
#include <memory_resource>
#include <vector>

namespace pipetrace {

/// For one thread. Outlives the containers that use it.
class NodePool : public std::pmr::memory_resource {
public:
    NodePool() = default;
    ~NodePool() override { trim(); }
    NodePool(const NodePool&) = delete;
    NodePool& operator=(const NodePool&) = delete;

    /// Gives all that is unused back to the system's allocator.
    void trim();

private:
    static constexpr std::size_t kGrain = 32;
    static constexpr std::size_t kBytesMax = 4096;
    static constexpr std::size_t kKeptMax = 4096;  ///< of one size

    void* do_allocate(std::size_t bytes, std::size_t alignment) override;
    void do_deallocate(void* block, std::size_t bytes, std::size_t alignment) override;
    bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

    std::array<std::vector<void*>, kBytesMax / kGrain> unused_;  ///< by size in grains, less one
};

}  // namespace pipetrace
