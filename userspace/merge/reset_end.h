// One end of a RST between two hosts: whoever sent it, or whoever it reached. A compact key of an incident,
// so that millions can be held while their other ends are looked for.
#pragma once

#include "model/incident.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace pipetrace {

inline constexpr std::uint32_t kNoIndex = UINT32_MAX;

/// What became of a RST that reached a host.
enum class EndFate : std::uint8_t {
    kJoined,
    kAddressNotSeen,  ///< on no other host: not recorded, or translated on the way
    kNoResetSeen,     ///< the address is another host's, which is not known to have sent this RST
    kTranslated,      ///< one sent a RST with this number, at one end with other addresses
    kManyAlike,       ///< several could be it
    kTimeUnlike,      ///< the clocks, as the other pairs have them, speak against it
    kNotProven,       ///< neither a sequence number nor a clock to tell it from another connection's
    kNoRoom,          ///< not looked at: there were too many
};
inline constexpr std::size_t kEndFateCount = static_cast<std::size_t>(EndFate::kNoRoom) + 1;

struct ResetEnd {
    Address local;  ///< of the incident's own endpoint
    Address remote;
    Ktime at;                              ///< when the RST left, or arrived
    std::uint64_t id_hash = 0;             ///< of the incident's id
    std::int64_t wall_minus_ktime_ns = 0;  ///< at its host, then
    std::uint32_t stream = 0;              ///< that it was read from
    std::uint32_t host = 0;                ///< that the stream is of
    std::uint32_t seq = 0;                 ///< of the RST
    std::uint32_t rtt_us = 0;              ///< 0: none measured
    std::uint32_t story = kNoIndex;        ///< of a sender: what is told of it
    std::uint32_t partner = kNoIndex;      ///< the other end
    bool is_sender = false;
    bool is_origin = false;  ///< of a sender: nothing failed at its own end
    bool seq_known = false;
    bool may_be_one_less = false;  ///< of a receiver: `seq` is what it expected, after a FIN
    bool flags_known = false;
    bool acknowledges = false;  ///< RST|ACK
    bool answers_syn = false;
    bool is_abort = false;     ///< of a sender: its program's own act, at any time; else it answers a segment
    bool is_repeated = false;  ///< sent more than once: the one that arrived may be a later one
    bool is_sure = false;      ///< that `partner` is its other end
    bool is_superseded = false;  ///< a later revision of the incident is held too
    EndFate fate = EndFate::kNoResetSeen;

    const Address& sender() const { return is_sender ? local : remote; }
    const Address& receiver() const { return is_sender ? remote : local; }
};

/// "192.0.2.1:443", "[2001:db8::1]:443"; empty where it is neither.
std::optional<Address> parse_address(std::string_view text);

/// 73 years of uptime. Differences of earlier times, and sums of those, stay in range.
inline constexpr std::uint64_t kKtimeMax = std::uint64_t{1} << 61;

/// Takes the host part away (model/ip_bytes.h): what is left, redacted recordings tell alike of one host.
void leave_network(Address& address);

/// Means the same on every host: no loopback address and not "any".
bool is_between_hosts(const Address& address);

/// The RST that this incident's program met, where nothing on its own host sent it. Empty: there is none.
std::optional<ResetEnd> received_end(const Incident& incident);
/// The RST that this incident's end sent to another host.
std::optional<ResetEnd> sent_end(const Incident& incident);

}  // namespace pipetrace
