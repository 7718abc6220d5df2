// What this kernel lets pipetrace do, found by trying it, never from its version.
#pragma once

#include "model/result.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pipetrace {

/// A function or tracepoint as the kernel's type information (BTF) describes it.
struct TargetFact {
    std::uint32_t type_id = 0;
    std::uint32_t argument_count = 0;
    bool last_is_enum = false;  ///< type of the last argument
};
using TargetFacts = std::map<std::string, TargetFact, std::less<>>;

/// What the programs' typed reads need (bpf/typed_reads.h), as this kernel numbers it.
struct TypedReads {
    std::uint32_t cast_function = 0;   ///< 0: they are not possible
    std::vector<std::uint32_t> types;  ///< by enum pt_read_type
};

struct KernelFeatures {
    std::string release;
    bool can_fentry = false;
    bool can_kprobe = false;
    std::string fentry_refusal;  ///< why not; empty with can_fentry
    std::string kprobe_refusal;
    bool has_cookie_helper = false;
    bool has_task_regs_helper = false;
    bool has_jiffies_helper = false;
    TypedReads typed_reads;
    std::uint64_t filter_begin = 0;  ///< code of nf_hook_slow(), looked up only where drops have no reason
    std::uint64_t filter_end = 0;
    TargetFacts functions;    ///< those of the names asked for that exist
    TargetFacts tracepoints;  ///< likewise, by the name without btf_trace_
};

class KernelBtf;

struct FeatureRequest {
    std::vector<std::string_view> functions;
    std::vector<std::string_view> tracepoints;
    std::vector<std::string_view> structs;
    bool always_try_kprobe = false;  ///< else only where fentry is refused: trying costs a grace period
};

/// The kernel's types that the programs read with plain loads, by enum pt_read_type.
std::vector<std::string_view> read_types();

/// Whether this process may load BPF programs; if not, what it lacks.
Status check_privileges();
/// Whether the ids that the kernel's programs see are those of /proc here.
Status check_pid_namespace();

KernelFeatures probe_kernel_features(const FeatureRequest& request, const KernelBtf& btf);

/// Tries what probe_kernel_features() left out.
void try_kprobes(KernelFeatures& features);

}  // namespace pipetrace
