#include "scenario.h"

#include "correlate/burst_table.h"
#include "diagnose/chain_table.h"
#include "diagnose/diagnoser.h"
#include "model/errno_name.h"
#include "playing.h"
#include "render/json_renderer.h"
#include "schema_check.h"

#include <gtest/gtest.h>

namespace pipetrace::testing {
namespace {

constexpr std::uint64_t kTickNs = 5'000'000;
constexpr std::uint64_t kAfterwardsNs = 20'000'000;
constexpr ClockOffsets kClocks{1'767'323'045'123'456'000, 1'767'323'045'000'000'000};

std::vector<Scenario>& registry() {
    static std::vector<Scenario> scenarios;
    return scenarios;
}

std::string words(const TimelineEntry& entry) {
    return std::string(side_name(entry.side)) + ":" + std::string(entry.event);
}

}  // namespace

CorrelatorConfig config_of(const Hooks& hooks) {
    CorrelatorConfig config;
    config.id_prefix = "0f3c";
    config.syscall_names = &syscall_names();
    config.sends_seen = hooks.sends_seen;
    config.receives_seen = hooks.receives_seen;
    config.error_asked_seen = hooks.error_asked_seen;
    config.unix_sends_seen = hooks.sends_seen;
    config.unix_receives_seen = hooks.receives_seen;
    config.unix_unread_seen = true;
    config.resets_sent_seen = hooks.reasons_seen;
    config.resets_seen = hooks.resets_seen;
    config.sigpipes_seen = hooks.sigpipes_seen;
    config.reorder_ns = kReorderNs;
    return config;
}

nlohmann::json valid_json(const Incident& incident) {
    static const nlohmann::json schema = incident_schema();
    static const JsonRenderer renderer({"web1", "0f3c", "6.12.0"}, kClocks);
    std::string line;
    renderer.render(incident, line);
    nlohmann::json json = nlohmann::json::parse(line);
    EXPECT_EQ(schema_faults(schema, json), std::vector<std::string>()) << line;
    for (const std::size_t index : incident.verdict.evidence) {
        EXPECT_LT(index, incident.timeline.size()) << line;
    }
    return json;
}

std::vector<Arrival> in_order(const Story& story) {
    std::vector<Arrival> arrivals;
    for (const Step& step : story.steps()) {
        arrivals.push_back({step.event ? &*step.event : nullptr, step.arrives, step.lost});
    }
    return arrivals;
}

std::vector<Told> play(const Hooks& hooks, Ktime begin, const std::vector<Arrival>& arrivals) {
    return play(config_of(hooks), begin, arrivals);
}

std::vector<Told> play(const CorrelatorConfig& config, Ktime begin, const std::vector<Arrival>& arrivals) {
    std::vector<Told> printed;
    Ktime clock = begin;
    bool finishing = false;
    ChainTable chains;
    BurstTable bursts;
    Correlator correlator(config, [&](Incident&& incident) {
        diagnose(incident);
        chains.join(incident);
        bursts.join(incident);
        nlohmann::json json = valid_json(incident);
        printed.push_back({std::move(incident), std::move(json), clock, finishing});
    });
    const auto pass_time = [&](Ktime until) {
        while (clock + kTickNs < until) {
            clock = clock + kTickNs;
            correlator.advance_to(clock);
        }
        clock = std::max(clock, until);
        correlator.advance_to(clock);
    };
    Ktime last = clock;
    for (const Arrival& arrival : arrivals) {
        // The event is there before the time is: as a ring buffer is drained before the clock is read.
        if (arrival.at > clock + kTickNs) pass_time(arrival.at - kTickNs);
        correlator.set_lost({arrival.lost});
        if (arrival.event != nullptr) correlator.observe(*arrival.event);
        pass_time(arrival.at);
        last = arrival.at;
    }
    pass_time(last + kAfterwardsNs);
    finishing = true;
    correlator.finish();
    return printed;
}

std::vector<Told> play(const Story& story, const std::vector<Arrival>& arrivals) {
    return play(story.hooks(), story.begin(), arrivals);
}

std::vector<Told> play(const Story& story) { return play(story, in_order(story)); }

Told play_to_one_incident(const Story& story) {
    const std::vector<Told> printed = play(story);
    EXPECT_EQ(printed.size(), 1U);
    if (printed.empty()) return {};
    EXPECT_EQ(printed.front().incident.revision, 0U);
    return printed.front();
}

const std::vector<Scenario>& all_scenarios() { return registry(); }

std::function<Story()> scenario(std::string name, std::vector<Cause> causes,
                                std::function<Story()> story) {
    registry().push_back({std::move(name), std::move(causes), story});
    return story;
}

std::vector<std::string> errors_of(const Told& told) {
    std::vector<std::string> texts;
    for (const CallError& error : told.incident.errors) {
        std::string text = errno_name(error.error) + " " + error.syscall.value_or("?");
        if (error.inferred) text += " inferred";
        texts.push_back(text);
    }
    return texts;
}

std::vector<std::string> timeline_of(const Told& told) {
    std::vector<std::string> texts;
    for (const TimelineEntry& entry : told.incident.timeline) texts.push_back(words(entry));
    return texts;
}

std::vector<std::string> evidence_of(const Told& told) {
    std::vector<std::string> texts;
    for (const std::size_t index : told.incident.verdict.evidence) {
        if (index < told.incident.timeline.size()) texts.push_back(words(told.incident.timeline[index]));
    }
    return texts;
}

std::string rejected_because(const Told& told, Cause cause) {
    for (const RejectedCause& rejected : told.incident.verdict.rejected) {
        if (rejected.cause == cause) return rejected.because;
    }
    return "";
}

}  // namespace pipetrace::testing
