// A recording stays within its limits: what is oldest goes, and the space is given back.
#include "recording_samples.h"
#include "store/host_numbers.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>

namespace pipetrace {
namespace {

using namespace testing;

constexpr std::uint64_t kSecond = 1'000'000'000;

RecordingBatch batch_at(Ktime at, int number) {
    RecordingBatch batch;
    batch.segments = {sample_segment(at, 200, 256)};
    for (int i = 0; i < 20; ++i) {
        batch.incidents.push_back(sample_row("boot-" + std::to_string(number * 20 + i), at + 1'000'000));
    }
    return batch;
}

TEST(RecordingLimits, TheSizeIsNeverExceeded) {
    const Folder folder;
    const RecordingLimits limits{RecordingLimits::kSizeBytesMin, 7 * 24 * 3600};
    const auto writer = open_writer(folder.file("r.db"), limits);
    std::uint64_t largest = 0;
    constexpr int kBatches = 300;  // about 25 MiB
    for (int i = 0; i < kBatches; ++i) {
        RecordingBatch batch = batch_at(kSampleAt + static_cast<std::uint64_t>(i) * kSecond, i);
        ASSERT_TRUE(succeeded(writer->write(batch))) << i;
        largest = std::max(largest, writer->bytes_on_disk());
    }
    EXPECT_LE(largest, limits.size_bytes_max);
    EXPECT_GE(largest, limits.size_bytes_max / 2) << "and it is made use of";
    auto reader = RecordingReader::open(folder.file("r.db"));
    ASSERT_TRUE(reader);
    const auto rows = rows_of(*reader);
    ASSERT_FALSE(rows.empty());
    EXPECT_EQ(rows.back().id, "boot-5999") << "the newest is there";
    const auto totals = reader->segment_totals({writer->trace_id(), {}});
    ASSERT_TRUE(totals);
    EXPECT_EQ(totals->last, sample_segment(kSampleAt + (kBatches - 1) * kSecond, 200).last);
    EXPECT_GT(totals->first, kSampleAt) << "the oldest is not";
    EXPECT_GE(rows.front().last, totals->first) << "no incident outlives its records";
}

TEST(RecordingLimits, AReaderThatStaysOpenDoesNotMakeItGrow) {
    const Folder folder;
    const RecordingLimits limits{RecordingLimits::kSizeBytesMin, 7 * 24 * 3600};
    const auto writer = open_writer(folder.file("r.db"), limits);
    RecordingBatch first = batch_at(kSampleAt, 0);
    ASSERT_TRUE(succeeded(writer->write(first)));
    auto reader = RecordingReader::open(folder.file("r.db"));
    ASSERT_TRUE(reader);
    ASSERT_TRUE(reader->traces());
    for (int i = 1; i < 150; ++i) {
        RecordingBatch batch = batch_at(kSampleAt + static_cast<std::uint64_t>(i) * kSecond, i);
        ASSERT_TRUE(succeeded(writer->write(batch))) << i;
        ASSERT_LE(writer->bytes_on_disk(), limits.size_bytes_max) << i;
        ASSERT_TRUE(reader->count_incidents({}));
    }
}

TEST(RecordingLimits, AReaderInTheMidstOfAScanCostsNothingBelowTheLimit) {
    const Folder folder;
    const RecordingLimits limits{32U << 20, 7 * 24 * 3600};
    const auto writer = open_writer(folder.file("r.db"), limits);
    RecordingBatch first = batch_at(kSampleAt, 0);
    ASSERT_TRUE(succeeded(writer->write(first)));
    auto reader = RecordingReader::open(folder.file("r.db"));
    ASSERT_TRUE(reader);
    int kept = 0;
    std::optional<Error> refused;
    ASSERT_TRUE(succeeded(reader->scan_incidents({}, [&](const IncidentRow&) {
        while (!refused && kept < 1000) {
            RecordingBatch batch =
                batch_at(kSampleAt + static_cast<std::uint64_t>(kept + 1) * kSecond, kept + 1);
            const Status written = writer->write(batch);
            if (!written) refused = written.error();
            kept += written ? 1 : 0;
            EXPECT_LE(writer->bytes_on_disk(), limits.size_bytes_max);
        }
        return false;
    })));
    ASSERT_TRUE(refused);
    EXPECT_GE(kept, 80) << "the log takes a third of the limit at least";
    EXPECT_NE(refused->why.find("keeps its log"), std::string::npos) << refused->why;
    EXPECT_EQ(refused->remedy.find("--max-size"), std::string::npos);
    RecordingBatch last = batch_at(kSampleAt + 2000 * kSecond, 2000);
    EXPECT_TRUE(succeeded(writer->write(last))) << "the reader has gone";
    EXPECT_LE(writer->bytes_on_disk(), limits.size_bytes_max);
    EXPECT_EQ(rows_of(*reader).size(), static_cast<std::size_t>(kept + 2) * 20);
}

TEST(RecordingLimits, AReaderInTheMidstOfAScanCostsBatchesAndNotTheLimit) {
    const Folder folder;
    const RecordingLimits limits{RecordingLimits::kSizeBytesMin, 7 * 24 * 3600};
    const auto writer = open_writer(folder.file("r.db"), limits);
    RecordingBatch first = batch_at(kSampleAt, 0);
    ASSERT_TRUE(succeeded(writer->write(first)));
    auto reader = RecordingReader::open(folder.file("r.db"));
    ASSERT_TRUE(reader);
    int refused = 0;
    ASSERT_TRUE(succeeded(reader->scan_incidents({}, [&](const IncidentRow&) {
        for (int i = 1; i < 60; ++i) {
            RecordingBatch batch = batch_at(kSampleAt + static_cast<std::uint64_t>(i) * kSecond, i);
            refused += writer->write(batch) ? 0 : 1;
            EXPECT_LE(writer->bytes_on_disk(), limits.size_bytes_max);
        }
        return false;
    })));
    EXPECT_GT(refused, 0);
    RecordingBatch last = batch_at(kSampleAt + 100 * kSecond, 100);
    EXPECT_TRUE(succeeded(writer->write(last))) << "the reader has gone";
}

/// Files of this process may grow to so many bytes while it lives.
class FileSizeLimit {
public:
    explicit FileSizeLimit(std::uint64_t bytes) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
        EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &before_), 0);
        const rlimit limit{bytes, before_.rlim_max};
        EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;
    ~FileSizeLimit() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        ::signal(SIGXFSZ, handler_);
    }

private:
    rlimit before_{};
    sighandler_t handler_;
};

TEST(RecordingLimits, OfABatchTooLargeForTheDiskWhatFitsIsKept) {
    const Folder folder;
    const auto writer = open_writer(folder.file("r.db"));
    RecordingBatch batch;
    for (int i = 0; i < 32; ++i) {
        batch.append(batch_at(kSampleAt + static_cast<std::uint64_t>(i) * kSecond, i));
    }
    const std::size_t segments = batch.segments.size();
    const std::size_t incidents = batch.incidents.size();
    {
        const FileSizeLimit limit(1U << 20);
        EXPECT_FALSE(writer->write_what_fits(batch));
        EXPECT_FALSE(writer->write_what_fits(batch)) << "and again";
    }
    auto reader = RecordingReader::open(folder.file("r.db"));
    ASSERT_TRUE(reader);
    const auto totals = reader->segment_totals({writer->trace_id(), {}});
    ASSERT_TRUE(totals);
    EXPECT_GE(totals->segments, 5U) << "each is about 50 KiB";
    EXPECT_EQ(totals->last, sample_segment(kSampleAt + (totals->segments - 1) * kSecond, 200).last);
    EXPECT_EQ(totals->segments + batch.segments.size(), segments) << "each is kept or left, once";
    EXPECT_GE(rows_of(*reader).size(), 20 * totals->segments) << "with their incidents";
    EXPECT_EQ(rows_of(*reader).size() + batch.incidents.size(), incidents);
    ASSERT_TRUE(succeeded(writer->write_what_fits(batch))) << "there is space again";
    EXPECT_EQ(rows_of(*reader).size(), incidents);
    EXPECT_EQ(reader->segment_totals({writer->trace_id(), {}})->segments, segments);
}

TEST(RecordingLimits, WhatIsOldGoesAndTheSpaceIsGivenBack) {
    const Folder folder;
    const auto writer = open_writer(folder.file("r.db"), {64U << 20, 60});
    for (int i = 0; i < 200; ++i) {
        RecordingBatch batch = batch_at(kSampleAt + static_cast<std::uint64_t>(i) * kSecond, i);
        ASSERT_TRUE(succeeded(writer->write(batch)));
    }
    const std::uint64_t full = writer->bytes_on_disk();
    const WallTime now = sample_clocks().wall(kSampleAt + 200 * kSecond);
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(succeeded(writer->expire(now)));
    auto reader = RecordingReader::open(folder.file("r.db"));
    ASSERT_TRUE(reader);
    const auto totals = reader->segment_totals({writer->trace_id(), {}});
    ASSERT_TRUE(totals);
    EXPECT_GE(totals->first, kSampleAt + 139 * kSecond);
    EXPECT_LE(totals->first, kSampleAt + 141 * kSecond);
    EXPECT_EQ(rows_of(*reader).size(), 20U * totals->segments);
    EXPECT_LT(writer->bytes_on_disk(), full * 3 / 4);
}

TEST(RecordingLimits, ASmallerLimitShrinksWhatIsThere) {
    const Folder folder;
    {
        const auto writer = open_writer(folder.file("r.db"), {64U << 20, 7 * 24 * 3600});
        for (int i = 0; i < 200; ++i) {
            RecordingBatch batch = batch_at(kSampleAt + static_cast<std::uint64_t>(i) * kSecond, i);
            ASSERT_TRUE(succeeded(writer->write(batch)));
        }
        ASSERT_GT(writer->bytes_on_disk(), 12U << 20);
    }
    const auto writer = open_writer(folder.file("r.db"), {RecordingLimits::kSizeBytesMin, 7 * 24 * 3600});
    EXPECT_LE(writer->bytes_on_disk(), RecordingLimits::kSizeBytesMin);
    auto reader = RecordingReader::open(folder.file("r.db"));
    ASSERT_TRUE(reader);
    const auto rows = rows_of(*reader);
    EXPECT_GT(rows.size(), 400U) << "no more goes than must";
    EXPECT_EQ(rows.back().id, "boot-3999");
}

TEST(RecordingLimits, OtherLimitsHoldFromThenOn) {
    const Folder folder;
    const auto writer = open_writer(folder.file("r.db"), {96U << 20, 7 * 24 * 3600});
    int number = 0;
    const auto write_until = [&](int end) {
        std::uint64_t largest = 0;
        for (; number < end; ++number) {
            RecordingBatch batch = batch_at(kSampleAt + static_cast<std::uint64_t>(number) * kSecond, number);
            EXPECT_TRUE(succeeded(writer->write(batch))) << number;
            largest = std::max(largest, writer->bytes_on_disk());
        }
        return largest;
    };
    ASSERT_GT(write_until(800), 50U << 20);
    constexpr std::uint64_t kSmaller = 32U << 20;
    ASSERT_TRUE(succeeded(writer->set_limits({kSmaller, 7 * 24 * 3600})));
    EXPECT_LE(writer->bytes_on_disk(), kSmaller) << "at once";
    auto reader = RecordingReader::open(folder.file("r.db"));
    ASSERT_TRUE(reader);
    const auto rows = rows_of(*reader);
    EXPECT_GT(rows.size(), 5000U) << "no more goes than must";
    EXPECT_EQ(rows.back().id, "boot-15999");
    EXPECT_LE(write_until(900), kSmaller);
    constexpr std::uint64_t kLarger = 40U << 20;
    ASSERT_TRUE(succeeded(writer->set_limits({kLarger, 7 * 24 * 3600})));
    const std::uint64_t largest = write_until(1100);
    EXPECT_GT(largest, kSmaller) << "and a larger one is made use of";
    EXPECT_LE(largest, kLarger);
    ASSERT_TRUE(succeeded(writer->set_limits({kLarger, 100})));
    const Ktime now = kSampleAt + 1100 * kSecond;
    ASSERT_TRUE(succeeded(writer->expire(sample_clocks().wall(now))));
    EXPECT_GE(rows_of(*reader).front().last, now - 110 * kSecond);
}

/// "10.0.0.7" as it is after redaction.
std::string redacted(HostNumbers& hosts, const std::string& ip) {
    auto record = pt_reset_sent{};
    record.header.kind = PT_RESET_SENT;
    record.header.size = sizeof record;
    const std::string mapped = ip.find(':') == std::string::npos ? "::ffff:" + ip : ip;
    EXPECT_EQ(::inet_pton(AF_INET6, mapped.c_str(), record.endpoint.remote), 1) << ip;
    hosts.redact(std::as_writable_bytes(std::span(&record, 1)));
    char text[INET6_ADDRSTRLEN] = "";
    ::inet_ntop(AF_INET6, record.endpoint.remote, text, sizeof text);
    const std::string shown = text;
    return shown.starts_with("::ffff:") ? shown.substr(7) : shown;
}

TEST(Redaction, NumbersTheHostsOfANetwork) {
    HostNumbers hosts;
    EXPECT_EQ(redacted(hosts, "10.1.2.77"), "10.1.2.0");
    EXPECT_EQ(redacted(hosts, "10.1.2.5"), "10.1.2.255") << "another host stays another";
    EXPECT_EQ(redacted(hosts, "10.1.2.77"), "10.1.2.0") << "and the same the same";
    EXPECT_EQ(redacted(hosts, "10.1.3.77"), "10.1.3.0");
    EXPECT_EQ(redacted(hosts, "2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    EXPECT_EQ(redacted(hosts, "2001:db8:1:2::9"), "2001:db8:1:2:ffff:ffff:ffff:ffff");
    EXPECT_EQ(redacted(hosts, "127.0.0.1"), "127.0.0.1");
    EXPECT_EQ(redacted(hosts, "::1"), "::1");
    EXPECT_EQ(redacted(hosts, "::"), "::");
    EXPECT_EQ(redacted(hosts, "0.0.0.0"), "0.0.0.0");
}

TEST(Redaction, LeavesRecordsWithoutAddressesAlone) {
    HostNumbers hosts;
    auto record = pt_failures_counted{};
    std::memset(&record, 0x5a, sizeof record);
    record.header.kind = PT_FAILURES_COUNTED;
    const auto before = record;
    hosts.redact(std::as_writable_bytes(std::span(&record, 1)));
    EXPECT_EQ(std::memcmp(&record, &before, sizeof record), 0);
}

}  // namespace
}  // namespace pipetrace
