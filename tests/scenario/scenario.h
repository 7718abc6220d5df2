// Plays a story to correlator, diagnoser and JSON renderer. Every incident that comes out is
// validated against the schema, and every story is played again in other orders of arrival
// (arrival_order_test.cpp).
#pragma once

#include "event_builder.h"
#include "model/incident.h"

#include <nlohmann/json.hpp>

#include <functional>
#include <ostream>
#include <string>
#include <vector>

namespace pipetrace::testing {

struct Told {
    Incident incident;
    nlohmann::json json;
    Ktime printed_at;  ///< the time that the correlator was advanced to last
    bool at_finish = false;
};

/// How the events arrive. The correlator is told the time after each arrival.
struct Arrival {
    const Event* event = nullptr;  ///< null: time passes
    Ktime at;
    std::uint64_t lost = 0;
};

inline constexpr std::uint64_t kReorderNs = 10'000'000;

/// In the order of their times, at once.
std::vector<Arrival> in_order(const Story& story);

/// All that is printed, in that order; the trace ends 20 ms after the last arrival.
std::vector<Told> play(const Hooks& hooks, Ktime begin, const std::vector<Arrival>& arrivals);
std::vector<Told> play(const Story& story, const std::vector<Arrival>& arrivals);
std::vector<Told> play(const Story& story);

/// Plays it and expects one incident, told once.
Told play_to_one_incident(const Story& story);

/// A story that all of the general tests are run on; made before main() by scenario files.
struct Scenario {
    std::string name;
    std::vector<Cause> causes;  ///< that it leads to, in the order of printing; empty: nothing
    std::function<Story()> story;
};
const std::vector<Scenario>& all_scenarios();
/// As rendered, and valid by the schema; complains otherwise.
nlohmann::json valid_json(const Incident& incident);
/// What GoogleTest puts into a test's name, in place of the bytes.
inline void PrintTo(const Scenario& scenario, std::ostream* out) { *out << scenario.name; }

/// Registers; returns the function for the file's own tests.
std::function<Story()> scenario(std::string name, std::vector<Cause> causes,
                                std::function<Story()> story);

/// "EPIPE sendto", "ECONNRESET ? inferred", in order.
std::vector<std::string> errors_of(const Told& told);
/// "network:rst_received", in order.
std::vector<std::string> timeline_of(const Told& told);
/// The same words, of the verdict's evidence.
std::vector<std::string> evidence_of(const Told& told);
/// Why a rival was rejected; "" if it was not.
std::string rejected_because(const Told& told, Cause cause);

}  // namespace pipetrace::testing
