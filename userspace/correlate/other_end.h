// The other end of a pipe or a unix socket, as an incident tells of it: no network lies between.
#pragma once

#include "correlate/story.h"

#include <optional>
#include <vector>

namespace pipetrace {

/// Who held it and how it was given up, as far as that was before `at`.
std::optional<Peer> peer_at_other_end(const Story& story, Ktime at);

std::optional<FirstClose> first_close_at_other_end(const Story& story, const std::vector<FailedCall>& calls,
                                                   Ktime at);

/// Adds what the rules judge by.
void add_other_end_facts(IncidentFacts& facts, const Story& story, const std::vector<FailedCall>& calls,
                         Ktime at);

/// The two ends' names.
void add_names(EndpointStory& told, const Story& story);

}  // namespace pipetrace
