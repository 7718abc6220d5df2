// What one host's incident tells of an end that sent a RST, kept small until the incident of whoever it
// reached, on another host, comes by and gains it.
#pragma once

#include "model/incident.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pipetrace {

struct PeerStory {
    Closure closure;
    Ktime reset_at;
    std::uint64_t lost = 0;
    std::uint32_t process = 0;       ///< see PeerStories; UINT32_MAX: nobody is known
    std::uint32_t why = 0;           ///< likewise
    std::uint32_t unread_bytes = 0;  ///< when the RST left
    std::int32_t reason = -1;        ///< enum sk_rst_reason; -1 not known
    std::uint16_t provoking_bytes = 0;
    std::uint8_t provoking_flags = 0;
    TcpState state = TcpState::kUnknown;  ///< of the socket that sent it
    bool active = false;
    bool had_socket = false;
    std::optional<PeerAction> action;
    std::optional<FirstClose> first_close;
};

/// Bounded: what processes and reasons there is no room for is not told.
class PeerStories {
public:
    std::uint32_t add(std::uint32_t host, const Incident& incident, Ktime reset_at);

    /// The receiver's incident, as if its correlator had seen this end too. `shift_ns` makes times of its
    /// host of this end's. To be diagnosed again.
    void tell(std::uint32_t story, const std::string& host_name, std::int64_t shift_ns, bool is_sure,
              Incident& receiver) const;

private:
    std::uint32_t process_index(std::uint32_t host, const InvolvedProcess& process);
    std::uint32_t why_index(const std::optional<std::string>& why);

    std::vector<PeerStory> stories_;
    std::vector<InvolvedProcess> processes_;
    std::map<std::pair<std::uint32_t, ProcessId>, std::uint32_t> process_by_id_;
    std::vector<std::string> whys_;
    std::map<std::string, std::uint32_t> why_by_text_;
};

}  // namespace pipetrace
