#include "cli/option_values.h"

#include "model/errno_name.h"
#include "model/nearest_name.h"

#include <arpa/inet.h>
#include <pwd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <span>

namespace pipetrace {
namespace {

constexpr Tgid kTgidMax = 2'147'483'647;  // pid_t; whether the process exists is for the trace to find
constexpr double kSecondsMax = 1e9;

std::string quoted(const std::string& text) { return "'" + text + "'"; }

/// The whole text or nothing.
template <typename Number>
std::optional<Number> whole(const std::string& text) {
    Number number{};
    const char* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, number);
    if (result.ec != std::errc{} || result.ptr != end) return std::nullopt;
    return number;
}

struct Unit {
    char letter;  ///< either case
    std::uint64_t factor;
};

/// "12" or "12h"; nothing where it is neither, or too large.
std::optional<std::uint64_t> with_unit(std::string text, std::span<const Unit> units) {
    std::uint64_t factor = 1;
    for (const Unit& unit : units) {
        if (text.empty() ||
            std::tolower(static_cast<unsigned char>(text.back())) != std::tolower(unit.letter))
            continue;
        factor = unit.factor;
        text.pop_back();
        break;
    }
    const auto number = whole<std::uint64_t>(text);
    if (!number || *number > std::numeric_limits<std::uint64_t>::max() / factor) return std::nullopt;
    return *number * factor;
}

template <typename Enum, typename Name>
std::vector<std::string> spellings(std::size_t count, Name name) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < count; ++i) names.emplace_back(name(static_cast<Enum>(i)));
    return names;
}

template <typename Enum>
Result<Enum> parse_enum(const std::string& option, const std::string& text,
                        const std::vector<std::string>& names) {
    auto index = parse_choice(option, text, names);
    if (!index) return index.error();
    return static_cast<Enum>(*index);
}

}  // namespace

Result<std::uint64_t> parse_integer(const std::string& option, const std::string& text, std::uint64_t min,
                                    std::uint64_t max) {
    const auto number = whole<std::uint64_t>(text);
    if (number && *number >= min && *number <= max) return *number;
    const bool open_ended = max == std::numeric_limits<std::uint64_t>::max();
    const std::string range = open_ended ? "of at least " + std::to_string(min)
                                         : "from " + std::to_string(min) + " to " + std::to_string(max);
    return Error{option + " cannot be " + quoted(text),
                 number ? "it is out of range" : "it is no whole number", "give a number " + range};
}

Result<double> parse_seconds(const std::string& option, const std::string& text) {
    const auto number = whole<double>(text);
    if (number && std::isfinite(*number) && *number > 0 && *number <= kSecondsMax) return *number;
    return Error{option + " cannot be " + quoted(text),
                 number ? "it is out of range" : "it is no number of seconds",
                 "give seconds, more than 0: " + option + " 10, " + option + " 0.5"};
}

Result<std::uint64_t> parse_size(const std::string& text) {
    constexpr Unit kUnits[] = {
        {'K', 1U << 10}, {'M', 1U << 20}, {'G', 1U << 30}, {'T', std::uint64_t{1} << 40}};
    const auto bytes = with_unit(text, kUnits);
    if (bytes && *bytes >= RecordingLimits::kSizeBytesMin) return *bytes;
    return Error{"--max-size cannot be " + quoted(text),
                 bytes ? "a recording of less than 4M would hold next to nothing" : "it is no size",
                 "give bytes, or a number with K, M or G: --max-size 500M"};
}

Result<std::uint64_t> parse_age(const std::string& text) {
    constexpr Unit kUnits[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    const auto seconds = with_unit(text, kUnits);
    if (seconds && *seconds > 0) return *seconds;
    return Error{"--max-age cannot be " + quoted(text), seconds ? "nothing would be kept" : "it is no age",
                 "give seconds, or a number with m, h or d: --max-age 12h"};
}

Result<std::vector<Tgid>> parse_tgids(const std::string& text) {
    constexpr const char* kSeparators = ", \t\n";
    std::vector<Tgid> tgids;
    for (std::size_t at = text.find_first_not_of(kSeparators); at != std::string::npos;) {
        const std::size_t end = std::min(text.find_first_of(kSeparators, at), text.size());
        const std::string word = text.substr(at, end - at);
        const auto number = whole<std::uint64_t>(word);
        if (!number || *number < 1 || *number > kTgidMax) {
            return Error{"-p cannot be " + quoted(word),
                         number ? "no process has such an id" : "it is no process id",
                         number ? "give the id of a running process, as ps shows it"
                                : "give a number; for a name: pipetrace --comm " + word};
        }
        tgids.push_back(static_cast<Tgid>(*number));
        at = text.find_first_not_of(kSeparators, end);
    }
    if (tgids.empty()) {
        return Error{"-p names no process", "its value is empty", "give a process id: -p 4242"};
    }
    return tgids;
}

Result<std::uint32_t> parse_user(const std::string& text) {
    // A name of digits alone is looked up first, as chown does.
    if (const passwd* entry = ::getpwnam(text.c_str())) return std::uint32_t{entry->pw_uid};
    // (uid_t)-1 means "no user" to the kernel.
    const auto uid = whole<std::uint32_t>(text);
    if (uid && *uid != std::numeric_limits<std::uint32_t>::max()) return *uid;
    return Error{"-u names no user: " + quoted(text), "this host does not know that name",
                 "give a name that `getent passwd` lists, or a numeric uid"};
}

Result<std::size_t> parse_choice(const std::string& option, const std::string& text,
                                 const std::vector<std::string>& choices) {
    const auto found = std::find(choices.begin(), choices.end(), text);
    if (found != choices.end()) return static_cast<std::size_t>(found - choices.begin());
    std::string list;
    for (const std::string& choice : choices) list += (list.empty() ? "" : ", ") + choice;
    const std::string nearest = nearest_name(text, choices);
    return Error{option + " cannot be " + quoted(text), "it takes one of: " + list,
                 nearest.empty() ? "choose one of them" : "did you mean '" + nearest + "'?"};
}

Result<int> parse_errno(const std::string& text) {
    if (const auto error = errno_from_text(text)) return *error;
    const std::vector<std::string> usual{"EPIPE",     "ECONNRESET",   "ECONNREFUSED", "ECONNABORTED",
                                         "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH",  "ENOTCONN"};
    const std::string nearest = nearest_name(text, usual);
    return Error{"--errno cannot be " + quoted(text), "Linux has no error of that name or number",
                 nearest.empty() ? "give a name or a number: --errno EPIPE, --errno 32"
                                 : "did you mean '" + nearest + "'?"};
}

Result<EndpointKind> parse_kind(const std::string& text) {
    auto index = parse_choice("--kind", text, {"tcp", "unix", "pipe"});
    if (!index) return index.error();
    constexpr EndpointKind kKinds[] = {EndpointKind::kTcp, EndpointKind::kUnix, EndpointKind::kPipe};
    return kKinds[*index];
}

Result<Cause> parse_cause(const std::string& text) {
    return parse_enum<Cause>("--cause", text, spellings<Cause>(kCauseCount, cause_name));
}

Result<Severity> parse_severity(const std::string& text) {
    return parse_enum<Severity>("--severity", text, spellings<Severity>(3, severity_name));
}

Result<ListenAddress> parse_listen_address(const std::string& text) {
    const Error wrong{
        "--metrics " + quoted(text) + " is no address to listen on",
        "it wants ADDR:PORT, with a numeric address and a port up to 65535",
        "for example 127.0.0.1:9435, [::1]:9435, or 0.0.0.0:9435 for every network of this host"};
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos) return wrong;
    const auto port = whole<std::uint16_t>(text.substr(colon + 1));
    if (!port) return wrong;
    std::string host = text.substr(0, colon);
    if (host.empty() || host == "localhost") host = "127.0.0.1";
    const bool is_bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (is_bracketed) host = host.substr(1, host.size() - 2);
    in6_addr address{};
    if (::inet_pton(is_bracketed ? AF_INET6 : AF_INET, host.c_str(), &address) != 1) return wrong;
    return ListenAddress{host, *port};
}

Result<std::string> parse_output(Command command, const std::string& path) {
    if (path != "-") return path;
    const char* remedy = "leave it out: without it they go to stdout";
    if (command == Command::kServe) remedy = "use --json, which writes to stdout";
    if (command == Command::kRun) remedy = "leave it out: they go to stderr, since stdout is CMD's";
    if (command == Command::kRecord) {
        return Error{"-o/--output cannot be '-'", "a recording is written to at many places of its file",
                     "name a file; for incidents on stdout: pipetrace --json"};
    }
    return Error{"-o/--output cannot be '-'", "it names a file for the incidents", remedy};
}

Result<Mode> parse_mode(const std::string& text) {
    return parse_enum<Mode>("--mode", text, spellings<Mode>(3, mode_name));
}

Result<ErrorsMode> parse_errors_mode(const std::string& text) {
    return parse_enum<ErrorsMode>("--errors", text, {"exact", "inferred"});
}

}  // namespace pipetrace
