#include "merge/host_merge.h"

#include "model/quantity_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

namespace pipetrace {
namespace {

constexpr std::size_t kAddressesMax = 65'536;
constexpr std::size_t kNameMax = 64;  ///< HOST_NAME_MAX of Linux
constexpr std::size_t kBootIdDigits = 8;
/// 73 years from 1970: later clocks are nonsense, and their differences stay in range.
constexpr std::int64_t kWallMax = std::int64_t{1} << 61;
constexpr std::int64_t kMicrosecond = 1000;
constexpr std::int64_t kSecond = 1'000'000'000;

/// With milliseconds up to a day: what a person adds to a log's times.
std::string apart_text(std::int64_t ns) {
    const std::int64_t ms = std::abs(ns) / 1'000'000;
    if (std::abs(ns) < 86'400 * kSecond) return fmt::format("{}.{:03} s", ms / 1000, ms % 1000);
    return duration_text(static_cast<std::uint64_t>(std::abs(ns) / kMicrosecond));
}

std::string within_text(std::int64_t ns) {
    return duration_text(static_cast<std::uint64_t>((std::abs(ns) + kMicrosecond - 1) / kMicrosecond));
}

auto id_of(const ResetEnd& end) { return std::tie(end.stream, end.id_hash, end.is_sender); }

}  // namespace

std::uint32_t HostMerge::add_stream(const HostIdentity& host, const ClockOffsets& clocks, bool is_redacted) {
    is_redacted_ = is_redacted_ || is_redacted;
    const auto found = std::find_if(hosts_.begin(), hosts_.end(), [&](const Host& known) {
        return !host.boot_id.empty() && known.boot_id == host.boot_id;
    });
    Stream stream;
    stream.host = static_cast<std::uint32_t>(found - hosts_.begin());
    if (found == hosts_.end()) {
        const std::string name = host.name.empty() ? "another host" : host.name.substr(0, kNameMax);
        hosts_.push_back({name, host.boot_id, {}});
    }
    stream.clocks = clocks;
    streams_.push_back(stream);
    return static_cast<std::uint32_t>(streams_.size() - 1);
}

bool HostMerge::owns(std::uint32_t host, const Address& address) const {
    return !is_redacted_ && hosts_[host].addresses.contains(address.ip);
}

void HostMerge::blur(ResetEnd& end) const {
    if (!is_redacted_) return;
    leave_network(end.local);
    leave_network(end.remote);
}

void HostMerge::note(std::uint32_t stream, const Incident& incident, const ClockOffsets& clocks) {
    Host& host = hosts_[streams_[stream].host];
    if (incident.endpoint.kind != EndpointKind::kTcp) return;
    const std::optional<Address> local = parse_address(incident.endpoint.local.value_or(""));
    if (local && is_between_hosts(*local) && host.addresses.size() < kAddressesMax)
        host.addresses.insert(local->ip);
    if (const std::optional<ResetEnd> end = received_end(incident)) note_end(stream, clocks, *end);
    std::optional<ResetEnd> sent = sent_end(incident);
    if (!sent || ends_.size() >= ends_max_) return;
    sent->story = stories_.add(streams_[stream].host, incident, sent->at);
    note_end(stream, clocks, *sent);
}

void HostMerge::note_end(std::uint32_t stream, const ClockOffsets& clocks, ResetEnd end) {
    if (ends_.size() >= ends_max_) {
        ++no_room_;
        return;
    }
    end.stream = stream;
    end.host = streams_[stream].host;
    end.wall_minus_ktime_ns = std::clamp(clocks.wall_minus_ktime_ns, -kWallMax, kWallMax);
    ends_.push_back(end);
}

/// The last that was noted of an id holds.
void HostMerge::drop_superseded() {
    by_id_.resize(ends_.size());
    for (std::uint32_t i = 0; i < by_id_.size(); ++i) by_id_[i] = i;
    std::stable_sort(by_id_.begin(), by_id_.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return id_of(ends_[a]) < id_of(ends_[b]); });
    std::size_t kept = 0;
    for (std::size_t i = 0; i < by_id_.size(); ++i) {
        const bool is_last = i + 1 == by_id_.size() || id_of(ends_[by_id_[i]]) != id_of(ends_[by_id_[i + 1]]);
        if (is_last) {
            by_id_[kept++] = by_id_[i];
        } else {
            ends_[by_id_[i]].is_superseded = true;
        }
    }
    by_id_.resize(kept);
}

void HostMerge::name_hosts() {
    std::map<std::string, std::size_t> count_by_name;
    for (const Host& host : hosts_) ++count_by_name[host.name];
    for (Host& host : hosts_) {
        if (count_by_name[host.name] > 1)
            host.name += fmt::format(" (boot {})", host.boot_id.substr(0, kBootIdDigits));
    }
}

void HostMerge::match() {
    name_hosts();
    for (ResetEnd& end : ends_) blur(end);
    drop_superseded();
    pairs_.emplace(ends_, host_count(), !is_redacted_,
                   [this](std::uint32_t host, const Address& address) { return owns(host, address); });
    pairs_->match();
    write_report();
}

const ResetEnd* HostMerge::find(const ResetEnd& end, std::uint32_t stream) const {
    ResetEnd wanted = end;
    blur(wanted);
    wanted.stream = stream;
    const auto found =
        std::lower_bound(by_id_.begin(), by_id_.end(), wanted,
                         [&](std::uint32_t i, const ResetEnd& key) { return id_of(ends_[i]) < id_of(key); });
    if (found == by_id_.end()) return nullptr;
    const ResetEnd& noted = ends_[*found];
    // Another incident may share the hash, or, in a recording that means ill, the id.
    const bool is_it = id_of(noted) == id_of(wanted) && noted.at == end.at && noted.local == wanted.local &&
                       noted.remote == wanted.remote;
    return is_it ? &noted : nullptr;
}

HostMerge::Outcome HostMerge::take(std::uint32_t stream, Incident& incident) const {
    if (incident.role == Role::kOrigin) {
        const std::optional<ResetEnd> sent = sent_end(incident);
        const ResetEnd* noted = sent ? find(*sent, stream) : nullptr;
        return noted != nullptr && noted->partner != kNoIndex ? Outcome::kToldElsewhere : Outcome::kUnchanged;
    }
    const std::optional<ResetEnd> received = received_end(incident);
    const ResetEnd* noted = received ? find(*received, stream) : nullptr;
    if (noted == nullptr || noted->partner == kNoIndex) return Outcome::kUnchanged;
    const ResetEnd& sender = ends_[noted->partner];
    stories_.tell(sender.story, hosts_[sender.host].name, pairs_->shift_of(*noted), noted->is_sure, incident);
    return Outcome::kJoined;
}

void HostMerge::write_report() {
    report_ = {};
    report_.host_count = host_count();
    report_.receivers[static_cast<std::size_t>(EndFate::kNoRoom)] = no_room_;
    for (const std::uint32_t index : by_id_) {
        const ResetEnd& end = ends_[index];
        if (!end.is_sender) {
            ++report_.receivers[static_cast<std::size_t>(end.fate)];
            if (end.partner != kNoIndex && !end.is_sure) ++report_.unsure;
        } else if (end.partner != kNoIndex && end.is_origin) {
            ++report_.told_elsewhere;
        }
    }
    for (const auto& [hosts, clock] : pairs_->clocks())
        report_.clocks.push_back(clock_sentence(hosts, clock));
}

/// "clock of db1 is 183.402 s ahead of web1's (from 12 segments, within 1.0 ms)".
std::string HostMerge::clock_sentence(const HostPair& hosts, const ClockEstimate& clock) const {
    const std::string& first = hosts_[hosts.first].name;
    const std::string& second = hosts_[hosts.second].name;
    std::int64_t least = INT64_MAX;
    std::int64_t most = INT64_MIN;
    std::int64_t within = 0;
    for (const ClockSample& sample : clock.samples()) {
        if (!sample.fits) continue;
        const std::int64_t ahead = sample.wall_gap - *clock.offset_at(sample.at);
        least = std::min(least, ahead);
        most = std::max(most, ahead);
    }
    for (const ClockStretch& stretch : clock.stretches()) within = std::max(within, stretch.within);
    const std::size_t count = clock.fitting_count();
    if (count == 0) {
        return fmt::format(
            "how far the clocks of {} and {} are apart cannot be told: {} segments contradict each other",
            first, second, clock.samples().size());
    }
    const std::string from =
        fmt::format("from {} segment{}, within {}", count, count == 1 ? "" : "s", within_text(within));
    const std::int64_t middle = least + (most - least) / 2;
    // Set while they were recording, or one of them suspended.
    if (most - least > 2 * within + kSecond / 100) {
        const auto said = [](std::int64_t ahead) {
            return fmt::format("{} {}", apart_text(ahead), ahead >= 0 ? "ahead" : "behind");
        };
        return fmt::format("clock of {} went from {} to {} of {}'s while they were recording ({})", second,
                           said(least), said(most), first, from);
    }
    return fmt::format("clock of {} is {} {} {}'s ({})", second, apart_text(middle),
                       middle >= 0 ? "ahead of" : "behind", first, from);
}

}  // namespace pipetrace
