// What the recorder's thread does while a batch cannot be written.
#include "app/recorder.h"

#include "recording_samples.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

namespace pipetrace {
namespace {

using namespace testing;
using std::chrono::steady_clock;

constexpr std::uint64_t kSecondOfTrace = 1'000'000'000;

bool becomes_true(const std::function<bool()>& condition) {
    const auto end = steady_clock::now() + std::chrono::seconds{10};
    while (!condition() && steady_clock::now() < end)
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    return condition();
}

TEST(Recorder, RaisedLimitsHoldForWhatCouldNotBeWrittenBefore) {
    const Folder folder;
    int troubles = 0;
    Recorder recorder(
        {folder.file("r.db"), {RecordingLimits::kSizeBytesMin, 7 * 24 * 3600}, false, [&](const Error&) {
             ++troubles;
         }});
    ASSERT_TRUE(succeeded(recorder.start(sample_trace(), [] { return LossCounts{}; })));
    std::uint64_t number = 0;
    const auto record_some = [&] {
        for (int i = 0; i < 500; ++i) {
            Incident incident = sample_incident();
            incident.id = "boot-" + std::to_string(++number);
            recorder.take(incident, nullptr, incident.at);
        }
        recorder.advance_to(kSampleAt + number * kSecondOfTrace);
        return !recorder.is_writing();
    };
    ASSERT_TRUE(record_some() || becomes_true([&] { return !recorder.is_writing(); }));
    auto reader = RecordingReader::open(folder.file("r.db"));
    ASSERT_TRUE(reader);
    // While somebody reads, the log only grows, and it may take a share of the limit alone.
    ASSERT_TRUE(succeeded(reader->scan_incidents({}, [&](const IncidentRow&) {
        EXPECT_TRUE(becomes_true([&] {
            record_some();
            return troubles > 0;
        }));
        EXPECT_TRUE(recorder.is_writing());
        recorder.set_limits({std::uint64_t{4} << 30, 7 * 24 * 3600});
        EXPECT_TRUE(becomes_true([&] { return !recorder.is_writing(); })) << "there is room for it by now";
        return false;
    })));
    recorder.finish();
}

}  // namespace
}  // namespace pipetrace
