// One failure that brings about another: across processes, pipes and connections.
#include "scenario.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace pipetrace::testing {
namespace {

constexpr Person kSshd{4700, "sshd"};
constexpr Person kSsh{4711, "ssh"};
constexpr Person kTar{4712, "tar"};
constexpr Person kYes{4801, "yes"};
constexpr Person kCat{4802, "cat"};
constexpr Person kSecondCat{4803, "cat"};
constexpr Person kHead{4804, "head"};
constexpr Person kShell{4812, "sh"};
constexpr Person kProxy{4900, "haproxy"};
constexpr int kExit1 = 1 << 8;
constexpr int kExit255 = 255 << 8;
constexpr int kExitBySigterm = (128 + 15) << 8;
constexpr int kDiedOfSigpipe = 13;
constexpr Call kWriteStdout{1, 1, 512};

/// sshd is killed with data unread, so that ssh meets a RST.
Story connection_of_ssh(std::uint64_t exits_after_ms, int status) {
    Story story;
    story.held_by(kSsh).served_by(kSshd).connected().wait_ms(5).sent(200, true);
    story.peer_aborts(kResetAbortOnClose, 100, ClosePath::kClose, 9).reset_received(0x14);
    story.call_fails(kRead, ECONNRESET, kSsh).wait_ms(exits_after_ms).process_exits(status, kSsh);
    return story.destroyed(kSsh);
}

/// sshd is killed with nothing unread; ssh reads the end, says goodbye and exits. The RST that answers comes
/// after it has gone.
Story ssh_that_read_the_end(std::uint8_t signal) {
    Story story;
    story.held_by(kSsh).served_by(kSshd).connected().wait_ms(5).sent(200, true);
    if (signal != 0) {
        story.peer_exited_with_signal(signal);
    } else {
        story.peer_closed();
    }
    story.wait_us(100).sent(60, false).closed_by(kSsh).process_exits(kExit255, kSsh).wait_ms(20);
    return story.peer_kernel_answers(kResetAbortOnData).wait_us(30).reset_received().destroyed();
}

/// The reader is gone after so many ms, and the writer dies of SIGPIPE a little later.
Story pipe_between(std::uint16_t number, Person writer, Person reader, std::uint8_t signal,
                   std::uint64_t ms) {
    Story story;
    story.on_a_pipe().numbered(number).wait_ms(ms).reader_gone(reader, signal, true).wait_us(300);
    return story.write_meets_sigpipe(kWriteStdout, Stance::kDefault, writer)
        .process_exits(kDiedOfSigpipe, writer);
}

Story tar_and_ssh(std::uint64_t exits_after_ms, int status) {
    return connection_of_ssh(exits_after_ms, status)
        .together_with(pipe_between(1, kTar, kSsh, 0, exits_after_ms + 6));
}

Story two_cats() {
    return pipe_between(1, kSecondCat, kHead, 0, 3)
        .together_with(pipe_between(2, kCat, kSecondCat, kDiedOfSigpipe, 5))
        .together_with(pipe_between(3, kYes, kCat, kDiedOfSigpipe, 7));
}

/// haproxy meets a RST from the server, and throws the client's connection away with its request unread.
Story proxied(std::uint32_t unread, std::uint64_t aborts_after_us) {
    Story server;
    server.held_by(kProxy).served_by(kServer).connected().wait_ms(5).sent(100, true);
    server.peer_aborts(kResetAbortOnClose, 50, ClosePath::kClose, 9).reset_received(0x14);
    server.call_fails(kRead, ECONNRESET, kProxy).destroyed(kProxy);
    Story client;
    client.numbered(1).served_by(kProxy).connected().wait_ms(5).sent(100, true).wait_us(aborts_after_us);
    if (unread > 0) {
        client.peer_aborts(kResetAbortOnClose, unread, ClosePath::kClose).reset_received(0x14);
    } else {
        client.peer_closed().wait_us(50).sent(5, false).peer_kernel_answers(kResetTimeWait).reset_received();
    }
    client.call_fails(kSendto, unread > 0 ? ECONNRESET : EPIPE).destroyed(kClient);
    return server.together_with(client);
}

const auto tar_ssh = scenario("chain_tar_ssh", {Cause::kPeerProcessDied, Cause::kPipeReaderClosed},
                              [] { return tar_and_ssh(2, kExit255).wait_ms(300); });
const auto pipeline =
    scenario("chain_of_pipes", {Cause::kPipeReaderClosed, Cause::kPipeReaderDied, Cause::kPipeReaderDied},
             [] { return two_cats().wait_ms(300); });
const auto proxy = scenario("chain_through_a_proxy", {Cause::kPeerProcessDied, Cause::kPeerClosedUnreadData},
                            [] { return proxied(100, 80).wait_ms(300); });

const Told* told_of(const std::vector<Told>& printed, const Person& victim) {
    for (const Told& told : printed) {
        if (told.incident.process.tgid == victim.tgid) return &told;
    }
    return nullptr;
}

/// Whether the effect names the cause; both must have been told, the cause first.
bool is_linked(const Story& story, const Person& effect, const Person& cause) {
    const std::vector<Told> printed = play(story);
    const Told* later = told_of(printed, effect);
    const Told* earlier = told_of(printed, cause);
    if (later == nullptr || earlier == nullptr) {
        ADD_FAILURE() << "one of the incidents is missing";
        return false;
    }
    if (!later->incident.caused_by) return false;
    EXPECT_LT(earlier, later);
    EXPECT_EQ(later->json["caused_by"], earlier->json["id"]);
    return later->incident.caused_by == earlier->incident.id;
}

TEST(Chain, TarPointsToSshAndItsSummaryTellsTheRoot) {
    const std::vector<Told> printed = play(tar_ssh());
    ASSERT_EQ(printed.size(), 2U);
    EXPECT_TRUE(printed[0].json["caused_by"].is_null());
    EXPECT_EQ(printed[1].json["caused_by"], printed[0].json["id"]);
    const std::string& summary = printed[1].incident.verdict.summary;
    EXPECT_NE(summary.find("had met a failure of its own and ended"), std::string::npos) << summary;
    EXPECT_NE(summary.find(" It began with ssh[4711]: sshd[4700] was killed by SIGKILL."), std::string::npos)
        << summary;
}

TEST(Chain, BeginsWithTheEndOfAKilledPeerThoughItsRstCameLater) {
    const Story pipe = pipe_between(1, kTar, kSsh, 0, 6);
    EXPECT_TRUE(is_linked(ssh_that_read_the_end(9).together_with(pipe).wait_ms(300), kTar, kSsh));
    // What sshd closes in order may have been asked for.
    EXPECT_FALSE(is_linked(ssh_that_read_the_end(0).together_with(pipe).wait_ms(300), kTar, kSsh));
}

TEST(Chain, OfAReaderThatSigpipeKilledAdvisesToLookAtWhatItMet) {
    const std::vector<Told> printed =
        play(pipe_between(1, kSecondCat, kHead, 9, 3)
                 .together_with(pipe_between(2, kCat, kSecondCat, kDiedOfSigpipe, 5))
                 .wait_ms(300));
    ASSERT_EQ(printed.size(), 2U);
    EXPECT_EQ(printed[0].incident.verdict.advice.find("Find out what killed head[4804] ("), 0U);
    EXPECT_EQ(printed[1].incident.verdict.advice, "Look at what cat[4803] met; this pipe only passed it on.");
}

TEST(Chain, EveryLinkNamesTheNextAndTheSameRoot) {
    const std::vector<Told> printed = play(pipeline());
    ASSERT_EQ(printed.size(), 3U);
    for (std::size_t i = 0; i < printed.size(); ++i) {
        const Incident& incident = printed[i].incident;
        EXPECT_EQ(incident.verdict.severity, Severity::kBenign) << "a pipeline that ends as it should";
        if (i == 0) continue;
        EXPECT_EQ(incident.caused_by, printed[i - 1].incident.id);
        EXPECT_EQ(incident.root, printed[0].incident.id);
        EXPECT_NE(incident.verdict.summary.find("It began with cat[4803]: head[4804] had closed its pipe."),
                  std::string::npos)
            << incident.verdict.summary;
    }
}

TEST(Chain, ReaderThatWasKilledForItselfIsTheRoot) {
    Story story = pipe_between(1, kCat, kHead, 9, 3);
    story.together_with(pipe_between(2, kYes, kCat, kDiedOfSigpipe, 5));
    EXPECT_TRUE(is_linked(story, kYes, kCat));
    for (const Told& told : play(story)) EXPECT_EQ(told.incident.verdict.severity, Severity::kFault);
}

/// The cause is not due yet (the record of its process's exit was lost) when what it led to is: it is told
/// early, and before it.
TEST(Chain, CauseIsToldBeforeWhatItLedTo) {
    Story cat;
    cat.on_a_pipe().numbered(1).wait_ms(3).reader_gone(kHead, 0, true).wait_us(300);
    cat.write_meets_sigpipe(kWriteStdout, Stance::kDefault, kCat);
    const Story story = cat.together_with(pipe_between(2, kYes, kCat, kDiedOfSigpipe, 4)).wait_ms(100);
    EXPECT_TRUE(is_linked(story, kYes, kCat));
    EXPECT_EQ(play(story).size(), 2U);
}

TEST(Chain, EndThatTheFailureDidNotCauseIsNoLink) {
    EXPECT_TRUE(is_linked(tar_and_ssh(900, kExit255), kTar, kSsh));
    EXPECT_FALSE(is_linked(tar_and_ssh(1500, kExit255), kTar, kSsh)) << "long after the error";
    EXPECT_TRUE(is_linked(tar_and_ssh(100, 0), kTar, kSsh));
    EXPECT_FALSE(is_linked(tar_and_ssh(400, 0), kTar, kSsh)) << "its status says that all went well";
    EXPECT_FALSE(is_linked(tar_and_ssh(2, kExitBySigterm), kTar, kSsh)) << "it was told to end";
    for (const std::uint8_t signal : std::initializer_list<std::uint8_t>{9, 15}) {
        Story story = connection_of_ssh(2, signal);
        EXPECT_FALSE(is_linked(story.together_with(pipe_between(1, kTar, kSsh, signal, 8)), kTar, kSsh));
    }
}

/// Go raises SIGPIPE again for itself; the kernel's own was handled.
TEST(Chain, SigpipeRaisedAgainAfterEpipeIsALink) {
    Story go;
    go.on_a_pipe().numbered(1).wait_ms(3).reader_gone(kHead, 0, true).wait_us(300);
    go.write_meets_sigpipe(kWriteStdout, Stance::kHandled, kCat).process_exits(kDiedOfSigpipe, kCat);
    EXPECT_TRUE(is_linked(go.together_with(pipe_between(2, kYes, kCat, kDiedOfSigpipe, 5)), kYes, kCat));
}

/// `tar cz | head`: tar writes to a shell that waits for gzip, and gzip it is that head leaves.
Story tar_sh_gzip(std::uint8_t status) {
    constexpr Person kGzip{4813, "gzip", 0, kShell.tgid};
    Story tar;
    tar.on_a_pipe().numbered(2).wait_ms(5).reader_gone(kShell, 0, true).with_exit_status(status).wait_us(300);
    tar.write_meets_sigpipe(kWriteStdout, Stance::kDefault, kTar).process_exits(kDiedOfSigpipe, kTar);
    return pipe_between(1, kGzip, kHead, 0, 3).together_with(tar);
}

TEST(Chain, ShellPassesOnThatSigpipeKilledWhatItWaitedFor) {
    constexpr std::uint8_t kBySigpipe = 128 + 13;
    const std::vector<Told> printed = play(tar_sh_gzip(kBySigpipe));
    ASSERT_EQ(printed.size(), 2U);
    EXPECT_EQ(printed[1].json["caused_by"], printed[0].json["id"]);
    EXPECT_EQ(printed[1].json["peer"]["comm"], "sh");
    EXPECT_EQ(printed[1].incident.verdict.severity, Severity::kBenign);
    const std::string& summary = printed[1].incident.verdict.summary;
    EXPECT_NE(summary.find("sh[4812], the pipe's last reader, had ended as a program that it waited for did"),
              std::string::npos)
        << summary;
    EXPECT_NE(summary.find(" It began with gzip[4813]: head[4804] had closed its pipe."), std::string::npos)
        << summary;
    for (const Told& told : play(tar_sh_gzip(1))) EXPECT_FALSE(told.incident.caused_by);
}

/// Two write to one pipe that nobody reads, and one of them once more, shortly before the first exits.
Story two_on_one_pipe(const Person& fails_again) {
    Story story;
    story.on_a_pipe().numbered(1).wait_ms(3).reader_gone(kHead, 0, true).wait_us(300);
    story.write_meets_sigpipe(kWriteStdout, Stance::kIgnored, kCat);
    story.write_meets_sigpipe(kWriteStdout, Stance::kIgnored, kSecondCat).wait_ms(1500);
    story.write_meets_sigpipe(kWriteStdout, Stance::kIgnored, fails_again).counts_flushed();
    story.wait_ms(2).process_exits(kExit1, kCat);
    return story.together_with(pipe_between(2, kYes, kCat, 0, 1510)).wait_ms(300);
}

TEST(Chain, AProcessDoesNotEndForAnothersFailures) {
    EXPECT_TRUE(is_linked(two_on_one_pipe(kCat), kYes, kCat));
    EXPECT_FALSE(is_linked(two_on_one_pipe(kSecondCat), kYes, kCat));
}

/// It handles what it meets and lives on: its end has another reason.
TEST(Chain, ProcessThatSurvivesItsFailuresIsNoLink) {
    Story story;
    for (std::uint16_t number = 10; number < 16; ++number) {
        Story lost;
        lost.numbered(number).held_by(kSsh).connected().wait_ms(number);
        lost.peer_aborts(kResetState, 0, ClosePath::kLingerZero).reset_received(0x14);
        story.together_with(lost.call_fails(kRead, ECONNRESET, kSsh).destroyed(kSsh));
    }
    story.wait_ms(3000).process_exits(kExit1, kSsh);
    Story last;
    last.numbered(20).held_by(kSsh).connected().wait_ms(3010).peer_aborts(kResetState, 0,
                                                                          ClosePath::kLingerZero);
    last.reset_received(0x14).call_fails(kRead, ECONNRESET, kSsh).destroyed(kSsh);
    story.together_with(last).together_with(pipe_between(1, kTar, kSsh, 0, 3020));
    const std::vector<Told> printed = play(story);
    ASSERT_NE(told_of(printed, kTar), nullptr);
    EXPECT_FALSE(told_of(printed, kTar)->incident.caused_by);
}

TEST(Chain, ProxyThatAbortsAtOnceIsALinkAndOneThatClosesIsNot) {
    EXPECT_TRUE(is_linked(proxy(), kClient, kProxy));
    EXPECT_FALSE(is_linked(proxied(100, 20'000), kClient, kProxy)) << "too late to be for its sake";
    EXPECT_FALSE(is_linked(proxied(0, 80), kClient, kProxy)) << "closing in order is its own decision";
    const std::vector<Told> printed = play(proxied(100, 80).wait_ms(300));
    const Told* client = told_of(printed, kClient);
    ASSERT_NE(client, nullptr);
    EXPECT_EQ(client->incident.verdict.advice,
              "Look at what haproxy[4900] met; this connection only passed it on.");
}

/// `ssh -o ProxyCommand=nc`: poll() tells nc that it is over, and it ends without having read the error.
TEST(Chain, AKilledPeerEndsEvenWhoReadsNoError) {
    for (const std::uint8_t signal : std::initializer_list<std::uint8_t>{9, 0}) {
        Story nc;
        nc.held_by(kCat).served_by(kSshd).connected().wait_ms(5).sent(200, true);
        nc.peer_aborts(kResetAbortOnClose, 100, ClosePath::kClose, signal).reset_received(0x14).wait_us(100);
        nc.destroyed(kCat).wait_us(50).process_exits(0, kCat);
        const Story story = nc.together_with(pipe_between(1, kTar, kCat, 0, 6)).wait_ms(300);
        EXPECT_EQ(is_linked(story, kTar, kCat), signal == 9);
    }
}

/// curl had closed its connection because its output lost its reader.
TEST(Chain, AConnectionIsClosedForTheOutputThatBroke) {
    Story curl;
    curl.on_a_pipe().numbered(1).wait_ms(3).reader_gone(kHead, 0, true).wait_us(300);
    curl.write_meets_sigpipe(kWriteStdout, Stance::kIgnored, kCat);
    Story server;
    server.numbered(2).served_by(kCat).connected().wait_us(3500).peer_closed().wait_us(50).sent(5, false);
    server.peer_kernel_answers(kResetTimeWait).reset_received().call_fails(kSendto, EPIPE).destroyed(kClient);
    EXPECT_TRUE(is_linked(curl.together_with(server).wait_ms(1500), kClient, kCat));
}

TEST(Chain, TwoEndsOfOneConnectionAreNoLink) {
    Story story;
    story.connected().peer_shut_down().wait_ms(1).sent(5, false).peer_kernel_answers(kResetTimeWait);
    story.reset_received().write_meets_sigpipe(kSendto, Stance::kDefault).process_exits(kDiedOfSigpipe);
    for (const Told& told : play(story.destroyed(kClient))) EXPECT_FALSE(told.incident.caused_by);
}

}  // namespace
}  // namespace pipetrace::testing
