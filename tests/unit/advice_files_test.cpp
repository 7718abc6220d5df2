// The user's files of advice: which are read, and which are refused.
#include "app/advice_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace pipetrace {
namespace {

class AdviceFiles : public ::testing::Test {
protected:
    void SetUp() override {
        std::string name = ::testing::TempDir() + "/advice_files.XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::string written(const std::string& name, const std::string& content) const {
        std::ofstream(folder_ + "/" + name) << content;
        return folder_ + "/" + name;
    }
    std::string none() const { return folder_ + "/none"; }
    static std::string row(const std::string& knob) {
        return "[[advice]]\nid = \"a\"\nprogram = \"nc\"\ncause = \"close_race\"\nlook_at = \"" + knob +
               "\"\nsay = \"x\"\n";
    }
    static std::string told(const Result<AdviceTable>& table) {
        if (!table) return table.error().what;
        Incident incident;
        incident.process.comm = "nc";
        incident.verdict.cause = Cause::kCloseRace;
        table->advise(incident);
        return incident.verdict.advice;
    }

    std::string folder_;
};

TEST_F(AdviceFiles, WithoutAnyThereAreTheShippedRows) {
    const auto table = load_advice({}, none().c_str());
    ASSERT_TRUE(table);
    EXPECT_EQ(table->digest(), "");
    EXPECT_EQ(told(load_advice({}, (none() + "/below/it").c_str())), "");
    EXPECT_EQ(told(load_advice({}, (written("plain", "") + "/below").c_str())), "");
}

TEST_F(AdviceFiles, LaterFilesStandInForEarlier) {
    const std::string host = written("host", row("Host")), one = written("one", row("One")),
                      two = written("two", row("Two"));
    EXPECT_EQ(told(load_advice({}, host.c_str())), "nc: look at `Host`: x.");
    EXPECT_EQ(told(load_advice({one}, host.c_str())), "nc: look at `One`: x.");
    EXPECT_EQ(told(load_advice({one, two}, host.c_str())), "nc: look at `Two`: x.");
    EXPECT_NE(load_advice({one, two}, none().c_str())->digest(),
              load_advice({two, one}, none().c_str())->digest());
    EXPECT_NE(load_advice({one}, none().c_str())->digest(), "");
}

TEST_F(AdviceFiles, BadFilesAreRefusedWithTheirLine) {
    const std::string bad = written("bad", "\n" + row("x") + "sidde = \"client\"\n");
    EXPECT_TRUE(told(load_advice({bad}, none().c_str())).starts_with(bad + ":8: "))
        << told(load_advice({bad}, none().c_str()));
    EXPECT_TRUE(told(load_advice({}, bad.c_str())).starts_with(bad + ":8: "));
}

TEST_F(AdviceFiles, WhatIsNoFileOfAdviceIsRefused) {
    const auto why = [&](const std::string& path) {
        const auto table = load_advice({path}, none().c_str());
        EXPECT_FALSE(table) << path;
        return table ? "" : table.error().why;
    };
    EXPECT_EQ(why(none()), "No such file or directory");
    EXPECT_EQ(why(folder_), "Is a directory");
    EXPECT_EQ(why("/dev/zero"), "Invalid argument");
    const std::string fifo = folder_ + "/fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    EXPECT_EQ(why(fifo), "Invalid argument");  // and nobody waits for its writer
    EXPECT_EQ(why(written("large", std::string(300'000, '#'))), "File too large");
    // The host's own is no exception, where it is there.
    EXPECT_FALSE(load_advice({}, folder_.c_str()));
    EXPECT_FALSE(load_advice({}, fifo.c_str()));
}

}  // namespace
}  // namespace pipetrace
