// The endpoint as an incident tells of it: addresses, ages, bytes, the silence before the failure.
#pragma once

#include "correlate/story.h"

#include <optional>
#include <string>
#include <vector>

namespace pipetrace {

EndpointStory endpoint_of(const Story& story, const std::vector<FailedCall>& calls,
                          const std::optional<RstFacts>& rst, Ktime at);

/// TCP facts nearest to the failure: at the RST, else at the error, else at the first call; else nullptr.
const TcpFacts* facts_of(const Story& story, const std::vector<FailedCall>& calls);

/// The state when the first error was raised.
TcpState state_at_failure(const Story& story, const std::vector<FailedCall>& calls);

/// The peer's kernel was seen to send the RST of its own accord: it answers nothing that was under way.
bool is_abort(const Story& story);

/// When the write that drew the RST left; unknown if no write can have drawn it, or if it was sent again:
/// then the RST may answer either time, and the socket remembers the last alone.
Ktime drawing_write_at(const Story& story);
bool was_sent_again(const TcpFacts& tcp);

std::string address_text(const Address& address);

}  // namespace pipetrace
