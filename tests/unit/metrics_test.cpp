// What is counted under which name and label, and that nothing makes more series than there is room for.
#include "export/metrics.h"

#include "export/bounded_counters.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <sstream>
#include <string>

namespace pipetrace {
namespace {

/// Value by name and labels, as they stand in the text; labels of one series can come in any order.
std::map<std::string, double> series_of(const Metrics& metrics) {
    std::map<std::string, double> series;
    std::istringstream text(metrics.exposition());
    for (std::string line; std::getline(text, line);) {
        if (line.empty() || line.front() == '#') continue;
        const std::size_t space = line.rfind(' ');
        series[line.substr(0, space)] = std::stod(line.substr(space + 1));
    }
    return series;
}

double value(const Metrics& metrics, const std::string& name) {
    const auto series = series_of(metrics);
    const auto found = series.find(name);
    return found != series.end() ? found->second : -1;
}

std::string errors(const std::string& name, const std::string& fate) {
    return "pipetrace_errors_total{errno=\"" + name + "\",sigpipe=\"" + fate + "\"}";
}

CallError failed_call(int error, std::uint64_t count, std::uint64_t told_before = 0) {
    CallError call;
    call.error = error;
    call.count = count;
    call.told_before = told_before;
    return call;
}

Incident incident_of(const std::string& comm, Cause cause = Cause::kPeerReset,
                     Severity severity = Severity::kFault) {
    Incident incident;
    incident.process.comm = comm;
    incident.verdict.cause = cause;
    incident.verdict.severity = severity;
    return incident;
}

TEST(Metrics, BeginAtNothingWhatWillBeAskedFor) {
    const Metrics metrics("1.2.3");
    EXPECT_EQ(value(metrics, "pipetrace_build_info{version=\"1.2.3\"}"), 1);
    EXPECT_EQ(value(metrics, "pipetrace_incidents_total{cause=\"unknown\",severity=\"warning\"}"), 0);
    EXPECT_EQ(value(metrics, "pipetrace_incidents_total{cause=\"peer_reset\",severity=\"fault\"}"), 0);
    for (const char* fate : {"none", "suppressed", "ignored", "blocked", "handled", "killed", "unknown"})
        EXPECT_EQ(value(metrics, errors("EPIPE", fate)), 0) << fate;
    EXPECT_EQ(value(metrics, errors("ECONNRESET", "none")), 0);
    EXPECT_EQ(value(metrics, "pipetrace_resets_total{direction=\"sent\",reason=\"NO_SOCKET\"}"), 0);
    EXPECT_EQ(value(metrics, "pipetrace_resets_total{direction=\"received\",reason=\"unknown\"}"), 0);
    EXPECT_EQ(value(metrics, "pipetrace_ready"), 0);
    EXPECT_FALSE(metrics.is_ready());
    EXPECT_GT(value(metrics, "process_resident_memory_bytes"), 1e5);
    EXPECT_GE(value(metrics, "process_open_fds"), 3);
}

TEST(Metrics, CountAnIncidentOnceAndItsCallsAsTheyAreTold) {
    Metrics metrics("1");
    Incident incident = incident_of("web");
    incident.process.details.container = "db1";
    incident.sigpipe = SigpipeFate::kIgnored;
    incident.errors = {failed_call(ECONNRESET, 1), failed_call(EPIPE, 3)};
    metrics.count(incident);
    incident.revision = 1;
    incident.sigpipe = SigpipeFate::kKilled;
    incident.errors = {failed_call(ECONNRESET, 1, 1), failed_call(EPIPE, 10, 3)};
    metrics.count(incident);
    EXPECT_EQ(value(metrics, "pipetrace_incidents_total{cause=\"peer_reset\",severity=\"fault\"}"), 1);
    EXPECT_EQ(value(metrics, "pipetrace_process_incidents_total{container=\"db1\",process=\"web\"}"), 1);
    EXPECT_EQ(value(metrics, errors("ECONNRESET", "none")), 1) << "it raises no signal, whatever EPIPE did";
    EXPECT_EQ(value(metrics, errors("EPIPE", "ignored")), 3) << "as it was then";
    EXPECT_EQ(value(metrics, errors("EPIPE", "killed")), 7);
}

TEST(Metrics, ASignalWithoutAFailedCallIsNoError) {
    Metrics metrics("1");
    Incident incident = incident_of("tar", Cause::kPipeReaderClosed, Severity::kBenign);
    incident.sigpipe = SigpipeFate::kKilled;
    metrics.count(incident);
    EXPECT_EQ(value(metrics, errors("EPIPE", "killed")), 0);
    EXPECT_EQ(value(metrics, "pipetrace_incidents_total{cause=\"pipe_reader_closed\",severity=\"benign\"}"),
              1);
}

TEST(Metrics, WhatIsOnlyCountedCountsAsUnknown) {
    Metrics metrics("1");
    CountedIncident incident;
    incident.process.comm = "web";
    incident.errors = {{EPIPE, 2}};
    incident.sigpipe = SigpipeFate::kIgnored;
    metrics.count(incident);
    incident.is_new = false;
    incident.errors = {{EPIPE, 5}};
    metrics.count(incident);
    EXPECT_EQ(value(metrics, "pipetrace_incidents_total{cause=\"unknown\",severity=\"warning\"}"), 1);
    EXPECT_EQ(value(metrics, "pipetrace_unexamined_incidents_total"), 1);
    EXPECT_EQ(value(metrics, "pipetrace_process_incidents_total{container=\"\",process=\"web\"}"), 1);
    EXPECT_EQ(value(metrics, errors("EPIPE", "ignored")), 7);
}

TEST(Metrics, WhatIsNotKnownIsToldAsNotKnown) {
    Metrics metrics("1");
    Incident incident = incident_of("web");
    incident.process.comm.reset();
    incident.errors = {failed_call(EPIPE, 2)};
    metrics.count(incident);
    EXPECT_EQ(value(metrics, errors("EPIPE", "unknown")), 2);
    EXPECT_EQ(value(metrics, "pipetrace_process_incidents_total{container=\"\",process=\"\"}"), 1);
    EXPECT_EQ(value(metrics, "pipetrace_connection_age_seconds_count"), 0) << "never 0 s for null";
    EXPECT_EQ(value(metrics, "pipetrace_idle_before_reset_seconds_count"), 0);
}

TEST(Metrics, TimesAreThoseOfVictimsConnections) {
    Metrics metrics("1");
    Incident incident = incident_of("web");
    incident.endpoint.age_us = 90'000'000;
    incident.endpoint.idle_us = 61'000'000;
    metrics.count(incident);
    EXPECT_EQ(value(metrics, "pipetrace_connection_age_seconds_sum"), 90);
    EXPECT_EQ(value(metrics, "pipetrace_idle_before_reset_seconds_count"), 0) << "no RST";
    incident.rst.emplace();
    metrics.count(incident);
    EXPECT_EQ(value(metrics, "pipetrace_idle_before_reset_seconds_bucket{le=\"60\"}"), 0);
    EXPECT_EQ(value(metrics, "pipetrace_idle_before_reset_seconds_bucket{le=\"120\"}"), 1);
    incident.rst->received = false;
    incident.role = Role::kOrigin;
    metrics.count(incident);
    incident.role = Role::kVictim;
    incident.endpoint.kind = EndpointKind::kPipe;
    metrics.count(incident);
    EXPECT_EQ(value(metrics, "pipetrace_idle_before_reset_seconds_count"), 1);
    EXPECT_EQ(value(metrics, "pipetrace_connection_age_seconds_count"), 2);
}

TEST(Metrics, FollowTheTracesTotals) {
    Metrics metrics("1");
    HookReport report;
    report.observations = {{"rst_received", "RST received", "tcp_reset", "", ""},
                           {"accepted", "Accepted", "", "everything", "lockdown"}};
    metrics.describe(report, ErrorsMode::kInferred, {"call_failed", "missed tcp_reset"});
    EXPECT_TRUE(metrics.is_ready());
    EXPECT_EQ(value(metrics, "pipetrace_events_lost_total{kind=\"missed tcp_reset\"}"), 0);
    EXPECT_EQ(value(metrics, "pipetrace_hook_attached{hook=\"tcp_reset\",observation=\"rst_received\"}"), 1);
    EXPECT_EQ(value(metrics, "pipetrace_hook_attached{hook=\"\",observation=\"accepted\"}"), 0);
    EXPECT_EQ(value(metrics, "pipetrace_observation_complete{observation=\"accepted\"}"), 0);
    TraceSummary summary;
    summary.received_by_reason.count(kResetTimeWait);
    summary.received_by_reason.count(std::nullopt);
    summary.sent_by_reason.count(kResetTimeWait);
    summary.lost_by_kind = {{"call_failed", 5}, {"never heard of", 2}};
    summary.events = 100;
    for (int again = 0; again < 2; ++again) metrics.publish(summary, {4096, 1000});
    summary.lost_by_kind["call_failed"] = 6;
    summary.received_by_reason.count(kResetTimeWait);
    metrics.publish(summary, {4096, 10});
    EXPECT_EQ(value(metrics, "pipetrace_resets_total{direction=\"received\",reason=\"TCP_TIMEWAIT_SOCKET\"}"),
              2);
    EXPECT_EQ(value(metrics, "pipetrace_resets_total{direction=\"received\",reason=\"unknown\"}"), 1);
    EXPECT_EQ(value(metrics, "pipetrace_resets_total{direction=\"sent\",reason=\"TCP_TIMEWAIT_SOCKET\"}"), 1);
    EXPECT_EQ(value(metrics, "pipetrace_events_lost_total{kind=\"call_failed\"}"), 6);
    EXPECT_EQ(value(metrics, "pipetrace_events_lost_total{kind=\"never heard of\"}"), 2);
    EXPECT_EQ(value(metrics, "pipetrace_records_total"), 100);
    EXPECT_EQ(value(metrics, "pipetrace_ring_used_bytes"), 10);
    EXPECT_EQ(value(metrics, "pipetrace_ring_peak_bytes"), 1000);
}

TEST(Metrics, TellWhatWasForgottenAndHowFullTheKernelsTablesAre) {
    Metrics metrics("1");
    EXPECT_EQ(value(metrics, "pipetrace_evictions_total{table=\"history\"}"), 0);
    TraceSummary summary;
    summary.evicted.of(Table::kHistory) = 7;
    summary.evicted.of(Table::kOtherEnds) = 1;
    for (int again = 0; again < 2; ++again) metrics.publish(summary, {});
    EXPECT_EQ(value(metrics, "pipetrace_evictions_total{table=\"history\"}"), 7);
    EXPECT_EQ(value(metrics, "pipetrace_evictions_total{table=\"other_ends\"}"), 1);
    EXPECT_EQ(value(metrics, "pipetrace_evictions_total{table=\"connections\"}"), 0);
    metrics.publish({{"endpoints", 17, 32768}, {"failing", 0, 8192}});
    metrics.publish({{"endpoints", 18, 32768}, {"failing", 0, 8192}});
    EXPECT_EQ(value(metrics, "pipetrace_kernel_table_entries{table=\"endpoints\"}"), 18);
    EXPECT_EQ(value(metrics, "pipetrace_kernel_table_size{table=\"endpoints\"}"), 32768);
    EXPECT_EQ(value(metrics, "pipetrace_kernel_table_entries{table=\"failing\"}"), 0);
}

TEST(Metrics, HaveABoundWhateverComes) {
    Metrics metrics("1");
    HookReport report;
    for (int i = 0; i < 200; ++i)
        report.observations.push_back({"o" + std::to_string(i), "", "hook", "", ""});
    metrics.describe(report, ErrorsMode::kInferred, {});
    TraceSummary summary;
    for (int i = 0; i < 500; ++i) summary.lost_by_kind["kind " + std::to_string(i)] = 1;
    metrics.publish(summary, {});
    for (int i = 0; i < 500; ++i) metrics.publish({{"table " + std::to_string(i), 1, 1}});
    for (int i = 0; i < 20'000; ++i) {
        Incident incident = incident_of("p" + std::to_string(i % 5000));
        incident.process.details.container = "c" + std::to_string(i % 3);
        incident.errors = {failed_call(i, 1)};
        metrics.count(incident);
    }
    const auto series = series_of(metrics);
    EXPECT_LE(series.size(), Metrics::kSeriesMax);
    const auto sum = [&](const std::string& prefix) {
        double total = 0;
        for (const auto& [name, number] : series) total += name.starts_with(prefix) ? number : 0;
        return total;
    };
    EXPECT_EQ(sum("pipetrace_process_incidents_total"), 20'000) << "under its name or under other";
    EXPECT_EQ(sum("pipetrace_errors_total"), 20'000);
    EXPECT_EQ(sum("pipetrace_events_lost_total"), 500);
    const double named = sum("pipetrace_process_incidents_total{container=\"c");
    EXPECT_GT(named, 0);
    EXPECT_EQ(sum("pipetrace_process_incidents_total{container=\"other\",process=\"other\"}"),
              20'000 - named);
    EXPECT_EQ(sum("pipetrace_events_lost_total{kind=\"other\"}"), 500 - Metrics::kLossKindsMax);
    EXPECT_GT(sum(errors("other", "other")), 19'000);
}

TEST(LabelText, IsValidAndHarmless) {
    EXPECT_EQ(label_text("a\"b\\c"), "a\"b\\c") << "the format escapes those";
    EXPECT_EQ(label_text("a\nb\x1b[31m\r"), "a\\x0ab\\x1b[31m\\x0d");
    EXPECT_EQ(label_text(std::string("nul\0x", 5)), "nul\\x00x");
    EXPECT_EQ(label_text("\xff\xc3z"), "\xef\xbf\xbd\xef\xbf\xbdz") << "as JSON has it";
    EXPECT_EQ(label_text("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
    EXPECT_EQ(label_text("\xc3\xbc\xc3\xbc", 3), "\xc3\xbc") << "cut between characters";
    EXPECT_EQ(label_text(std::string(1000, 'x')).size(), 128U);
}

}  // namespace
}  // namespace pipetrace
