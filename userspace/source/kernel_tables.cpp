#include "source/kernel_tables.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace pipetrace {
namespace {

/// Entries read by one call: more than one bucket holds.
constexpr std::uint32_t kBatch = 512;

/// In batches, since 5.6: reading an entry so does not make it a younger one (kernel/bpf/hashtab.c).
std::optional<std::uint64_t> count_entries(const bpf_map* map) {
    constexpr std::size_t kAlignment = 8;
    const std::size_t value_bytes = (bpf_map__value_size(map) + kAlignment - 1) / kAlignment * kAlignment;
    std::vector<std::byte> keys(std::size_t{kBatch} * bpf_map__key_size(map));
    std::vector<std::byte> values(kBatch * value_bytes);
    std::uint64_t entries = 0;
    std::uint32_t place = 0;
    void* from = nullptr;
    // Entries come and go meanwhile, but each call begins at a later bucket.
    for (std::uint32_t calls = 0; calls <= bpf_map__max_entries(map); ++calls) {
        std::uint32_t count = kBatch;
        const int status =
            bpf_map_lookup_batch(bpf_map__fd(map), from, &place, keys.data(), values.data(), &count, nullptr);
        if (status != 0 && errno != ENOENT) return std::nullopt;
        entries += count;
        if (status != 0) return entries;
        from = &place;
    }
    return std::nullopt;
}

}  // namespace

std::vector<TableUse> read_table_use(const bpf_object* object) {
    std::vector<TableUse> uses;
    const bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object) {
        if (bpf_map__type(map) != BPF_MAP_TYPE_LRU_HASH || bpf_map__fd(map) < 0) continue;
        if (const auto entries = count_entries(map))
            uses.push_back({bpf_map__name(map), *entries, bpf_map__max_entries(map)});
    }
    return uses;
}

}  // namespace pipetrace
