// Joins the recordings of several hosts: who met a RST here with who sent it there. Place in the flow:
// between the incidents that replays make and what renders them. Each recording is read twice. The first time
// every incident is shown to note(); after match(), the second time, each goes through take(), and one that
// was joined is diagnosed again. Held are keys: 104 bytes a RST received, 248 a RST sent. TCP alone; behind
// address translation nothing can be joined, and the report says so.
#pragma once

#include "merge/end_pairs.h"
#include "merge/merge_report.h"
#include "merge/peer_story.h"
#include "merge/reset_end.h"
#include "model/incident.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

namespace pipetrace {

class HostMerge {
public:
    explicit HostMerge(std::size_t ends_max = 8'000'000) : ends_max_(ends_max) {}
    HostMerge(const HostMerge&) = delete;
    HostMerge& operator=(const HostMerge&) = delete;

    /// One trace of a recording. Those with one boot_id are of one host. Returns its number. A redacted one
    /// has numbers of its own for the hosts of each network: networks, ports and sequence numbers must do.
    std::uint32_t add_stream(const HostIdentity& host, const ClockOffsets& clocks, bool is_redacted = false);

    /// First reading: with its processes described as they are to be told. A later revision replaces the
    /// earlier.
    void note(std::uint32_t stream, const Incident& incident) {
        note(stream, incident, streams_[stream].clocks);
    }
    /// With how the host's clocks related then, where that is known better than for the whole stream.
    void note(std::uint32_t stream, const Incident& incident, const ClockOffsets& clocks);
    /// Between the readings, once.
    void match();

    enum class Outcome : std::uint8_t {
        kUnchanged,
        kJoined,         ///< has gained its other end: to be diagnosed again
        kToldElsewhere,  ///< it is the receiver's story, and no other
    };
    /// Second reading, in any order. One that was not noted stays as it is.
    Outcome take(std::uint32_t stream, Incident& incident) const;

    const MergeReport& report() const { return report_; }
    std::uint32_t host_count() const { return static_cast<std::uint32_t>(hosts_.size()); }

private:
    struct Host {
        std::string name;  ///< from match() on with its boot, where another has the same name
        std::string boot_id;
        std::set<std::array<std::uint8_t, 16>> addresses;  ///< that its endpoints had as their own
    };
    struct Stream {
        std::uint32_t host = 0;
        ClockOffsets clocks;
    };

    bool owns(std::uint32_t host, const Address& address) const;
    void note_end(std::uint32_t stream, const ClockOffsets& clocks, ResetEnd end);
    void name_hosts();
    void blur(ResetEnd& end) const;
    void drop_superseded();
    void write_report();
    std::string clock_sentence(const HostPair& hosts, const ClockEstimate& clock) const;
    /// The end that was noted of it; null where there was none.
    const ResetEnd* find(const ResetEnd& end, std::uint32_t stream) const;

    std::size_t ends_max_;
    std::vector<Host> hosts_;
    std::vector<Stream> streams_;
    std::vector<ResetEnd> ends_;
    std::vector<std::uint32_t> by_id_;  ///< of them, those not superseded
    std::uint64_t no_room_ = 0;
    bool is_redacted_ = false;  ///< one of the streams
    PeerStories stories_;
    std::optional<EndPairs> pairs_;
    MergeReport report_;
};

}  // namespace pipetrace
