#include "model/errno_name.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace pipetrace {
namespace {

TEST(ErrnoName, GivesTheKernelsName) {
    EXPECT_EQ(errno_name(32), "EPIPE");
    EXPECT_EQ(errno_name(104), "ECONNRESET");
    EXPECT_EQ(errno_name(111), "ECONNREFUSED");
}

TEST(ErrnoName, NamelessNumberStillMatchesTheSchemasPattern) {
    EXPECT_EQ(errno_name(524), "E524");
    EXPECT_EQ(errno_name(INT32_MIN), "E2147483648");
    EXPECT_EQ(errno_name(0), "E0");
}

TEST(ErrnoName, TextIsNameOrNumberInAnyCase) {
    EXPECT_EQ(errno_from_text("EPIPE"), 32);
    EXPECT_EQ(errno_from_text("econnreset"), 104);
    EXPECT_EQ(errno_from_text("110"), 110);
    EXPECT_EQ(errno_from_text("EWOULDBLOCK"), 11);  // the same number as EAGAIN
}

TEST(ErrnoName, TextThatNamesNoErrorIsNothing) {
    for (const char* text : {"", "0", "-32", "32x", "99999999999", "PIPE", "EPIPES", "9999"}) {
        EXPECT_EQ(errno_from_text(text), std::nullopt) << text;
    }
}

}  // namespace
}  // namespace pipetrace
