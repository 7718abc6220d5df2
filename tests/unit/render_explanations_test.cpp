#include "model/incident.h"
#include "render/explanations.h"
#include "render/utf8.h"

#include <gtest/gtest.h>

#include <sstream>

namespace pipetrace {
namespace {

std::string code_of(std::string_view asked) {
    const Explanation* found = find_explanation(asked);
    return found == nullptr ? "nothing" : found->code;
}

void expect_complete(const Explanation& explanation) {
    EXPECT_GT(std::string_view(explanation.meaning).size(), 20U) << explanation.code;
    EXPECT_GT(std::string_view(explanation.how).size(), 40U) << explanation.code;
    EXPECT_GT(std::string_view(explanation.advice).size(), 20U) << explanation.code;
}

TEST(Explanations, EveryCauseIsExplained) {
    for (std::size_t i = 0; i < kCauseCount; ++i) {
        const char* name = cause_name(static_cast<Cause>(i));
        const Explanation* found = find_explanation(name);
        ASSERT_NE(found, nullptr) << name;
        EXPECT_EQ(found->kind, ExplanationKind::kCause) << name;
        EXPECT_TRUE(found->severity.has_value()) << name;
        expect_complete(*found);
    }
}

TEST(Explanations, SeveritiesAreTheContracts) {
    EXPECT_EQ(find_explanation("write_after_peer_close")->severity, Severity::kFault);
    EXPECT_EQ(find_explanation("close_race")->severity, Severity::kWarning);
    EXPECT_EQ(find_explanation("connection_refused")->severity, Severity::kWarning);
    EXPECT_EQ(find_explanation("local_abort")->severity, Severity::kWarning);
    EXPECT_EQ(find_explanation("pipe_reader_closed")->severity, Severity::kBenign);
    EXPECT_EQ(find_explanation("pipe_reader_died")->severity, Severity::kFault);
    EXPECT_EQ(find_explanation("late_data_after_close")->severity, Severity::kBenign);
    EXPECT_EQ(find_explanation("closed_with_unread_data")->severity, Severity::kWarning);
    EXPECT_EQ(find_explanation("unknown")->severity, Severity::kWarning);
}

TEST(Explanations, EveryFateIsExplained) {
    for (int i = 0; i <= static_cast<int>(SigpipeFate::kKilled); ++i) {
        const char* name = sigpipe_fate_name(static_cast<SigpipeFate>(i));
        const Explanation* found = find_explanation(name);
        ASSERT_NE(found, nullptr) << name;
        EXPECT_EQ(found->kind, ExplanationKind::kSigpipe) << name;
        expect_complete(*found);
    }
}

TEST(Explanations, ErrnosGoByNameAndNumber) {
    for (const char* name : {"EPIPE", "ECONNRESET", "ECONNREFUSED", "ECONNABORTED", "ETIMEDOUT",
                             "EHOSTUNREACH", "ENETUNREACH", "ENOTCONN"}) {
        ASSERT_NE(find_explanation(name), nullptr) << name;
        expect_complete(*find_explanation(name));
    }
    EXPECT_EQ(code_of("32"), "EPIPE");
    EXPECT_EQ(code_of("104"), "ECONNRESET");
    EXPECT_EQ(code_of("111"), "ECONNREFUSED");
    EXPECT_EQ(code_of("epipe"), "EPIPE");
    EXPECT_EQ(code_of("Broken pipe"), "EPIPE");
}

TEST(Explanations, SigpipeGoesByItsOtherNames) {
    for (const char* name : {"SIGPIPE", "sigpipe", "141", "128+13"})
        EXPECT_EQ(code_of(name), "SIGPIPE") << name;
}

TEST(Explanations, UnknownCodesAreNothingWithASuggestion) {
    EXPECT_EQ(code_of("EPIP"), "nothing");
    EXPECT_EQ(code_of(""), "nothing");
    EXPECT_EQ(code_of("ENOENT"), "nothing");  // an errno, but none of a dead connection
    EXPECT_EQ(nearest_code("EPIP"), "EPIPE");
    EXPECT_EQ(nearest_code("close_rase"), "close_race");
    EXPECT_EQ(nearest_code("elephant"), "");
}

TEST(Explanations, TextHasItsPartsAndFits) {
    const std::string text = explanation_text(*find_explanation("close_race"), 80, false);
    EXPECT_TRUE(text.starts_with("close_race  (warning)\n"));
    EXPECT_NE(text.find("\n  What    The peer closed"), std::string::npos);
    EXPECT_NE(text.find("\n  How     "), std::string::npos);
    EXPECT_NE(text.find("\n  Advice  "), std::string::npos);
    for (std::size_t i = 0; i < kCauseCount; ++i) {
        const Explanation* found = find_explanation(cause_name(static_cast<Cause>(i)));
        std::istringstream lines(explanation_text(*found, 80, false));
        for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 80U) << line;
    }
}

TEST(Explanations, ListNamesEveryCode) {
    const std::string list = explanation_list(80);
    for (std::size_t i = 0; i < kCauseCount; ++i) {
        EXPECT_NE(list.find(cause_name(static_cast<Cause>(i))), std::string::npos) << i;
    }
    EXPECT_NE(list.find("EPIPE"), std::string::npos);
    EXPECT_NE(list.find("suppressed"), std::string::npos);
    std::istringstream lines(list);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 80U) << line;
}

}  // namespace
}  // namespace pipetrace
