// What is written to a recording is read from it.
#include "recording_samples.h"
#include "store/recording_json.h"
#include "store/recording_schema.h"
#include "store/rules_digest.h"

#include <sys/stat.h>

#include <set>

namespace pipetrace {
namespace {

using namespace testing;

RecordingReader open_reader(const std::string& path) {
    auto reader = RecordingReader::open(path);
    if (!reader) throw std::runtime_error(reader.error().what + ": " + reader.error().why);
    return std::move(*reader);
}

void expect_same(const IncidentRow& read, const IncidentRow& written) {
    EXPECT_EQ(read.id, written.id);
    EXPECT_EQ(read.revision, written.revision);
    EXPECT_EQ(read.time, written.time);
    EXPECT_EQ(read.host, written.host);
    EXPECT_EQ(read.role, written.role);
    EXPECT_EQ(read.pid, written.pid);
    EXPECT_EQ(read.comm, written.comm);
    EXPECT_EQ(read.exe, written.exe);
    EXPECT_EQ(read.uid, written.uid);
    EXPECT_EQ(read.cgroup, written.cgroup);
    EXPECT_EQ(read.container, written.container);
    EXPECT_EQ(read.kind, written.kind);
    EXPECT_EQ(read.local, written.local);
    EXPECT_EQ(read.local_port, written.local_port);
    EXPECT_EQ(read.remote, written.remote);
    EXPECT_EQ(read.remote_port, written.remote_port);
    EXPECT_EQ(read.errors, written.errors);
    EXPECT_EQ(read.error_count, written.error_count);
    EXPECT_EQ(read.sigpipe, written.sigpipe);
    EXPECT_EQ(read.rst_received, written.rst_received);
    EXPECT_EQ(read.rst_state, written.rst_state);
    EXPECT_EQ(read.rst_seq, written.rst_seq);
    EXPECT_EQ(read.first_close, written.first_close);
    EXPECT_EQ(read.idle_us, written.idle_us);
    EXPECT_EQ(read.age_us, written.age_us);
    EXPECT_EQ(read.peer_pid, written.peer_pid);
    EXPECT_EQ(read.peer_comm, written.peer_comm);
    EXPECT_EQ(read.peer_action, written.peer_action);
    EXPECT_EQ(read.peer_unread_bytes, written.peer_unread_bytes);
    EXPECT_EQ(read.peer_host, written.peer_host);
    EXPECT_EQ(read.cause, written.cause);
    EXPECT_EQ(read.confidence, written.confidence);
    EXPECT_EQ(read.severity, written.severity);
    EXPECT_EQ(read.summary, written.summary);
    EXPECT_EQ(read.advice, written.advice);
    EXPECT_EQ(read.caused_by, written.caused_by);
    EXPECT_EQ(read.burst, written.burst);
    EXPECT_EQ(read.lost, written.lost);
    EXPECT_EQ(read.first, written.first);
    EXPECT_EQ(read.last, written.last);
}

TEST(Recording, TellsATraceAsItWas) {
    const Folder folder;
    make_recording(folder.file("r.db"));
    const RecordingReader reader = open_reader(folder.file("r.db"));
    const auto traces = reader.traces();
    ASSERT_TRUE(traces);
    ASSERT_EQ(traces->size(), 1U);
    const TraceContext& read = traces->front();
    const TraceContext written = sample_trace();
    EXPECT_EQ(read.host.name, written.host.name);
    EXPECT_EQ(read.host.boot_id, written.host.boot_id);
    EXPECT_EQ(read.host.kernel, written.host.kernel);
    EXPECT_EQ(read.machine, "x86_64");
    EXPECT_EQ(read.pipetrace_version, PIPETRACE_VERSION);
    EXPECT_EQ(read.rules_digest, rules_digest(""));
    EXPECT_EQ(read.rules_digest.size(), 64U);
    EXPECT_EQ(read.abi_version, static_cast<std::uint32_t>(PT_ABI_VERSION));
    EXPECT_EQ(read.ticks_per_second, 250U);
    EXPECT_EQ(read.clocks.wall_minus_ktime_ns, written.clocks.wall_minus_ktime_ns);
    EXPECT_EQ(hooks_to_json(read.hooks), hooks_to_json(written.hooks));
    EXPECT_EQ(read.hooks.observations.at(1).lost, "who closed");
    EXPECT_STREQ(read.syscall_names.find(1), "write");
    EXPECT_STREQ(read.syscall_names.find(44), "sendto");
    EXPECT_EQ(read.syscall_names.find(2), nullptr);
    EXPECT_EQ(settings_to_json(read), settings_to_json(written));
    EXPECT_EQ(read.filter.comms, written.filter.comms);
    EXPECT_EQ(read.errors, ErrorsMode::kInferred);
    EXPECT_EQ(read.started, (WallTime{written.started.ns / 1000 * 1000}));
    EXPECT_EQ(read.ended, (WallTime{written.started.ns / 1000 * 1000 + 1'000'000'000}));
    EXPECT_EQ(read.losses, (std::map<std::string, std::uint64_t>{{"reset_sent", 3}}));
    EXPECT_EQ(read.totals, (TraceTotals{100, 2, 3, 4, 5, 6}));
}

TEST(Recording, TellsIncidentsAsTheyWere) {
    const Folder folder;
    make_recording(folder.file("r.db"));
    const RecordingReader reader = open_reader(folder.file("r.db"));
    const auto rows = rows_of(reader);
    ASSERT_EQ(rows.size(), 2U);
    expect_same(rows[0], sample_row("boot-1"));
    expect_same(rows[1], sample_row("boot-2", kSampleAt + 5'000'000));
    EXPECT_EQ(rows[0].local_port, 50870);
    EXPECT_EQ(rows[0].errors, "EPIPE");
    EXPECT_EQ(rows[0].first, kSampleAt - 1'003'000'000) << "the timeline begins with the peer's close";
}

TEST(Recording, LeavesUnknownUnknown) {
    const Folder folder;
    const auto writer = open_writer(folder.file("r.db"));
    RecordingBatch batch;
    IncidentRow bare;
    bare.id = "boot-3";
    batch.incidents = {bare};
    ASSERT_TRUE(succeeded(writer->write(batch)));
    const auto rows = rows_of(open_reader(folder.file("r.db")));
    ASSERT_EQ(rows.size(), 1U);
    expect_same(rows[0], bare);
}

TEST(Recording, SelectsByTimeIdAndTrace) {
    const Folder folder;
    make_recording(folder.file("r.db"));
    const RecordingReader reader = open_reader(folder.file("r.db"));
    const WallTime second = sample_row("boot-2", kSampleAt + 5'000'000).time;
    IncidentQuery query;
    query.since = second;
    ASSERT_EQ(rows_of(reader, query).size(), 1U);
    EXPECT_EQ(rows_of(reader, query)[0].id, "boot-2");
    query = {};
    query.until = second;
    ASSERT_EQ(rows_of(reader, query).size(), 1U);
    EXPECT_EQ(rows_of(reader, query)[0].id, "boot-1");
    query = {};
    query.id = "boot-2";
    query.with_texts = false;
    ASSERT_EQ(rows_of(reader, query).size(), 1U);
    EXPECT_EQ(rows_of(reader, query)[0].summary, "");
    query = {};
    query.trace_id = 2;
    EXPECT_TRUE(rows_of(reader, query).empty());
    EXPECT_EQ(*reader.count_incidents({}), 2U);
}

TEST(Recording, KeepsTheLastRevisionOfAnIncident) {
    const Folder folder;
    const auto writer = open_writer(folder.file("r.db"));
    RecordingBatch batch;
    for (const std::uint32_t revision : {0U, 2U, 1U}) {
        IncidentRow row = sample_row();
        row.revision = revision;
        row.error_count = 10 + revision;
        batch.incidents = {row};
        ASSERT_TRUE(succeeded(writer->write(batch)));
    }
    const auto rows = rows_of(open_reader(folder.file("r.db")));
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].revision, 2U);
    EXPECT_EQ(rows[0].error_count, 12U);
}

TEST(Recording, FindsSegmentsByTheWallClockOfTheirTime) {
    const Folder folder;
    const auto writer = open_writer(folder.file("r.db"));
    RecordingBatch batch;
    batch.segments = {sample_segment(kSampleAt, 1), sample_segment(kSampleAt + 1'000'000'000, 1)};
    constexpr std::int64_t kDay = 86'400'000'000'000;
    batch.segments[1].clocks.wall_minus_ktime_ns += kDay;  // it was set in between
    ASSERT_TRUE(succeeded(writer->write(batch)));
    const RecordingReader reader = open_reader(folder.file("r.db"));
    const WallTime begin = sample_clocks().wall(kSampleAt);
    const auto records_in = [&](WallTime since, WallTime until) {
        const auto totals = reader.segment_totals({writer->trace_id(), {}, Ktime{INT64_MAX}, since, until});
        return totals ? totals->records : 99;
    };
    EXPECT_EQ(records_in({INT64_MIN}, {INT64_MAX}), 2U);
    EXPECT_EQ(records_in(begin, {begin.ns + kDay}), 1U);
    EXPECT_EQ(records_in({begin.ns + kDay}, {INT64_MAX}), 1U);
    EXPECT_EQ(records_in({begin.ns + 1}, {begin.ns + kDay}), 0U);
}

TEST(Recording, KnowsTheLossesOfATraceThatHasNotEnded) {
    const Folder folder;
    const auto writer = open_writer(folder.file("r.db"));
    RecordingBatch batch;
    batch.segments = {sample_segment(kSampleAt, 1), sample_segment(kSampleAt, 1)};
    batch.segments[0].losses = {{"call_failed", 1}};
    batch.segments[1].losses = {{"call_failed", 7}};
    ASSERT_TRUE(succeeded(writer->write(batch)));
    const auto traces = open_reader(folder.file("r.db")).traces();
    ASSERT_TRUE(traces);
    EXPECT_FALSE(traces->front().ended);
    EXPECT_EQ(traces->front().losses, (LossCounts{{"call_failed", 7}}));
}

TEST(Recording, GivesSegmentsBackInOrder) {
    const Folder folder;
    const auto writer = open_writer(folder.file("r.db"));
    RecordingBatch batch;
    for (std::uint64_t i = 0; i < 5; ++i) {
        batch.segments.push_back(sample_segment(kSampleAt + i * 1'000'000'000, 3));
        batch.segments.back().losses = {{"reset_sent", i + 1}};
    }
    ASSERT_TRUE(succeeded(writer->write(batch)));
    const RecordingReader reader = open_reader(folder.file("r.db"));
    const SegmentRange range{writer->trace_id(), kSampleAt + 1'000'000'000, kSampleAt + 3'000'000'000};
    SegmentCursor cursor(reader, range);
    Segment segment;
    std::vector<std::uint64_t> told;
    for (auto got = cursor.next(segment); got && *got; got = cursor.next(segment)) {
        EXPECT_EQ(segment.records, batch.segments.at(segment.losses.at("reset_sent") - 1).records);
        EXPECT_EQ(segment.looked, segment.last + 12'000'000);
        EXPECT_EQ(segment.clocks.wall_minus_ktime_ns, sample_clocks().wall_minus_ktime_ns);
        EXPECT_TRUE(succeeded(for_each_record(segment, [&](std::span<const std::byte> record) {
            pt_header header;
            std::memcpy(&header, record.data(), sizeof header);
            told.push_back(header.ktime_ns);
        })));
    }
    ASSERT_EQ(told.size(), 9U) << "three segments of three";
    EXPECT_EQ(told.front(), kSampleAt.ns + 1'000'000'000);
    EXPECT_EQ(told.back(), kSampleAt.ns + 3'002'000'000);
    const auto totals = reader.segment_totals(range);
    ASSERT_TRUE(totals);
    EXPECT_EQ(totals->segments, 3U);
    EXPECT_EQ(totals->records, 9U);
    EXPECT_EQ(totals->first, range.from);
    EXPECT_EQ(totals->last, kSampleAt + 3'002'000'000);
}

TEST(Recording, KnowsWhatAProcessWasAtWhichTime) {
    const Folder folder;
    const auto writer = open_writer(folder.file("r.db"));
    RecordingBatch batch;
    batch.processes = {{{7, 1}, Ktime{1000}, details_of("/bin/sh")},
                       {{7, 1}, Ktime{2000}, details_of("/bin/cat", "/lxc.payload.web", {{"cat", "\xff"}})},
                       {{7, 9}, Ktime{500}, details_of("/bin/other")}};
    ASSERT_TRUE(succeeded(writer->write(batch)));
    const RecordingReader reader = open_reader(folder.file("r.db"));
    const auto history = reader.process_history(writer->trace_id(), {7, 1});
    ASSERT_TRUE(history);
    ASSERT_EQ(history->size(), 2U) << "not that of a later process with its number";
    EXPECT_EQ((*history)[0].since, Ktime{1000});
    EXPECT_EQ((*history)[0].details.exe, "/bin/sh");
    EXPECT_EQ((*history)[1].since, Ktime{2000});
    EXPECT_EQ((*history)[0].details.container, std::nullopt);
    EXPECT_EQ((*history)[1].details.container, "web") << "from the path";
    EXPECT_EQ((*history)[1].details.runtime, ContainerRuntime::kLxc);
    EXPECT_EQ((*history)[1].details.cmdline, (std::vector<std::string>{"cat", "\xef\xbf\xbd"}));
    EXPECT_TRUE(reader.process_history(writer->trace_id(), {8, 1})->empty());
}

TEST(Recording, KeepsBytesThatAreNoText) {
    const Folder folder;
    const auto writer = open_writer(folder.file("r.db"));
    RecordingBatch batch;
    IncidentRow row = sample_row();
    row.comm = std::string("\xff\xfe\0x", 4);
    row.exe = "";
    row.summary = "<script>alert(1)</script>'; DROP TABLE incidents; --";
    batch.incidents = {row};
    ASSERT_TRUE(succeeded(writer->write(batch)));
    expect_same(rows_of(open_reader(folder.file("r.db"))).at(0), row);
}

TEST(Recording, AppendsATraceAtEachStart) {
    const Folder folder;
    make_recording(folder.file("r.db"));
    make_recording(folder.file("r.db"));
    const RecordingReader reader = open_reader(folder.file("r.db"));
    ASSERT_EQ(reader.traces()->size(), 2U);
    EXPECT_EQ(rows_of(reader).size(), 4U) << "the same ids in two traces are two incidents";
}

TEST(Recording, IsReadWhileItIsWritten) {
    const Folder folder;
    const auto writer = open_writer(folder.file("r.db"));
    const RecordingReader reader = open_reader(folder.file("r.db"));
    for (std::uint64_t i = 1; i <= 20; ++i) {
        RecordingBatch batch;
        batch.incidents = {sample_row("boot-" + std::to_string(i))};
        ASSERT_TRUE(succeeded(writer->write(batch)));
        EXPECT_EQ(*reader.count_incidents({}), i);
    }
    EXPECT_FALSE(reader.traces()->front().ended);
}

TEST(Recording, LeavesOneFileBehindThatItsOwnerAloneReads) {
    const Folder folder;
    const mode_t before = ::umask(0);
    const auto writer = open_writer(folder.file("r.db"));
    ::umask(before);
    for (const char* suffix : {"", "-wal", "-shm"}) {
        struct stat status {};
        ASSERT_EQ(::stat((folder.file("r.db") + suffix).c_str(), &status), 0) << suffix;
        EXPECT_EQ(status.st_mode & 07777, 0600U) << suffix;
    }
}

TEST(Recording, ClosedIsOneFile) {
    const Folder folder;
    make_recording(folder.file("r.db"));
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
        names.insert(entry.path().filename());
    }
    EXPECT_EQ(names, std::set<std::string>{"r.db"});
    EXPECT_TRUE(RecordingReader::open(folder.file("r.db")));
    EXPECT_TRUE(std::filesystem::is_regular_file(folder.file("r.db")));
    EXPECT_FALSE(std::filesystem::exists(folder.file("r.db-shm"))) << "reading leaves nothing beside it";
}

TEST(Recording, BehindALinkIsWrittenAndReadAsTheFileItself) {
    const Folder folder;
    make_recording(folder.file("r.db"));
    std::filesystem::create_symlink("r.db", folder.file("link.db"));
    const auto writer = open_writer(folder.file("link.db"));
    ASSERT_NE(writer, nullptr);
    RecordingBatch batch;
    batch.incidents = {sample_row("boot-3")};
    ASSERT_TRUE(succeeded(writer->write(batch)));
    ASSERT_TRUE(succeeded(writer->sync()));
    EXPECT_GT(writer->bytes_on_disk(), file_bytes(folder.file("r.db"))) << "its WAL counts";
    EXPECT_EQ(rows_of(open_reader(folder.file("link.db"))).size(), 3U) << "what the WAL holds is read too";
    EXPECT_EQ(open_reader(folder.file("link.db")).path(), folder.file("link.db"));
    const auto refused = RecordingWriter::open(folder.file("link.db"), {}, sample_trace());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().what, "cannot record to " + folder.file("link.db"));
}

TEST(Recording, IsPrivateHoweverItWasFound) {
    const Folder folder;
    make_recording(folder.file("r.db"));
    ASSERT_EQ(::chmod(folder.file("r.db").c_str(), 0666), 0);
    const auto writer = open_writer(folder.file("r.db"));
    struct stat status {};
    ASSERT_EQ(::stat(folder.file("r.db").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600U);
}

TEST(Recording, KnowsThatItWasMovedAndIsWholeThere) {
    const Folder folder;
    auto writer = open_writer(folder.file("r.db"));
    RecordingBatch batch;
    batch.incidents = {sample_row("boot-1")};
    ASSERT_TRUE(succeeded(writer->write(batch)));
    EXPECT_FALSE(writer->is_removed());
    std::filesystem::rename(folder.file("r.db"), folder.file("moved.db"));
    EXPECT_TRUE(writer->is_removed());
    make_recording(folder.file("other.db"));
    std::filesystem::rename(folder.file("other.db"), folder.file("r.db"));
    EXPECT_TRUE(writer->is_removed()) << "another has its name";
    std::filesystem::remove(folder.file("r.db"));
    writer.reset();
    EXPECT_EQ(rows_of(open_reader(folder.file("moved.db"))).size(), 1U);
    make_recording(folder.file("r.db"));
    EXPECT_EQ(rows_of(open_reader(folder.file("r.db"))).size(), 2U) << "nothing of the former's";
}

TEST(Recording, IsNotLookedForBehindADanglingLink) {
    const Folder folder;
    std::filesystem::create_symlink("nothing.db", folder.file("link.db"));
    const auto written = RecordingWriter::open(folder.file("link.db"), {}, sample_trace());
    const auto read = RecordingReader::open(folder.file("link.db"));
    ASSERT_FALSE(written);
    ASSERT_FALSE(read);
    for (const Error& error : {written.error(), read.error()}) {
        EXPECT_EQ(error.why, "it is a link to a file that is not there");
    }
    EXPECT_FALSE(std::filesystem::exists(folder.file("nothing.db")));
}

TEST(Recording, IsRedactedInAllItsTracesOrInNone) {
    const Folder folder;
    for (const bool redacted : {false, true}) {
        const std::string path = folder.file(redacted ? "redacted.db" : "plain.db");
        TraceContext trace = sample_trace();
        trace.redacted = redacted;
        ASSERT_TRUE(RecordingWriter::open(path, {}, trace));
        ASSERT_TRUE(RecordingWriter::open(path, {}, trace)) << "the same again";
        trace.redacted = !redacted;
        const auto refused = RecordingWriter::open(path, {}, trace);
        ASSERT_FALSE(refused) << path;
        EXPECT_NE(refused.error().why.find("redacted"), std::string::npos) << refused.error().why;
        EXPECT_NE(refused.error().remedy.find("-o"), std::string::npos);
        EXPECT_EQ(open_reader(path).traces()->size(), 2U) << "and it is left as it was";
    }
}

}  // namespace
}  // namespace pipetrace
