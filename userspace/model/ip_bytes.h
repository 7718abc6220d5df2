// Parts of an IP address as records and events have it: 16 bytes, IPv4 as ::ffff:a.b.c.d.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace pipetrace {

using IpBytes = std::span<const std::uint8_t, 16>;

inline bool are_zero(std::span<const std::uint8_t> bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

inline bool is_ipv4(IpBytes ip) { return are_zero(ip.first<10>()) && ip[10] == 0xff && ip[11] == 0xff; }

/// Loopback or "any": the same on every host, so that it tells none from another.
inline bool is_of_every_host(IpBytes ip) {
    if (is_ipv4(ip)) return ip[12] == 127 || are_zero(ip.last<4>());
    return are_zero(ip.first<15>()) && ip[15] <= 1;
}

/// Where the part begins that tells the hosts of a network apart, /24 of IPv4 and /64 of IPv6: redacted
/// recordings have numbers there, which merging them leaves out.
inline std::size_t host_part_at(IpBytes ip) { return is_ipv4(ip) ? 15 : 8; }

}  // namespace pipetrace
