// The kernel's type information (BTF): indexed in one pass for the few names wanted, and cut down to the
// types that the programs touch. libbpf would index and search all of it, which costs more than
// everything else that a start does.
#pragma once

#include "model/result.h"
#include "source/kernel_features.h"

#include <linux/btf.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace pipetrace {

using ScannedStructs = std::map<std::string, std::uint32_t, std::less<>>;  ///< ids, by name

struct ScannedTargets {
    TargetFacts functions;
    TargetFacts tracepoints;
    ScannedStructs structs;
};

class KernelBtf {
public:
    /// `path`: a whole BTF file, as /sys/kernel/btf/vmlinux is.
    static Result<KernelBtf> read(const std::string& path);
    static Result<KernelBtf> parse(std::string bytes);

    ScannedTargets find(const FeatureRequest& request) const;

    /// A BTF file with every struct, union and enum of these names and what they hold by value. What is
    /// behind a pointer is left out: relocation asks for none of it.
    std::string subset(const std::unordered_set<std::string_view>& names) const;

    /// For subset(); ids start at 1.
    std::optional<btf_type> type(std::uint32_t id) const;
    std::string_view name(std::uint32_t offset) const { return text_at(offset); }
    /// What follows the type: members, parameters, values.
    std::span<const std::byte> tail(std::uint32_t id) const;
    std::uint32_t type_count() const { return static_cast<std::uint32_t>(offsets_.size()); }

    // The spans point into the bytes or the mapping: moved, never copied.
    KernelBtf(KernelBtf&&) = default;
    KernelBtf& operator=(KernelBtf&&) = default;

private:
    KernelBtf() = default;
    struct Unmap {
        std::size_t size;
        void operator()(void* start) const;
    };

    /// The sections of `all`, which outlives this object or belongs to it.
    Status index(std::span<const std::byte> all);
    bool index_types();
    /// Ends with a zero byte, as the whole section does.
    const char* text_at(std::uint32_t offset) const;
    TargetFact describe(std::uint32_t id, std::uint32_t skipped_arguments) const;

    std::string bytes_;                      // if it was read,
    std::unique_ptr<void, Unmap> mapping_;  // or mapped
    std::span<const std::byte> types_;
    std::span<const std::byte> strings_;
    std::vector<std::uint32_t> offsets_;  // by type id; 0 is void
};

}  // namespace pipetrace
