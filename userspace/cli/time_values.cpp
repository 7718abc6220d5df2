#include "cli/time_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <optional>
#include <string_view>

namespace pipetrace {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr double kSecondsMax = 7e9;  // nanoseconds since 1970 in 64 bits reach the year 2262

struct Unit {
    const char* name;
    double seconds;
};
constexpr std::array kUnits{
    Unit{"us", 1e-6},
    Unit{"usec", 1e-6},
    Unit{"ms", 1e-3},
    Unit{"msec", 1e-3},
    Unit{"", 1},
    Unit{"s", 1},
    Unit{"sec", 1},
    Unit{"second", 1},
    Unit{"seconds", 1},
    Unit{"m", 60},
    Unit{"min", 60},
    Unit{"minute", 60},
    Unit{"minutes", 60},
    Unit{"h", 3600},
    Unit{"hr", 3600},
    Unit{"hour", 3600},
    Unit{"hours", 3600},
    Unit{"d", 86400},
    Unit{"day", 86400},
    Unit{"days", 86400},
    Unit{"w", 604800},
    Unit{"week", 604800},
    Unit{"weeks", 604800},
    Unit{"M", 2629800},
    Unit{"month", 2629800},
    Unit{"months", 2629800},
    Unit{"y", 31557600},
    Unit{"year", 31557600},
    Unit{"years", 31557600},
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view without_blanks(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

/// Takes a number with an optional fraction off the front.
std::optional<double> take_number(std::string_view& text) {
    if (text.empty() || !is_digit(text.front())) return std::nullopt;
    double number = 0;
    const auto [end, problem] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (problem != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

/// "2h 30min", "90": seconds.
std::optional<double> parse_span(std::string_view text) {
    double seconds = 0;
    text = without_blanks(text);
    if (text.empty()) return std::nullopt;
    while (!text.empty()) {
        const auto number = take_number(text);
        if (!number) return std::nullopt;
        text = without_blanks(text);
        const auto* unit_end =
            std::find_if(text.begin(), text.end(), [](char c) { return c == ' ' || is_digit(c); });
        const auto name = text.substr(0, static_cast<std::size_t>(unit_end - text.begin()));
        const auto* unit =
            std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& known) { return name == known.name; });
        if (unit == kUnits.end()) return std::nullopt;
        seconds += *number * unit->seconds;
        text = without_blanks(text.substr(name.size()));
    }
    return seconds;
}

std::optional<WallTime> moved(WallTime from, double seconds) {
    if (!(std::abs(seconds) < kSecondsMax)) return std::nullopt;
    return WallTime{from.ns + static_cast<std::int64_t>(std::llround(seconds * 1e6)) * 1000};
}

std::tm broken_down(WallTime at, bool utc) {
    const std::time_t clock = at.ns / kSecondNs;
    std::tm date{};
    utc ? ::gmtime_r(&clock, &date) : ::localtime_r(&clock, &date);
    return date;
}

/// Nothing for a date that the calendar has not.
std::optional<std::int64_t> seconds_of(const std::tm& asked, bool utc) {
    std::tm date = asked;
    date.tm_isdst = -1;
    const std::time_t clock = utc ? ::timegm(&date) : ::mktime(&date);
    if (date.tm_mday != asked.tm_mday || date.tm_mon != asked.tm_mon) return std::nullopt;
    return clock;
}

WallTime midnight(WallTime now, int days_later, bool utc) {
    std::tm date = broken_down(now, utc);
    date.tm_hour = date.tm_min = date.tm_sec = 0;
    date.tm_mday += days_later;
    date.tm_isdst = -1;
    return {static_cast<std::int64_t>(utc ? ::timegm(&date) : ::mktime(&date)) * kSecondNs};
}

/// "UTC", "Z", "+01:00", "-0530" at the end: seconds east of UTC, taken off the text.
std::optional<int> take_zone(std::string_view& text) {
    for (const std::string_view name : {" UTC", "UTC", "Z"}) {
        if (!text.ends_with(name)) continue;
        text.remove_suffix(name.size());
        return 0;
    }
    const std::size_t clock = text.find(':');
    if (clock == std::string_view::npos) return std::nullopt;  // the dashes are a date's
    const std::size_t sign = text.find_first_of("+-", clock);
    if (sign == std::string_view::npos) return std::nullopt;
    int hours = 0;
    int minutes = 0;
    char rest = 0;
    const std::string zone(text.substr(sign + 1));
    const int found = zone.find(':') != std::string::npos
                          ? std::sscanf(zone.c_str(), "%2d:%2d%c", &hours, &minutes, &rest)
                          : std::sscanf(zone.c_str(), "%2d%2d%c", &hours, &minutes, &rest);
    if (found < 1 || found > 2 || hours > 14 || minutes > 59) return std::nullopt;
    const int east = hours * 3600 + minutes * 60;
    const int seconds = text[sign] == '-' ? -east : east;
    text = without_blanks(text.substr(0, sign));
    return seconds;
}

/// "03:04", "03:04:05.5" into the date; the fraction in nanoseconds.
std::optional<std::int64_t> take_clock(std::string_view text, std::tm& date) {
    if (text.size() < 4 || !is_digit(text.front())) return std::nullopt;
    const std::string clock(text);
    double seconds = 0;
    char rest = 0;
    const int found =
        std::sscanf(clock.c_str(), "%2d:%2d:%lf%c", &date.tm_hour, &date.tm_min, &seconds, &rest);
    if (found != 2 && found != 3) return std::nullopt;
    if (found == 2 && std::count(clock.begin(), clock.end(), ':') != 1) return std::nullopt;
    const bool possible = date.tm_hour >= 0 && date.tm_hour < 24 && date.tm_min >= 0 && date.tm_min < 60 &&
                          seconds >= 0 && seconds < 61;
    if (!possible) return std::nullopt;
    date.tm_sec = static_cast<int>(seconds);
    return std::llround((seconds - date.tm_sec) * 1e6) * 1000;
}

std::optional<WallTime> parse_date(std::string_view text, WallTime now, bool utc) {
    const std::optional<int> zone = take_zone(text);
    const bool is_utc = utc || zone.has_value();
    std::tm date = broken_down(now, is_utc);
    date.tm_hour = date.tm_min = date.tm_sec = 0;
    int year = 0;
    int month = 0;
    int day = 0;
    int size = 0;
    const std::string copy(text);
    if (std::sscanf(copy.c_str(), "%4d-%2d-%2d%n", &year, &month, &day, &size) == 3 && size >= 8) {
        if (month < 1 || month > 12 || day < 1 || day > 31 || year < 1970 || year > 2200) return std::nullopt;
        date.tm_year = year - 1900;
        date.tm_mon = month - 1;
        date.tm_mday = day;
        text.remove_prefix(static_cast<std::size_t>(size));
        if (!text.empty() && text.front() != ' ' && text.front() != 'T') return std::nullopt;
        if (!text.empty()) text.remove_prefix(1);
        text = without_blanks(text);
        if (text.empty()) text = "00:00";
    }
    const auto fraction_ns = take_clock(text, date);
    if (!fraction_ns) return std::nullopt;
    const auto seconds = seconds_of(date, is_utc);
    if (!seconds) return std::nullopt;
    return WallTime{(*seconds - zone.value_or(0)) * kSecondNs + *fraction_ns};
}

std::optional<WallTime> parse(std::string_view text, WallTime now, bool utc) {
    constexpr std::string_view kAgo = " ago";
    if (text == "now") return now;
    if (text == "today") return midnight(now, 0, utc);
    if (text == "yesterday") return midnight(now, -1, utc);
    if (text == "tomorrow") return midnight(now, 1, utc);
    if (text.starts_with('@')) {
        text.remove_prefix(1);
        const auto seconds = take_number(text);
        return seconds && text.empty() ? moved({}, *seconds) : std::nullopt;
    }
    if (text.starts_with('-') || text.starts_with('+')) {
        const auto span = parse_span(text.substr(1));
        if (!span) return std::nullopt;
        return moved(now, text.front() == '-' ? -*span : *span);
    }
    if (text.ends_with(kAgo)) {
        const auto span = parse_span(text.substr(0, text.size() - kAgo.size()));
        return span ? moved(now, -*span) : std::nullopt;
    }
    return parse_date(text, now, utc);
}

}  // namespace

Result<WallTime> parse_time(const std::string& option, const std::string& text, WallTime now, bool utc) {
    if (const auto at = parse(without_blanks(text), now, utc)) return *at;
    return Error{option + " '" + text + "' is no point in time", "it takes what journalctl takes",
                 "for example: '2026-01-02 03:04:05', 03:04, yesterday, -2h, '30 min ago', @1700000000"};
}

}  // namespace pipetrace
