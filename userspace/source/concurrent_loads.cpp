// The kernel verifies several programs at a time for whoever may load any (bpf_check(), 5.10 to 7.2).
#include "source/concurrent_loads.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

namespace pipetrace {
namespace {

constexpr unsigned kWorkersMax = 4;
constexpr bpf_insn kReturnZero[] = {
    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = 0},
    {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
};

std::vector<std::byte> copy_of(const void* begin, std::size_t size_bytes) {
    const auto* bytes = static_cast<const std::byte*>(begin);
    return size_bytes == 0 ? std::vector<std::byte>{} : std::vector<std::byte>(bytes, bytes + size_bytes);
}

/// Source lines are for the verifier's log, which nobody reads here.
void forget_lines(bpf_prog_load_opts& options) {
    options.line_info = nullptr;
    options.line_info_cnt = 0;
    options.line_info_rec_size = 0;
}

void forget_functions(bpf_prog_load_opts& options) {
    options.func_info = nullptr;
    options.func_info_cnt = 0;
    options.func_info_rec_size = 0;
}

}  // namespace

ConcurrentLoads::~ConcurrentLoads() { wait(); }

int ConcurrentLoads::take(bpf_program* program, bpf_prog_load_opts* options) {
    const bpf_insn* code = bpf_program__insns(program);
    Job job{.program = program,
            .type = bpf_program__type(program),
            .name = bpf_program__name(program),
            .code = {code, code + bpf_program__insn_cnt(program)},
            .options = {},
            .functions = copy_of(options->func_info,
                                 std::size_t{options->func_info_cnt} * options->func_info_rec_size),
            .loaded = {}};
    forget_lines(*options);
    // libbpf's own may be longer than what this program was compiled with.
    job.options = copy_of(options, options->sz);
    forget_functions(*options);
    if (workers_.empty()) start_workers();
    {
        const std::lock_guard lock(mutex_);
        jobs_.push_back(std::move(job));
    }
    changed_.notify_one();
    return bpf_program__set_insns(program, const_cast<bpf_insn*>(kReturnZero), std::size(kReturnZero));
}

bool ConcurrentLoads::finish() {
    wait();
    return std::ranges::all_of(jobs_, [](const Job& job) {
        return job.loaded && ::dup3(job.loaded.get(), bpf_program__fd(job.program), O_CLOEXEC) >= 0;
    });
}

/// Signals are for the thread that expects them.
void ConcurrentLoads::start_workers() {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    const unsigned count = std::clamp(std::thread::hardware_concurrency(), 1U, kWorkersMax);
    for (unsigned i = 0; i < count; ++i) workers_.emplace_back([this] { work(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void ConcurrentLoads::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return is_complete_ || next_ < jobs_.size(); });
        if (next_ == jobs_.size()) return;
        Job& job = jobs_[next_++];
        lock.unlock();
        auto* options = reinterpret_cast<bpf_prog_load_opts*>(job.options.data());
        options->func_info = job.functions.data();
        job.loaded = UniqueFd(
            bpf_prog_load(job.type, job.name.c_str(), "GPL", job.code.data(), job.code.size(), options));
        lock.lock();
    }
}

void ConcurrentLoads::wait() {
    {
        const std::lock_guard lock(mutex_);
        is_complete_ = true;
    }
    changed_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
}

}  // namespace pipetrace
