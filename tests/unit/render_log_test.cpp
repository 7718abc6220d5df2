// Lines of a log beside the timeline: as a person reads them, and as JSON.
#include "render/json_renderer.h"
#include "render/text_renderer.h"
#include "render/timeline_table.h"
#include "sample_incident.h"
#include "schema_check.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace pipetrace {
namespace {

using nlohmann::json;
using namespace testing;

LogLine logged(std::int64_t offset_us, std::string line, const char* file = "/var/log/app.log") {
    return {file, entry(offset_us, Side::kLocal, "", {}).at, 0, std::move(line), false};
}

Incident with_log(std::vector<LogLine> lines) {
    Incident incident = sample_incident();
    incident.log = JoinedLog{};
    incident.log->lines = std::move(lines);
    return incident;
}

std::string story_of(const Incident& incident, std::size_t width = 80) {
    TextStyle style;
    style.width = width;
    TextRenderer renderer(sample_clocks(), style);
    std::string out;
    renderer.render(incident, out);
    return out;
}

json json_of(const Incident& incident) {
    std::string line;
    JsonRenderer({"web1", "0f3c", "6.12.0"}, sample_clocks()).render(incident, line);
    const json parsed = json::parse(line);
    EXPECT_EQ(schema_faults(incident_schema(), parsed), std::vector<std::string>());
    return parsed;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST(RenderedLog, LinesStandAmongTheStepsAtTheirTimes) {
    const Incident incident =
        with_log({logged(-100, "sending"), logged(0, "at once"), logged(3'000, "Broken pipe")});
    const std::string table = timeline_table(incident, {});
    const std::size_t places[] = {
        table.find("RST received"),      table.find("log      sending"),
        table.find("SIGPIPE generated"), table.find("sendto(fd 3"),
        table.find("log      at once"),  table.find("+3.000 ms  log      Broken pipe")};
    for (const std::size_t place : places) ASSERT_NE(place, std::string::npos) << table;
    EXPECT_TRUE(std::is_sorted(std::begin(places), std::end(places))) << table;
}

TEST(RenderedLog, EvidenceIsMarkedAsBefore) {
    TextStyle verbose;
    verbose.verbose = true;
    const std::string table = timeline_table(with_log({logged(-500'000, "in between")}), verbose);
    EXPECT_EQ(std::count(table.begin(), table.end(), '*'), 3) << table;
    const std::size_t line = table.find("in between");
    EXPECT_NE(table[table.rfind('\n', line) + 1], '*');
}

TEST(RenderedLog, ALineCannotHarmTheTerminal) {
    const std::string story = story_of(with_log({logged(1'000, "\x1b[2J\xff\tat org.apache")}));
    EXPECT_TRUE(contains(story, "\\x1b[2J\\xff at org.apache")) << story;
    EXPECT_FALSE(contains(story, "\x1b[2J"));
    LogLine cut = logged(1'000, "long");
    cut.is_cut = true;
    EXPECT_TRUE(contains(story_of(with_log({cut})), "long ..."));
}

TEST(RenderedLog, TheNoteSaysWhoseLinesHowExactAndWhatIsMissing) {
    const std::string one = story_of(with_log({logged(1'000, "Broken pipe")}));
    EXPECT_TRUE(contains(one, "Log      Lines of /var/log/app.log, at the times when they were seen")) << one;
    EXPECT_FALSE(contains(one, "left out"));
    Incident many = with_log({logged(1'000, "a"), logged(2'000, "b", "/var/log/other.log")});
    many.log->left_out = 12;
    many.log->skipped_bytes = 5'000'000;
    many.log->lines[1].late_ns = 130'000'000;
    const std::string story = story_of(many, 400);
    EXPECT_TRUE(contains(story, "log      app.log: a")) << story;
    EXPECT_TRUE(contains(story, "log      other.log: b"));
    EXPECT_TRUE(contains(story, "by up to 130.0 ms")) << story;
    EXPECT_TRUE(contains(story, "12 more are left out"));
    EXPECT_TRUE(contains(story, "4.8 MiB")) << story;
}

TEST(RenderedLog, NoneAndUnknownAreToldApart) {
    EXPECT_FALSE(contains(story_of(sample_incident()), "Log      "));
    EXPECT_TRUE(contains(story_of(with_log({})), "No line came around this failure"));
    Incident forgotten = with_log({});
    forgotten.log->is_known = false;
    EXPECT_TRUE(contains(story_of(forgotten), "were not kept"));
    EXPECT_FALSE(json_of(sample_incident()).contains("log"));
    EXPECT_EQ(json_of(with_log({})).at("log"), json::array());
    EXPECT_TRUE(json_of(forgotten).at("log").is_null());
}

TEST(RenderedLog, JsonHasTheLinesBesideTheTimeline) {
    Incident incident = with_log({logged(3'000, "say \"no\" \xff")});
    incident.log->left_out = 2;
    incident.log->lines[0].late_ns = 40'000'000;
    const json told = json_of(incident);
    EXPECT_EQ(told.at("log").at(0), (json{{"file", "/var/log/app.log"},
                                          {"t_us", 3000},
                                          {"line", "say \"no\" \ufffd"},
                                          {"late_us", 40'000},
                                          {"cut", false}}));
    EXPECT_EQ(told.at("log_left_out"), 2);
    EXPECT_EQ(told.at("timeline").size(), sample_timeline().size());
    EXPECT_EQ(told.at("verdict").at("evidence"), (json{0, 1, 3}));
}

}  // namespace
}  // namespace pipetrace
