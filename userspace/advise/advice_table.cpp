#include "advise/advice_table.h"

#include "advise/advice_facts.h"
#include "advise/advice_text.h"
#include "advise/name_pattern.h"
#include "advise/shipped_advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace pipetrace {
namespace {

bool names(const std::vector<std::string>& patterns, std::string_view name) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const std::string& pattern) { return matches_pattern(name, pattern); });
}

bool is_one_of(const std::vector<std::string>& patterns, const InvolvedProcess& process) {
    return (process.comm && names(patterns, *process.comm)) ||
           (process.details.exe && names(patterns, base_name(*process.details.exe)));
}

bool is_seen(const std::optional<Peer>& peer) { return peer && peer->process.comm.has_value(); }

bool has_thread(const Incident& incident, const std::vector<std::string>& patterns) {
    return std::any_of(incident.errors.begin(), incident.errors.end(), [&](const CallError& error) {
        return error.thread && names(patterns, *error.thread);
    });
}

/// What a row with `peer` or `peer_port` says of the other end: nothing where it is another program, or
/// unknown.
std::optional<FoundBy> find_peer(const AdviceRow& row, const Incident& incident) {
    if (is_seen(incident.peer)) {
        return is_one_of(row.peer, incident.peer->process) ? std::optional(FoundBy::kPeer) : std::nullopt;
    }
    const auto port = port_of(incident.endpoint.remote);
    const bool is_there =
        port && std::find(row.peer_ports.begin(), row.peer_ports.end(), *port) != row.peer_ports.end();
    return is_there ? std::optional(FoundBy::kPeerPort) : std::nullopt;
}

bool holds(const WordCondition& condition, const Incident& incident) {
    const WordFact& fact = word_facts()[condition.fact];
    return std::any_of(condition.words.begin(), condition.words.end(),
                       [&](const std::string& word) { return fact.is(incident, word); });
}

bool holds(const RangeCondition& condition, const Incident& incident) {
    const auto value = number_facts()[condition.fact].value(incident);
    return value && *value >= condition.min && *value <= condition.max;
}

/// How the row's program was found among those of the incident.
std::optional<FoundBy> find_program(const AdviceRow& row, const Incident& incident) {
    if (!row.program.empty() && !is_one_of(row.program, incident.process)) return std::nullopt;
    if (row.peer.empty() && row.peer_ports.empty()) return FoundBy::kProcess;
    const std::optional<FoundBy> found = find_peer(row, incident);
    return found && !row.is_of_peer() ? FoundBy::kProcess : found;
}

/// Whether the facts call for a row whose program was found.
bool calls_for(const Incident& incident, const AdviceRow& row) {
    if ((row.causes >> static_cast<unsigned>(incident.verdict.cause) & 1) == 0) return false;
    const bool is_there =
        row.remote.empty() || (incident.endpoint.remote && names(row.remote, *incident.endpoint.remote));
    if (!is_there || (!row.thread.empty() && !has_thread(incident, row.thread))) return false;
    const auto is_met = [&](const auto& condition) { return holds(condition, incident); };
    return std::all_of(row.usual.begin(), row.usual.end(), is_met) &&
           std::all_of(row.words.begin(), row.words.end(), is_met) &&
           std::all_of(row.ranges.begin(), row.ranges.end(), is_met);
}

/// All that find_program() looks at.
std::string names_in(const Incident& incident) {
    std::string key;
    const auto add = [&key](const std::optional<std::string>& name) { key += name.value_or("") + '\0'; };
    add(incident.process.comm);
    add(incident.process.details.exe);
    if (is_seen(incident.peer)) {
        add(incident.peer->process.comm);
        add(incident.peer->process.details.exe);
    } else if (const auto port = port_of(incident.endpoint.remote)) {
        key += std::to_string(*port);
    }
    return key;
}

/// The more a row asks for, the better it fits; a port names no program as surely as its name does.
std::size_t fit_of(const AdviceRow& row, FoundBy found_by) {
    const std::size_t peer = row.peer.empty() || found_by == FoundBy::kPeerPort ? 0 : 1;
    return (row.program.empty() ? 0 : 1) + peer + (row.thread.empty() ? 0 : 1) +
           (row.remote.empty() ? 0 : 1) + row.words.size() + row.ranges.size();
}

struct Choice {
    std::string sentence;
    std::size_t fit = 0;
    bool is_own = false;
};

void choose(std::optional<Choice>& best, Choice&& one) {
    const bool is_better = !best || (one.is_own == best->is_own && one.fit > best->fit);
    if (is_better) best = std::move(one);
}

}  // namespace

AdviceTable::AdviceTable(std::vector<AdviceRow> own, std::string digest)
    : own_(std::move(own)), digest_(std::move(digest)) {}

const std::vector<AdviceRow>& AdviceTable::rows() const {
    if (all_) return *all_;
    all_ = own_;
    for (AdviceRow& row : shipped_advice()) {
        const bool is_replaced =
            std::any_of(own_.begin(), own_.end(), [&](const AdviceRow& own) { return own.id == row.id; });
        if (!is_replaced) all_->push_back(std::move(row));
    }
    return *all_;
}

/// Those that fail together are mostly of the same programs.
const std::vector<AdviceTable::Candidate>& AdviceTable::candidates(const Incident& incident) const {
    std::string names = names_in(incident);
    if (all_ && names == names_) return candidates_;
    const std::vector<AdviceRow>& all = rows();
    candidates_.clear();
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (const auto found = find_program(all[i], incident)) candidates_.push_back({i, *found});
    }
    names_ = std::move(names);
    return candidates_;
}

void AdviceTable::advise(Incident& incident) const {
    std::optional<Choice> for_process;
    std::optional<Choice> for_peer;
    for (const Candidate& candidate : candidates(incident)) {
        const AdviceRow& row = (*all_)[candidate.row];
        if (!calls_for(incident, row)) continue;
        auto sentence = advice_sentence(row, candidate.found_by, incident);
        if (!sentence) continue;
        choose(candidate.found_by == FoundBy::kProcess ? for_process : for_peer,
               {std::move(*sentence), fit_of(row, candidate.found_by), candidate.row < own_.size()});
    }
    for (const auto& choice : {for_process, for_peer}) {
        if (!choice) continue;
        std::string& advice = incident.verdict.advice;
        advice += (advice.empty() ? "" : " ") + choice->sentence;
    }
}

std::string advice_digest(std::string_view before, std::string_view text) {
    // FNV-1a: tells apart what people write, and need not withstand anybody.
    std::uint64_t hash = 14695981039346656037U;
    for (const std::string_view part : {before, std::string_view("\n"), text}) {
        for (const char byte : part) hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211U;
    }
    return fmt::format("{:016x}", hash);
}

}  // namespace pipetrace
