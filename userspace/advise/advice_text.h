// What a row says: a sentence with facts in it. "{idle}" stands for a fact; what stands in [brackets] is left
// out where a fact in it is not known; "{{", "[[" and so on stand for the sign itself.
#pragma once

#include "advise/advice_row.h"
#include "model/incident.h"

#include <optional>
#include <string>
#include <string_view>

namespace pipetrace {

/// What is wrong with the template, "" if nothing is.
std::string template_fault(std::string_view text);

/// The template with this incident's facts; nothing where one outside of brackets is not known.
std::optional<std::string> fill_template(std::string_view text, const Incident& incident);

/// How a row found its program.
enum class FoundBy { kProcess, kPeer, kPeerPort };

/// "ssh: look at `ServerAliveInterval`: <why>", worded no surer than the program was found.
std::optional<std::string> advice_sentence(const AdviceRow& row, FoundBy found_by, const Incident& incident);

}  // namespace pipetrace
