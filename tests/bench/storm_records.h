// The records of a storm, as this project's kernel programs write them for one connection that its peer
// aborts, in tracepoint mode: a receive meets ECONNRESET, a send with MSG_NOSIGNAL EPIPE.
#pragma once

#include "model/ktime.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace pipetrace::testing {

class StormRecords {
public:
    static constexpr std::size_t kRecordsPerIncident = 9;

    /// Appends the records of the next incident, all within 100 us after `begin`.
    void add_incident(Ktime begin);
    /// Forgets the bytes, not how many incidents there were: socket cookies and ports go on.
    void clear();

    /// Each record in the order of writing; valid until the next add_incident() or clear().
    template <typename Sink>
    void for_each(const Sink& sink) const {
        std::size_t at = 0;
        for (const std::size_t size : sizes_) {
            sink(std::span(bytes_).subspan(at, size));
            at += size;
        }
    }

    std::size_t count() const { return sizes_.size(); }
    std::size_t bytes() const { return bytes_.size(); }

private:
    template <typename Record>
    void add(const Record& record);

    std::vector<std::byte> bytes_;
    std::vector<std::size_t> sizes_;
    std::uint64_t incidents_ = 0;
};

}  // namespace pipetrace::testing
