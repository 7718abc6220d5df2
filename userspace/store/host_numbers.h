// What is left of addresses in a redacted recording.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>

namespace pipetrace {

/// In each network (/24 of IPv4, /64 of IPv6) the first host met becomes 0, and the others 255, 254 and so on
/// (of IPv6 the largest numbers): what it was cannot be told from it, and two hosts stay two, so that nobody
/// is taken for another's peer. Loopback addresses say nothing and stay.
class HostNumbers {
public:
    /// The addresses of a record (pipetrace_abi.h), where it has any.
    void redact(std::span<std::byte> record);

private:
    using Bytes = std::array<std::uint8_t, 16>;
    static constexpr std::size_t kHostsMax = 200'000;

    void redact_address(std::uint8_t (&ip)[16]);

    std::map<Bytes, std::uint64_t> number_of_;  ///< by address
    std::map<Bytes, std::uint64_t> hosts_in_;   ///< met so far, by network
};

}  // namespace pipetrace
