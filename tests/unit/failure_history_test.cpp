// Which failure ended a process, and how many processes are remembered.
#include "correlate/failure_history.h"

#include <gtest/gtest.h>

namespace pipetrace {
namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr ProcessId kProcess{700, 5};
constexpr Ktime kExited{1'000'000'000'000};

Endpoint end_of(EndpointKind kind, std::uint64_t id) {
    Endpoint endpoint;
    endpoint.kind = kind;
    endpoint.id = id;
    endpoint.local.port = static_cast<std::uint16_t>(id);
    endpoint.remote.port = 80;
    return endpoint;
}

MetFailure failure(EndpointKind kind, std::uint64_t id, std::uint64_t at_ms) {
    MetFailure met;
    met.endpoint = end_of(kind, id);
    met.first_at = met.last_at = Ktime{at_ms * kMs};
    met.process = kProcess;
    met.last_tid = kProcess.tgid;
    met.told = true;
    return met;
}

MetFailure of_process(const ProcessId& process, MetFailure met) {
    met.process = process;
    return met;
}

Closure exit_at(std::uint64_t at_ms, std::uint8_t signal = 0) {
    Closure closure;
    closure.at = Ktime{at_ms * kMs};
    closure.by.process = kProcess;
    closure.by.tid = kProcess.tgid;
    closure.exiting = true;
    closure.signal = signal;
    return closure;
}

std::uint64_t id_behind(const FailureHistory& history, const Closure& closure,
                        EndpointKind kind = EndpointKind::kPipe) {
    const MetFailure* found = history.behind(closure, end_of(kind, 999));
    return found != nullptr ? found->endpoint.id : 0;
}

TEST(FailureHistory, LinksAcrossKindsOfEndpoints) {
    for (const EndpointKind met : {EndpointKind::kTcp, EndpointKind::kUnix, EndpointKind::kPipe}) {
        for (const EndpointKind broken : {EndpointKind::kTcp, EndpointKind::kUnix, EndpointKind::kPipe}) {
            FailureHistory history(8);
            history.add(failure(met, 1, 100));
            history.exited(kProcess, 1 << 8, kExited);
            EXPECT_EQ(id_behind(history, exit_at(101), broken), 1U);
        }
    }
}

TEST(FailureHistory, TheSigpipeThatKilledComesBeforeALaterError) {
    FailureHistory history(8);
    MetFailure killer = failure(EndpointKind::kPipe, 1, 100);
    killer.broken_pipe = true;
    killer.killed_at = killer.last_at;
    history.add(killer);
    MetFailure later = failure(EndpointKind::kTcp, 2, 101);
    later.broken_pipe = true;
    history.add(later);
    EXPECT_EQ(id_behind(history, exit_at(102, 13)), 1U);
}

TEST(FailureHistory, WhereRecordsWereLostOnlyAKillThatWasSeenIsSure) {
    const Endpoint broken = end_of(EndpointKind::kPipe, 999);
    FailureHistory history(8);
    history.add(failure(EndpointKind::kTcp, 1, 100));
    history.exited(kProcess, 1 << 8, kExited);
    EXPECT_NE(history.behind(exit_at(101), broken, false), nullptr);
    EXPECT_EQ(history.behind(exit_at(101), broken, true), nullptr) << "it may have met a later one";
    MetFailure killer = failure(EndpointKind::kPipe, 2, 100);
    killer.broken_pipe = true;
    history.add(killer);
    EXPECT_EQ(history.behind(exit_at(101, 13), broken, true), nullptr) << "another write may have killed it";
    killer.killed_at = Ktime{100 * kMs};
    history.add(killer);
    const MetFailure* found = history.behind(exit_at(101, 13), broken, true);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->endpoint.id, 2U);
}

TEST(FailureHistory, TheLatestErrorIsWhatEndedIt) {
    FailureHistory history(8);
    history.add(failure(EndpointKind::kTcp, 1, 100));
    history.add(failure(EndpointKind::kTcp, 2, 105));
    history.add(failure(EndpointKind::kTcp, 3, 120));
    history.exited(kProcess, 1 << 8, kExited);
    EXPECT_EQ(id_behind(history, exit_at(110)), 2U) << "the third had not happened yet";
}

TEST(FailureHistory, RepeatsCountUntilTheEnd) {
    FailureHistory history(8);
    history.add(failure(EndpointKind::kPipe, 1, 100));
    history.exited(kProcess, 1 << 8, kExited);
    EXPECT_EQ(id_behind(history, exit_at(5000)), 0U);
    MetFailure repeat = failure(EndpointKind::kPipe, 1, 100);
    repeat.last_at = Ktime{4990 * kMs};
    history.add(repeat);
    EXPECT_EQ(id_behind(history, exit_at(5000)), 1U);
}

TEST(FailureHistory, WhatNobodyWasToldOfIsWeakerAndMustBeClose) {
    FailureHistory history(8);
    MetFailure silent = failure(EndpointKind::kTcp, 1, 100);
    silent.told = false;
    history.add(silent);
    EXPECT_EQ(id_behind(history, exit_at(110)), 1U);
    EXPECT_EQ(id_behind(history, exit_at(500)), 0U);
    history.add(failure(EndpointKind::kTcp, 2, 90));
    EXPECT_EQ(id_behind(history, exit_at(110)), 2U);
}

TEST(FailureHistory, AnotherProcessOfTheSameNumberIsNotMeant) {
    FailureHistory history(8);
    history.add(of_process({kProcess.tgid, 4}, failure(EndpointKind::kTcp, 1, 100)));
    EXPECT_EQ(id_behind(history, exit_at(101)), 0U);
}

TEST(FailureHistory, NeitherTheSameEndpointNorItsOtherEnd) {
    FailureHistory history(8);
    history.add(failure(EndpointKind::kTcp, 1, 100));
    Endpoint other = end_of(EndpointKind::kTcp, 2);
    std::swap(other.local, other.remote);
    other.remote.port = 1;
    EXPECT_EQ(history.behind(exit_at(101), other), nullptr);
    EXPECT_EQ(history.behind(exit_at(101), end_of(EndpointKind::kTcp, 1)), nullptr);
}

/// poll() says that it is over, the program takes no error, and ends as if all were well.
TEST(FailureHistory, AnEndAfterAnUntoldResetIsALinkOnlyWhereThePeerWasKilled) {
    for (const bool killed : {false, true}) {
        FailureHistory history(8);
        MetFailure untold = failure(EndpointKind::kTcp, 1, 100);
        untold.told = false;
        untold.of_killed_peer = killed;
        history.add(untold);
        history.exited(kProcess, 0, kExited);
        EXPECT_EQ(id_behind(history, exit_at(101)), killed ? 1U : 0U);
        EXPECT_EQ(id_behind(history, exit_at(400)), 0U) << "too late";
    }
}

TEST(FailureHistory, AProcessThatTookUpAnotherConnectionDidNotEndForIt) {
    FailureHistory history(8);
    history.add(failure(EndpointKind::kTcp, 1, 100));
    history.exited(kProcess, 1 << 8, kExited);
    const Endpoint broken = end_of(EndpointKind::kTcp, 999);
    EXPECT_NE(history.behind(exit_at(300), broken, false, Ktime{50 * kMs}), nullptr);
    EXPECT_EQ(history.behind(exit_at(300), broken, false, Ktime{200 * kMs}), nullptr);
}

/// `curl | head`: its output has lost its reader, and it lets the connection go.
TEST(FailureHistory, AConnectionIsClosedForAPipeThatHasJustBroken) {
    const auto behind = [](EndpointKind kind, std::uint64_t broke_at_ms, std::uint64_t last_at_ms,
                           Tid closer) {
        FailureHistory history(8);
        MetFailure met = failure(kind, 1, broke_at_ms);
        met.broken_pipe = true;
        history.add(met);
        met.last_at = Ktime{last_at_ms * kMs};
        history.add(met);
        Closure closure = exit_at(101);
        closure.exiting = false;
        closure.by.tid = closer;
        return id_behind(history, closure, EndpointKind::kTcp);
    };
    const Tid self = kProcess.tgid;
    EXPECT_EQ(behind(EndpointKind::kPipe, 100, 100, self), 1U);
    EXPECT_EQ(behind(EndpointKind::kTcp, 100, 100, self), 0U) << "a close in order is its own decision";
    EXPECT_EQ(behind(EndpointKind::kPipe, 90, 90, self), 0U) << "too long ago";
    EXPECT_EQ(behind(EndpointKind::kPipe, 10, 100, self), 0U) << "it lives with its broken pipe";
    EXPECT_EQ(behind(EndpointKind::kPipe, 100, 100, self + 1), 0U) << "another thread";
}

TEST(FailureHistory, ProcessesAreBoundedAndTheYoungAreCounted) {
    FailureHistory history(10);
    for (Tgid tgid = 1; tgid <= 30; ++tgid) {
        history.add(of_process({tgid, 1}, failure(EndpointKind::kPipe, tgid, tgid)));
    }
    EXPECT_EQ(history.size(), 10U);
    EXPECT_EQ(history.evicted(), 20U);
    for (Tgid tgid = 31; tgid <= 40; ++tgid) {
        history.add(of_process({tgid, 1}, failure(EndpointKind::kPipe, tgid, 3'600'000 + tgid)));
    }
    EXPECT_EQ(history.evicted(), 20U) << "an hour later nobody waits for them";
}

/// It lived through three failures, and was forgotten meanwhile: the fourth is not why it ended.
TEST(FailureHistory, WhoWasForgottenMayHaveLivedThroughMore) {
    for (const bool is_forgotten : {false, true}) {
        FailureHistory history(2);
        for (const std::uint64_t id : {1U, 2U, 3U}) history.add(failure(EndpointKind::kTcp, id, 10 * id));
        const std::uint64_t others = is_forgotten ? 2 : 0;
        for (std::uint64_t other = 0; other < others; ++other) {
            history.add(
                of_process({static_cast<Tgid>(800 + other), 6}, failure(EndpointKind::kPipe, other, 100)));
        }
        EXPECT_EQ(history.evicted(), is_forgotten ? 1U : 0U);
        history.add(failure(EndpointKind::kTcp, 4, 2000));
        history.exited(kProcess, 1 << 8, kExited);
        EXPECT_EQ(id_behind(history, exit_at(2001)), 0U) << is_forgotten;
    }
}

/// Others go on to be linked.
TEST(FailureHistory, WhoWasNotForgottenIsLinked) {
    FailureHistory history(4);
    for (std::uint64_t other = 0; other < 100; ++other) {
        history.add(
            of_process({static_cast<Tgid>(800 + other), 6}, failure(EndpointKind::kPipe, other, other)));
    }
    history.add(failure(EndpointKind::kTcp, 1, 200));
    history.exited(kProcess, 1 << 8, kExited);
    EXPECT_EQ(id_behind(history, exit_at(201)), 1U);
    EXPECT_EQ(history.evicted(), 97U);
}

/// What was said of it, that it has met more than was looked at, is forgotten with it.
TEST(FailureHistory, WhoWasForgottenMayHaveMetWhatNobodyExamined) {
    FailureHistory history(2);
    history.add_unexamined(kProcess, 1, Ktime{100 * kMs});
    for (const Tgid other : {800, 801}) {
        history.add(of_process({other, 6}, failure(EndpointKind::kPipe, 5, 110)));
    }
    history.add(failure(EndpointKind::kTcp, 1, 200));
    history.exited(kProcess, 1 << 8, kExited);
    EXPECT_EQ(id_behind(history, exit_at(201)), 0U);
}

TEST(FailureHistory, FailuresOfOneProcessAreBounded) {
    FailureHistory history(10);
    for (std::uint64_t id = 1; id <= 1000; ++id) history.add(failure(EndpointKind::kTcp, id, id));
    history.exited(kProcess, 1 << 8, kExited);
    EXPECT_EQ(id_behind(history, exit_at(1001)), 0U) << "it lived through too many";
}

/// A child of kProcess that SIGPIPE kills, and kProcess that exits with that child's fate as its status.
class Waited : public ::testing::Test {
protected:
    void child_dies(Tgid tgid, std::uint64_t at_ms, int wait_status = 13) {
        MetFailure met = of_process({tgid, 6}, failure(EndpointKind::kPipe, tgid, at_ms));
        met.parent_tgid = kProcess.tgid;
        met.broken_pipe = true;
        history_.add(met);
        history_.exited(met.process, wait_status, Ktime{at_ms * kMs});
    }
    std::uint64_t behind_exit(std::uint64_t at_ms, std::uint8_t status) const {
        Closure closure = exit_at(at_ms);
        closure.exit_status = status;
        return id_behind(history_, closure);
    }
    FailureHistory history_{8};
};

TEST_F(Waited, AShellPassesOnThatSigpipeKilledItsChild) {
    child_dies(801, 100);
    EXPECT_EQ(behind_exit(102, 141), 801U);
    EXPECT_EQ(behind_exit(102, 0), 0U) << "its status speaks of another";
    EXPECT_EQ(behind_exit(5000, 141), 0U) << "too long ago";
    EXPECT_EQ(behind_exit(99, 141), 0U) << "not dead yet";
}

TEST_F(Waited, AChildThatEndedOtherwiseIsNotMeant) {
    child_dies(801, 100, 1 << 8);
    EXPECT_EQ(behind_exit(102, 141), 0U);
}

TEST_F(Waited, OfAPipelineTheLastIsMeant) {
    child_dies(801, 100);
    child_dies(802, 103);
    EXPECT_EQ(behind_exit(104, 141), 0U) << "either can be meant";
    history_.set_follows({802, 6}, end_of(EndpointKind::kPipe, 802), Ktime{103 * kMs});
    EXPECT_EQ(behind_exit(104, 141), 801U);
}

/// Of two one was forgotten: the other is not the one that is meant for that.
TEST_F(Waited, AChildThatWasForgottenMayBeMeant) {
    child_dies(801, 100);
    for (Tgid tgid = 900; tgid < 907; ++tgid) {
        history_.add(of_process({tgid, 6}, failure(EndpointKind::kPipe, 5, 101)));
    }
    EXPECT_EQ(behind_exit(104, 141), 801U) << "there was room for all";
    child_dies(802, 103);
    EXPECT_EQ(history_.evicted(), 1U);
    EXPECT_EQ(behind_exit(104, 141), 0U) << "of 801 nothing is known any more";
    child_dies(803, 60'000);
    EXPECT_EQ(behind_exit(60'001, 141), 803U) << "long after";
}

TEST_F(Waited, AChildOfAnotherIsNotMeant) {
    MetFailure met = of_process({801, 6}, failure(EndpointKind::kPipe, 1, 100));
    met.parent_tgid = kProcess.tgid + 1;
    met.broken_pipe = true;
    history_.add(met);
    history_.exited(met.process, 13, Ktime{100 * kMs});
    EXPECT_EQ(behind_exit(102, 141), 0U);
}

}  // namespace
}  // namespace pipetrace
