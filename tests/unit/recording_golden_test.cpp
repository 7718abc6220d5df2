// A recording of the first format stays readable: tests/golden/recording_1_0.db holds five provokers'
// failures, recorded with --redact on a 6.18 kernel in tracepoint mode, in records of layout 8.
#include "decode/decoder.h"
#include "recording_samples.h"

#include <map>

namespace pipetrace {
namespace {

using namespace testing;

TEST(RecordingGolden, TheFirstFormatIsStillRead) {
    const auto reader = RecordingReader::open(PIPETRACE_GOLDEN "/recording_1_0.db");
    ASSERT_TRUE(reader) << reader.error().why;
    const auto traces = reader->traces();
    ASSERT_TRUE(traces) << traces.error().why;
    ASSERT_EQ(traces->size(), 1U);
    const TraceContext& trace = traces->front();
    EXPECT_EQ(trace.abi_version, 8U);
    EXPECT_EQ(trace.machine, "x86_64");
    EXPECT_EQ(trace.hooks.mode, Mode::kTracepoint);
    EXPECT_TRUE(trace.redacted);
    EXPECT_TRUE(trace.ended);
    EXPECT_STREQ(trace.syscall_names.find(44), "sendto");
    std::map<Cause, std::string> told;
    for (const IncidentRow& row : rows_of(*reader)) {
        if (row.comm == "victim") told[row.cause] = row.errors;
        EXPECT_FALSE(row.exe);
    }
    EXPECT_EQ(told, (std::map<Cause, std::string>{{Cause::kWriteAfterPeerClose, "EPIPE"},
                                                  {Cause::kPeerClosedUnreadData, "ECONNRESET"},
                                                  {Cause::kPeerAbortiveClose, "ECONNRESET"},
                                                  {Cause::kConnectionRefused, "ECONNREFUSED"},
                                                  {Cause::kPipeReaderClosed, "EPIPE"}}));
}

TEST(RecordingGolden, EachOfItsRecordsIsStillDecoded) {
    const auto reader = RecordingReader::open(PIPETRACE_GOLDEN "/recording_1_0.db");
    ASSERT_TRUE(reader) << reader.error().why;
    const TraceContext trace = reader->traces()->front();
    const Decoder decoder(trace.ticks_per_second);
    SegmentCursor cursor(*reader, {trace.trace_id, {}});
    Segment segment;
    std::size_t decoded = 0;
    std::size_t failed_calls = 0;
    while (*cursor.next(segment)) {
        ASSERT_TRUE(succeeded(for_each_record(segment, [&](std::span<const std::byte> record) {
            const auto event = decoder.decode(record);
            ASSERT_TRUE(std::holds_alternative<Event>(event)) << record.size() << " bytes";
            ++decoded;
            failed_calls += std::holds_alternative<CallFailed>(std::get<Event>(event).body) ? 1 : 0;
        })));
    }
    EXPECT_GE(decoded, 30U);
    EXPECT_GE(failed_calls, 3U);
}

}  // namespace
}  // namespace pipetrace
