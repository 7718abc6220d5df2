// libbpf's own handlers for these sections, but for where the kernel's numbers come from.
#include "source/program_targets.h"

#include "source/concurrent_loads.h"
#include "typed_reads.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pipetrace {
namespace {

const KernelFeatures*& targets() {
    static const KernelFeatures* features = nullptr;
    return features;
}

ConcurrentLoads*& loads() {
    static ConcurrentLoads* loads = nullptr;
    return loads;
}

/// The part of `TYPE/NAME` after the slash, as the kernel's types name it.
const TargetFact* target_of(const bpf_program* program) {
    const std::string_view section = bpf_program__section_name(program);
    std::string name(section.substr(section.find('/') + 1));
    const bool is_tracepoint = bpf_program__expected_attach_type(program) == BPF_TRACE_RAW_TP;
    if (bpf_program__expected_attach_type(program) == BPF_TRACE_ITER) name.insert(0, "bpf_iter_");
    const auto& facts = is_tracepoint ? targets()->tracepoints : targets()->functions;
    const auto found = facts.find(name);
    return found == facts.end() ? nullptr : &found->second;
}

/// A program that hooks another program needs no types of the kernel: with any number for that other one,
/// libbpf does not read them. give_target() puts it right.
int claim_target(bpf_program* program, long) {
    constexpr int kAnyProgram = 1;
    return bpf_program__set_attach_target(program, kAnyProgram, nullptr);
}

int give_target(const bpf_program* program, bpf_prog_load_opts* options) {
    const auto* target = target_of(program);
    if (!target) return -ESRCH;
    options->attach_prog_fd = 0;
    options->attach_btf_id = target->type_id;
    return 0;
}

/// Writes this kernel's numbers into the program's typed reads: that of a type, then the call.
int name_types(bpf_program* program) {
    const TypedReads& reads = targets()->typed_reads;
    if (reads.cast_function == 0) return 0;
    const std::span<const bpf_insn> given(bpf_program__insns(program), bpf_program__insn_cnt(program));
    std::vector<bpf_insn> code(given.begin(), given.end());
    for (std::size_t i = 1; i < code.size(); ++i) {
        if (code[i].code != (BPF_JMP | BPF_CALL) || code[i].imm != PT_CAST_CALL) continue;
        const auto type = static_cast<std::size_t>(code[i - 1].imm - PT_CAST_TYPE(0));
        if (type >= reads.types.size()) return -EINVAL;
        code[i - 1].imm = static_cast<std::int32_t>(reads.types[type]);
        code[i].src_reg = BPF_PSEUDO_KFUNC_CALL;
        code[i].imm = static_cast<std::int32_t>(reads.cast_function);
    }
    return bpf_program__set_insns(program, code.data(), code.size());
}

int prepare_code(bpf_program* program, bpf_prog_load_opts* options) {
    const int status = name_types(program);
    return status != 0 || loads() == nullptr ? status : loads()->take(program, options);
}

int prepare_kprobe(bpf_program* program, bpf_prog_load_opts* options, long) {
    return prepare_code(program, options);
}

int prepare_tracing(bpf_program* program, bpf_prog_load_opts* options, long) {
    const int status = give_target(program, options);
    return status != 0 ? status : prepare_code(program, options);
}

int attach_tracing(const bpf_program* program, long, bpf_link** link) {
    *link = bpf_program__attach_trace(program);
    return *link ? 0 : -errno;
}

int attach_kprobe(const bpf_program* program, long, bpf_link** link) {
    const std::string_view section = bpf_program__section_name(program);
    const std::string function(section.substr(section.find('/') + 1));
    *link = bpf_program__attach_kprobe(program, section.starts_with("kretprobe"), function.c_str());
    return *link ? 0 : -errno;
}

void register_handlers() {
    LIBBPF_OPTS(libbpf_prog_handler_opts, tracing);
    tracing.prog_setup_fn = claim_target;
    tracing.prog_prepare_load_fn = prepare_tracing;
    tracing.prog_attach_fn = attach_tracing;
    const auto handle = [&](const char* section, bpf_attach_type type) {
        libbpf_register_prog_handler(section, BPF_PROG_TYPE_TRACING, type, &tracing);
    };
    LIBBPF_OPTS(libbpf_prog_handler_opts, kprobe);
    kprobe.prog_prepare_load_fn = prepare_kprobe;
    kprobe.prog_attach_fn = attach_kprobe;
    for (const char* section : {"kprobe+", "kretprobe+"})
        libbpf_register_prog_handler(section, BPF_PROG_TYPE_KPROBE, static_cast<bpf_attach_type>(0), &kprobe);
    handle("tp_btf+", BPF_TRACE_RAW_TP);
    handle("fentry+", BPF_TRACE_FENTRY);
    handle("fexit+", BPF_TRACE_FEXIT);
    handle("iter+", BPF_TRACE_ITER);
}

}  // namespace

void take_targets_from(const KernelFeatures& features, ConcurrentLoads* concurrent_loads) {
    // Once: programs refer to their handlers for as long as they live.
    static const bool is_registered = (register_handlers(), true);
    static_cast<void>(is_registered);
    targets() = &features;
    loads() = concurrent_loads;
}

}  // namespace pipetrace
