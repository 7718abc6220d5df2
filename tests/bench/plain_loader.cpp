// The floor of a start: the kernel programs that pipetrace chooses here, opened, loaded and attached by
// libbpf as it comes, one after another.
//
// usage: plain_loader exact|inferred        prints what to load: the arguments of the other form
//        plain_loader CONFIG PROGRAM...     loads and attaches that, and holds on until SIGINT or SIGTERM
#include "pipetrace_abi.h"

#include "pipetrace.skel.h"
#include "ready.h"
#include "source/hook_plan.h"
#include "source/kernel_btf.h"
#include "source/kernel_features.h"

#include <bpf/libbpf.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace {

using pipetrace::ErrorsMode;

int complain(const char* what) {
    std::fprintf(stderr, "plain_loader: %s\n", what);
    return 1;
}

/// The configuration's bytes in hexadecimal, then the programs.
int print_plan(ErrorsMode errors) {
    const pipetrace::FeatureRequest wanted = pipetrace::wanted_features();
    const auto btf = pipetrace::KernelBtf::read("/sys/kernel/btf/vmlinux");
    if (!btf) return complain(btf.error().why.c_str());
    const auto plan =
        pipetrace::make_hook_plan(pipetrace::probe_kernel_features(wanted, *btf), {{}, errors, {}, {}});
    if (!plan) return complain(plan.error().why.c_str());
    for (const std::byte byte : std::as_bytes(std::span(&plan->config, 1)))
        std::printf("%02x", static_cast<unsigned>(byte));
    for (const std::string& program : plan->programs) std::printf(" %s", program.c_str());
    std::printf("\n");
    return 0;
}

bool read_config(std::string_view digits, pt_config& config) {
    if (digits.size() != 2 * sizeof(config)) return false;
    auto* bytes = reinterpret_cast<unsigned char*>(&config);
    for (std::size_t i = 0; i < sizeof(config); ++i)
        bytes[i] = static_cast<unsigned char>(std::stoul(std::string(digits.substr(2 * i, 2)), nullptr, 16));
    return true;
}

/// Nothing is freed: the end of the process detaches.
int load_and_hold(std::string_view config, std::span<char*> names) {
    sigset_t ending = block_ending_signals();
    pipetrace_bpf* skeleton = pipetrace_bpf__open();
    if (skeleton == nullptr || !read_config(config, skeleton->rodata->pt_config))
        return complain("nothing to load: ask `plain_loader exact` what");
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, skeleton->obj) {
        const std::string_view name = bpf_program__name(program);
        bpf_program__set_autoload(program, std::ranges::find(names, name) != names.end());
    }
    if (pipetrace_bpf__load(skeleton) != 0) return complain("a program does not load");
    bpf_object__for_each_program(program, skeleton->obj) {
        const bool is_iterator = bpf_program__expected_attach_type(program) == BPF_TRACE_ITER;
        if (bpf_program__fd(program) < 0 || is_iterator) continue;
        if (bpf_program__attach(program) == nullptr) return complain("a program does not attach");
    }
    announce_and_wait(&ending);
    return 0;
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 2) return complain("say exact or inferred");
    const std::string_view first = arguments[1];
    if (first == "exact") return print_plan(ErrorsMode::kExact);
    if (first == "inferred") return print_plan(ErrorsMode::kInferred);
    return load_and_hold(first, std::span(arguments + 2, arguments + count));
}
