// Finds the hooks this kernel takes, then reads what they write.
#include "source/kernel_source.h"

#include "source/file_reader.h"
#include "source/host_reader.h"
#include "source/kernel_btf.h"
#include "source/kernel_features.h"
#include "source/kernel_tables.h"
#include "source/program_loader.h"
#include "source/record_kind_name.h"
#include "source/ring_reader.h"

#include "pipetrace.skel.h"
#include "pipetrace_abi.h"
#include "repeats.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <numeric>

namespace pipetrace {
namespace {

constexpr const char* kBtfPath = "/sys/kernel/btf/vmlinux";
// Each attempt leaves out at least one program that the kernel refused.
constexpr int kAttemptsMax = 8;
constexpr std::uint32_t kTicksFallback = 250;
constexpr std::uint32_t kTicksMin = 24, kTicksMax = 10'000;
constexpr std::uint32_t kFailingVisitedMax = 1U << 15;
// Asking takes a call a program. Seldom where nothing happens; and where records come, before what they led
// to is told: a hook that was skipped may have hidden a part of it.
constexpr std::chrono::milliseconds kMissesInterval{1000};
constexpr std::chrono::milliseconds kMissesBusyInterval{20};

bool is_locked_memory_limited() {
    rlimit limit{};
    return ::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

Error not_loaded(const ProgramLoader::LoadFailure& failure) {
    const std::string whose = failure.program.empty() ? "" : failure.program + ": ";
    const bool is_locked_memory = failure.reason == std::strerror(EPERM) && is_locked_memory_limited();
    return Error{"the kernel takes none of pipetrace's programs", whose + failure.reason,
                 is_locked_memory ? "before 5.11 programs and maps count as locked memory, which is limited here: "
                                    "ulimit -l unlimited, LimitMEMLOCK=infinity, or the capability CAP_SYS_RESOURCE"
                                  : "run again with -v to see what libbpf and the verifier said"};
}

/// Whether every program of `plan` is among those in use already.
bool adds_nothing(const HookPlan& plan, const HookPlan& in_use) {
    return std::ranges::includes(in_use.programs, plan.programs);
}

/// No single program is to blame: the whole mode is given up.
void give_up_mode(KernelFeatures& features, Mode mode, const std::string& reason) {
    if (mode == Mode::kFull) {
        features.can_fentry = false;
        features.fentry_refusal = reason;
        try_kprobes(features);
    } else {
        features.can_kprobe = false;
        features.kprobe_refusal = reason;
    }
}

bool is_of_mode(std::string_view program, Mode mode) {
    if (mode == Mode::kFull) return program.ends_with("_fentry") || program.ends_with("_fexit");
    return mode == Mode::kKprobe && (program.ends_with("_kprobe") || program.ends_with("_kretprobe"));
}

/// To what the programs counted by a search, what they counted without.
void add_repeats(pt_failure_counts& counts, int repeats_map) {
    for (pt_failure_count& slot : counts.slots) {
        if (slot.count == 0) continue;
        std::uint64_t failure = 0;
        std::memcpy(&failure, &slot.tid, sizeof(slot) - offsetof(pt_failure_count, tid));
        const std::uint32_t number = pt_repeats_place(counts.endpoint_id, failure);
        pt_repeats place{};
        if (bpf_map_lookup_elem(repeats_map, &number, &place) != 0 || place.count == 0) continue;
        if (place.endpoint_id != counts.endpoint_id || place.failure != failure) continue;
        slot.count += place.count;
        slot.last_ns = place.last_ns;
    }
}

/// Of a pipe, which no program sees go, as it does a socket: nobody but threads of `tgid`, which is done with it, ever
/// failed there and still lives. What is kept would be the next one's, and keep places that others need. Who failed
/// after `at` is counted at its own end, which is still to come.
bool is_over(const pt_failure_counts& counts, Tgid tgid, Ktime at) {
    if (counts.endpoint_kind != PT_KIND_PIPE) return false;
    return std::ranges::all_of(counts.slots, [tgid, at](const pt_failure_count& slot) {
        if (slot.count == 0 || slot.tid == tgid) return true;
        if (slot.last_ns > at.ns) return false;
        const std::string tid = std::to_string(slot.tid);
        const bool is_its_own = ::access(("/proc/" + std::to_string(tgid) + "/task/" + tid).c_str(), F_OK) == 0;
        return is_its_own || ::access(("/proc/" + tid).c_str(), F_OK) != 0;
    });
}

/// Every hook that makes the mode what it is has failed.
bool is_mode_refused(const HookPlan& plan, const ProgramLoader::Failures& failures) {
    bool has_any = false;
    for (const auto& program : plan.programs) {
        if (!is_of_mode(program, plan.mode)) continue;
        if (!failures.contains(program)) return false;
        has_any = true;
    }
    return has_any;
}

/// Takes the kernel at its word: plans, loads, attaches, and plans again without what it refused.
Result<HookPlan> bring_up(ProgramLoader& programs, const KernelBtf& btf, KernelFeatures features,
                          PlanRequest request) {
    ProgramLoader::LoadFailure last;
    for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
        const auto plan = make_hook_plan(features, request);
        if (!plan) return plan.error();
        if (const auto failure = programs.load(*plan, btf, features)) {
            last = *failure;
            if (!failure->program.empty() && !request.refused.contains(failure->program)) {
                request.refused.emplace(failure->program, "the kernel refuses it: " + failure->reason);
            } else if (!request.mode && plan->mode != Mode::kTracepoint) {
                give_up_mode(features, plan->mode, failure->reason);
            } else {
                return not_loaded(*failure);
            }
            continue;
        }
        const auto failures = programs.attach();
        if (failures.empty()) return *plan;
        if (is_mode_refused(*plan, failures)) {
            give_up_mode(features, plan->mode, failures.begin()->second);
            continue;
        }
        request.refused.insert(failures.begin(), failures.end());
        auto rest = make_hook_plan(features, request);
        if (!rest) return rest.error();
        if (adds_nothing(*rest, *plan)) return rest;
    }
    return not_loaded(last);
}

}  // namespace

struct KernelSource::State {
    ProgramLoader programs;
    std::unique_ptr<RingReader> ring;  // after the programs, whose map it reads
    LossCounts lost;  ///< when last looked at
    std::map<std::string, std::uint64_t> misses;
    std::chrono::steady_clock::time_point misses_counted;
    HookReport report;
};

KernelSource::KernelSource(std::unique_ptr<State> state) : state_(std::move(state)) {}
KernelSource::~KernelSource() = default;

Result<std::unique_ptr<KernelSource>> KernelSource::open(const Settings& settings) {
    FeatureRequest wanted = wanted_features();
    wanted.always_try_kprobe = settings.mode == Mode::kKprobe;
    if (const auto status = check_privileges(); !status) return status.error();
    if (const auto status = check_pid_namespace(); !status) return status.error();
    auto state = std::make_unique<State>();
    auto plan = [&]() -> Result<HookPlan> {
        const auto btf = KernelBtf::read(kBtfPath);
        if (!btf) return btf.error();
        return bring_up(state->programs, *btf, probe_kernel_features(wanted, *btf),
                        {settings.mode, settings.errors, {}, settings.left_out});
    }();
    if (!plan) return plan.error();
    // The kernel's types were needed for planning and relocation only.
    ::malloc_trim(0);
    state->report = std::move(plan->report);
    state->report.hook_count = state->programs.attached_count();

    pipetrace_bpf* skeleton = state->programs.skeleton();
    auto ring = RingReader::open(bpf_map__fd(skeleton->maps.ring),
                                 bpf_map__max_entries(skeleton->maps.ring),
                                 &skeleton->bss->pt_doorbell);
    if (!ring) return ring.error();
    state->ring = std::move(*ring);
    // After the hooks are attached: nothing may happen between the two unseen.
    if (settings.take_snapshot) {
        state->programs.run_iterator("pt_snapshot_tcp");
        state->programs.run_iterator("pt_snapshot_files");
    }
    state->programs.forget_loading("pt_snapshot_tcp");
    return std::unique_ptr<KernelSource>(new KernelSource(std::move(state)));
}

std::size_t KernelSource::drain(const RecordSink& sink) {
    const std::size_t count = state_->ring->drain(sink);
    const auto interval = count > 0 ? kMissesBusyInterval : kMissesInterval;
    if (std::chrono::steady_clock::now() - state_->misses_counted >= interval) count_misses();
    return count;
}

void KernelSource::count_misses() {
    state_->misses = state_->programs.misses();
    state_->misses_counted = std::chrono::steady_clock::now();
}

bool KernelSource::wait(std::chrono::milliseconds timeout, std::span<pollfd> others) {
    return state_->ring->wait(timeout, others);
}

LossCounts KernelSource::losses() const {
    std::uint32_t* has_lost = &state_->programs.skeleton()->bss->pt_has_lost;
    if (__atomic_exchange_n(has_lost, 0U, __ATOMIC_SEQ_CST) != 0) state_->lost = lost_records();
    LossCounts losses = state_->lost;
    for (const auto& [hook, count] : state_->misses) losses[std::string(kMissedHook) + hook] = count;
    return losses;
}

LossCounts KernelSource::lost_records() const {
    LossCounts losses;
    const auto* map = state_->programs.skeleton()->maps.lost;
    std::vector<std::uint64_t> per_cpu(static_cast<std::size_t>(std::max(1, libbpf_num_possible_cpus())));
    for (std::uint32_t kind = 1; kind < PT_RECORD_KIND_COUNT; ++kind) {
        if (bpf_map_lookup_elem(bpf_map__fd(map), &kind, per_cpu.data()) != 0) continue;
        const auto count = std::accumulate(per_cpu.begin(), per_cpu.end(), std::uint64_t{0});
        if (count > 0) losses[record_kind_name(kind)] = count;
    }
    return losses;
}

const HookReport& KernelSource::hook_report() const { return state_->report; }
const std::string& KernelSource::load_log() const { return libbpf_log(); }

Status KernelSource::watch(Tgid tgid, bool follow) {
    const std::uint32_t flags = PT_WATCH_TRACED | (follow ? std::uint32_t{PT_WATCH_FOLLOW} : 0U);
    const int map = bpf_map__fd(state_->programs.skeleton()->maps.watched);
    if (bpf_map_update_elem(map, &tgid, &flags, BPF_ANY) != 0)
        return Error{"process " + std::to_string(tgid) + " cannot be watched", std::strerror(errno),
                     "name fewer processes"};
    return Done{};
}

void KernelSource::unwatch(Tgid tgid) {
    bpf_map_delete_elem(bpf_map__fd(state_->programs.skeleton()->maps.watched), &tgid);
}

void KernelSource::failure_counts(const RecordSink& sink) {
    const int map = bpf_map__fd(state_->programs.skeleton()->maps.failing);
    std::uint64_t key = 0;
    const std::uint64_t* previous = nullptr;
    const Ktime now = read_ktime();
    // A key that is deleted meanwhile starts the walk anew: hence the bound.
    for (std::uint32_t visited = 0; visited < kFailingVisitedMax; ++visited) {
        if (bpf_map_get_next_key(map, previous, &key) != 0) break;
        previous = &key;
        count_failures_of(key, std::nullopt, now, sink);
    }
}

void KernelSource::failure_counts_of(const RecordSink& sink, Tgid tgid, std::span<const std::uint64_t> ids,
                                     Ktime exited) {
    for (const std::uint64_t id : ids) count_failures_of(id, tgid, exited, sink);
}

void KernelSource::count_failures_of(std::uint64_t id, std::optional<Tgid> tgid, Ktime at,
                                     const RecordSink& sink) {
    const auto& maps = state_->programs.skeleton()->maps;
    pt_failures_counted record{};
    if (bpf_map_lookup_elem(bpf_map__fd(maps.failing), &id, &record.counts) != 0) return;
    record.header.kind = PT_FAILURES_COUNTED;
    record.header.size = sizeof(record);
    record.header.ktime_ns = at.ns;
    add_repeats(record.counts, bpf_map__fd(maps.repeats));
    sink(std::as_bytes(std::span(&record, 1)));
    if (tgid && is_over(record.counts, *tgid, at)) bpf_map_delete_elem(bpf_map__fd(maps.failing), &id);
}

void KernelSource::snapshot_owners() {
    auto* variables = state_->programs.skeleton()->bss;
    __atomic_store_n(&variables->pt_snapshot_reports, 1U, __ATOMIC_SEQ_CST);
    state_->programs.run_iterator("pt_snapshot_files");
    __atomic_store_n(&variables->pt_snapshot_reports, 0U, __ATOMIC_SEQ_CST);
}

std::uint32_t KernelSource::ticks_per_second() const {
    const std::uint32_t ticks =
        __atomic_load_n(&state_->programs.skeleton()->bss->pt_fin_timeout_ticks, __ATOMIC_RELAXED);
    const auto text = read_first_line("/proc/sys/net/ipv4/tcp_fin_timeout");
    std::uint32_t seconds = 0;
    if (text) std::from_chars(text->data(), text->data() + text->size(), seconds);
    const std::uint32_t rate = seconds > 0 ? ticks / seconds : 0;
    return rate >= kTicksMin && rate <= kTicksMax ? rate : kTicksFallback;
}

bool KernelSource::still_works() {
    const int map = bpf_map__fd(state_->programs.skeleton()->maps.watched);
    const Tgid nobody = 0;
    std::uint32_t flags = 0;
    const bool is_readable = bpf_map_lookup_elem(map, &nobody, &flags) == 0 || errno == ENOENT;
    return is_readable && state_->programs.run_iterator("pt_snapshot_files");
}

RingUse KernelSource::take_ring_use() { return state_->ring->take_use(); }

std::vector<TableUse> KernelSource::table_use() const {
    return read_table_use(state_->programs.skeleton()->obj);
}

std::vector<std::string> KernelSource::loss_kinds() const {
    std::vector<std::string> kinds;
    for (unsigned kind = 1; kind < PT_RECORD_KIND_COUNT; ++kind) kinds.emplace_back(record_kind_name(kind));
    for (const std::string& hook : state_->programs.hooks()) kinds.push_back(std::string(kMissedHook) + hook);
    return kinds;
}

void KernelSource::detach() { state_->programs.detach(); }

}  // namespace pipetrace
