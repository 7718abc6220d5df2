// Between the tracing loop and whoever takes its text slowly or not at all: a disk, a pipe, the journal. A
// thread delivers, in order; the loop never waits. What does not fit the queue, or cannot be delivered, is
// counted.
#pragma once

#include "model/observation.h"
#include "model/result.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pipetrace {

/// Text in whole pieces: lines of a file, fields of a journal's entry.
struct Parcel {
    std::string text;
    std::vector<std::size_t> ends;  ///< where each piece ends, ascending
    std::uint64_t entries = 0;      ///< what is lost if it is lost

    bool empty() const { return text.empty(); }
};

/// Used by the outbox's thread alone, and ended by it.
class Receiver {
public:
    virtual ~Receiver() = default;

    enum class Outcome : std::uint8_t {
        kTaken,
        kLater,   ///< not now: `parcel` is what is left of it
        kNobody,  ///< nobody takes such things here, and nobody misses them
        kLost,    ///< whoever took them has gone
        kEnded,   ///< for good
    };
    /// May wait, a second or so.
    virtual Outcome deliver(Parcel& parcel) = 0;
    /// Why not, after kLater and kLost.
    virtual Error trouble() const = 0;
    /// "the journal", for a message.
    virtual std::string name() const = 0;
};

class Outbox {
public:
    struct Settings {
        std::size_t bytes_max = 4U << 20;            ///< waiting at once
        std::chrono::milliseconds pause{1000};       ///< before what was not taken is offered again
        std::chrono::milliseconds last_tries{2000};  ///< what finish() waits
        std::function<void(const Error&)> tell;      ///< of troubles and of their end; called by the loop
    };
    Outbox(Settings settings, std::unique_ptr<Receiver> receiver);
    Outbox(const Outbox&) = delete;
    Outbox& operator=(const Outbox&) = delete;
    ~Outbox();

    void post(Parcel&& parcel);
    /// Has the receiver see to it that it could take something, with a parcel that holds nothing.
    void knock();
    /// Tells what there is to tell. To be called now and then.
    void look();
    /// Waits for what is under way, a bounded time; the rest is lost. A thread that is held by then is left
    /// behind.
    void finish();

    LossCounts losses(const char* name) const;  ///< entries, under that name
    bool has_ended() const;                     ///< the reader has gone for good
    bool is_busy() const;                       ///< anything waits

private:
    struct Shared;
    void enqueue(Parcel&& parcel);
    static void deliver_until_stopped(Shared& shared);
    static bool offer(Shared& shared, Parcel& parcel);

    Settings settings_;
    std::shared_ptr<Shared> shared_;  ///< the thread's too: it may outlive this
    /// With the first parcel: it has the rights that the caller has by then.
    bool has_thread_ = false;
    bool finished_ = false;
};

}  // namespace pipetrace
