// A recording's values, each with something of its own in every field, and a folder of its own for files.
#pragma once

#include "pipetrace_abi.h"
#include "sample_incident.h"
#include "store/recording_reader.h"
#include "store/recording_writer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

namespace pipetrace::testing {

/// Removed with what is in it.
class Folder {
public:
    Folder() {
        std::string shape = ::testing::TempDir() + "recording_XXXXXX";
        if (::mkdtemp(shape.data()) != nullptr) path_ = shape;
        EXPECT_FALSE(path_.empty());
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() {
        std::error_code ignored;
        std::filesystem::permissions(path_, std::filesystem::perms::owner_all, ignored);
        std::filesystem::remove_all(path_, ignored);
    }
    std::string file(const std::string& name) const { return path_ + "/" + name; }
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

inline TraceContext sample_trace() {
    TraceContext trace;
    trace.host = {"web-1", "0b3c1f5a-2d4e-4f60-8a72-94b6c8d0e1f2", "6.12.0-test"};
    trace.machine = "x86_64";
    trace.ticks_per_second = 250;
    trace.clocks = sample_clocks();
    trace.hooks.mode = Mode::kFull;
    trace.hooks.kernel = "6.12.0-test";
    trace.hooks.hook_count = 17;
    trace.hooks.observations = {{"rst_received", "RST received", "fentry tcp_reset", "", ""},
                                {"unix_closed", "unix socket closed", "", "who closed", "no such hook"}};
    trace.syscall_names.add(1, "write");
    trace.syscall_names.add(44, "sendto");
    trace.filter.comms = {"nginx", "a \"quoted\" name"};
    trace.filter.ports = {80, 443};
    trace.filter.kinds = {EndpointKind::kTcp};
    trace.filter.causes = {Cause::kPeerReset, Cause::kUnknown};
    trace.filter.severities = {Severity::kFault};
    trace.filter.errnos = {32};
    trace.filter.include_origin = true;
    trace.errors = ErrorsMode::kInferred;
    trace.idle_after_seconds = 60;
    trace.started = trace.clocks.wall(kSampleAt);
    return trace;
}

/// `count` records of `size` bytes each, a millisecond apart.
inline Segment sample_segment(Ktime first, std::uint32_t count,
                              std::size_t size = sizeof(pt_process_exited)) {
    Segment segment;
    segment.first = first;
    segment.last = first + (count - 1) * std::uint64_t{1'000'000};
    segment.looked = segment.last + 12'000'000;
    segment.record_count = count;
    segment.clocks = sample_clocks();
    for (std::uint32_t i = 0; i < count; ++i) {
        std::vector<std::byte> record(size, std::byte{0});
        pt_header header;
        std::memset(&header, 0, sizeof header);
        header.kind = PT_PROCESS_EXITED;
        header.size = static_cast<__u16>(size);
        header.ktime_ns = first.ns + i * std::uint64_t{1'000'000};
        std::memcpy(record.data(), &header, sizeof header);
        segment.records.insert(segment.records.end(), record.begin(), record.end());
    }
    return segment;
}

inline IncidentRow sample_row(const std::string& id = "boot-1", Ktime at = kSampleAt) {
    Incident incident = sample_incident();
    incident.id = id;
    const std::uint64_t moved_ns = at.ns - incident.at.ns;
    incident.at = at;
    for (TimelineEntry& entry : incident.timeline) entry.at = entry.at + moved_ns;
    return incident_row_of(incident, sample_trace().host, sample_clocks(), 0);
}

inline std::unique_ptr<RecordingWriter> open_writer(const std::string& path, RecordingLimits limits = {}) {
    auto writer = RecordingWriter::open(path, limits, sample_trace());
    EXPECT_TRUE(writer) << writer.error().what << ": " << writer.error().why;
    return writer ? std::move(*writer) : nullptr;
}

/// Tells what went wrong where a test expects nothing to.
inline ::testing::AssertionResult succeeded(const Status& status) {
    if (status) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << status.error().what << ": " << status.error().why;
}

inline std::vector<IncidentRow> rows_of(const RecordingReader& reader, const IncidentQuery& query = {}) {
    std::vector<IncidentRow> rows;
    EXPECT_TRUE(succeeded(reader.scan_incidents(query, [&](const IncidentRow& row) {
        rows.push_back(row);
        return true;
    })));
    return rows;
}

inline ProcessDetails details_of(const char* exe, std::optional<std::string> cgroup = {},
                                 std::optional<std::vector<std::string>> cmdline = {}) {
    ProcessDetails details;
    details.exe = exe;
    details.set_cgroup(std::move(cgroup));
    details.cmdline = std::move(cmdline);
    return details;
}

/// A closed recording of one trace: a segment of ten records, two incidents, a process.
inline void make_recording(const std::string& path) {
    const auto writer = open_writer(path);
    ASSERT_NE(writer, nullptr);
    RecordingBatch batch;
    batch.segments = {sample_segment(kSampleAt, 10)};
    batch.incidents = {sample_row("boot-1"), sample_row("boot-2", kSampleAt + 5'000'000)};
    batch.processes = {
        {{4242, 7}, kSampleAt, details_of("/usr/bin/python3", "/user.slice", {{"python3", "-c", "x"}})}};
    ASSERT_TRUE(succeeded(writer->write(batch)));
    ASSERT_TRUE(succeeded(writer->close(sample_clocks().wall(kSampleAt + 1'000'000'000), {{"reset_sent", 3}},
                                        TraceTotals{100, 2, 3, 4, 5, 6})));
}

}  // namespace pipetrace::testing
