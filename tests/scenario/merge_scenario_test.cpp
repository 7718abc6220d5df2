// Two ends on two hosts, recorded apart: the victim's story gains whoever closed the other end, and its
// verdict names them, as if both had been on one host.
#include "diagnose/diagnoser.h"
#include "merge/host_merge.h"
#include "scenario.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>

namespace pipetrace::testing {
namespace {

using Words = std::vector<std::string>;
using Outcome = HostMerge::Outcome;

constexpr Person kRedis{777, "redis-server"};
constexpr std::uint8_t kSyn = 0x02;
constexpr std::uint8_t kSigkill = 9;
/// The other host was booted so much later.
constexpr std::uint64_t kLaterNs = 183'402'000'000;

/// The RST that the other end's story sends.
RstPacket packet(std::uint8_t flags) { return {kOwnResetSeq, 64, 64, flags, 0}; }

Story here(Hooks hooks = {}) {
    Story story(hooks);
    return story.with_a_distant_peer();
}
Story there() {
    Story story;
    return story.on_the_distant_host().held_by(kRedis);
}

/// The same, by a clock that shows less.
Incident earlier(Incident incident, std::uint64_t ns) {
    const auto move = [&](Ktime& at) {
        if (at.known()) at = at - ns;
    };
    move(incident.at);
    if (incident.rst) move(incident.rst->at);
    move(incident.facts.own_closure.at);
    for (CallError& error : incident.errors) move(error.first);
    for (TimelineEntry& entry : incident.timeline) move(entry.at);
    return incident;
}

Incident of_other_host(const Story& story) { return earlier(play_to_one_incident(story).incident, kLaterNs); }

struct Merged {
    Told receiver;
    Outcome receiver_outcome = Outcome::kUnchanged;
    Outcome sender_outcome = Outcome::kUnchanged;
    MergeReport report;
};

Merged merge(const Incident& receiver, Incident sender) {
    HostMerge merge;
    const std::uint32_t web = merge.add_stream({"web1", "0f3c", "6.12.0"}, {});
    const std::uint32_t db = merge.add_stream({"db1", "77aa", "6.1.0"}, {});
    merge.note(web, receiver);
    merge.note(db, sender);
    merge.match();
    Merged merged;
    merged.receiver.incident = receiver;
    merged.receiver_outcome = merge.take(web, merged.receiver.incident);
    merged.sender_outcome = merge.take(db, sender);
    diagnose(merged.receiver.incident);
    merged.receiver.json = valid_json(merged.receiver.incident);
    merged.report = merge.report();
    const auto& timeline = merged.receiver.incident.timeline;
    EXPECT_TRUE(std::is_sorted(timeline.begin(), timeline.end(),
                               [](const auto& a, const auto& b) { return a.at < b.at; }));
    return merged;
}
Merged merge(const Story& receiver, const Story& sender) {
    return merge(play_to_one_incident(receiver).incident, of_other_host(sender));
}

bool says(const Merged& merged, const char* words) {
    return merged.receiver.incident.verdict.summary.find(words) != std::string::npos;
}

void expect(const Merged& merged, Cause cause, Confidence confidence) {
    const Verdict& verdict = merged.receiver.incident.verdict;
    EXPECT_EQ(merged.receiver_outcome, Outcome::kJoined);
    EXPECT_EQ(cause_name(verdict.cause), std::string(cause_name(cause))) << verdict.summary;
    EXPECT_EQ(verdict.confidence, confidence) << verdict.summary;
    EXPECT_EQ(verdict.summary.find("this host"), std::string::npos) << verdict.summary;
    EXPECT_EQ(merged.receiver.json["peer"]["host"], "db1");
}

void expect_redis(const Merged& merged) {
    EXPECT_TRUE(says(merged, "redis-server[777] on db1")) << merged.receiver.incident.verdict.summary;
    EXPECT_EQ(merged.receiver.json["peer"]["comm"], "redis-server");
    EXPECT_EQ(merged.receiver.json["peer"]["pid"], 777);
}

// --- each cause ---

Story reset_while_idle() {
    return here()
        .connected()
        .sent(2000, true)
        .wait_ms(40)
        .reset_received(packet(0x14))
        .call_fails(kRecvfrom, ECONNRESET);
}
Story closed_unread(std::uint8_t signal = 0) {
    return there().accepted().received(2000).wait_ms(40).own_aborts(kResetAbortOnClose, 2000,
                                                                    ClosePath::kClose, signal);
}

TEST(Merge, NamesWhoClosedWithUnreadData) {
    EXPECT_EQ(play_to_one_incident(reset_while_idle()).incident.verdict.cause, Cause::kPeerReset);
    const Merged merged = merge(reset_while_idle(), closed_unread());
    expect(merged, Cause::kPeerClosedUnreadData, Confidence::kCertain);
    expect_redis(merged);
    EXPECT_TRUE(says(merged, "2000 bytes"));
    EXPECT_EQ(merged.receiver.json["peer"]["unread_bytes"], 2000);
    EXPECT_EQ(merged.receiver.json["peer"]["action"], "close");
    EXPECT_EQ(merged.receiver.json["rst"]["why"], "TCP_ABORT_ON_CLOSE");
    EXPECT_EQ(merged.receiver.incident.first_close, FirstClose::kPeer);
    EXPECT_EQ(timeline_of(merged.receiver), (Words{"local:connected", "peer:closed", "peer:rst_sent",
                                                   "network:rst_received", "local:call_failed"}));
    EXPECT_EQ(evidence_of(merged.receiver), (Words{"peer:closed", "peer:rst_sent", "network:rst_received"}));
    EXPECT_EQ(merged.sender_outcome, Outcome::kToldElsewhere);
    EXPECT_EQ(merged.report.joined(), 1U);
    EXPECT_EQ(merged.report.told_elsewhere, 1U);
    for (const RejectedCause& rejected : merged.receiver.incident.verdict.rejected) {
        EXPECT_EQ(rejected.because.find("not on this host"), std::string::npos) << cause_name(rejected.cause);
    }
}

TEST(Merge, NamesWhoThrewTheConnectionAway) {
    const Merged merged = merge(reset_while_idle(), there().accepted().received(2000).wait_ms(40).own_aborts(
                                                        kResetState, 0, ClosePath::kLingerZero));
    expect(merged, Cause::kPeerAbortiveClose, Confidence::kCertain);
    expect_redis(merged);
    EXPECT_TRUE(says(merged, "SO_LINGER"));
    EXPECT_EQ(merged.receiver.json["peer"]["action"], "abort");
}

TEST(Merge, NamesWhoWasKilled) {
    const Merged merged = merge(reset_while_idle(), closed_unread(kSigkill));
    expect(merged, Cause::kPeerProcessDied, Confidence::kCertain);
    expect_redis(merged);
    EXPECT_TRUE(says(merged, "SIGKILL"));
    EXPECT_EQ(merged.receiver.json["peer"]["action"], "killed");
}

Story wrote_after_fin() {
    return here()
        .connected()
        .sent(20, true)
        .wait_ms(20)
        .fin_received()
        .wait_ms(500)
        .sent(5, false)
        .wait_ms(1)
        .reset_received(packet(0x04))
        .write_meets_sigpipe(kWrite, Stance::kIgnored);
}
Story answered_after_close() {
    return there().accepted().received(20).wait_ms(20).closed_by(kRedis).wait_ms(500).own_kernel_answers(
        kResetTimeWait, 5);
}

TEST(Merge, NamesWhoHadClosedBeforeTheWrite) {
    const Merged merged = merge(wrote_after_fin(), answered_after_close());
    expect(merged, Cause::kWriteAfterPeerClose, Confidence::kCertain);
    expect_redis(merged);
    EXPECT_EQ(timeline_of(merged.receiver), (Words{"local:connected", "peer:closed", "network:fin_received",
                                                   "local:data_sent", "peer:rst_sent", "network:rst_received",
                                                   "local:call_failed", "local:sigpipe_generated"}));
}

TEST(Merge, NamesWhoWasKilledWithNothingUnread) {
    Incident sender = of_other_host(answered_after_close());
    sender.facts.own_closure.exiting = true;
    sender.facts.own_closure.signal = kSigkill;
    for (TimelineEntry& entry : sender.timeline) {
        if (entry.event == "closed") entry.detail["action"] = "killed";
    }
    const Merged merged = merge(play_to_one_incident(wrote_after_fin()).incident, sender);
    expect(merged, Cause::kPeerProcessDied, Confidence::kCertain);
    expect_redis(merged);
}

TEST(Merge, NamesWhoClosedWhileAWriteWasUnderWay) {
    const Merged merged = merge(here()
                                    .connected()
                                    .sent(20, true)
                                    .wait_ms(20)
                                    .sent(5, false)
                                    .fin_received()
                                    .wait_ms(1)
                                    .reset_received(packet(0x04))
                                    .write_meets_sigpipe(kWrite, Stance::kIgnored),
                                answered_after_close());
    expect(merged, Cause::kCloseRace, Confidence::kCertain);
    expect_redis(merged);
}

Story refused() { return here().connecting().reset_received({0, 64, 0, 0x14, 0}).connect_gives_up(); }
Story refuses() { return there().own_kernel_answers(kResetNoSocket, 0, kSyn); }

TEST(Merge, RefusalThatNoClockProvesIsLikely) {
    const Merged merged = merge(refused(), refuses());
    expect(merged, Cause::kConnectionRefused, Confidence::kLikely);
    EXPECT_TRUE(says(merged, "Nobody listens at 198.51.100.7:443 on db1"));
    EXPECT_EQ(merged.receiver.json["peer"]["pid"], nullptr);
    EXPECT_EQ(merged.report.unsure, 1U);
}

TEST(Merge, RefusalAtATimeThatFitsIsCertain) {
    HostMerge merge;
    const std::uint32_t web = merge.add_stream({"web1", "0f3c", ""}, {});
    const std::uint32_t db = merge.add_stream({"db1", "77aa", ""}, {});
    Told told;
    Story at_once = refused();
    told.incident = play_to_one_incident(at_once).incident;
    merge.note(web, told.incident);
    merge.note(db, of_other_host(refuses()));
    merge.note(web, play_to_one_incident(reset_while_idle().numbered(7)).incident);
    Story numbered_there = there();
    Incident closer = of_other_host(closed_unread());
    closer.id = "other";
    Incident closed_to = play_to_one_incident(reset_while_idle()).incident;
    closed_to.id = "another";
    closed_to.endpoint.local = "192.0.2.10:40001";
    closer.endpoint.remote = "192.0.2.10:40001";
    merge.note(web, closed_to);
    merge.note(db, closer);
    merge.match();
    ASSERT_EQ(merge.take(web, told.incident), Outcome::kJoined);
    diagnose(told.incident);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
    EXPECT_EQ(merge.report().unsure, 0U);
}

TEST(Merge, SaysThatTheOtherKernelHadForgotten) {
    const Merged merged = merge(here()
                                    .connected()
                                    .sent(20, true)
                                    .wait_ms(60'000)
                                    .sent(5, false)
                                    .wait_ms(1)
                                    .reset_received(packet(0x04))
                                    .call_fails(kRecvfrom, ECONNRESET),
                                there().own_kernel_answers(kResetNoSocket, 5));
    expect(merged, Cause::kIdleConnectionReset, Confidence::kLikely);
    EXPECT_TRUE(says(merged, "the kernel on db1 had no such connection any more"))
        << merged.receiver.incident.verdict.summary;
}

TEST(Merge, KernelThatGaveUpByItselfBlamesNoProgram) {
    constexpr int kAbortOnMemory = 13;
    const Merged merged =
        merge(reset_while_idle(),
              there().accepted().closed_by(kRedis).wait_ms(40).own_kernel_sends_rst(kAbortOnMemory));
    expect(merged, Cause::kPeerReset, Confidence::kCertain);
    EXPECT_TRUE(says(merged, "no program asked for it")) << merged.receiver.incident.verdict.summary;
}

// --- what makes it less sure ---

TEST(Merge, LossAtEitherEndLowersTheConfidence) {
    for (const bool here_too : {false, true}) {
        Incident receiver = play_to_one_incident(reset_while_idle()).incident;
        Incident sender = of_other_host(closed_unread());
        (here_too ? receiver : sender).lost = 3;
        const Merged merged = merge(receiver, sender);
        expect(merged, Cause::kPeerClosedUnreadData, Confidence::kLikely);
        EXPECT_EQ(merged.receiver.incident.lost, 3U);
    }
}

/// What failed at the other end as well stays its own incident.
TEST(Merge, OtherEndThatFailedTooIsTold) {
    Story story = there();
    story.accepted().received(20).wait_ms(20).shut_down_by(kRedis, 3).wait_ms(500).reset_without_rst();
    story.own_socket_answers_with_rst().call_fails(kRecvfrom, ECONNRESET, kRedis);
    Incident sender = of_other_host(story);
    ASSERT_EQ(sender.role, Role::kVictim);
    ASSERT_TRUE(sender.facts.own_reset);
    sender.facts.own_reset->seq = kOwnResetSeq;
    const Merged merged = merge(play_to_one_incident(wrote_after_fin()).incident, sender);
    expect(merged, Cause::kWriteAfterPeerClose, Confidence::kCertain);
    expect_redis(merged);
    EXPECT_EQ(merged.sender_outcome, Outcome::kUnchanged);
    EXPECT_EQ(merged.report.told_elsewhere, 0U);
}

TEST(Merge, NumberThatTheSocketExpectedDoesWhereNoPacketWasSeen) {
    Incident receiver = play_to_one_incident(reset_while_idle()).incident;
    receiver.rst->seq.reset();
    receiver.facts.expected_seq = kOwnResetSeq;
    expect(merge(receiver, of_other_host(closed_unread())), Cause::kPeerClosedUnreadData,
           Confidence::kCertain);
    receiver.facts.expected_seq = kOwnResetSeq + 1;
    EXPECT_EQ(merge(receiver, of_other_host(closed_unread())).receiver_outcome, Outcome::kUnchanged);
}

}  // namespace
}  // namespace pipetrace::testing
