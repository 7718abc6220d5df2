#include "render/html_report.h"

#include "render/html_text.h"
#include "render/json_renderer.h"
#include "render/json_slice.h"
#include "sample_incident.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <numeric>

namespace pipetrace {
namespace {

using nlohmann::json;
using namespace testing;

std::string line_of(const Incident& incident) {
    std::string line;
    JsonRenderer({"web1", "0f3c", "6.12.0"}, sample_clocks()).render(incident, line);
    return line;
}

struct Page {
    std::string text;
    std::size_t largest_piece = 0;

    explicit Page(const std::vector<std::string>& lines, const HtmlContext& context = {},
                  std::string_view title = "Title") {
        HtmlReport report([this](std::string_view piece) {
            text += piece;
            largest_piece = std::max(largest_piece, piece.size());
        });
        report.begin(title);
        for (const std::string& line : lines) report.add(line);
        report.finish(context);
        EXPECT_EQ(report.count(), lines.size());
    }

    /// The contents of the scripts of that class.
    std::vector<std::string> scripts(const std::string& name) const {
        const std::string begin = R"(<script type="application/json" class=")" + name + "\">\n";
        std::vector<std::string> found;
        for (std::size_t at = text.find(begin); at != text.npos; at = text.find(begin, at + 1)) {
            const std::size_t from = at + begin.size();
            found.push_back(text.substr(from, text.find("\n</script>", from) - from));
        }
        return found;
    }
    std::size_t count(std::string_view word) const {
        std::size_t times = 0;
        for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) ++times;
        return times;
    }
};

std::string in_script(std::string_view text) {
    std::string out;
    append_in_script(out, text);
    return out;
}

TEST(InScript, EscapesWhatCouldEndTheElement) {
    EXPECT_EQ(in_script("</script><!--&"), "\\u003c/script\\u003e\\u003c!--\\u0026");
    EXPECT_EQ(in_script("\xe2\x80\xa8 \xe2\x80\xa9"), "\\u2028 \\u2029");
    EXPECT_EQ(in_script("caf\xc3\xa9 \xe2\x82\xac \xe2"), "caf\xc3\xa9 \xe2\x82\xac \xe2");
    EXPECT_EQ(in_script(""), "");
}

TEST(InScript, LeavesTheSameValue) {
    const json value = {{"name", "<script>&amp;</script>\xe2\x80\xa8"}, {"<key>", {1, "&"}}};
    const std::string text = in_script(value.dump());
    EXPECT_EQ(text.find_first_of("<>&"), text.npos);
    EXPECT_EQ(json::parse(text), value);
}

TEST(MarkupSafe, EscapesAndSpellsOut) {
    EXPECT_EQ(markup_safe("<b a=\"1\" b='2'>&"), "&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;");
    EXPECT_EQ(markup_safe("\xe2\x80\xaegnp\n"), "\\u202egnp\\x0a");
}

TEST(JsonSlice, FindsMembersAndItems) {
    const JsonSlice whole(R"({"a":{"b":"x\"}]","c":[1,{"d":2},"e,f"]},"b":null, "c" : -1.5 })");
    EXPECT_EQ(whole["a"]["b"].text(), R"("x\"}]")");
    EXPECT_TRUE(whole["b"].is_null());
    EXPECT_EQ(whole["c"].text(), "-1.5");
    EXPECT_TRUE(whole["none"].is_null());
    EXPECT_TRUE(whole["c"]["d"].is_null());
    const std::vector<JsonSlice> items = whole["a"]["c"].items();
    ASSERT_EQ(items.size(), 3U);
    EXPECT_EQ(items[1]["d"].text(), "2");
    EXPECT_EQ(items[2].text(), R"("e,f")");
    EXPECT_TRUE(whole["a"].items().empty());
    EXPECT_TRUE(JsonSlice("[]").items().empty());
}

TEST(JsonSlice, NeverReadsBeyondBrokenText) {
    const std::string line = line_of(sample_incident());
    for (std::size_t size = 0; size < line.size(); ++size) {
        const JsonSlice cut(std::string_view(line).substr(0, size));
        EXPECT_LE(cut["verdict"]["summary"].text().size(), line.size());
        EXPECT_LE(cut["errors"].items().size(), 1U);
    }
    for (const char* broken : {"", "{", "[", "\"", "{\"a\"", "{\"a\":", "{:}", "[,]", "}{", "{\"a\":\"\\"}) {
        EXPECT_TRUE(JsonSlice(broken)["b"].is_null());
        EXPECT_LE(JsonSlice(broken).items().size(), 1U);
    }
}

TEST(HtmlReport, HoldsTheIncidentAsItIs) {
    const std::string line = line_of(sample_incident());
    const Page page({line});
    ASSERT_EQ(page.scripts("details").size(), 1U);
    EXPECT_EQ(json::parse(page.scripts("details")[0]), json::parse(line));
    for (const char* mark : {"@POLICY@", "@STYLE@", "@SCRIPT@", "@TITLE@", "@INCIDENTS@"}) {
        EXPECT_EQ(page.count(mark), 0U) << mark;
    }
}

TEST(HtmlReport, IndexHasTheListsFields) {
    const json rows = json::parse(Page({line_of(sample_incident())}).scripts("index").at(0));
    const json expected = {"boot-1",
                           0,
                           "2026-01-02T03:04:05.123456Z",
                           "victim",
                           "web1",
                           "python3",
                           4242,
                           nullptr,
                           "tcp",
                           "127.0.0.1:50870",
                           "127.0.0.1:2222",
                           "ignored",
                           "received",
                           "CLOSE_WAIT",
                           "python3",
                           4240,
                           nullptr,
                           "write_after_peer_close",
                           "certain",
                           "fault",
                           sample_verdict().summary,
                           nullptr,
                           nullptr,
                           {"EPIPE", 1}};
    EXPECT_EQ(rows, json::array({expected}));
}

TEST(HtmlReport, WhatIsMissingIsNull) {
    Incident incident = sample_incident();
    incident.peer.reset();
    incident.rst.reset();
    incident.errors.clear();
    const json row = json::parse(Page({line_of(incident)}).scripts("index").at(0)).at(0);
    EXPECT_EQ(row.size(), 24U);
    EXPECT_EQ(row[12], nullptr);
    EXPECT_EQ(row[14], nullptr);
    EXPECT_EQ(row[23], json::array());
}

TEST(HtmlReport, NothingHostileBecomesMarkup) {
    const std::string name = "</script><img src=x onerror=alert(1)><!--\xe2\x80\xa8\n";
    Incident incident = sample_incident();
    incident.id = incident.process.comm.emplace(name);
    incident.endpoint.local = incident.process.details.exe = name;
    incident.timeline[0].detail["comm"] = name;
    incident.verdict.summary = incident.verdict.advice = name;
    HtmlContext context;
    context.generated_by = context.selection = name;
    context.recordings = {{name, name, name, name, WallTime{0}, std::nullopt, false, std::nullopt}};
    context.lost_by_kind = {{name, 1}};
    context.notes = {name};
    const Page plain({line_of(sample_incident())});
    const Page page({line_of(incident)}, context, name);
    EXPECT_EQ(page.count("<"), plain.count("<"));
    EXPECT_EQ(page.count("</script>"), plain.count("</script>"));
    EXPECT_EQ(page.count("<img"), 0U);
    EXPECT_EQ(json::parse(page.scripts("index").at(0))[0][5], name);
    EXPECT_EQ(json::parse(page.scripts("context").at(0))["notes"][0], name);
}

TEST(HtmlReport, ManyIncidentsComeInPiecesOfBoundedSize) {
    constexpr std::size_t kCount = 1000;
    const std::string line = line_of(sample_incident());
    const Page page(std::vector<std::string>(kCount, line));
    const auto index = page.scripts("index");
    const auto details = page.scripts("details");
    ASSERT_GT(index.size(), 2U);
    ASSERT_EQ(index.size(), details.size());
    EXPECT_LT(page.largest_piece, 400U * 1024);
    std::size_t rows = 0;
    for (std::size_t i = 0; i < index.size(); ++i) {
        const std::size_t here = json::parse(index[i]).size();
        EXPECT_EQ(std::count(details[i].begin(), details[i].end(), '\n') + 1,
                  static_cast<std::ptrdiff_t>(here));
        rows += here;
    }
    EXPECT_EQ(rows, kCount);
}

TEST(HtmlReport, PolicyAllowsNothingFromElsewhere) {
    const Page page({});
    EXPECT_EQ(page.count("Content-Security-Policy\" content=\"default-src 'none'; script-src 'sha256-"), 1U);
    EXPECT_EQ(page.count("unsafe"), 0U);
    EXPECT_EQ(page.count("innerHTML"), 0U);
    EXPECT_EQ(page.count("http://"), 1U) << "the name of SVG's namespace";
    EXPECT_EQ(page.count("https://"), 0U);
}

TEST(HtmlReport, ContextIsTold) {
    HtmlContext context;
    context.generated_by = "pipetrace 1.2";
    context.recordings = {{"a.db", "web1", "6.12", "1.0", WallTime{0}, std::nullopt, false, std::nullopt}};
    context.incidents = 7;
    context.lost_by_kind = {{"call_failed", 3}};
    const json told = json::parse(Page({}, context).scripts("context").at(0));
    EXPECT_EQ(told["generated_by"], "pipetrace 1.2");
    EXPECT_EQ(told["recordings"][0]["started"], "1970-01-01T00:00:00.000000Z");
    EXPECT_EQ(told["recordings"][0]["ended"], nullptr);
    EXPECT_EQ(told["incidents"], 7);
    EXPECT_EQ(told["events"], nullptr);
    EXPECT_EQ(told["lost_by_kind"], json({{{"kind", "call_failed"}, {"count", 3}}}));
}

}  // namespace
}  // namespace pipetrace
