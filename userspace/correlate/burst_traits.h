// What several incidents alike have in common: the pattern that makes one story of them.
#pragma once

#include "model/burst.h"
#include "model/incident.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pipetrace {

/// An incident as far as a burst looks at it.
struct BurstMember {
    std::string id;
    Ktime at;
    Ktime opened_at;  ///< unknown: before all that is known
    Ktime broken_at;  ///< when the peer closed, the RST came or a timer gave up; else `at`
    std::string host;  ///< the remote one, without its port; the peer's name where there is none
    std::optional<Tgid> tgid;
    std::optional<std::string> peer_comm;
    std::optional<Tgid> peer_tgid;
    std::optional<int> error;
    std::optional<std::uint64_t> idle_us;
    Severity severity = Severity::kBenign;
    bool is_empty = false;  ///< a health check
};
BurstMember burst_member_of(const Incident& incident);

/// The story that some of them make; what differs between them is left out.
class BurstTraits {
public:
    BurstTraits(Cause cause, EndpointKind kind, std::string comm);

    void add(const BurstMember& member);
    void name(std::string burst_id, std::vector<std::string> first_ids);

    const BurstStory& story() const { return story_; }
    BurstPattern pattern() const { return story_.burst.pattern; }
    const std::string& host() const { return host_; }

private:
    bool has_same_idle_age() const;
    bool broke_at_once() const;
    BurstPattern judge() const;

    BurstStory story_;
    std::string host_;  ///< the first one's
    Ktime last_opened_;
    Ktime first_broken_;
    Ktime last_broken_;
    bool all_empty_ = true;
};

}  // namespace pipetrace
