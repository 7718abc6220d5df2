#include "app/outbox.h"

#include "app/precedence.h"

#include <fmt/format.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace pipetrace {

struct Outbox::Shared {
    std::unique_ptr<Receiver> receiver;  // the thread's
    std::chrono::milliseconds pause{};

    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Parcel> queue;
    std::size_t queued_bytes = 0;
    std::uint64_t in_flight = 0;  // entries that the receiver has
    bool stopping = false;
    bool gave_up = false;  // finish() waits no longer
    bool has_stopped = false;
    bool has_ended = false;
    std::uint64_t lost = 0;
    bool is_in_trouble = false;
    std::uint64_t lost_before = 0;   // the trouble
    std::optional<Error> trouble;    // to be told
    std::optional<Error> recovered;  // likewise

    void begin_trouble(const Error& why) {
        if (std::exchange(is_in_trouble, true)) return;
        lost_before = lost;
        trouble = why;
    }

    void end_trouble() {
        if (!std::exchange(is_in_trouble, false)) return;
        const std::uint64_t missing = lost - lost_before;
        recovered =
            Error{receiver->name() + " takes incidents again",
                  missing == 0 ? "none was lost" : fmt::format("lost meanwhile: {}", missing), ""};
    }
};

Outbox::Outbox(Settings settings, std::unique_ptr<Receiver> receiver)
    : settings_(std::move(settings)), shared_(std::make_shared<Shared>()) {
    shared_->receiver = std::move(receiver);
    shared_->pause = settings_.pause;
}

Outbox::~Outbox() { finish(); }

void Outbox::post(Parcel&& parcel) {
    if (!parcel.empty()) enqueue(std::move(parcel));
}

void Outbox::knock() { enqueue({}); }

void Outbox::enqueue(Parcel&& parcel) {
    if (!std::exchange(has_thread_, true)) {
        std::thread([shared = shared_] { deliver_until_stopped(*shared); }).detach();
    }
    {
        const std::lock_guard lock(shared_->mutex);
        const bool fits = shared_->queued_bytes + parcel.text.size() <= settings_.bytes_max;
        if (!fits || shared_->stopping || shared_->has_ended) {
            shared_->lost += parcel.entries;
            return;
        }
        shared_->queued_bytes += parcel.text.size();
        shared_->queue.push_back(std::move(parcel));
    }
    shared_->changed.notify_all();
}

void Outbox::look() {
    std::optional<Error> trouble;
    std::optional<Error> recovered;
    {
        const std::lock_guard lock(shared_->mutex);
        trouble = std::exchange(shared_->trouble, std::nullopt);
        recovered = std::exchange(shared_->recovered, std::nullopt);
    }
    if (trouble) settings_.tell(*trouble);
    if (recovered) settings_.tell(*recovered);
}

void Outbox::finish() {
    if (std::exchange(finished_, true)) return;
    {
        std::unique_lock lock(shared_->mutex);
        shared_->stopping = true;
        shared_->changed.notify_all();
        if (!has_thread_) shared_->has_stopped = true;
        shared_->changed.wait_for(lock, settings_.last_tries, [this] { return shared_->has_stopped; });
        shared_->gave_up = true;
        if (!shared_->has_stopped) {
            shared_->lost += shared_->in_flight;
            for (const Parcel& parcel : shared_->queue) shared_->lost += parcel.entries;
            shared_->queue.clear();
        }
    }
    shared_->changed.notify_all();
    look();
}

LossCounts Outbox::losses(const char* name) const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->lost > 0 ? LossCounts{{name, shared_->lost}} : LossCounts{};
}

bool Outbox::has_ended() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->has_ended;
}

bool Outbox::is_busy() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->in_flight > 0 || !shared_->queue.empty();
}

void Outbox::deliver_until_stopped(Shared& shared) {
    take_precedence(kWriterNice);
    std::unique_lock lock(shared.mutex);
    for (;;) {
        shared.changed.wait(lock, [&] { return shared.stopping || !shared.queue.empty(); });
        if (shared.queue.empty() || shared.gave_up) break;
        Parcel parcel = std::move(shared.queue.front());
        shared.queue.pop_front();
        shared.in_flight = parcel.entries;
        const std::size_t bytes = parcel.text.size();
        lock.unlock();
        const bool goes_on = offer(shared, parcel);
        lock.lock();
        shared.queued_bytes -= bytes;
        shared.in_flight = 0;
        if (!goes_on) break;
    }
    for (const Parcel& parcel : shared.queue) shared.lost += parcel.entries;
    shared.queue.clear();
    shared.has_stopped = true;
    shared.changed.notify_all();
}

/// Until it is taken or lost. False: no more need be offered.
bool Outbox::offer(Shared& shared, Parcel& parcel) {
    for (;;) {
        const Receiver::Outcome outcome = shared.receiver->deliver(parcel);
        std::unique_lock lock(shared.mutex);
        if (shared.gave_up) return false;  // counted as lost by then
        shared.in_flight = parcel.entries;
        switch (outcome) {
            case Receiver::Outcome::kTaken: shared.end_trouble(); return true;
            case Receiver::Outcome::kNobody: return true;
            case Receiver::Outcome::kLost:
                shared.begin_trouble(shared.receiver->trouble());
                shared.lost += parcel.entries;
                return true;
            case Receiver::Outcome::kEnded:
                shared.lost += parcel.entries;
                shared.has_ended = true;
                return false;
            case Receiver::Outcome::kLater: break;
        }
        shared.begin_trouble(shared.receiver->trouble());
        // Once more at the end, and no longer than finish() waits.
        shared.changed.wait_for(lock, shared.stopping ? shared.pause / 4 : shared.pause,
                                [&] { return shared.gave_up; });
        if (shared.gave_up) return false;
    }
}

}  // namespace pipetrace
