// libbpf's own handlers for these sections, but for where the type's id comes from.
#include "source/program_targets.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <string>
#include <string_view>

namespace pipetrace {
namespace {

const KernelFeatures*& targets() {
    static const KernelFeatures* features = nullptr;
    return features;
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

int give_target(bpf_program* program, bpf_prog_load_opts* options, long) {
    const auto* target = target_of(program);
    if (!target) return -ESRCH;
    options->attach_prog_fd = 0;
    options->attach_btf_id = target->type_id;
    return 0;
}

int attach(const bpf_program* program, long, bpf_link** link) {
    *link = bpf_program__attach_trace(program);
    return *link ? 0 : -errno;
}

void register_handlers() {
    LIBBPF_OPTS(libbpf_prog_handler_opts, options);
    options.prog_setup_fn = claim_target;
    options.prog_prepare_load_fn = give_target;
    options.prog_attach_fn = attach;
    const auto handle = [&](const char* section, bpf_attach_type type) {
        libbpf_register_prog_handler(section, BPF_PROG_TYPE_TRACING, type, &options);
    };
    handle("tp_btf+", BPF_TRACE_RAW_TP);
    handle("fentry+", BPF_TRACE_FENTRY);
    handle("fexit+", BPF_TRACE_FEXIT);
    handle("iter+", BPF_TRACE_ITER);
}

}  // namespace

void take_targets_from(const KernelFeatures& features) {
    // Once: programs refer to their handlers for as long as they live.
    static const bool is_registered = (register_handlers(), true);
    static_cast<void>(is_registered);
    targets() = &features;
}

}  // namespace pipetrace
