#include "app/journal_sink.h"

#include "export/journal.h"
#include "source/host_reader.h"

#include <chrono>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace pipetrace {
namespace {

/// A tenth of what journald takes of one service by default (RateLimitBurst=10000, RateLimitIntervalSec=30s).
constexpr std::uint64_t kEntriesMax = 1000;
constexpr std::uint64_t kIntervalNs = 30'000'000'000;
constexpr std::uint64_t kClocksReadAgainNs = 1'000'000'000;
/// A forgotten one's later judgement is not told here: the recording has it.
constexpr std::size_t kToldMax = 4096;
constexpr std::chrono::milliseconds kJournalWait{1000};

class JournalReceiver final : public Receiver {
public:
    Outcome deliver(Parcel& parcel) override {
        std::vector<std::string_view> fields;
        std::size_t begin = 0;
        for (const std::size_t end : parcel.ends) {
            fields.push_back(std::string_view(parcel.text).substr(begin, end - begin));
            begin = end;
        }
        switch (journal_.send(fields, kJournalWait)) {
            case Journal::Outcome::kSent: was_there_ = true; return Outcome::kTaken;
            // Nobody misses what a host without a journal does not get.
            case Journal::Outcome::kAbsent: return was_there_ ? Outcome::kLost : Outcome::kNobody;
            case Journal::Outcome::kBusy: return Outcome::kLater;
            case Journal::Outcome::kFailed: break;
        }
        return Outcome::kLost;
    }
    Error trouble() const override { return journal_.trouble(); }
    std::string name() const override { return "the journal"; }

private:
    Journal journal_;
    bool was_there_ = false;
};

}  // namespace

JournalSink::JournalSink(const ClockOffsets& clocks, std::function<void(const Error&)> tell)
    : clocks_(clocks),
      outbox_({.pause = std::chrono::milliseconds{200}, .tell = std::move(tell)},
              std::make_unique<JournalReceiver>()) {}

void JournalSink::take(const Incident& incident, const BurstStory*, Ktime) {
    if (incident.revision == 0) ++incidents_;
    if (!is_to_be_told(incident)) return;
    if (told_in_interval_ >= kEntriesMax) {
        untold_.add(incident.verdict);
        return;
    }
    ++told_in_interval_;
    post(journal_entry(incident, clocks_, incident.revision > 0), 1);
}

/// A first revision, or one that judges otherwise than the entry that is there.
bool JournalSink::is_to_be_told(const Incident& incident) {
    const Judged judged{incident.verdict.cause, incident.verdict.severity};
    const auto found = told_.find(incident.id);
    const bool is_told = incident.revision == 0 || (found != told_.end() && found->second != judged);
    if (incident.is_final) {
        if (found != told_.end()) told_.erase(found);
    } else if (found != told_.end()) {
        found->second = judged;
    } else if (incident.revision == 0 && told_in_interval_ < kEntriesMax) {
        remember(incident, judged);
    }
    return is_told;
}

void JournalSink::remember(const Incident& incident, Judged judged) {
    told_.emplace(incident.id, judged);
    told_by_age_.push_back(incident.id);
    if (told_by_age_.size() <= kToldMax) return;
    forgotten_ += told_.erase(told_by_age_.front());  // 0: it is over
    told_by_age_.pop_front();
}

void JournalSink::post(JournalEntry&& entry, std::uint64_t incidents) {
    outbox_.post(Parcel{std::move(entry.text), std::move(entry.ends), incidents});
}

void JournalSink::tell_untold() {
    if (untold_.count == 0) return;
    const UntoldIncidents untold = std::exchange(untold_, {});
    post(untold_entry(untold), untold.count);
}

void JournalSink::advance_to(Ktime now) {
    outbox_.look();
    if (now >= interval_began_ + kIntervalNs) {
        interval_began_ = now;
        told_in_interval_ = 0;
        tell_untold();
    }
    if (now < clocks_read_ + kClocksReadAgainNs) return;
    clocks_read_ = now;
    follow_clocks(clocks_);
}

void JournalSink::finish() {
    tell_untold();
    outbox_.finish();
}

}  // namespace pipetrace
