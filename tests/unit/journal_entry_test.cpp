#include "render/journal_entry.h"

#include "sample_incident.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace pipetrace {
namespace {

using Fields = std::multimap<std::string, std::string>;

Fields fields_of(const JournalEntry& entry) {
    Fields fields;
    std::size_t begin = 0;
    for (const std::size_t end : entry.ends) {
        const std::string field = entry.text.substr(begin, end - begin);
        const std::size_t equals = field.find('=');
        fields.emplace(field.substr(0, equals), field.substr(equals + 1));
        begin = end;
    }
    EXPECT_EQ(begin, entry.text.size());
    return fields;
}

std::vector<std::string> values(const Fields& fields, const std::string& name) {
    std::vector<std::string> found;
    const auto [begin, end] = fields.equal_range(name);
    for (auto field = begin; field != end; ++field) found.push_back(field->second);
    return found;
}

std::string value(const Fields& fields, const std::string& name) {
    const auto found = values(fields, name);
    EXPECT_EQ(found.size(), 1U) << name;
    return found.empty() ? "" : found.front();
}

Fields told(const Incident& incident, bool is_correction = false) {
    return fields_of(journal_entry(incident, testing::sample_clocks(), is_correction));
}

TEST(JournalEntry, TellsAnIncidentInOneLineAndInFields) {
    Incident incident = testing::sample_incident();
    incident.process.details.set_cgroup("/system.slice/billing.service");
    const Fields fields = told(incident);
    EXPECT_EQ(value(fields, "SYSLOG_IDENTIFIER"), "pipetrace");
    EXPECT_EQ(value(fields, "MESSAGE_ID"), kIncidentMessageId);
    EXPECT_EQ(value(fields, "PRIORITY"), "4");
    EXPECT_EQ(value(fields, "PIPETRACE_TIME"), "2026-01-02T03:04:05.123456Z");
    EXPECT_EQ(value(fields, "PIPETRACE_CAUSE"), "write_after_peer_close");
    EXPECT_EQ(value(fields, "PIPETRACE_PROCESS"), "python3");
    EXPECT_EQ(value(fields, "PIPETRACE_LOCAL"), "127.0.0.1:50870");
    EXPECT_EQ(value(fields, "PIPETRACE_REMOTE"), "127.0.0.1:2222");
    EXPECT_EQ(value(fields, "PIPETRACE_UNIT"), "billing.service");
    EXPECT_EQ(value(fields, "OBJECT_SYSTEMD_UNIT"), "billing.service");
    EXPECT_EQ(value(fields, "MESSAGE"),
              "python3[4242] sendto(fd 3) = EPIPE, SIGPIPE ignored: write_after_peer_close, certain: " +
                  incident.verdict.summary);
}

TEST(JournalEntry, NamesEachErrnoOnce) {
    Incident incident = testing::sample_incident();
    CallError again = incident.errors.front();
    CallError reset = again;
    reset.error = 104;
    incident.errors = {reset, again, reset};
    EXPECT_EQ(values(told(incident), "PIPETRACE_ERRNO"), (std::vector<std::string>{"ECONNRESET", "EPIPE"}));
}

TEST(JournalEntry, HasNoCommandLine) {
    Incident incident = testing::sample_incident();
    incident.process.details.cmdline = {{"mysql", "--password=hush"}};
    incident.peer->process.details.cmdline = {{"mysql", "--password=hush"}};
    const JournalEntry entry = journal_entry(incident, testing::sample_clocks(), false);
    EXPECT_EQ(entry.text.find("hush"), std::string::npos);
    // journald would add OBJECT_CMDLINE by itself.
    EXPECT_EQ(fields_of(entry).count("OBJECT_PID"), 0U);
}

TEST(JournalEntry, KeepsHostileNamesToTheirOwnFields) {
    Incident incident = testing::sample_incident();
    const std::string name = "x\nPRIORITY=0\x1b[2J\xff";
    incident.process.comm = name;
    const Fields fields = told(incident);
    EXPECT_EQ(value(fields, "PIPETRACE_PROCESS"), name) << "as it is, for who looks for it";
    EXPECT_EQ(value(fields, "PRIORITY"), "4");
    const std::string message = value(fields, "MESSAGE");
    EXPECT_EQ(message.find_first_of("\n\x1b\xff"), std::string::npos);
    EXPECT_TRUE(message.starts_with("x\\x0aPRIORITY=0\\x1b[2J\\xff[4242] ")) << message;
}

TEST(JournalEntry, MarksACorrection) {
    Incident incident = testing::sample_incident();
    incident.revision = 1;
    const Fields fields = told(incident, true);
    EXPECT_TRUE(value(fields, "MESSAGE").starts_with("corrected: python3[4242] "));
    EXPECT_EQ(value(fields, "PIPETRACE_REVISION"), "1");
    EXPECT_EQ(value(fields, "PIPETRACE_ID"), incident.id);
}

TEST(JournalEntry, LeavesOutWhatIsNotKnown) {
    Incident incident = testing::sample_incident();
    incident.process = {};
    incident.peer.reset();
    incident.sigpipe.reset();
    incident.verdict.confidence = Confidence::kUnknown;
    incident.verdict.cause = Cause::kUnknown;
    const Fields fields = told(incident);
    for (const char* name : {"PIPETRACE_PROCESS", "PIPETRACE_PID", "PIPETRACE_UNIT", "OBJECT_SYSTEMD_UNIT",
                             "PIPETRACE_CONTAINER", "PIPETRACE_PEER_PID", "PIPETRACE_SIGPIPE"}) {
        EXPECT_EQ(fields.count(name), 0U) << name;
    }
    EXPECT_NE(value(fields, "MESSAGE").find(": unknown: "), std::string::npos);
}

TEST(JournalEntry, SeverityBecomesPriority) {
    EXPECT_EQ(journal_priority(Severity::kFault), 4);
    EXPECT_EQ(journal_priority(Severity::kWarning), 5);
    EXPECT_EQ(journal_priority(Severity::kBenign), 6);
}

TEST(JournalEntry, CountsWhatGotNoEntry) {
    UntoldIncidents untold;
    const Verdict verdict = testing::sample_incident().verdict;
    Verdict benign;
    benign.cause = Cause::kPipeReaderClosed;
    benign.severity = Severity::kBenign;
    untold.add(benign);
    untold.add(verdict);
    untold.add(verdict);
    const Fields fields = fields_of(untold_entry(untold));
    EXPECT_EQ(value(fields, "MESSAGE"),
              "3 incidents more are told in the recording and in no entry here: 2 write_after_peer_close, "
              "1 pipe_reader_closed");
    EXPECT_EQ(value(fields, "MESSAGE_ID"), kUntoldMessageId);
    EXPECT_EQ(value(fields, "PRIORITY"), "4");
    EXPECT_EQ(value(fields, "PIPETRACE_UNTOLD"), "3");
}

}  // namespace
}  // namespace pipetrace
