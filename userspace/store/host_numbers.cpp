#include "store/host_numbers.h"

#include "model/ip_bytes.h"
#include "pipetrace_abi.h"

#include <algorithm>
#include <cstring>

namespace pipetrace {
namespace {

/// Every kind that has an endpoint has it right after the header; no other part of a record holds addresses.
bool has_endpoint(std::uint16_t kind) {
    switch (kind) {
        case PT_SIGPIPE_DELIVERED:
        case PT_FAILURES_COUNTED:
        case PT_PROCESS_FORKED:
        case PT_PROCESS_EXECUTED:
        case PT_PROCESS_EXITED:
        case PT_SAMPLING_CHANGED: return false;
        default: return true;
    }
}
static_assert(offsetof(pt_reset_received, endpoint) == sizeof(pt_header));
static_assert(offsetof(pt_reset_sent, endpoint) == sizeof(pt_header));
static_assert(offsetof(pt_error_raised, endpoint) == sizeof(pt_header));
static_assert(offsetof(pt_call_failed, endpoint) == sizeof(pt_header));
static_assert(offsetof(pt_sigpipe_generated, endpoint) == sizeof(pt_header));
static_assert(offsetof(pt_endpoint_remembered, memory.endpoint) == sizeof(pt_header));
static_assert(offsetof(pt_state_changed, endpoint) == sizeof(pt_header));
static_assert(offsetof(pt_endpoint_destroyed, endpoint) == sizeof(pt_header));
static_assert(offsetof(pt_other_end_seen, endpoint) == sizeof(pt_header));
static_assert(offsetof(pt_unix_named, endpoint) == sizeof(pt_header));
static_assert(offsetof(pt_packet_filtered, endpoint) == sizeof(pt_header));
static_assert(PT_RECORD_KIND_COUNT == 18, "does the new kind hold addresses?");

}  // namespace

void HostNumbers::redact_address(std::uint8_t (&ip)[16]) {
    if (is_of_every_host(ip)) return;
    const std::size_t host_at = host_part_at(ip);
    Bytes address{};
    std::copy(std::begin(ip), std::end(ip), address.begin());
    Bytes network = address;
    std::fill(network.begin() + static_cast<std::ptrdiff_t>(host_at), network.end(), std::uint8_t{0});
    const auto known = number_of_.find(address);
    std::uint64_t number = 0;
    if (known != number_of_.end()) {
        number = known->second;
    } else {
        if (number_of_.size() >= kHostsMax) {
            number_of_.clear();
            hosts_in_.clear();
        }
        number = std::uint64_t{0} - hosts_in_[network]++;  // 0, and from the end backwards
        number_of_.emplace(address, number);
    }
    for (std::size_t i = 16; i-- > host_at; number >>= 8) ip[i] = static_cast<std::uint8_t>(number & 0xff);
}

void HostNumbers::redact(std::span<std::byte> record) {
    pt_header header;
    pt_endpoint endpoint;
    if (record.size() < sizeof header + sizeof endpoint) return;
    std::memcpy(&header, record.data(), sizeof header);
    if (!has_endpoint(header.kind)) return;
    std::memcpy(&endpoint, record.data() + sizeof header, sizeof endpoint);
    redact_address(endpoint.local);
    redact_address(endpoint.remote);
    std::memcpy(record.data() + sizeof header, &endpoint, sizeof endpoint);
}

}  // namespace pipetrace
