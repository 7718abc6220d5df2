// Seeds of the simulations. Each test runs a fixed number of them; PIPETRACE_SEEDS=N runs N instead, and
// PIPETRACE_SEED=S that one alone, which is how a seed that failed, and was printed, is replayed.
#pragma once

#include <cstdint>
#include <functional>
#include <random>

namespace pipetrace::testing {

/// The same numbers from one seed whatever the standard library.
class Random {
public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}
    /// 0 to end - 1.
    std::uint64_t below(std::uint64_t end) { return engine_() % end; }
    bool once_in(std::uint64_t times) { return below(times) == 0; }
    template <typename Values>
    const auto& one_of(const Values& values) {
        return values[below(std::size(values))];
    }

private:
    std::mt19937_64 engine_;
};

/// Runs `test` seed by seed, up to the first that fails; says then which one, and how to replay it.
void for_each_seed(std::uint32_t count, const std::function<void(Random&)>& test);

}  // namespace pipetrace::testing
