#include "seeds.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>
#include <string>

namespace pipetrace::testing {
namespace {

std::optional<std::uint64_t> number_in(const char* variable) {
    const char* text = std::getenv(variable);
    if (text == nullptr) return std::nullopt;
    return std::strtoull(text, nullptr, 10);
}

std::string how_to_replay(std::uint64_t seed) {
    const ::testing::TestInfo& test = *::testing::UnitTest::GetInstance()->current_test_info();
    return "seed " + std::to_string(seed) + "; replay: PIPETRACE_SEED=" + std::to_string(seed) +
           " simulation_tests --gtest_filter=" + test.test_suite_name() + "." + test.name();
}

}  // namespace

void for_each_seed(std::uint32_t count, const std::function<void(Random&)>& test) {
    const std::optional<std::uint64_t> only = number_in("PIPETRACE_SEED");
    const std::uint64_t first = only.value_or(1);
    const std::uint64_t last = only ? *only : number_in("PIPETRACE_SEEDS").value_or(count);
    for (std::uint64_t seed = first; seed <= last; ++seed) {
        const ::testing::ScopedTrace replay(__FILE__, __LINE__, how_to_replay(seed));
        Random random(seed);
        test(random);
        if (::testing::Test::HasFailure()) return;
    }
}

}  // namespace pipetrace::testing
