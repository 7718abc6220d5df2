#include "app/reload.h"

#include "cli/option_table.h"
#include "cli/options_parser.h"

#include <gtest/gtest.h>

#include <map>

namespace pipetrace {
namespace {

Options accepted(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "serve");
    const ParseOutcome outcome = parse_options(arguments);
    const auto* options = std::get_if<Options>(&outcome);
    EXPECT_NE(options, nullptr);
    return options != nullptr ? *options : Options{};
}

/// What is said where these are asked for now, and were not before.
std::string said(const std::vector<std::string>& arguments) {
    return reload_text(plan_reload(accepted({}), accepted(arguments)));
}

TEST(Reload, NoSettingIsPassedOverInSilence) {
    const std::map<std::string, std::string> values{{"user", "0"},         {"kind", "tcp"},
                                                    {"errno", "EPIPE"},    {"cause", "peer_reset"},
                                                    {"severity", "fault"}, {"mode", "full"},
                                                    {"errors", "exact"},   {"max-size", "64M"},
                                                    {"max-age", "1d"},     {"metrics", "127.0.0.1:9435"},
                                                    {"output", "/tmp/x"},  {"cgroup", "/x"}};
    int settings = 0;
    for (const OptionSpec& option : option_table()) {
        const std::string name = option.name;
        const bool is_setting = (option.commands & only(Command::kServe)) != 0 && name != "config" &&
                                name != "help" && name != "version";
        if (!is_setting) continue;
        ++settings;
        std::vector<std::string> arguments{"--" + name};
        if (option.value != nullptr) arguments.push_back(values.contains(name) ? values.at(name) : "7");
        const std::string text = said(arguments);
        EXPECT_TRUE(text == "applied " + name || text == name + " takes effect with a restart") << text;
    }
    EXPECT_GT(settings, 20);
}

TEST(Reload, WhatIsTakenOnIsInForceAndTheRestStays) {
    const Options before = accepted({"--comm", "a"});
    const Options asked = accepted({"--comm", "b", "-o", "/tmp/x", "--max-size", "64M", "--idle-after", "7"});
    const Reload reload = plan_reload(before, asked);
    EXPECT_EQ(reload.options.filter.comms, std::vector<std::string>{"b"});
    EXPECT_EQ(reload.options.output_path, "/tmp/x");
    EXPECT_EQ(reload.options.recording_limits.size_bytes_max, 64U << 20);
    EXPECT_EQ(reload.options.recording_limits.age_seconds_max, before.recording_limits.age_seconds_max);
    EXPECT_EQ(reload.options.idle_after_seconds, before.idle_after_seconds);
    EXPECT_EQ(reload_text(reload), "applied comm, output, max-size; idle-after takes effect with a restart");
}

TEST(Reload, NothingNewIsSaid) { EXPECT_EQ(said({}), "nothing has changed"); }

}  // namespace
}  // namespace pipetrace
