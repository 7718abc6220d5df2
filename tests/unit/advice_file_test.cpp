// Rows of TOML: what is read from them, and what is said of a bad one, with its line.
#include "advise/advice_file.h"

#include "advise/advice_facts.h"

#include <gtest/gtest.h>

#include <string>

namespace pipetrace {
namespace {

constexpr const char* kGood = R"([[advice]]
id = "a"
program = "ssh"
cause = "peer_reset"
look_at = "Knob"
say = "it was silent for {idle}"
)";

/// The good row with one more line, which is the seventh.
std::string with(const std::string& line) { return kGood + line + "\n"; }

/// The good row with the line of that key exchanged, or left out where `line` is empty.
std::string with_changed(const std::string& key, const std::string& line) {
    std::string text = kGood;
    const std::size_t at = text.find("\n" + key + " = ") + 1;
    const std::size_t end = text.find('\n', at);
    return text.replace(at, end - at, line);
}

Error fault_in(const std::string& text) {
    const auto rows = parse_advice("f.toml", text);
    if (!rows) return rows.error();
    ADD_FAILURE() << "accepted: " << text;
    return {};
}

void expect_fault(const std::string& text, std::size_t line, const std::string& what,
                  const std::string& more = "") {
    const Error error = fault_in(text);
    EXPECT_TRUE(error.what.starts_with("f.toml:" + std::to_string(line) + ": ")) << error.what;
    EXPECT_NE(error.what.find(what), std::string::npos) << error.what;
    EXPECT_NE((error.why + " " + error.remedy).find(more), std::string::npos)
        << error.why << " / " << error.remedy;
    EXPECT_NE(error.why, "");
    EXPECT_NE(error.remedy, "");
}

AdviceRow only_row(const std::string& text) {
    const auto rows = parse_advice("f.toml", text);
    if (rows && rows->size() == 1) return rows->front();
    ADD_FAILURE() << (rows ? "not one row" : rows.error().what);
    return {};
}

TEST(AdviceFile, ReadsARow) {
    const AdviceRow row = only_row(
        with("idle_min = \"30s\"\nidle_max = \"2h\"\nsent_max = 5\nside = [\"client\", \"server\"]"));
    EXPECT_EQ(row.id, "a");
    EXPECT_EQ(row.title, "ssh");
    EXPECT_EQ(row.knobs, std::vector<std::string>{"Knob"});
    EXPECT_EQ(row.program, std::vector<std::string>{"ssh"});
    EXPECT_EQ(row.causes, std::uint64_t{1} << static_cast<unsigned>(Cause::kPeerReset));
    EXPECT_FALSE(row.is_of_peer());
    ASSERT_EQ(row.ranges.size(), 2U);
    EXPECT_EQ(number_facts()[row.ranges[0].fact].name, "idle");
    EXPECT_EQ(row.ranges[0].min, 30'000'000U);
    EXPECT_EQ(row.ranges[0].max, 7'200'000'000U);
    EXPECT_EQ(number_facts()[row.ranges[1].fact].name, "sent");
    EXPECT_EQ(row.ranges[1].min, 0U);
    EXPECT_EQ(row.ranges[1].max, 5U);
    ASSERT_EQ(row.words.size(), 1U);
    EXPECT_EQ(row.words[0].words, (std::vector<std::string>{"client", "server"}));
}

TEST(AdviceFile, ReadsEachUnitOfTime) {
    const std::pair<const char*, std::uint64_t> times[] = {
        {"7us", 7},          {"7ms", 7'000},         {"7s", 7'000'000},
        {"7m", 420'000'000}, {"7h", 25'200'000'000}, {"7d", 604'800'000'000}};
    for (const auto& [text, us] : times) {
        const AdviceRow row = only_row(with("age_min = \"" + std::string(text) + "\""));
        ASSERT_EQ(row.ranges.size(), 1U) << text;
        EXPECT_EQ(row.ranges[0].min, us) << text;
    }
}

TEST(AdviceFile, NoRowsAreNoFault) {
    for (const char* text : {"", "# nothing\n", "\n\n", "advice = []\n"}) {
        const auto rows = parse_advice("f.toml", text);
        ASSERT_TRUE(rows) << text << ": " << rows.error().what;
        EXPECT_TRUE(rows->empty()) << text;
    }
}

TEST(AdviceFile, WhatIsNoToml) {
    expect_fault(with("side = client"), 7, "no TOML");
    expect_fault(with("side"), 7, "no TOML");
    expect_fault(with("[[advice]"), 7, "no TOML");
    expect_fault(with("say = \"twice\""), 7, "no TOML", "say");
    expect_fault(with("title = \"\xff\xfe\""), 7, "no TOML");
    expect_fault(std::string(kGood) + std::string(1, '\0'), 7, "no TOML");
    expect_fault(with("title = \"never closed"), 7, "no TOML");
}

TEST(AdviceFile, WhatIsNoRow) {
    expect_fault("\nfoo = 1\n", 2, "'foo' is no part");
    expect_fault("\n[advise]\nid = \"a\"\n", 2, "'advise' is no part");
    expect_fault("\nadvice = 1\n", 2, "no list of rows");
    expect_fault("\n[advice]\nid = \"a\"\n", 2, "no list of rows");
    expect_fault("\nadvice = [1, 2]\n", 2, "no list of rows");
}

TEST(AdviceFile, KeysThatThereAreNot) {
    expect_fault(with("cuase = \"peer_reset\""), 7, "'cuase' is no key", "Did you mean cause?");
    expect_fault(with("idle = \"3s\""), 7, "'idle' is no key", "Did you mean idle_min or idle_max?");
    expect_fault(with("nonsense_min = 3"), 7, "'nonsense_min' is no key", "id, title, program");
    expect_fault(with("a.b = 3"), 7, "'a' is no key");
}

TEST(AdviceFile, KeysThatMustBeThere) {
    for (const char* key : {"id", "cause", "look_at", "say", "program"}) {
        expect_fault("\n" + with_changed(key, ""), 2, std::string("this row has no '") + key);
    }
    expect_fault(with_changed("program", "program = \"ssh*\""), 1, "no 'title'", "pattern");
    expect_fault(with_changed("program", "peer_port = 22"), 1, "no 'title'");
}

TEST(AdviceFile, ValuesOfTheWrongKind) {
    for (const char* key : {"id", "look_at", "say", "program", "cause"}) {
        const std::string name = key;
        const std::size_t line = name == "id"        ? 2
                                 : name == "program" ? 3
                                 : name == "cause"   ? 4
                                 : name == "look_at" ? 5
                                                     : 6;
        expect_fault(with_changed(key, name + " = 1"), line, "'" + name + "' is no text");
        expect_fault(with_changed(key, name + " = \"\""), line, "is empty");
        expect_fault(with_changed(key, name + " = \"" + std::string(401, 'x') + "\""), line, "is too long");
        expect_fault(with_changed(key, name + " = \"a\\u001b[31m\""), line, "control character");
        expect_fault(with_changed(key, name + " = \"\"\"a\nb\"\"\""), line, "control character");
    }
    expect_fault(with("thread = []"), 7, "empty list");
    expect_fault(with("thread = [\"a\", 1]"), 7, "is no text");
    expect_fault(with("side = [\"client\",\n  \"sever\"]"), 7, "'sever' is no side", "Did you mean server?");
    expect_fault(with("peer_port = \"22\""), 7, "no port");
    expect_fault(with("peer_port = [22, 65536]"), 7, "no port");
    expect_fault(with("peer_port = 0"), 7, "no port");
    expect_fault(with("peer_port = []"), 7, "empty list");
}

TEST(AdviceFile, WordsThatThereAreNot) {
    expect_fault(with_changed("cause", "cause = \"peer_rest\""), 4, "'peer_rest' is no cause",
                 "Did you mean peer_reset?");
    expect_fault(with("role = \"witness\""), 7, "'witness' is no role", "victim, origin");
    expect_fault(with("state = \"established\""), 7, "no state", "ESTABLISHED");
    expect_fault(with("errno = \"EPIEP\""), 7, "'EPIEP' is no errno");
    expect_fault(with("kind = \"udp\""), 7, "no kind", "tcp, unix, pipe");
}

TEST(AdviceFile, NumbersThatAreNone) {
    for (const char* value :
         {"30", "\"30\"", "\"s\"", "\"-3s\"", "\"3 s\"", "\"3w\"", "\"99999999999999999999s\"", "true"}) {
        expect_fault(with("idle_min = " + std::string(value)), 7, "'idle_min' is no time");
    }
    for (const char* value : {"-1", "\"4096\"", "1.5", "1979-05-27"}) {
        expect_fault(with("sent_max = " + std::string(value)), 7, "'sent_max' is no number");
    }
    expect_fault(with("sent_min = 6\nsent_max = 5"), 7, "larger than");
}

TEST(AdviceFile, TemplatesThatCannotBeFilledIn) {
    const auto say = [](const char* text) {
        return with_changed("say", "say = \"" + std::string(text) + "\"");
    };
    expect_fault(say("for {idel}"), 6, "'say' cannot be filled in", "did you mean {idle}?");
    expect_fault(say("for {}"), 6, "'say' cannot");
    expect_fault(say("for {idle"), 6, "'say' cannot", "never closed");
    expect_fault(say("for idle}"), 6, "'say' cannot", "}}");
    expect_fault(say("for [idle"), 6, "'say' cannot", "never closed");
    expect_fault(say("for idle]"), 6, "'say' cannot", "]]");
    expect_fault(say("for [a [b]]"), 6, "'say' cannot", "within");
}

TEST(AdviceFile, TwoRowsOfOneId) {
    expect_fault(std::string(kGood) + kGood, 7, "another row with the id 'a'", "line 1");
}

TEST(AdviceFile, OneBadRowRefusesTheFile) {
    expect_fault(std::string(kGood) + "[[advice]]\nid = \"b\"\nprogram = 1\n", 9, "'program' is no text");
}

TEST(AdviceFile, HostileTexts) {
    expect_fault(std::string(kAdviceBytesMax + 1, '#'), 1, "too large");
    std::string deep;
    for (int i = 0; i < 100'000; ++i) deep += "a.";
    expect_fault("\n" + deep + "a = 1\n", 2, "too many dots");
    expect_fault("[" + deep + "a]\n", 1, "too many dots");
    expect_fault("a = " + std::string(200'000, '['), 1, "no TOML");
    std::string nested = "x = ";
    for (int i = 0; i < 10'000; ++i) nested += "{a=";
    expect_fault(nested, 1, "no TOML");
}

}  // namespace
}  // namespace pipetrace
