// Tries tiny programs: what loads and attaches is allowed.
#include "source/kernel_features.h"

#include "source/file_reader.h"
#include "source/kernel_btf.h"
#include "source/kernel_symbols.h"
#include "source/namespaces.h"
#include "source/unique_fd.h"
#include "typed_reads.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <initializer_list>
#include <vector>

namespace pipetrace {
namespace {

constexpr const char* kProbedFunction = "tcp_reset";

bpf_insn instruction(std::uint8_t code, std::uint8_t destination, std::uint8_t source,
                     std::int32_t immediate) {
    bpf_insn out{};
    out.code = code;
    out.dst_reg = destination & 0xf;
    out.src_reg = source & 0xf;
    out.imm = immediate;
    return out;
}

/// r1 = first argument of the tracepoint; then each helper in turn, whose result is the next one's
/// argument; return 0.
std::vector<bpf_insn> program_calling(std::initializer_list<bpf_func_id> helpers) {
    std::vector<bpf_insn> out;
    if (helpers.size() > 0) out.push_back(instruction(BPF_LDX | BPF_MEM | BPF_DW, 1, 1, 0));
    for (const auto helper : helpers) {
        out.push_back(instruction(BPF_JMP | BPF_CALL, 0, 0, static_cast<std::int32_t>(helper)));
        out.push_back(instruction(BPF_ALU64 | BPF_MOV | BPF_X, 1, 0, 0));
    }
    out.push_back(instruction(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0));
    out.push_back(instruction(BPF_JMP | BPF_EXIT, 0, 0, 0));
    return out;
}

UniqueFd load_tracing(bpf_attach_type type, std::uint32_t target,
                      const std::vector<bpf_insn>& code) {
    LIBBPF_OPTS(bpf_prog_load_opts, options);
    options.expected_attach_type = type;
    options.attach_btf_id = target;
    return UniqueFd(bpf_prog_load(BPF_PROG_TYPE_TRACING, "pt_probe", "GPL", code.data(), code.size(),
                                  &options));
}

bool helpers_load(const KernelFeatures& features, std::initializer_list<bpf_func_id> helpers) {
    const auto target = features.tracepoints.find("inet_sock_set_state");
    if (target == features.tracepoints.end()) return false;
    return static_cast<bool>(
        load_tracing(BPF_TRACE_RAW_TP, target->second.type_id, program_calling(helpers)));
}

/// New kernels have all of them: one trial tells.
void probe_helpers(KernelFeatures& features) {
    const bool has_all =
        helpers_load(features, {BPF_FUNC_get_socket_cookie, BPF_FUNC_jiffies64,
                                BPF_FUNC_get_current_task_btf, BPF_FUNC_task_pt_regs});
    features.has_cookie_helper = has_all || helpers_load(features, {BPF_FUNC_get_socket_cookie});
    features.has_task_regs_helper =
        has_all || helpers_load(features, {BPF_FUNC_get_current_task_btf, BPF_FUNC_task_pt_regs});
    features.has_jiffies_helper = has_all || helpers_load(features, {BPF_FUNC_jiffies64});
}

/// The call takes any address and its type's number, and is compiled away: what loads works.
TypedReads probe_typed_reads(const KernelFeatures& features, const ScannedStructs& structs) {
    TypedReads found;
    for (const auto name : read_types()) {
        const auto type = structs.find(name);
        if (type == structs.end()) return {};
        found.types.push_back(type->second);
    }
    const auto cast = features.functions.find(PT_CAST_FUNCTION);
    const auto hook = features.tracepoints.find("inet_sock_set_state");
    if (cast == features.functions.end() || hook == features.tracepoints.end()) return {};
    const std::vector<bpf_insn> code{
        instruction(BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0),
        instruction(BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, static_cast<std::int32_t>(found.types.front())),
        instruction(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL,
                    static_cast<std::int32_t>(cast->second.type_id)),
        instruction(BPF_LDX | BPF_MEM | BPF_B, 0, 0, 0),
        instruction(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0),
        instruction(BPF_JMP | BPF_EXIT, 0, 0, 0)};
    if (load_tracing(BPF_TRACE_RAW_TP, hook->second.type_id, code))
        found.cast_function = cast->second.type_id;
    return found;
}

std::string reason_of(const char* step, int error) {
    std::string reason = std::string(step) + ": " + std::strerror(error);
    if (error == EPERM) reason += " (kernel lockdown?)";
    if (error == EACCES) reason += " (Debian's kernel.perf_event_paranoid=3 wants CAP_SYS_ADMIN, 2 does not)";
    return reason;
}

/// A locked kernel does not load them. That they also attach, the real ones will show: detaching a
/// trial would take the kernel a tenth of a second.
std::string try_fentry(const KernelFeatures& features) {
    const auto target = features.functions.find(kProbedFunction);
    if (target == features.functions.end())
        return "the kernel's BTF does not name " + std::string(kProbedFunction);
    const UniqueFd program = load_tracing(BPF_TRACE_FENTRY, target->second.type_id, program_calling({}));
    return program ? std::string() : reason_of("fentry programs do not load", errno);
}

/// Loading is not enough: a locked kernel loads kprobe programs that it then does not attach.
std::string try_kprobe() {
    const auto type_text = read_first_line("/sys/bus/event_source/devices/kprobe/type");
    std::uint32_t type = 0;
    if (!type_text ||
        std::from_chars(type_text->data(), type_text->data() + type_text->size(), type).ec != std::errc())
        return "the kernel has no kprobes (CONFIG_KPROBE_EVENTS)";
    const auto code = program_calling({});
    const UniqueFd program(
        bpf_prog_load(BPF_PROG_TYPE_KPROBE, "pt_probe", "GPL", code.data(), code.size(), nullptr));
    if (!program) return reason_of("kprobe programs do not load", errno);
    perf_event_attr attributes{};
    attributes.size = sizeof(attributes);
    attributes.type = type;
    attributes.kprobe_func = reinterpret_cast<std::uintptr_t>(kProbedFunction);
    const UniqueFd event(static_cast<int>(
        ::syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC)));
    if (!event) return reason_of("kprobes do not attach", errno);
    if (::ioctl(event.get(), PERF_EVENT_IOC_SET_BPF, program.get()) != 0)
        return reason_of("kprobes take no BPF program", errno);
    return {};
}

/// Before 5.17 a dropped packet has no reason; that a packet filter dropped it, its place in the code tells.
void find_filter_code(KernelFeatures& features) {
    const auto drop = features.tracepoints.find("kfree_skb");
    if (drop == features.tracepoints.end() || drop->second.argument_count >= 3) return;
    const auto code = find_kernel_function("nf_hook_slow");
    if (!code) return;
    features.filter_begin = code->begin;
    features.filter_end = code->end;
}

/// Which capabilities loading and tracing need that CapEff of /proc/self/status has not.
std::string missing_capabilities() {
    constexpr std::string_view kField = "CapEff:\t";
    constexpr int kCapSysAdmin = 21, kCapPerfmon = 38, kCapBpf = 39;
    const auto status = read_whole_file("/proc/self/status");
    const auto at = status ? status->find(kField) : std::string::npos;
    std::uint64_t set = 0;
    if (at != std::string::npos)
        std::from_chars(status->data() + at + kField.size(), status->data() + status->size(), set, 16);
    const auto has = [set](int capability) { return ((set >> capability) & 1) != 0; };
    if (has(kCapSysAdmin) || (has(kCapBpf) && has(kCapPerfmon))) return {};
    if (has(kCapBpf)) return "CAP_PERFMON is";
    return has(kCapPerfmon) ? "CAP_BPF is" : "both are";
}

}  // namespace

std::vector<std::string_view> read_types() {
#define PT_READ_TYPE(name) #name,
    return {PT_READ_TYPES(PT_READ_TYPE)};
#undef PT_READ_TYPE
}

void try_kprobes(KernelFeatures& features) {
    features.kprobe_refusal = try_kprobe();
    features.can_kprobe = features.kprobe_refusal.empty();
}

Status check_privileges() {
    const std::string missing = missing_capabilities();
    if (missing.empty()) return Done{};
    return Error{"pipetrace may not trace this kernel",
                 "loading BPF programs needs root, or the capabilities CAP_BPF and CAP_PERFMON; " + missing +
                     " missing here",
                 "run it with sudo"};
}

Status check_pid_namespace() {
    if (is_in_first(Namespace::kPid)) return Done{};
    return Error{"pipetrace cannot trace from inside of this container",
                 "it has a pid namespace of its own, and the kernel's programs tell processes by the host's pids",
                 "give it the host's pid namespace: --pid=host (docker, podman), hostPID: true (Kubernetes)"};
}

KernelFeatures probe_kernel_features(const FeatureRequest& request, const KernelBtf& btf) {
    utsname host{};
    ::uname(&host);
    auto targets = btf.find(request);
    KernelFeatures features;
    features.release = host.release;
    features.functions = std::move(targets.functions);
    features.tracepoints = std::move(targets.tracepoints);
    features.fentry_refusal = try_fentry(features);
    features.can_fentry = features.fentry_refusal.empty();
    if (!features.can_fentry || request.always_try_kprobe) {
        try_kprobes(features);
    } else {
        features.kprobe_refusal = "not tried: fentry does all that kprobes do";
    }
    probe_helpers(features);
    if (features.has_task_regs_helper) features.typed_reads = probe_typed_reads(features, targets.structs);
    find_filter_code(features);
    return features;
}

}  // namespace pipetrace
