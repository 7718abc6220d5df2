// The two addresses of a TCP connection as a key: sender and receiver, or own and other.
#pragma once

#include "model/endpoint.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace pipetrace {

struct AddressPair {
    Address first;
    Address second;

    bool operator==(const AddressPair&) const = default;
};

/// The same for both ends of a connection.
inline AddressPair sorted_pair(const Endpoint& endpoint) {
    const bool is_sorted = !(endpoint.remote < endpoint.local);
    return is_sorted ? AddressPair{endpoint.local, endpoint.remote}
                     : AddressPair{endpoint.remote, endpoint.local};
}

/// Peers choose addresses and ports, but cannot know which collide: each process hashes in its own way.
struct AddressPairHash {
    std::size_t operator()(const AddressPair& pair) const {
        std::uint64_t words[4];
        std::memcpy(words, pair.first.ip.data(), 16);
        std::memcpy(words + 2, pair.second.ip.data(), 16);
        std::uint64_t hash = secret() ^ (std::uint64_t{pair.first.port} << 16 | pair.second.port);
        for (const std::uint64_t word : words) hash = mix(hash ^ word);
        return hash;
    }

private:
    /// Where the program was loaded, which the kernel chooses anew each time.
    static std::uint64_t secret() {
        static const char place = 0;
        return reinterpret_cast<std::uintptr_t>(&place) >> 12;
    }
    /// A multiply and a fold: each bit of the word moves about half of the hash's.
    static std::uint64_t mix(std::uint64_t word) {
        word *= 0x9e3779b97f4a7c15ULL;
        return word ^ word >> 32;
    }
};

}  // namespace pipetrace
