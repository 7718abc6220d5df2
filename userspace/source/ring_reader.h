// The ring buffer's consumer. Producers wake it only when asked: it rings for a wake-up (the doorbell)
// when it is about to sleep, and while there is work it looks again by itself.
#pragma once

#include "model/observation.h"
#include "model/result.h"
#include "source/event_source.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

struct pollfd;

namespace pipetrace {

class RingReader {
public:
    /// `ring_fd`: a BPF ring buffer map of `size_bytes`. `doorbell`: the programs' variable.
    static Result<std::unique_ptr<RingReader>> open(int ring_fd, std::size_t size_bytes,
                                                    std::uint32_t* doorbell);
    ~RingReader();
    RingReader(const RingReader&) = delete;
    RingReader& operator=(const RingReader&) = delete;

    std::size_t drain(const RecordSink& sink);
    /// The most that waited at a drain since this was last asked.
    RingUse take_use();
    bool wait(std::chrono::milliseconds timeout, std::span<pollfd> others);

private:
    RingReader(int ring_fd, std::size_t size_bytes, std::uint32_t* doorbell);
    bool is_empty() const;
    void poll(std::chrono::milliseconds timeout, std::span<pollfd> others, bool with_ring);

    int ring_fd_;
    std::size_t size_bytes_;
    std::uint32_t* doorbell_;
    std::uint64_t* consumer_position_ = nullptr;
    const std::byte* producer_page_ = nullptr;
    std::size_t page_bytes_;
    bool was_busy_ = false;
    std::uint64_t used_bytes_ = 0;
    std::vector<pollfd> polled_;
};

}  // namespace pipetrace
