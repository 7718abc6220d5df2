// Each failed call is new in one revision and no other.
#include "correlate/told_errors.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace pipetrace {
namespace {

std::vector<CallError> calls(std::initializer_list<std::pair<int, std::uint64_t>> counts) {
    std::vector<CallError> errors;
    for (const auto& [error, count] : counts) {
        errors.emplace_back();
        errors.back().error = error;
        errors.back().count = count;
    }
    return errors;
}

std::uint64_t fresh(const std::vector<CallError>& errors) {
    std::uint64_t total = 0;
    for (const CallError& error : errors) total += error.count - error.told_before;
    return total;
}

/// One revision after another: how many calls are new in it.
std::uint64_t tell(ErrnoCounts& told, std::vector<CallError> errors) {
    mark_told(told, errors);
    remember_told(errors, told);
    return fresh(errors);
}

TEST(ToldErrors, AreTheDifferenceToTheRevisionBefore) {
    ErrnoCounts told;
    EXPECT_EQ(tell(told, calls({{ECONNRESET, 1}, {EPIPE, 2}})), 3U);
    EXPECT_EQ(tell(told, calls({{ECONNRESET, 1}, {EPIPE, 2}})), 0U);
    EXPECT_EQ(tell(told, calls({{ECONNRESET, 1}, {EPIPE, 9}})), 7U);
    EXPECT_EQ(tell(told, calls({{ECONNRESET, 1}, {EPIPE, 9}, {EPIPE, 4}})), 4U) << "by another thread";
}

TEST(ToldErrors, OneThatIsTakenBackStaysTold) {
    ErrnoCounts told;
    EXPECT_EQ(tell(told, calls({{ECONNRESET, 1}})), 1U);
    EXPECT_EQ(tell(told, calls({{EPIPE, 1}})), 1U) << "it was inferred, and wrongly";
    EXPECT_EQ(tell(told, calls({{EPIPE, 1}, {ECONNRESET, 1}})), 0U)
        << "another call than was thought took it";
}

TEST(ToldErrors, BelongToTheirErrno) {
    ErrnoCounts told;
    tell(told, calls({{EPIPE, 5}}));
    auto errors = calls({{EPIPE, 3}, {ECONNRESET, 1}, {EPIPE, 4}});
    mark_told(told, errors);
    EXPECT_EQ(errors[0].told_before, 3U);
    EXPECT_EQ(errors[1].told_before, 0U);
    EXPECT_EQ(errors[2].told_before, 2U);
}

}  // namespace
}  // namespace pipetrace
