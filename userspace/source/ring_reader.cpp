// The layout is the kernel's interface (kernel/bpf/ringbuf.c): a page with the consumer's position, one
// with the producer's, then the records, mapped twice in a row so that none is ever split.
#include "source/ring_reader.h"

#include <linux/bpf.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

namespace pipetrace {
namespace {

// How often it looks while records come.
constexpr std::chrono::milliseconds kBusyInterval{1};
// The doorbell is a flag, not a lock; should a ring ever go unheard, this is the delay.
constexpr std::chrono::milliseconds kSleepMax{1000};

Error unmapped(const char* part) {
    return Error{"the ring buffer cannot be mapped", std::string(part) + ": " + std::strerror(errno),
                 "see whether memory or locked memory is limited (ulimit -l)"};
}

}  // namespace

RingReader::RingReader(int ring_fd, std::size_t size_bytes, std::uint32_t* doorbell)
    : ring_fd_(ring_fd),
      size_bytes_(size_bytes),
      doorbell_(doorbell),
      page_bytes_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))) {}

RingReader::~RingReader() {
    if (consumer_position_) ::munmap(consumer_position_, page_bytes_);
    if (producer_page_) ::munmap(const_cast<std::byte*>(producer_page_), page_bytes_ + 2 * size_bytes_);
}

Result<std::unique_ptr<RingReader>> RingReader::open(int ring_fd, std::size_t size_bytes,
                                                     std::uint32_t* doorbell) {
    std::unique_ptr<RingReader> reader(new RingReader(ring_fd, size_bytes, doorbell));
    void* consumer =
        ::mmap(nullptr, reader->page_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd, 0);
    if (consumer == MAP_FAILED) return unmapped("the consumer's page");
    reader->consumer_position_ = static_cast<std::uint64_t*>(consumer);
    void* producer = ::mmap(nullptr, reader->page_bytes_ + 2 * size_bytes, PROT_READ, MAP_SHARED,
                            ring_fd, static_cast<off_t>(reader->page_bytes_));
    if (producer == MAP_FAILED) return unmapped("the records");
    reader->producer_page_ = static_cast<const std::byte*>(producer);
    return reader;
}

/// A record that is reserved and not yet written counts as one: its program has passed the doorbell's
/// place in time, perhaps before it was set.
bool RingReader::is_empty() const {
    const auto* producer = reinterpret_cast<const std::uint64_t*>(producer_page_);
    return __atomic_load_n(producer, __ATOMIC_ACQUIRE) ==
           __atomic_load_n(consumer_position_, __ATOMIC_RELAXED);
}

std::size_t RingReader::drain(const RecordSink& sink) {
    const auto* producer = reinterpret_cast<const std::uint64_t*>(producer_page_);
    const std::byte* records = producer_page_ + page_bytes_;
    std::uint64_t position = __atomic_load_n(consumer_position_, __ATOMIC_RELAXED);
    // What is there now and no more: a flood must not keep the caller from its other work.
    const std::uint64_t end = __atomic_load_n(producer, __ATOMIC_ACQUIRE);
    used_bytes_ = std::max(used_bytes_, end - position);
    std::size_t count = 0;
    while (position < end) {
        const std::byte* slot = records + (position & (size_bytes_ - 1));
        const std::uint32_t header =
            __atomic_load_n(reinterpret_cast<const std::uint32_t*>(slot), __ATOMIC_ACQUIRE);
        if (header & BPF_RINGBUF_BUSY_BIT) break;
        const std::uint32_t size = header & ~BPF_RINGBUF_DISCARD_BIT;
        if (!(header & BPF_RINGBUF_DISCARD_BIT)) {
            sink({slot + BPF_RINGBUF_HDR_SZ, size});
            ++count;
        }
        position += (size + BPF_RINGBUF_HDR_SZ + 7U) / 8U * 8U;
        __atomic_store_n(consumer_position_, position, __ATOMIC_RELEASE);
    }
    was_busy_ = count > 0;
    return count;
}

RingUse RingReader::take_use() { return {size_bytes_, std::exchange(used_bytes_, 0)}; }

void RingReader::poll(std::chrono::milliseconds timeout, std::span<pollfd> others, bool with_ring) {
    polled_.assign(others.begin(), others.end());
    if (with_ring) polled_.push_back({ring_fd_, POLLIN, 0});
    const int ready = ::poll(polled_.data(), polled_.size(), static_cast<int>(timeout.count()));
    for (std::size_t i = 0; i < others.size(); ++i)
        others[i].revents = ready > 0 ? polled_[i].revents : short{0};
}

bool RingReader::wait(std::chrono::milliseconds timeout, std::span<pollfd> others) {
    if (timeout.count() < 0) timeout = kSleepMax;
    if (was_busy_) {
        poll(std::min(timeout, kBusyInterval), others, false);
        return true;
    }
    __atomic_store_n(doorbell_, 1U, __ATOMIC_RELAXED);
    // Orders the store before the load of the producer's position: one of the two sides sees the other.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!is_empty()) {
        poll(std::min(timeout, kBusyInterval), others, false);
        return true;
    }
    poll(std::min(timeout, kSleepMax), others, true);
    return !is_empty();
}

}  // namespace pipetrace
