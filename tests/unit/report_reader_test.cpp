// What a report says of incidents that were only counted. What it tells of the others is tested by
// tests/live.
#include "app/report_reader.h"

#include "advise/advice_table.h"
#include "decode/sampling_record.h"
#include "recording_samples.h"

namespace pipetrace::testing {
namespace {

Segment segment_of(const std::vector<std::pair<SamplingChanged, Ktime>>& changes) {
    Segment segment = sample_segment(kSampleAt, 1);
    for (const auto& [sampling, at] : changes) {
        const std::vector<std::byte> record = sampling_record(sampling, at);
        segment.records.insert(segment.records.end(), record.begin(), record.end());
        ++segment.record_count;
        segment.last = segment.looked = at;
    }
    return segment;
}

/// `ended`: as many are told of at its end.
void record_storm(const std::string& path, std::optional<std::uint64_t> ended) {
    const auto writer = open_writer(path);
    ASSERT_NE(writer, nullptr);
    RecordingBatch batch;
    batch.segments = {
        segment_of({{{500'000, 10}, kSampleAt + 1'000'000}, {{250'000, 40}, kSampleAt + 2'000'000}})};
    ASSERT_TRUE(succeeded(writer->write(batch)));
    batch.segments = {segment_of({{{1'000'000, 70}, kSampleAt + 1'000'000'000}})};
    ASSERT_TRUE(succeeded(writer->write(batch)));
    if (!ended) return;
    TraceTotals totals;
    totals.counted_only = *ended;
    ASSERT_TRUE(succeeded(writer->close(sample_clocks().wall(kSampleAt + 2'000'000'000), {}, totals)));
}

std::uint64_t counted_in(const std::vector<std::string>& paths) {
    auto recordings = Recordings::open(paths);
    EXPECT_TRUE(recordings);
    if (!recordings) return 0;
    const Options options = [] {
        Options quiet;
        quiet.quiet = true;
        return quiet;
    }();
    const AdviceTable advice;
    ReportReader reader(*recordings, options, advice);
    for (int again = 0; again < 2; ++again) {
        EXPECT_TRUE(succeeded(
            reader.replay_incidents([](const Recordings::Trace&, const Incident&, const ClockOffsets&) {})));
    }
    return reader.counted_only();
}

TEST(ReportReader, TakesWhatWasOnlyCountedFromTheRecordsOfATraceThatWasKilled) {
    const Folder folder;
    record_storm(folder.file("killed.db"), std::nullopt);
    EXPECT_EQ(counted_in({folder.file("killed.db")}), 70U) << "the last record holds";
}

TEST(ReportReader, TakesItFromTheEndOfOneThatEnded) {
    const Folder folder;
    record_storm(folder.file("ended.db"), 75);
    EXPECT_EQ(counted_in({folder.file("ended.db")}), 75U);
}

}  // namespace
}  // namespace pipetrace::testing
