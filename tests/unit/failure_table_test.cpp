#include "correlate/failure_table.h"

#include "correlate/end_facts.h"
#include "correlate/loss_log.h"

#include <gtest/gtest.h>

namespace pipetrace {
namespace {

using Keys = FailureKeys;

FailureTable three_failures() {
    FailureTable table;
    table.open({7, 100}, Ktime{30});
    table.open({8, 100}, Ktime{10});
    table.open({7, 200}, Ktime{20});
    return table;
}

TEST(FailureTable, FindsByEndpointProcessAndAge) {
    FailureTable table = three_failures();
    EXPECT_EQ(table.of_endpoint(7), (Keys{{7, 100}, {7, 200}}));
    EXPECT_EQ(table.of_process(100), (Keys{{7, 100}, {8, 100}}));
    EXPECT_EQ(table.by_age(), (Keys{{8, 100}, {7, 200}, {7, 100}}));
    EXPECT_EQ(table.oldest(), table.find({8, 100}));
    EXPECT_EQ(table.find({8, 200}), nullptr);
}

TEST(FailureTable, ForgetsInAllWays) {
    FailureTable table = three_failures();
    table.erase({8, 100});
    table.erase({8, 100});
    EXPECT_EQ(table.size(), 2U);
    EXPECT_EQ(table.of_endpoint(8), Keys{});
    EXPECT_EQ(table.of_process(100), (Keys{{7, 100}}));
    EXPECT_EQ(table.oldest(), table.find({7, 200}));
    table.clear();
    EXPECT_EQ(table.size(), 0U);
    EXPECT_EQ(table.oldest(), nullptr);
    EXPECT_EQ(table.by_age(), Keys{});
    EXPECT_EQ(table.of_process(200), Keys{});
}

TEST(FailureTable, DeliveryGoesToTheThreadsLatestOnce) {
    FailureTable table = three_failures();
    table.await_delivery(101, {7, 100});
    table.await_delivery(101, {8, 100});
    EXPECT_EQ(table.take_awaited(102), nullptr);
    EXPECT_EQ(table.take_awaited(101), table.find({8, 100}));
    EXPECT_EQ(table.take_awaited(101), nullptr);
    table.await_delivery(101, {8, 100});
    table.erase({8, 100});
    EXPECT_EQ(table.take_awaited(101), nullptr) << "its story has been told";
}

TEST(LossLog, CountsTheGapsThatReachAMoment) {
    LossLog log;
    log.advance_to(Ktime{10});
    log.set_total(3);
    log.advance_to(Ktime{20});
    log.set_total(5);
    log.advance_to(Ktime{30});
    log.set_total(5);
    EXPECT_EQ(log.total(), 5U);
    EXPECT_EQ(log.total_before(Ktime{15}), 0U);
    EXPECT_EQ(log.total_before(Ktime{20}), 0U);
    EXPECT_EQ(log.total_before(Ktime{21}), 3U);
    EXPECT_EQ(log.total_before(Ktime{31}), 5U);
    log.set_total(9);
    EXPECT_EQ(log.total_before(Ktime{31}), 5U) << "a gap without an end reaches everything";
}

/// Two processors can take the same place at once: the one that loses it tells its next failure anew, and
/// counts from there.
TEST(FailedCall, IsCountedByRecordsAndByWhatTheKernelProgramsCount) {
    Failure failure;
    FailedCall call;
    call.task.tid = 100;
    call.body.call.number = 44;
    call.body.error = 32;
    add_failed_call(failure, call);
    add_failed_call(failure, call);
    FailureCount count;
    count.tid = 100;
    count.call_number = 44;
    count.error = 32;
    count.count = 5;
    EXPECT_TRUE(raise_count(failure, count));
    EXPECT_EQ(failure.calls.at(0).count, 6U) << "the record before, and five with the second one among them";
    EXPECT_FALSE(raise_count(failure, count)) << "told once more";
    count.count = 7;
    EXPECT_TRUE(raise_count(failure, count));
    EXPECT_EQ(failure.calls.at(0).count, 8U);
}

TEST(LossLog, KeepsABoundedPast) {
    LossLog log;
    for (std::uint64_t i = 1; i <= 1000; ++i) {
        log.set_total(i);
        log.advance_to(Ktime{i * 10});
    }
    EXPECT_EQ(log.total_before(Ktime{9995}), 999U);
    EXPECT_EQ(log.total_before(Ktime{1}), 0U)
        << "the oldest gaps become one, and what was lost in them stays";
}

}  // namespace
}  // namespace pipetrace
