// The table behind the hook plan: for every observation its possible hooks, best first, and what each
// leaves unseen.
#pragma once

#include "model/options.h"
#include "source/kernel_features.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pipetrace {

enum class HookMeans : std::uint8_t {
    kFentry,
    kFexit,
    kKprobe,
    kKretprobe,
    kTracepoint,  ///< with BTF-typed arguments (tp_btf)
    kIterator,
    kFdTables,  ///< walked by programs that are attached anyway
};

struct HookChoice {
    HookMeans means = HookMeans::kTracepoint;
    std::vector<std::string_view> targets;   ///< functions, or one tracepoint or iterator
    std::vector<std::string_view> programs;  ///< BPF programs
    std::string_view lost;                   ///< what it does not show; empty: nothing
    bool (*fits)(const KernelFeatures&) = nullptr;  ///< argument lists that the program can read
    bool only_exact = false;                 ///< runs on healthy traffic: --errors exact
};

struct ObservationRow {
    std::string_view name;
    std::string_view title;
    std::string_view lost_without;  ///< when no choice is left
    bool is_essential = false;      ///< without it there is nothing to tell
    std::vector<HookChoice> choices;
};

const std::vector<ObservationRow>& hook_table();

/// "fentry tcp_reset".
std::string hook_text(const HookChoice& choice);

}  // namespace pipetrace
