// A recording is a file like any: damaged, cut off, foreign, newer, or made to mislead. Each gets a message.
#include "recording_samples.h"
#include "store/recording_schema.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <random>

namespace pipetrace {
namespace {

using namespace testing;

/// As somebody with a SQLite shell would.
void change(const std::string& path, const std::string& sql) {
    sqlite3* connection = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &connection), SQLITE_OK);
    char* why = nullptr;
    EXPECT_EQ(sqlite3_exec(connection, sql.c_str(), nullptr, nullptr, &why), SQLITE_OK) << sql << ": " << why;
    sqlite3_free(why);
    sqlite3_close(connection);
}

std::string bytes_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void put_bytes(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

/// Everything that there is to read; what went wrong first, or nothing.
std::string read_all(const std::string& path) {
    auto reader = RecordingReader::open(path);
    if (!reader) return reader.error().why;
    const auto traces = reader->traces();
    if (!traces) return traces.error().why;
    std::string trouble;
    const auto note = [&](const Error& error) {
        if (trouble.empty()) trouble = error.why;
    };
    const Status scanned = reader->scan_incidents({}, [](const IncidentRow&) { return true; });
    if (!scanned) note(scanned.error());
    for (const TraceContext& trace : *traces) {
        SegmentCursor cursor(*reader, {trace.trace_id, {}});
        Segment segment;
        auto got = cursor.next(segment);
        for (; got && *got; got = cursor.next(segment)) {
            const Status whole = for_each_record(segment, [](std::span<const std::byte>) {});
            if (!whole) note(whole.error());
        }
        if (!got) note(got.error());
        if (const auto known = reader->process_history(trace.trace_id, {4242, 7}); !known)
            note(known.error());
        if (const auto totals = reader->segment_totals({trace.trace_id, {}}); !totals) note(totals.error());
    }
    return trouble;
}

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(RecordingDamage, NoRecordingIsRefusedAndLeftAlone) {
    const Folder folder;
    const std::string path = folder.file("notes.txt");
    put_bytes(path, std::string(5000, 'n'));
    EXPECT_TRUE(says(read_all(path), "no recording"));
    const auto writer = RecordingWriter::open(path, {}, sample_trace());
    ASSERT_FALSE(writer);
    EXPECT_TRUE(says(writer.error().why, "no recording")) << writer.error().why;
    EXPECT_EQ(bytes_of(path), std::string(5000, 'n'));
    EXPECT_TRUE(says(read_all(folder.file("none.db")), "No such file"));
    EXPECT_TRUE(says(read_all(folder.path()), "no plain file"));
    EXPECT_FALSE(RecordingWriter::open(folder.path(), {}, sample_trace()));
    EXPECT_FALSE(RecordingWriter::open(folder.file("no/folder/r.db"), {}, sample_trace()));
    ASSERT_EQ(::mkfifo(folder.file("fifo").c_str(), 0600), 0);
    EXPECT_TRUE(says(read_all(folder.file("fifo")), "no plain file"));
    EXPECT_FALSE(RecordingWriter::open(folder.file("fifo"), {}, sample_trace()));
    put_bytes(folder.file("empty"), "");
    EXPECT_TRUE(says(read_all(folder.file("empty")), "empty"));
}

TEST(RecordingDamage, AnotherUsersRecordingIsRefusedAndLeftAlone) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
    constexpr uid_t kSomebody = 65534;
    for (const char* what : {"", "-wal", "-shm", "-journal"}) {
        const Folder folder;
        const std::string path = folder.file("r.db");
        make_recording(path);
        if (*what != '\0') put_bytes(path + what, "");
        ASSERT_EQ(::lchown((path + what).c_str(), kSomebody, kSomebody), 0);
        const std::string before = bytes_of(path);
        const auto writer = RecordingWriter::open(path, {}, sample_trace());
        ASSERT_FALSE(writer) << what;
        EXPECT_TRUE(says(writer.error().why, what) && says(writer.error().why, "belongs to the user 65534"))
            << writer.error().why;
        EXPECT_FALSE(writer.error().is_of_content) << "it is not ours to move";
        EXPECT_EQ(bytes_of(path), before);
    }
}

TEST(RecordingDamage, AnotherProgramsDatabaseIsRefusedAndLeftAlone) {
    const Folder folder;
    const std::string path = folder.file("other.db");
    change(path, "CREATE TABLE incidents(x); INSERT INTO incidents VALUES(1)");
    const std::string before = bytes_of(path);
    EXPECT_TRUE(says(read_all(path), "another program's"));
    EXPECT_FALSE(RecordingWriter::open(path, {}, sample_trace()));
    EXPECT_EQ(bytes_of(path), before);
}

TEST(RecordingDamage, ANewerFormatIsRefusedByTheNameOfItsVersion) {
    for (const char* version : {"1001", "2000", "-5", "999"}) {
        const Folder folder;
        const std::string path = folder.file("r.db");
        make_recording(path);
        change(path, std::string("PRAGMA user_version=") + version +
                         "; UPDATE traces SET pipetrace_version='9.8.7'");
        EXPECT_TRUE(says(read_all(path), "pipetrace 9.8.7")) << version;
        const auto writer = RecordingWriter::open(path, {}, sample_trace());
        ASSERT_FALSE(writer) << version;
        EXPECT_TRUE(says(writer.error().why, "pipetrace 9.8.7"));
    }
}

TEST(RecordingDamage, RecordsOfANewerLayoutAreRefused) {
    for (const char* layout : {"9999", "3"}) {
        const Folder folder;
        make_recording(folder.file("r.db"));
        change(folder.file("r.db"),
               std::string("UPDATE traces SET pipetrace_version='9.8.7', abi_version=") + layout);
        EXPECT_TRUE(says(read_all(folder.file("r.db")), "pipetrace 9.8.7")) << layout;
    }
}

TEST(RecordingDamage, OtherThingsThanItsTablesAreRefused) {
    const char* tricks[] = {
        "DROP TABLE incidents; CREATE VIEW incidents AS SELECT * FROM segments",
        "DROP TABLE segments; CREATE VIEW segments AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 "
        "FROM c) "
        "SELECT n AS segment_id FROM c",
        "CREATE TRIGGER t AFTER INSERT ON incidents BEGIN DELETE FROM segments; END",
        "CREATE INDEX i ON incidents(abs(pid))",
        "DROP TABLE processes",
        "DROP INDEX incident_ids",
        "ALTER TABLE incidents ADD COLUMN more",
        "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql='CREATE TABLE traces(trace_id)' WHERE "
        "name='traces'",
    };
    for (const char* trick : tricks) {
        const Folder folder;
        make_recording(folder.file("r.db"));
        change(folder.file("r.db"), trick);
        EXPECT_NE(read_all(folder.file("r.db")), "") << trick;
        EXPECT_FALSE(RecordingWriter::open(folder.file("r.db"), {}, sample_trace())) << trick;
    }
}

TEST(RecordingDamage, ValuesThatCannotBeAreRefused) {
    const char* tricks[] = {
        "UPDATE incidents SET pid=-4",
        "UPDATE incidents SET pid=4294967296",
        "UPDATE incidents SET pid='many'",
        "UPDATE incidents SET cause='nonsense'",
        "UPDATE incidents SET role=x'00ff'",
        "UPDATE incidents SET time_us=9223372036854775807",
        "UPDATE incidents SET time_us=1e300",
        "UPDATE incidents SET local_port=65536",
        "UPDATE incidents SET lost=-1",
        "UPDATE incidents SET summary=CAST(zeroblob(9000000) AS TEXT)",
        "UPDATE traces SET ticks_per_second=0",
        "UPDATE traces SET wall_minus_ktime_ns=-9223372036854775808",
        "UPDATE traces SET hooks='{'",
        "UPDATE traces SET hooks=replace(hex(zeroblob(20000)), '0', '[')",
        "UPDATE traces SET hooks='{\"mode\":\"odd\",\"observations\":[]}'",
        "UPDATE traces SET settings='{\"ports\":[70000]}'",
        "UPDATE traces SET losses='{\"x\":-1}'",
        "UPDATE traces SET syscalls='{\"x\":\"write\"}'",
        "UPDATE traces SET redacted=2",
        "UPDATE segments SET records='text'",
        "UPDATE segments SET records=zeroblob(20000000)",
        "UPDATE segments SET records=zeroblob(100)",
        "UPDATE segments SET records=x'0e'",
        "UPDATE segments SET record_count=11",
        "UPDATE segments SET record_count=-1",
        "UPDATE segments SET first_ktime_ns=-1",
        "UPDATE segments SET first_ktime_ns=last_ktime_ns+1",
        "UPDATE segments SET losses='[]'",
        "UPDATE processes SET cmdline='[1]'",
        "UPDATE processes SET exe=zeroblob(100000)",
    };
    for (const char* trick : tricks) {
        const Folder folder;
        make_recording(folder.file("r.db"));
        change(folder.file("r.db"), trick);
        EXPECT_NE(read_all(folder.file("r.db")), "") << trick;
    }
}

TEST(RecordingDamage, WhatOthersAddBesideItDoesNoHarm) {
    const Folder folder;
    make_recording(folder.file("r.db"));
    change(folder.file("r.db"), "CREATE TABLE notes(x); CREATE VIEW worst AS SELECT * FROM incidents");
    EXPECT_EQ(read_all(folder.file("r.db")), "");
}

TEST(RecordingDamage, FlippedAndMissingBytesNeverCrash) {
    constexpr std::uint32_t kSeed = 20261126;
    constexpr int kRounds = 400;
    const Folder folder;
    make_recording(folder.file("whole.db"));
    const std::string whole = bytes_of(folder.file("whole.db"));
    ASSERT_EQ(read_all(folder.file("whole.db")), "");
    std::mt19937 random(kSeed);
    int troubled = 0;
    for (int round = 0; round < kRounds; ++round) {
        std::string bytes = whole;
        const std::size_t flips = 1 + random() % 20;
        for (std::size_t i = 0; i < flips; ++i) {
            // Half of them where the first page tells the schema and each page its cells.
            const std::size_t page = random() % (bytes.size() / 4096);
            const std::size_t at = round % 2 == 0 ? random() % bytes.size() : page * 4096 + random() % 128;
            bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
        }
        if (round % 5 == 0) bytes.resize(random() % bytes.size());
        put_bytes(folder.file("r.db"), bytes);
        troubled += read_all(folder.file("r.db")).empty() ? 0 : 1;
    }
    EXPECT_GT(troubled, kRounds / 4) << "seed " << kSeed;
}

TEST(RecordingDamage, AsWrittenAndNotClosedItIsReadByAnybodyAnywhere) {
    const Folder folder;
    const auto writer = open_writer(folder.file("r.db"));
    RecordingBatch batch;
    batch.incidents = {sample_row()};
    ASSERT_TRUE(succeeded(writer->write(batch)));
    // As after a kill -9 and a copy without the index, to a folder that nobody may write to.
    std::filesystem::create_directory(folder.file("copy"));
    for (const char* suffix : {"", "-wal"}) {
        put_bytes(folder.file("copy/r.db") + suffix, bytes_of(folder.file("r.db") + suffix));
        ASSERT_EQ(::chmod((folder.file("copy/r.db") + suffix).c_str(), 0444), 0);
    }
    ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
    ASSERT_EQ(::chmod(folder.file("copy").c_str(), 0555), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) ::_exit(2);
        const auto reader = RecordingReader::open(folder.file("copy/r.db"));
        if (!reader) ::_exit(3);
        const auto count = reader->count_incidents({});
        ::_exit(count && *count == 1 ? 0 : 4);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_FALSE(std::filesystem::exists(folder.file("copy/r.db-shm")));
    std::filesystem::permissions(folder.file("copy"), std::filesystem::perms::owner_all);
}

TEST(RecordingDamage, OnlyOneWritesIt) {
    const Folder folder;
    const auto writer = open_writer(folder.file("r.db"));
    const auto second = RecordingWriter::open(folder.file("r.db"), {}, sample_trace());
    ASSERT_FALSE(second);
    EXPECT_TRUE(says(second.error().why, "another pipetrace")) << second.error().why;
    RecordingBatch batch;
    batch.incidents = {sample_row()};
    EXPECT_TRUE(succeeded(writer->write(batch))) << "the first goes on";
}

}  // namespace
}  // namespace pipetrace
