// Loads programs on several processors at once: the verifier is most of what a start takes, and libbpf calls
// it for one program after another. Internal to source/.
#pragma once

#include "source/unique_fd.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace pipetrace {

class ConcurrentLoads {
public:
    ConcurrentLoads() = default;
    /// Waits for what is under way.
    ~ConcurrentLoads();
    ConcurrentLoads(const ConcurrentLoads&) = delete;
    ConcurrentLoads& operator=(const ConcurrentLoads&) = delete;

    /// From a prog_prepare_load_fn: takes the program, which libbpf is about to load, and leaves it one in
    /// its stead that does nothing. 0, or a negative errno.
    int take(bpf_program* program, bpf_prog_load_opts* options);

    /// Once libbpf has loaded its object: waits, and puts each program in its stand-in's place. False: one
    /// was refused, and none may be used.
    bool finish();

private:
    /// One program, with all that its load refers to and libbpf may let go of.
    struct Job {
        const bpf_program* program;
        bpf_prog_type type;
        std::string name;
        std::vector<bpf_insn> code;
        std::vector<std::byte> options;  ///< bpf_prog_load_opts, as long as libbpf's is
        std::vector<std::byte> functions;
        UniqueFd loaded;
    };

    void start_workers();
    void work();
    void wait();

    std::deque<Job> jobs_;  ///< stay where they are
    std::size_t next_ = 0;  ///< the first that nobody works on
    bool is_complete_ = false;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::thread> workers_;
};

}  // namespace pipetrace
