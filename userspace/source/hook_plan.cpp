// Walks the hook table and takes, for each observation, the first choice that this kernel allows.
#include "source/hook_plan.h"

#include "source/hook_table.h"
#include "typed_reads.h"

#include <algorithm>
#include <set>

namespace pipetrace {
namespace {

/// By program or observation, why it is not used.
using Reasons = std::map<std::string, std::string, std::less<>>;

struct Planning {
    const KernelFeatures& features;
    ErrorsMode errors;
    Mode mode;
    Reasons refused;   ///< programs
    Reasons left_out;  ///< observations
};

std::string_view iterator_function(std::string_view target) {
    return target == "tcp" ? "bpf_iter_tcp" : "bpf_iter_task_file";
}

bool means_belong(HookMeans means, Mode mode) {
    switch (means) {
        case HookMeans::kFentry:
        case HookMeans::kFexit:
            return mode == Mode::kFull;
        case HookMeans::kKprobe:
        case HookMeans::kKretprobe:
            return mode == Mode::kKprobe;
        default:
            return true;
    }
}

bool is_fentry(HookMeans means) { return means == HookMeans::kFentry || means == HookMeans::kFexit; }

/// Why the mode in use has no such hooks.
std::string why_not_in_mode(const Planning& planning, HookMeans means) {
    const auto& features = planning.features;
    const std::string& refusal = is_fentry(means) ? features.fentry_refusal : features.kprobe_refusal;
    const bool is_possible = is_fentry(means) ? features.can_fentry : features.can_kprobe;
    if (is_possible || refusal.empty())
        return std::string(mode_name(planning.mode)) + " mode uses none";
    return refusal;
}

/// Empty if the choice can be taken; else the reason.
std::string refusal_of(const Planning& planning, const HookChoice& choice) {
    if (!means_belong(choice.means, planning.mode)) return why_not_in_mode(planning, choice.means);
    if (choice.only_exact && planning.errors != ErrorsMode::kExact)
        return "return values are watched with --errors exact only";
    const bool is_tracepoint =
        choice.means == HookMeans::kTracepoint || choice.means == HookMeans::kFdTables;
    for (const auto target : choice.targets) {
        const auto name = choice.means == HookMeans::kIterator ? iterator_function(target) : target;
        const auto& known = is_tracepoint ? planning.features.tracepoints : planning.features.functions;
        if (!known.contains(name))
            return "this kernel has no " + std::string(is_tracepoint ? "tracepoint " : "function ") +
                   std::string(name);
    }
    if (choice.fits && !choice.fits(planning.features))
        return std::string(choice.targets.front()) + " of this kernel does not give it";
    for (const auto program : choice.programs)
        if (const auto refused = planning.refused.find(program); refused != planning.refused.end())
            return refused->second;
    return {};
}

struct Selection {
    const HookChoice* choice = nullptr;  ///< null: nothing here can see it
    std::string why;                     ///< why not a choice that loses less
};

/// Kprobes are no better than the fentry hooks they stand for: their absence explains nothing in full
/// mode, and fentry's nothing in kprobe mode.
bool explains_loss(const Planning& planning, HookMeans means) {
    if (planning.mode == Mode::kFull) return means != HookMeans::kKprobe && means != HookMeans::kKretprobe;
    if (planning.mode == Mode::kKprobe) return !is_fentry(means);
    return true;
}

Selection select(const Planning& planning, const ObservationRow& row) {
    Selection selection;
    if (const auto asked = planning.left_out.find(row.name); asked != planning.left_out.end()) {
        selection.why = asked->second;
        return selection;
    }
    for (const auto& choice : row.choices) {
        const std::string refusal = refusal_of(planning, choice);
        if (refusal.empty()) {
            selection.choice = &choice;
            break;
        }
        // What the user asked for explains more than what the kernel does not allow either.
        const bool is_asked = refusal.starts_with(kLeftOut);
        if (is_asked || (selection.why.empty() && explains_loss(planning, choice.means))) selection.why = refusal;
    }
    return selection;
}

Result<Mode> choose_mode(const KernelFeatures& features, const std::optional<Mode>& asked) {
    if (!asked) {
        if (features.can_fentry) return Mode::kFull;
        return features.can_kprobe ? Mode::kKprobe : Mode::kTracepoint;
    }
    if (*asked == Mode::kFull && !features.can_fentry)
        return Error{"full mode is not possible on this kernel", features.fentry_refusal,
                     "leave --mode out: pipetrace takes the best that this kernel allows"};
    if (*asked == Mode::kKprobe && !features.can_kprobe)
        return Error{"kprobe mode is not possible on this kernel", features.kprobe_refusal,
                     "leave --mode out: pipetrace takes the best that this kernel allows"};
    return *asked;
}

std::uint32_t arguments(const TargetFacts& facts, std::string_view name) {
    const auto found = facts.find(name);
    return found == facts.end() ? 0 : found->second.argument_count;
}

/// (sk, gfp) up to 6.1, (sk, gfp, reason) in 6.12, (sk, reason) in 7.2.
std::uint8_t active_reset_reason(const TargetFacts& functions) {
    const auto found = functions.find("tcp_send_active_reset");
    if (found == functions.end() || !found->second.last_is_enum) return 0;
    return static_cast<std::uint8_t>(found->second.argument_count - 1);
}

pt_config make_config(const Planning& planning) {
    const auto& features = planning.features;
    const std::uint32_t send_reset_arguments =
        planning.mode == Mode::kTracepoint ? arguments(features.tracepoints, "tcp_send_reset")
                                           : arguments(features.functions, "tcp_v4_send_reset");
    pt_config config{};
    config.has_cookie_helper = features.has_cookie_helper;
    config.has_task_regs_helper = features.has_task_regs_helper;
    config.has_jiffies_helper = features.has_jiffies_helper;
    config.tcp_reset_has_skb = arguments(features.functions, "tcp_reset") >= 2;
    config.send_reset_has_reason = send_reset_arguments >= 3;
    config.active_reset_reason_argument = active_reset_reason(features.functions);
    config.recvmsg_return_argument =
        static_cast<std::uint8_t>(arguments(features.functions, "tcp_recvmsg"));
    config.drop_has_reason = arguments(features.tracepoints, "kfree_skb") >= 3;
    config.filter_begin = features.filter_begin;
    config.filter_end = features.filter_end;
    return config;
}

void note_choice(HookPlan& plan, const ObservationRow& row, const HookChoice& choice) {
    const bool walks = choice.means == HookMeans::kFdTables;
    if (row.name == "pipe_reader_closed") plan.config.walk_pipes = walks;
    if (row.name == "unix_closed") plan.config.walk_unix = walks;
    if (row.name == "rst_received") plan.config.resets_hooked = choice.means != HookMeans::kTracepoint;
    if (row.name == "error_raised") {
        plan.config.errors_by_state = choice.targets.front() == "inet_sock_set_state";
    }
    if (row.name == "send_failed") plan.config.tcp_sends_hooked = choice.means != HookMeans::kTracepoint;
}

/// What an observation is made with makes no other either, or its records would come all the same. What everything
/// needs stays, and so do the programs that walk descriptor tables on their way: the walk alone is left out.
void leave_out(Planning& planning, const std::vector<std::string>& observations) {
    std::set<std::string_view> needed;
    for (const auto& row : hook_table())
        for (const auto& choice : row.choices)
            if (row.is_essential) needed.insert(choice.programs.begin(), choice.programs.end());
    for (const auto& row : hook_table()) {
        if (std::ranges::find(observations, row.name) == observations.end()) continue;
        const std::string reason = std::string(kLeftOut) + std::string(row.name);
        planning.left_out.emplace(row.name, reason);
        for (const auto& choice : row.choices)
            for (const auto program : choice.programs)
                if (choice.means != HookMeans::kFdTables && !needed.contains(program))
                    planning.refused.emplace(program, reason);
    }
}

Error essential_missing(const ObservationRow& row, const Selection& selection) {
    return Error{"this kernel does not show what pipetrace needs: " + std::string(row.title),
                 selection.why, "Linux 5.10 or later with BTF and BPF tracing is needed"};
}

}  // namespace

FeatureRequest wanted_features() {
    std::set<std::string_view> functions{"tcp_recvmsg", "tcp_v4_send_reset", "tcp_send_active_reset"};
    std::set<std::string_view> tracepoints;
    for (const auto& row : hook_table())
        for (const auto& choice : row.choices)
            for (const auto target : choice.targets) switch (choice.means) {
                    case HookMeans::kTracepoint:
                    case HookMeans::kFdTables:
                        tracepoints.insert(target);
                        break;
                    case HookMeans::kIterator:
                        functions.insert(iterator_function(target));
                        break;
                    default:
                        functions.insert(target);
                }
    functions.insert(PT_CAST_FUNCTION);
    FeatureRequest request;
    request.structs = read_types();
    request.functions.assign(functions.begin(), functions.end());
    request.tracepoints.assign(tracepoints.begin(), tracepoints.end());
    return request;
}

Result<HookPlan> make_hook_plan(const KernelFeatures& features, const PlanRequest& request) {
    const auto mode = choose_mode(features, request.mode);
    if (!mode) return mode.error();
    Planning planning{features, request.errors, *mode, request.refused, {}};
    leave_out(planning, request.left_out);
    HookPlan plan;
    plan.mode = *mode;
    plan.config = make_config(planning);
    plan.report.mode = *mode;
    plan.report.kernel = features.release;
    std::set<std::string_view> programs, attached;
    for (const auto& row : hook_table()) {
        const Selection selection = select(planning, row);
        if (!selection.choice && row.is_essential) return essential_missing(row, selection);
        ObservationStatus status;
        status.observation = row.name;
        status.title = row.title;
        status.lost = selection.choice ? selection.choice->lost : row.lost_without;
        if (!status.complete()) status.why = selection.why;
        if (selection.choice) {
            status.hook = hook_text(*selection.choice);
            const auto& chosen = selection.choice->programs;
            programs.insert(chosen.begin(), chosen.end());
            if (selection.choice->means != HookMeans::kIterator)
                attached.insert(chosen.begin(), chosen.end());
            note_choice(plan, row, *selection.choice);
        }
        plan.report.observations.push_back(std::move(status));
    }
    plan.programs.assign(programs.begin(), programs.end());
    plan.report.hook_count = attached.size();
    return plan;
}

}  // namespace pipetrace
