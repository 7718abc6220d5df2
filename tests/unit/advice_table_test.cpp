// Which rows an incident calls for, and how they are worded.
#include "advise/advice_table.h"

#include "advise/advice_file.h"
#include "advise/advice_text.h"
#include "advise/name_pattern.h"
#include "sample_incident.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

namespace pipetrace::testing {
namespace {

/// A row for the sample's process with these further lines.
std::string row(const std::string& lines, const std::string& id = "a",
                const std::string& program = "program = \"python3\"") {
    return "[[advice]]\nid = \"" + id + "\"\n" + program + "\ncause = \"write_after_peer_close\"\n" + lines +
           "\nlook_at = \"Knob-" + id + "\"\nsay = \"because " + id + "\"\n";
}

AdviceTable table_of(const std::string& text) {
    auto rows = parse_advice("f.toml", text);
    if (!rows) ADD_FAILURE() << rows.error().what << ": " << rows.error().why;
    return AdviceTable(rows ? std::move(*rows) : std::vector<AdviceRow>{}, "");
}

/// What is added to the sample's advice. A row of one's own goes before those shipped.
std::string added(const AdviceTable& table, Incident incident = sample_incident()) {
    incident.verdict.advice = "Base.";
    table.advise(incident);
    EXPECT_TRUE(incident.verdict.advice.starts_with("Base.")) << incident.verdict.advice;
    return incident.verdict.advice.substr(5);
}
std::string added(const std::string& text, Incident incident = sample_incident()) {
    return added(table_of(text), std::move(incident));
}

bool fires(const std::string& lines, Incident incident = sample_incident()) {
    return added(row(lines), std::move(incident)).find("because a") != std::string::npos;
}

TEST(AdviceTable, NamesTheProgramTheKnobAndTheReason) {
    EXPECT_EQ(added("[[advice]]\nid = \"a\"\nprogram = \"python3\"\ncause = \"write_after_peer_close\"\n"
                    "look_at = [\"A\", \"B\", \"C\"]\nsay = \"it was idle for {idle}\"\n"),
              " python3: look at `A`, `B` and `C`: it was idle for 1.001 s.");
}

TEST(AdviceTable, TellsOfThePeerNoSurerThanItIsKnown) {
    const std::string peer = row("title = \"Thing\"", "a", "peer = \"python3\"\npeer_port = 2222");
    EXPECT_EQ(added(peer), " Thing at the other end: look at its `Knob-a`: because a.");
    Incident unseen = sample_incident();
    unseen.peer.reset();
    EXPECT_EQ(added(peer, unseen),
              " If the other end, on port 2222, is Thing: look at its `Knob-a`: because a.");
    unseen.endpoint.remote = "[::1]:2223";
    EXPECT_EQ(added(peer, unseen), "");
    // It is seen, and is another program: its port says nothing.
    Incident another = sample_incident();
    another.peer->process.comm = "nc";
    EXPECT_EQ(added(peer, another), "");
}

TEST(AdviceTable, KnowsAProgramByItsNameOrItsFile) {
    Incident incident = sample_incident();
    EXPECT_TRUE(fires("", incident));
    incident.process.comm = "worker";
    EXPECT_FALSE(fires("", incident));
    incident.process.details.exe = "/usr/bin/python3";
    EXPECT_TRUE(fires("", incident));
    incident.process.details.exe = "/usr/bin/python3 (deleted)";
    EXPECT_TRUE(fires("", incident));
    incident.process.details.exe = "/python3/bin/x";
    EXPECT_FALSE(fires("", incident));
    incident.process = {};
    EXPECT_FALSE(fires("", incident));
}

TEST(AdviceTable, AsksForEachFact) {
    Incident incident = sample_incident();
    incident.facts.passive = true;
    incident.peer->killed_by_signal = 9;
    incident.peer->unread_bytes = 7;
    incident.endpoint.retransmits = 3;
    incident.facts.peer_closure.at = kSampleAt;
    const std::pair<const char*, const char*> holding_and_not[] = {
        {"side = \"server\"", "side = \"client\""},
        {"state = \"CLOSE_WAIT\"", "state = \"ESTABLISHED\""},
        {"errno = \"EPIPE\"", "errno = \"ECONNRESET\""},
        {"syscall = \"sendto\"", "syscall = \"write\""},
        {"thread = \"pyth*\"", "thread = \"main\""},
        {"sigpipe = \"ignored\"", "sigpipe = \"killed\""},
        {"first_close = \"peer\"", "first_close = \"local\""},
        {"peer_action = \"close\"", "peer_action = \"exit\""},
        {"signal = \"SIGKILL\"", "signal = \"SIGSEGV\""},
        {"oom = \"no\"", "oom = \"yes\""},
        {"kind = \"tcp\"", "kind = [\"unix\", \"pipe\"]"},
        {"severity = \"fault\"", "severity = \"benign\""},
        {"confidence = \"certain\"", "confidence = \"likely\""},
        {"role = \"victim\"", "role = \"origin\""},
        {"caused = \"no\"", "caused = \"yes\""},
        {"remote = \"127.0.0.1:*\"", "remote = \"/run/*\""},
        {"idle_min = \"1001ms\"", "idle_min = \"1002ms\""},
        {"idle_max = \"1001ms\"", "idle_max = \"1s\""},
        {"age_min = \"1s\"", "age_max = \"1s\""},
        {"sent_min = 10", "sent_max = 9"},
        {"acked_max = 5", "acked_min = 6"},
        {"unacked_min = 5", "unacked_max = 4"},
        {"received_max = 0", "received_min = 1"},
        {"unread_min = 7", "unread_max = 6"},
        {"retransmits_min = 3", "retransmits_max = 2"},
        {"remote_port_min = 2222", "remote_port_max = 2221"},
        {"local_port_max = 50870", "local_port_min = 50871"},
    };
    for (const auto& [holding, failing] : holding_and_not) {
        EXPECT_TRUE(fires(holding, incident)) << holding;
        EXPECT_FALSE(fires(failing, incident)) << failing;
    }
}

TEST(AdviceTable, AFactThatIsNotKnownIsNotMet) {
    Incident incident = sample_incident();
    incident.endpoint.idle_us.reset();
    EXPECT_FALSE(fires("idle_min = \"0s\"", incident));
    EXPECT_FALSE(fires("idle_max = \"9d\"", incident));
    incident.peer.reset();
    EXPECT_FALSE(fires("peer_action = [\"close\", \"shutdown\", \"exit\", \"killed\", \"abort\", \"none\"]",
                       incident));
    EXPECT_FALSE(fires("oom = [\"yes\", \"no\"]", incident));
    // Opened before the trace: who opened it is not known.
    incident.facts.was_connected = true;
    incident.facts.older_than_trace = true;
    EXPECT_FALSE(fires("side = [\"client\", \"server\"]", incident));
}

TEST(AdviceTable, IsSilentOfWhatIsNoFailureOfItsOwn) {
    Incident incident = sample_incident();
    incident.verdict.severity = Severity::kBenign;
    EXPECT_FALSE(fires("", incident));
    EXPECT_TRUE(fires("severity = [\"benign\", \"fault\"]", incident));
    incident = sample_incident();
    incident.caused_by = "boot-0";
    EXPECT_FALSE(fires("", incident));
    EXPECT_TRUE(fires("caused = \"yes\"", incident));
    incident = sample_incident();
    incident.role = Role::kOrigin;
    EXPECT_FALSE(fires("", incident));
    EXPECT_TRUE(fires("role = \"origin\"", incident));
    incident = sample_incident();
    incident.verdict.cause = Cause::kCloseRace;
    EXPECT_FALSE(fires("", incident));
}

TEST(AdviceTable, TheRowThatAsksForMostIsTold) {
    const std::string general = row("", "general");
    const std::string special = row("side = \"server\"\nidle_min = \"1s\"", "special");
    const std::string one = row("idle_min = \"1s\"", "one");
    Incident incident = sample_incident();
    incident.facts.passive = true;
    EXPECT_EQ(added(general + special + one, incident), " python3: look at `Knob-special`: because special.");
    EXPECT_EQ(added(special + one + general, incident), " python3: look at `Knob-special`: because special.");
    // Of two alike the first.
    EXPECT_EQ(added(one + row("age_min = \"1s\"", "two"), incident),
              " python3: look at `Knob-one`: because one.");
}

TEST(AdviceTable, OneForEachEndAtMost) {
    const std::string both =
        row("", "a") + row("", "b") + row("", "c", "peer = \"python3\"") + row("", "d", "peer = \"python3\"");
    EXPECT_EQ(
        added(both),
        " python3: look at `Knob-a`: because a. python3 at the other end: look at its `Knob-c`: because c.");
}

TEST(AdviceTable, ARowOfOnesOwnStandsInForAShippedOne) {
    Incident incident = sample_incident();
    incident.process.comm = "ssh";
    incident.verdict.cause = Cause::kIdleConnectionReset;
    const std::string shipped = added(AdviceTable(), incident);
    EXPECT_NE(shipped.find("`ServerAliveInterval`"), std::string::npos) << shipped;
    // It asks for what is not so: nothing is left.
    const AdviceTable quietened = table_of(
        "[[advice]]\nid = \"ssh-idle\"\nprogram = \"ssh\"\ncause = \"unknown\"\nlook_at = \"x\"\nsay = "
        "\"y\"\n");
    EXPECT_EQ(added(quietened, incident), "");
}

TEST(AdviceTable, DigestsTellTextsApart) {
    EXPECT_EQ(AdviceTable().digest(), "");
    const std::string one = advice_digest("", "a");
    EXPECT_NE(one, "");
    EXPECT_EQ(one, advice_digest("", "a"));
    EXPECT_NE(one, advice_digest("", "b"));
    EXPECT_NE(one, advice_digest(one, ""));
    EXPECT_NE(advice_digest(one, "b"), advice_digest(advice_digest("", "b"), "a"));
}

TEST(AdviceText, LeavesOutWhatIsNotKnown) {
    Incident incident = sample_incident();
    EXPECT_EQ(fill_template("a[ for {idle}] b", incident), "a for 1.001 s b");
    EXPECT_EQ(fill_template("a[ of {unread}, {idle}] b", incident), "a b");
    EXPECT_EQ(fill_template("a {unread} b", incident), std::nullopt);
    EXPECT_EQ(fill_template("{{x}} [[y]] {sent}", incident), "{x} [y] 10 B");
    EXPECT_EQ(fill_template("{process} {peer} {errno} {syscall} {thread} {local} {remote}", incident),
              "python3[4242] python3[4240] EPIPE sendto python3 127.0.0.1:50870 127.0.0.1:2222");
    incident.peer.reset();
    EXPECT_EQ(fill_template("{peer}", incident), "127.0.0.1:2222");
}

TEST(NamePattern, MatchesAsAShell) {
    for (const auto& [name, pattern] : {std::pair{"sshd", "sshd*"},
                                        {"sshd-session", "sshd*"},
                                        {"", "*"},
                                        {"abc", "a?c"},
                                        {"abab", "*ab"},
                                        {"http-ni..exec-1", "http-ni*"},
                                        {"a*b", "a*b"}}) {
        EXPECT_TRUE(matches_pattern(name, pattern)) << name << " " << pattern;
    }
    for (const auto& [name, pattern] : {std::pair{"ssh", "sshd*"},
                                        {"ssh", "SSH"},
                                        {"", "?"},
                                        {"abc", "a?"},
                                        {"ab", "ab?"},
                                        {"xsshd", "sshd*"}}) {
        EXPECT_FALSE(matches_pattern(name, pattern)) << name << " " << pattern;
    }
    EXPECT_FALSE(matches_pattern(std::string(15, 'a'), "*a*a*a*a*a*a*a*a*b"));
}

}  // namespace
}  // namespace pipetrace::testing
