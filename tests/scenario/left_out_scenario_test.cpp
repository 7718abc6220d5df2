// RSTs and SIGPIPEs that nobody looks for, at the user's wish: what would rest on them is not claimed.
#include "playing.h"
#include "scenario.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <variant>

namespace pipetrace::testing {
namespace {

/// The story as it is seen by `hooks`.
Told told_by(const Hooks& hooks, const Story& story) {
    std::vector<Arrival> seen = in_order(story);
    std::erase_if(seen, [&](const Arrival& arrival) {
        if (arrival.event == nullptr) return false;
        const auto& body = arrival.event->body;
        const bool is_sigpipe =
            std::holds_alternative<SigpipeGenerated>(body) || std::holds_alternative<SigpipeDelivered>(body);
        return (!hooks.resets_seen && std::holds_alternative<ResetReceived>(body)) ||
               (!hooks.sigpipes_seen && is_sigpipe);
    });
    const std::vector<Told> printed = play(hooks, story.begin(), seen);
    EXPECT_EQ(printed.size(), 1U);
    return printed.empty() ? Told{} : printed.front();
}

Hooks without_resets() {
    Hooks hooks;
    hooks.resets_seen = false;
    return hooks;
}

/// The peer closed in order, and what was sent then drew a RST.
Story classic() {
    Story story;
    story.connected().sent(5, true).wait_ms(2).peer_closed().wait_ms(1000).sent(5, false);
    story.peer_kernel_answers(kResetTimeWait).reset_received().wait_us(100);
    return story.write_meets_sigpipe(kSendto, Stance::kIgnored).destroyed(kClient);
}

/// A RST shuts both directions of a socket, as shutdown() does, and its state becomes CLOSE within whatever
/// process is at work: the victim itself, as it sends (tcp_done(), all releases).
Story shut_within_the_victim() {
    Story story;
    story.connected().sent(5, true).wait_ms(2).reset_received();
    return story.closed_by(kClient)
        .wait_us(100)
        .write_meets_sigpipe(kSendto, Stance::kIgnored)
        .destroyed(kClient);
}

TEST(LeftOut, WhatARstMayHaveShutWasNotShutByTheProgram) {
    for (const Story& story : {classic(), shut_within_the_victim()}) {
        const Told unseen = told_by(without_resets(), story);
        EXPECT_NE(unseen.incident.verdict.cause, Cause::kLocalShutdown) << unseen.incident.verdict.summary;
        EXPECT_FALSE(unseen.incident.rst);
    }
}

TEST(LeftOut, ARefusalIsNotTakenForIcmp) {
    Story story;
    story.connecting().wait_us(50).peer_kernel_answers(kResetNoSocket).reset_received(0x14);
    story.call_fails(kConnect, ECONNREFUSED).destroyed(kClient);
    EXPECT_EQ(told_by({}, story).incident.verdict.cause, Cause::kConnectionRefused);
    EXPECT_EQ(told_by(without_resets(), story).incident.verdict.cause, Cause::kUnknown);
}

TEST(LeftOut, WhoClosedFirstIsNotKnownWithoutTheRst) {
    Story story;
    story.connected().sent(100, true).wait_ms(20).peer_aborts(kResetState, 0, ClosePath::kLingerZero);
    story.reset_received(0x14).wait_ms(2).call_fails(kRecvfrom, ECONNRESET).destroyed(kClient);
    EXPECT_EQ(told_by({}, story).incident.first_close, FirstClose::kPeer);
    EXPECT_EQ(told_by(without_resets(), story).incident.first_close, std::nullopt);
}

TEST(LeftOut, ThatNoSigpipeCameIsNotKnownWhereNoneIsLookedFor) {
    Story story;
    story.connected().sent(100, true).wait_ms(20).peer_aborts(kResetState, 0, ClosePath::kLingerZero);
    story.reset_received(0x14).wait_ms(2).call_fails(kRecvfrom, ECONNRESET).destroyed(kClient);
    EXPECT_EQ(told_by({}, story).incident.sigpipe, SigpipeFate::kNone);
    Hooks hooks;
    hooks.sigpipes_seen = false;
    EXPECT_EQ(told_by(hooks, story).incident.sigpipe, std::nullopt);
    const Told classic_told = told_by(hooks, classic());
    EXPECT_EQ(classic_told.incident.sigpipe, std::nullopt);
    EXPECT_EQ(classic_told.incident.verdict.cause, Cause::kWriteAfterPeerClose);
}

}  // namespace
}  // namespace pipetrace::testing
