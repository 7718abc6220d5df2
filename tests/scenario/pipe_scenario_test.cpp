// A pipe whose last reader has gone.
#include "scenario.h"

#include <gtest/gtest.h>

#include <map>

namespace pipetrace::testing {
namespace {

using Words = std::vector<std::string>;

constexpr Person kHead{4401, "head"};
constexpr Call kWriteLine{1, 1, 2};
constexpr Call kWriteMuch{1, 1, 8192};

/// yes | head -1
const auto head_closed = scenario("pipe_reader_closed", {Cause::kPipeReaderClosed}, [] {
    Story story;
    return story.on_a_pipe()
        .wait_ms(1)
        .reader_gone(kHead, 0, true)
        .write_meets_sigpipe(kWriteLine, Stance::kDefault)
        .process_exits(13);
});
const auto reader_killed = scenario("pipe_reader_died", {Cause::kPipeReaderDied}, [] {
    Story story;
    return story.on_a_pipe()
        .wait_ms(1)
        .reader_gone(kHead, 9, true)
        .wait_ms(4)
        .write_meets_sigpipe(kWriteLine, Stance::kIgnored)
        .wait_ms(1)
        .process_exits(0x100);
});
/// pipe_write() had copied a part when the reader left: a count is returned and SIGPIPE raised.
const auto part_written = scenario("pipe_part_written", {Cause::kPipeReaderClosed}, [] {
    Story story;
    return story.on_a_pipe()
        .reader_gone(kHead)
        .sigpipe_raised(kWriteMuch, Stance::kHandled)
        .sigpipe_delivered(Stance::kHandled, 4096);
});
/// The same, ignored: the signal's delivery does not show it, and only the next write fails.
const auto part_written_ignored = scenario("pipe_part_written_ignored", {Cause::kPipeReaderClosed}, [] {
    Story story;
    return story.on_a_pipe()
        .reader_gone(kHead)
        .took_of_the_write(true)
        .sigpipe_raised(kWriteMuch, Stance::kIgnored)
        .took_of_the_write(false)
        .sigpipe_raised(kWriteMuch, Stance::kIgnored)
        .sigpipe_raised(kWriteMuch, Stance::kIgnored)
        .counts_flushed();
});
/// A debugger's program gets what it ignores.
const auto ignored_under_debugger = scenario("pipe_ignored_under_debugger", {Cause::kPipeReaderClosed}, [] {
    Story story;
    return story.on_a_pipe()
        .reader_gone(kHead)
        .sigpipe_raised(kWriteLine, Stance::kIgnored)
        .sigpipe_delivered(Stance::kIgnored, 0);
});
const std::vector<Cause> kToldTwice{Cause::kPipeReaderClosed, Cause::kPipeReaderClosed};
/// Go's handler sets the default action and raises SIGPIPE again where the write was to fd 1 or 2.
const auto raised_again = scenario("pipe_sigpipe_raised_again", {Cause::kPipeReaderClosed}, [] {
    Story story;
    return story.on_a_pipe()
        .reader_gone(kHead)
        .write_meets_sigpipe(kWriteLine, Stance::kHandled)
        .wait_ms(4)
        .process_exits(13);
});
const auto killed_later = scenario("pipe_sigpipe_handled_killed_later", kToldTwice, [] {
    Story story;
    return story.on_a_pipe()
        .reader_gone(kHead)
        .write_meets_sigpipe(kWriteLine, Stance::kHandled)
        .wait_ms(2000)
        .process_exits(13);
});
const auto handled_and_left = scenario("pipe_sigpipe_handled_exit", {Cause::kPipeReaderClosed}, [] {
    Story story;
    return story.on_a_pipe()
        .reader_gone(kHead)
        .write_meets_sigpipe(kWriteLine, Stance::kHandled)
        .wait_ms(4)
        .process_exits(13 << 8);
});
/// gzip -dc: what it was sent is no archive.
const auto reader_failed = scenario("pipe_reader_failed", {Cause::kPipeReaderClosed}, [] {
    Story story;
    return story.on_a_pipe()
        .reader_gone(kHead, 0, true)
        .with_exit_status(1)
        .write_meets_sigpipe(kWriteLine, Stance::kDefault)
        .process_exits(13);
});
/// A shell whose child read the pipe and was killed.
const auto reader_passed_on = scenario("pipe_reader_passed_on", {Cause::kPipeReaderClosed}, [] {
    Story story;
    return story.on_a_pipe()
        .reader_gone(kHead, 0, true)
        .with_exit_status(137)
        .write_meets_sigpipe(kWriteLine, Stance::kIgnored);
});
const auto part_written_killed = scenario("pipe_part_written_killed", {Cause::kPipeReaderDied}, [] {
    Story story;
    return story.on_a_pipe()
        .reader_gone(kHead, 9, true)
        .took_of_the_write(true)
        .sigpipe_raised(kWriteMuch, Stance::kDefault)
        .process_exits(13);
});
const auto reader_unseen = scenario("pipe_reader_unseen", {Cause::kPipeReaderClosed}, [] {
    Story story;
    return story.on_a_pipe().write_meets_sigpipe(kWriteLine, Stance::kIgnored);
});

/// More kinds than the kernel programs count: each failure of the threads beyond them is a record of its own.
const auto many_writers = scenario("pipe_many_writers", {Cause::kPipeReaderClosed}, [] {
    Story story;
    story.on_a_pipe().reader_gone(kHead);
    for (int round = 0; round < 6; ++round) {
        for (Tid tid = 4242; tid < 4242 + 9; ++tid)
            story.sigpipe_raised(kWriteLine, Stance::kIgnored, Person{4242, "client", tid});
    }
    return story.counts_flushed();
});

TEST(PipeReaderClosed, EachFailureOfManyThreadsIsCounted) {
    const Told told = play_to_one_incident(many_writers());
    std::map<Tid, std::uint64_t> counts;
    for (const CallError& error : told.incident.errors) counts[error.tid.value_or(0)] += error.count;
    EXPECT_EQ(counts.size(), 9U);
    for (const auto& [tid, count] : counts) EXPECT_EQ(count, 6U) << tid;
    EXPECT_EQ(told.incident.errors.size(), 9U) << "one kind, one entry";
}

TEST(PipeReaderClosed, YesPipeHeadIsBenign) {
    const Told told = play_to_one_incident(head_closed());
    EXPECT_EQ(told.incident.endpoint.kind, EndpointKind::kPipe);
    EXPECT_EQ(told.incident.endpoint.local, "pipe:[77001]");
    EXPECT_EQ(told.incident.endpoint.fd, 1);
    EXPECT_EQ(errors_of(told), Words{"EPIPE write"});
    EXPECT_EQ(told.incident.sigpipe, SigpipeFate::kKilled);
    EXPECT_EQ(told.incident.verdict.cause, Cause::kPipeReaderClosed);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
    EXPECT_EQ(told.incident.verdict.severity, Severity::kBenign);
    EXPECT_EQ(told.incident.first_close, FirstClose::kPeer);
    EXPECT_FALSE(told.incident.rst);
    ASSERT_TRUE(told.incident.peer);
    EXPECT_EQ(told.incident.peer->process.comm, "head");
    EXPECT_EQ(told.incident.peer->action, PeerAction::kExit);
}

TEST(PipeReaderClosed, HandlerThatRaisesSigpipeAgainKills) {
    EXPECT_EQ(play_to_one_incident(raised_again()).incident.sigpipe, SigpipeFate::kKilled);
    EXPECT_EQ(play(killed_later()).back().incident.sigpipe, SigpipeFate::kHandled) << "for another reason";
    EXPECT_EQ(play_to_one_incident(handled_and_left()).incident.sigpipe, SigpipeFate::kHandled)
        << "an exit status";
}

/// What it says is looked for, and what it must not say.
void expect_advice(const Told& told, const char* says, const char* not_this) {
    const std::string& advice = told.incident.verdict.advice;
    EXPECT_NE(advice.find(says), std::string::npos) << advice;
    EXPECT_EQ(advice.find(not_this), std::string::npos) << advice;
}

TEST(PipeReaderClosed, ReaderThatFailedIsNoHead) {
    const Told told = play_to_one_incident(reader_failed());
    EXPECT_NE(told.incident.verdict.summary.find(" with status 1;"), std::string::npos)
        << told.incident.verdict.summary;
    expect_advice(told, "head[4401]", "`| head`");
    EXPECT_EQ(told.incident.verdict.severity, Severity::kBenign);
}

TEST(PipeReaderClosed, StatusOfAShellTellsWhatKilledItsChild) {
    const Told told = play_to_one_incident(reader_passed_on());
    EXPECT_NE(told.incident.verdict.summary.find("with status 137"), std::string::npos)
        << told.incident.verdict.summary;
    expect_advice(told, "SIGKILL", "`| head`");
}

TEST(PipeReaderClosed, NoFlagOfASendIsAdvisedForAPipe) {
    const Told told = play_to_one_incident(part_written_killed());
    ASSERT_EQ(told.incident.sigpipe, SigpipeFate::kKilled);
    expect_advice(told, "SIG_IGN", "send with");
}

TEST(PipeReaderClosed, HandlerOfItsOwnThatEndedItIsNotTheDefault) {
    Story story;
    story.on_a_pipe()
        .reader_gone(kHead, 9, true)
        .write_meets_sigpipe(kWriteLine, Stance::kHandled)
        .wait_ms(4);
    expect_advice(play_to_one_incident(story.process_exits(13)), "handler", "at its default");
}

TEST(PipeReaderDied, ReaderThatWasKilledIsAFault) {
    const Told told = play_to_one_incident(reader_killed());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kPipeReaderDied);
    EXPECT_EQ(told.incident.verdict.severity, Severity::kFault);
    EXPECT_NE(told.incident.verdict.summary.find("SIGKILL"), std::string::npos);
    EXPECT_NE(rejected_because(told, Cause::kPipeReaderClosed), "");
}

TEST(PipeReaderClosed, CallThatReturnedBytesIsNoError) {
    const Told told = play_to_one_incident(part_written());
    EXPECT_EQ(errors_of(told), Words{});
    EXPECT_EQ(told.incident.sigpipe, SigpipeFate::kHandled);
    EXPECT_EQ(timeline_of(told), (Words{"peer:closed", "local:sigpipe_generated", "local:call_succeeded",
                                        "local:sigpipe_delivered"}));
    EXPECT_EQ(told.incident.at, told.incident.timeline.at(1).at) << "the time is the signal's";
}

TEST(PipeReaderClosed, OnlyTheWriteThatTookNothingFailed) {
    const Told told = play_to_one_incident(part_written_ignored());
    ASSERT_EQ(errors_of(told), Words{"EPIPE write"});
    EXPECT_EQ(told.incident.errors.front().count, 2U);
    EXPECT_FALSE(told.incident.errors.front().inferred) << "however much it asked for";
    EXPECT_EQ(told.incident.sigpipe, SigpipeFate::kIgnored);
    EXPECT_EQ(timeline_of(told), (Words{"peer:closed", "local:sigpipe_generated", "local:call_succeeded",
                                        "local:sigpipe_generated", "local:call_failed"}));
}

TEST(PipeReaderClosed, IgnoredSignalThatADebuggerSeesIsNotHandled) {
    EXPECT_EQ(play_to_one_incident(ignored_under_debugger()).incident.sigpipe, SigpipeFate::kIgnored);
}

TEST(PipeReaderClosed, ReaderThatNobodySawIsNotGuessed) {
    const Told told = play_to_one_incident(reader_unseen());
    EXPECT_FALSE(told.incident.peer);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kLikely);
}

/// It held the reading end as its program began; who has had it since from it, nobody saw.
TEST(PipeReaderClosed, ReaderThatWasOnlySeenBeforeIsNotCalledTheLast) {
    Story story;
    story.on_a_pipe().reader_last_seen(kHead).write_meets_sigpipe(kWriteLine, Stance::kIgnored);
    const Told told = play_to_one_incident(story);
    EXPECT_EQ(told.incident.peer->process.comm, "head");
    EXPECT_NE(told.incident.verdict.summary.find("head[4401] had closed the pipe"), std::string::npos)
        << told.incident.verdict.summary;
    EXPECT_EQ(told.incident.verdict.summary.find("last reader"), std::string::npos);
}

/// A child of Java holds both ends till it begins its program; Java itself reads on.
TEST(PipeReaderClosed, WriterIsNotItsOwnReader) {
    constexpr Person kBeforeItsProgram{kClient.tgid, "jspawnhelper"};
    Story story;
    story.on_a_pipe().reader_last_seen(kBeforeItsProgram).write_meets_sigpipe(kWriteLine, Stance::kDefault);
    const Told told = play_to_one_incident(story);
    EXPECT_FALSE(told.incident.peer);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kLikely);
    EXPECT_EQ(told.incident.verdict.summary, "The pipe's last reader had gone; client[4242] wrote on.");
}

}  // namespace
}  // namespace pipetrace::testing
