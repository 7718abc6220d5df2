// Which call met the error where its registers do not say: io_uring's requests, and what no hook shows.
#include "scenario.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace pipetrace::testing {
namespace {

using Words = std::vector<std::string>;

constexpr Person kReader{4401, "reader"};
constexpr Call kUringWrite{426, 15, 5};
constexpr Call kUringWriteMuch{426, 15, 8192};

Story closed_by_peer() {
    Story story;
    return story.connected()
        .sent(5, true)
        .fin_received()
        .peer_closed()
        .wait_ms(50)
        .sent(5, false)
        .reset_received();
}

/// The kernel itself adds MSG_NOSIGNAL, and a hook on the call's length does not see flags.
const auto uring_send = scenario("uring_send", {Cause::kWriteAfterPeerClose},
                                 [] { return closed_by_peer().call_fails(kUringSend, EPIPE).destroyed(); });
const auto uring_write = scenario("uring_write", {Cause::kWriteAfterPeerClose}, [] {
    return closed_by_peer().write_meets_sigpipe(kUringSend, Stance::kIgnored).destroyed();
});

Story write_to_pipe(Call call) {
    Story story;
    return story.on_a_pipe()
        .wait_ms(1)
        .reader_gone(kReader, 0, true)
        .write_meets_sigpipe(call, Stance::kHandled);
}

/// Both ends here; the RST's error is taken by what no hook shows, and the next write is told EPIPE.
Story reset_and_taken(Hooks hooks) {
    Story story{hooks};
    return story.connected()
        .sent(5, true)
        .peer_aborts(14, 0, ClosePath::kLingerZero)
        .reset_received(0x14)
        .error_taken_unseen()
        .write_meets_sigpipe(kWrite, Stance::kIgnored);
}

/// A file sent to a client that leaves: what the kernel's own sends had moved before, the call returned.
Story file_sent(std::int64_t bytes) {
    Call call = kSendfile;
    call.bytes = bytes;
    Story story;
    story.accepted().sent(100'000, true).wait_ms(5).peer_aborts(kResetAbortOnClose, 4000, ClosePath::kClose);
    return story.reset_received(0x14)
        .call_fails(call, ECONNRESET)
        .write_meets_sigpipe(call, Stance::kIgnored)
        .destroyed();
}
const auto sendfile = scenario("sendfile_cut_short", {Cause::kPeerClosedUnreadData}, [] { return file_sent(kSendfile.bytes); });

TEST(FailingCall, OfAFileSentInPartsMayHaveReturnedACount) {
    const Told large = play_to_one_incident(sendfile());
    EXPECT_EQ(errors_of(large), (Words{"ECONNRESET sendfile inferred", "EPIPE sendfile"}));
    const Told small = play_to_one_incident(file_sent(4096));
    EXPECT_EQ(errors_of(small), (Words{"ECONNRESET sendfile", "EPIPE sendfile"}));
}

TEST(FailingCall, UringSendRaisesNoSignal) {
    const Told told = play_to_one_incident(uring_send());
    EXPECT_EQ(errors_of(told), Words{"EPIPE io_uring_enter"});
    EXPECT_EQ(told.incident.sigpipe, SigpipeFate::kSuppressed);
    EXPECT_EQ(told.incident.errors.at(0).fd, std::nullopt);
}

TEST(FailingCall, UringWriteRaisesOne) {
    const Told told = play_to_one_incident(uring_write());
    EXPECT_EQ(errors_of(told), Words{"EPIPE io_uring_enter"});
    EXPECT_EQ(told.incident.sigpipe, SigpipeFate::kIgnored);
}

TEST(FailingCall, UringWriteToAPipeSurelyFailedWhereItsSizeSaysSo) {
    EXPECT_EQ(errors_of(play_to_one_incident(write_to_pipe(kUringWrite))), Words{"EPIPE io_uring_enter"});
    // The kernel does not count what io_uring has written: an unchanged count proves nothing.
    EXPECT_EQ(errors_of(play_to_one_incident(write_to_pipe(kUringWriteMuch))),
              Words{"EPIPE io_uring_enter inferred"});
}

/// A reading thread takes the error; the record of another's write, which found it gone, is the first to come.
TEST(FailingCall, ErrorThatAReaderTookWasNotAskedFor) {
    constexpr Person kReadingThread{kClient.tgid, kClient.comm, 4243};
    const Story story = reset_and_taken({}).call_fails(kRead, ECONNRESET, kReadingThread);
    EXPECT_EQ(errors_of(play_to_one_incident(story)), (Words{"EPIPE write", "ECONNRESET read"}));
}

TEST(FailingCall, ErrorAskedForIsInferredOnlyWhereItWouldNotBeSeen) {
    EXPECT_EQ(errors_of(play_to_one_incident(reset_and_taken({}))),
              (Words{"ECONNRESET getsockopt inferred", "EPIPE write"}));
    Hooks hooks;
    hooks.error_asked_seen = true;
    EXPECT_EQ(errors_of(play_to_one_incident(reset_and_taken(hooks))),
              (Words{"ECONNRESET ? inferred", "EPIPE write"}));
}

}  // namespace
}  // namespace pipetrace::testing
