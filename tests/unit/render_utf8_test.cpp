#include "render/utf8.h"

#include <gtest/gtest.h>

namespace pipetrace {
namespace {

TEST(DecodeUtf8, ReadsOneToFourBytes) {
    EXPECT_EQ(decode_utf8("A", 0).code, U'A');
    EXPECT_EQ(decode_utf8("x\xc3\xa9", 1).code, U'\u00e9');
    EXPECT_EQ(decode_utf8("\xe2\x82\xac", 0).code, U'\u20ac');
    const Utf8Step emoji = decode_utf8("\xf0\x9f\x98\x80", 0);
    EXPECT_EQ(emoji.code, U'\U0001f600');
    EXPECT_EQ(emoji.size, 4U);
    EXPECT_TRUE(emoji.valid);
}

TEST(DecodeUtf8, RefusesWhatTheStandardForbids) {
    const char* const invalid[] = {
        "\x80",              // continuation alone
        "\xc3",              // cut off
        "\xc0\xaf",          // overlong '/'
        "\xe0\x80\x80",      // overlong NUL
        "\xf0\x8f\xbf\xbf",  // overlong U+FFFF
        "\xed\xa0\x80",      // surrogate
        "\xf4\x90\x80\x80",  // beyond U+10FFFF
        "\xff",              // never a lead
        "\xe2\x28\xa1",      // second byte no continuation
    };
    for (const char* bytes : invalid) {
        const Utf8Step step = decode_utf8(bytes, 0);
        EXPECT_FALSE(step.valid) << static_cast<int>(static_cast<unsigned char>(bytes[0]));
        EXPECT_EQ(step.size, 1U);
    }
}

TEST(IsAscii, SeesOneOtherByteWhereverItIs) {
    for (std::size_t length = 0; length < 20; ++length) {
        std::string text(length, 'a');
        EXPECT_TRUE(is_ascii(text)) << length;
        for (char& c : text) {
            c = '\x80';
            EXPECT_FALSE(is_ascii(text)) << length;
            c = '\x7f';
        }
        EXPECT_TRUE(is_ascii(text)) << length;
    }
}

TEST(TerminalSafe, LeavesReadableTextAlone) {
    EXPECT_EQ(terminal_safe("nginx: worker"), "nginx: worker");
    EXPECT_EQ(terminal_safe("caf\xc3\xa9 \xe6\x97\xa5"), "caf\xc3\xa9 \xe6\x97\xa5");
    EXPECT_EQ(terminal_safe(""), "");
}

TEST(TerminalSafe, EscapesControlCharacters) {
    EXPECT_EQ(terminal_safe("\x1b[31mred"), "\\x1b[31mred");
    EXPECT_EQ(terminal_safe("a\nb\tc\rd"), "a\\x0ab\\x09c\\x0dd");
    EXPECT_EQ(terminal_safe("\x7f"), "\\x7f");
    EXPECT_EQ(terminal_safe(std::string_view("a\0b", 3)), "a\\x00b");
    EXPECT_EQ(terminal_safe("\xc2\x9b"
                            "31m"),
              "\\u009b31m");  // CSI as one C1 character
}

TEST(TerminalSafe, EscapesWhatTurnsOrHidesText) {
    EXPECT_EQ(terminal_safe("\xe2\x80\xae"), "\\u202e");
    EXPECT_EQ(terminal_safe("\xe2\x80\xaa"), "\\u202a");
    EXPECT_EQ(terminal_safe("\xe2\x81\xa6"), "\\u2066");
    EXPECT_EQ(terminal_safe("\xe2\x81\xa9"), "\\u2069");
    EXPECT_EQ(terminal_safe("\xe2\x80\x8b"), "\\u200b");
    EXPECT_EQ(terminal_safe("\xe2\x80\xa8"), "\\u2028");
    EXPECT_EQ(terminal_safe("\xf3\xa0\x80\x81"), "\\U000e0001");
}

TEST(TerminalSafe, ShowsBytesThatAreNotUtf8) { EXPECT_EQ(terminal_safe("a\xff\xc3(b"), "a\\xff\\xc3(b"); }

TEST(TerminalSafe, NoInputOfTwoBytesReachesTheTerminalAsControl) {
    for (int first = 0; first < 256; ++first) {
        for (int second = 0; second < 256; ++second) {
            const char bytes[] = {static_cast<char>(first), static_cast<char>(second)};
            const std::string safe = terminal_safe(std::string_view(bytes, 2));
            for (std::size_t at = 0; at < safe.size();) {
                const Utf8Step step = decode_utf8(safe, at);
                ASSERT_TRUE(step.valid) << first << " " << second;
                ASSERT_GE(step.code, 0x20U);
                ASSERT_FALSE(step.code >= 0x7f && step.code <= 0x9f) << first << " " << second;
                at += step.size;
            }
        }
    }
}

TEST(DisplayWidth, CountsColumnsNotBytes) {
    EXPECT_EQ(display_width("abc"), 3U);
    EXPECT_EQ(display_width("caf\xc3\xa9"), 4U);
    EXPECT_EQ(display_width("\xe6\x97\xa5"), 2U);  // wide
    EXPECT_EQ(display_width("e\xcc\x81"), 1U);     // combining accent
}

}  // namespace
}  // namespace pipetrace
