// Loads and attaches the programs of a hook plan through the skeleton. Internal to source/.
#pragma once

#include "model/result.h"
#include "source/hook_plan.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

struct bpf_link;
struct bpf_map;
struct bpf_program;
struct pipetrace_bpf;

namespace pipetrace {

class KernelBtf;

/// What libbpf wanted to print, instead of printing it: the newest part of it.
const std::string& libbpf_log();

class ProgramLoader {
public:
    ProgramLoader() = default;
    ~ProgramLoader();
    ProgramLoader(const ProgramLoader&) = delete;
    ProgramLoader& operator=(const ProgramLoader&) = delete;

    struct LoadFailure {
        std::string program;  ///< empty: not one program's fault
        std::string reason;
    };
    /// Replaces what was loaded before. Nothing: it worked.
    std::optional<LoadFailure> load(const HookPlan& plan, const KernelBtf& btf,
                                    const KernelFeatures& features);

    using Failures = std::map<std::string, std::string, std::less<>>;
    /// Attaches all loaded programs but the iterators; those that failed, with the reason.
    Failures attach();

    /// Runs a loaded iterator program to its end. False: it is not loaded or failed.
    bool run_iterator(const char* program_name);

    /// Lets go of what only loading needed, and of an iterator program that is run no more. The programs' own
    /// descriptors stay: misses() asks by them, and by its link alone a program is found with CAP_SYS_ADMIN.
    void forget_loading(const char* iterator_name);

    /// How often the kernel skipped a program because another one, or the same, was at work on that
    /// CPU; by hook, those skipped only. Kernels before 5.12 do not tell.
    std::map<std::string, std::uint64_t> misses() const;
    /// All that misses() may come to name.
    std::set<std::string> hooks() const;

    void detach();
    void unload();

    std::size_t attached_count() const { return links_.size(); }
    pipetrace_bpf* skeleton() const { return skeleton_; }

private:
    /// Of the loaded programs but the iterators.
    template <typename Look>
    void for_each_hook(Look look) const;
    std::optional<LoadFailure> load_once(const HookPlan& plan, const KernelBtf& btf,
                                         const KernelFeatures& features, bool at_once);

    pipetrace_bpf* skeleton_ = nullptr;
    std::vector<bpf_link*> links_;
};

}  // namespace pipetrace
