#include "advise/row_reader.h"

#include "advise/advice_facts.h"
#include "advise/advice_text.h"
#include "model/errno_name.h"
#include "model/nearest_name.h"

#include <fmt/format.h>

// Compiled in: no shared object is loaded for it.
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace pipetrace {
namespace {

constexpr std::size_t kTextBytesMax = 400;

Error fault_at(const std::string& file, const toml::node& at, const std::string& what, std::string why,
               std::string remedy) {
    return {fmt::format("{}:{}: {}", file, at.source().begin.line, what), std::move(why), std::move(remedy)};
}

struct Usual {
    std::string_view fact;
    std::vector<std::string> words;
};
const std::vector<Usual>& usual_words() {
    static const std::vector<Usual> usual{
        {"role", {"victim"}}, {"severity", {"warning", "fault"}}, {"caused", {"no"}}};
    return usual;
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
    std::uint64_t number = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool is_whole =
        !text.empty() && parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
    return is_whole ? std::optional(number) : std::nullopt;
}

/// "500ms" -> microseconds.
std::optional<std::uint64_t> duration_us(std::string_view text) {
    struct Suffix {
        std::string_view name;
        std::uint64_t us;
    };
    constexpr Suffix kSuffixes[] = {{"us", 1},         {"ms", 1000},         {"s", 1'000'000},
                                    {"m", 60'000'000}, {"h", 3'600'000'000}, {"d", 86'400'000'000}};
    constexpr std::uint64_t kMost = 1'000'000;  // of any of them
    for (const Suffix& suffix : kSuffixes) {
        if (!text.ends_with(suffix.name)) continue;
        const auto number = whole_number(text.substr(0, text.size() - suffix.name.size()));
        if (number && *number <= kMost) return *number * suffix.us;
    }
    return std::nullopt;
}

std::string listed(const std::vector<std::string>& names) {
    return fmt::format("{}", fmt::join(names, ", "));
}

class RowReader {
public:
    RowReader(const std::string& file, const toml::table& table) : file_(file), table_(table) {}

    Result<AdviceRow> read() {
        for (const auto& [key, node] : table_) {
            key_ = key.str();
            take(node);
            if (error_) return *error_;
        }
        finish();
        if (error_) return *error_;
        return std::move(row_);
    }

private:
    void fail(const toml::node& at, const std::string& what, std::string why, std::string remedy) {
        if (!error_) error_ = fault_at(file_, at, what, std::move(why), std::move(remedy));
    }

    void take(const toml::node& node) {
        if (key_ == "id") {
            row_.id = text(node);
        } else if (key_ == "title") {
            row_.title = text(node);
        } else if (key_ == "say") {
            take_template(node);
        } else if (key_ == "look_at") {
            row_.knobs = texts(node);
        } else if (key_ == "program") {
            row_.program = texts(node);
        } else if (key_ == "peer") {
            row_.peer = texts(node);
        } else if (key_ == "remote") {
            row_.remote = texts(node);
        } else if (key_ == "thread") {
            row_.thread = texts(node);
        } else if (key_ == "peer_port") {
            take_ports(node);
        } else if (key_ == "cause") {
            take_causes(node);
        } else if (!take_words(node) && !take_bound(node)) {
            fail_unknown(node);
        }
    }

    std::string text(const toml::node& node) {
        const auto* value = node.as_string();
        if (value == nullptr) {
            fail(node, fmt::format("'{}' is no text", key_), "it wants a text in quotes",
                 fmt::format("Write {} = \"...\".", key_));
            return "";
        }
        const std::string& found = value->get();
        const auto is_control = [](char sign) {
            return static_cast<unsigned char>(sign) < 0x20 || sign == 0x7f;
        };
        if (found.empty() || found.size() > kTextBytesMax) {
            fail(node, fmt::format("'{}' {}", key_, found.empty() ? "is empty" : "is too long"),
                 fmt::format("1 to {} bytes are allowed, it has {}", kTextBytesMax, found.size()),
                 "Put it briefly.");
        } else if (std::any_of(found.begin(), found.end(), is_control)) {
            fail(node, fmt::format("'{}' holds a control character", key_), "it is printed in a line of text",
                 "Take out line breaks, tabs and escapes.");
        }
        return found;
    }

    /// One text, or a list of them.
    std::vector<std::string> texts(const toml::node& node) {
        const toml::array* list = node.as_array();
        if (list == nullptr) return {text(node)};
        if (list->empty()) {
            fail(node, fmt::format("'{}' is an empty list", key_), "nothing could ever match it",
                 "Name something, or take the key out.");
        }
        std::vector<std::string> found;
        for (const toml::node& element : *list) found.push_back(text(element));
        return found;
    }

    void take_template(const toml::node& node) {
        row_.say = text(node);
        if (const std::string fault = template_fault(row_.say); !fault.empty()) {
            fail(node, "'say' cannot be filled in", fault,
                 "how_to.toml, among the examples, tells what may stand in it.");
        }
    }

    void take_ports(const toml::node& node) {
        const auto take_one = [&](const toml::node& port) {
            const auto* value = port.as_integer();
            if (value == nullptr || value->get() < 1 || value->get() > 65535) {
                fail(port, "'peer_port' is no port", "ports are numbers from 1 to 65535",
                     "Write peer_port = 6379.");
                return;
            }
            row_.peer_ports.push_back(static_cast<std::uint16_t>(value->get()));
        };
        const toml::array* list = node.as_array();
        if (list == nullptr) return take_one(node);
        if (list->empty())
            fail(node, "'peer_port' is an empty list", "nothing could ever match it", "Name a port.");
        for (const toml::node& element : *list) take_one(element);
    }

    void take_causes(const toml::node& node) {
        for (const std::string& name : texts(node)) {
            if (const auto cause = cause_from_name(name)) {
                row_.causes |= std::uint64_t{1} << static_cast<unsigned>(*cause);
                continue;
            }
            std::vector<std::string> known;
            for (std::size_t i = 0; i < kCauseCount; ++i)
                known.emplace_back(cause_name(static_cast<Cause>(i)));
            fail_word(node, name, known);
        }
    }

    void fail_word(const toml::node& node, const std::string& word, const std::vector<std::string>& known) {
        const std::string nearest = nearest_name(word, known);
        fail(node, fmt::format("'{}' is no {}", word, key_), fmt::format("it can be {}", listed(known)),
             nearest.empty() ? "Write one of them." : fmt::format("Did you mean {}?", nearest));
    }

    /// False: the key is no word fact.
    bool take_words(const toml::node& node) {
        const auto facts = word_facts();
        const auto found =
            std::find_if(facts.begin(), facts.end(), [&](const WordFact& fact) { return fact.name == key_; });
        if (found == facts.end()) return false;
        WordCondition condition{static_cast<std::size_t>(found - facts.begin()), texts(node)};
        for (const std::string& word : condition.words) {
            const bool is_known = found->words.empty() || std::find(found->words.begin(), found->words.end(),
                                                                    word) != found->words.end();
            if (!is_known) fail_word(node, word, found->words);
            if (key_ == "errno" && !errno_from_text(word)) {
                fail(node, fmt::format("'{}' is no errno", word), "it is not a name that the kernel has",
                     "Write EPIPE, ECONNRESET ...");
            }
        }
        row_.words.push_back(std::move(condition));
        return true;
    }

    /// False: the key is no NAME_min or NAME_max of a number.
    bool take_bound(const toml::node& node) {
        const bool is_min = key_.ends_with("_min");
        if (!is_min && !key_.ends_with("_max")) return false;
        const std::string_view name = std::string_view(key_).substr(0, key_.size() - 4);
        const auto facts = number_facts();
        const auto found = std::find_if(facts.begin(), facts.end(),
                                        [&](const NumberFact& fact) { return fact.name == name; });
        if (found == facts.end()) return false;
        const auto bound = number(node, found->unit);
        if (!bound) return true;
        const auto index = static_cast<std::size_t>(found - facts.begin());
        auto range = std::find_if(row_.ranges.begin(), row_.ranges.end(),
                                  [&](const RangeCondition& one) { return one.fact == index; });
        if (range == row_.ranges.end()) range = row_.ranges.insert(row_.ranges.end(), RangeCondition{index});
        (is_min ? range->min : range->max) = *bound;
        if (range->min > range->max) {
            fail(node, fmt::format("{}_min is larger than {}_max", name, name), "no number lies between them",
                 "Exchange them.");
        }
        return true;
    }

    std::optional<std::uint64_t> number(const toml::node& node, Unit unit) {
        if (unit == Unit::kMicroseconds) {
            const auto* value = node.as_string();
            const auto duration = value != nullptr ? duration_us(value->get()) : std::nullopt;
            if (duration) return duration;
            fail(node, fmt::format("'{}' is no time", key_),
                 "it wants a whole number and its unit, in quotes",
                 "Write \"500ms\", \"30s\", \"5m\", \"2h\".");
            return std::nullopt;
        }
        const auto* value = node.as_integer();
        if (value != nullptr && value->get() >= 0) return static_cast<std::uint64_t>(value->get());
        fail(node, fmt::format("'{}' is no number", key_),
             "it wants a whole number, 0 or more, without quotes", fmt::format("Write {} = 4096.", key_));
        return std::nullopt;
    }

    void fail_unknown(const toml::node& node) {
        std::vector<std::string> known{"id",     "title",  "program", "peer",    "peer_port",
                                       "thread", "remote", "cause",   "look_at", "say"};
        const std::string why = fmt::format("a row has {}, and the facts that it asks for", listed(known));
        for (const WordFact& fact : word_facts()) known.emplace_back(fact.name);
        for (const NumberFact& fact : number_facts()) {
            known.push_back(std::string(fact.name) + "_min");
            known.push_back(std::string(fact.name) + "_max");
        }
        const bool is_number = std::find(known.begin(), known.end(), key_ + "_min") != known.end();
        const std::string nearest = is_number ? key_ + "_min or " + key_ + "_max" : nearest_name(key_, known);
        fail(node, fmt::format("'{}' is no key of a row", key_), why,
             nearest.empty() ? "Take it out, or look for it in how_to.toml, among the examples."
                             : fmt::format("Did you mean {}?", nearest));
    }

    /// What a row must have, and what it has without saying so.
    void finish() {
        const auto need = [&](bool is_there, const char* key, const char* why) {
            if (!is_there) fail(table_, fmt::format("this row has no {}", key), why, "Add it to the row.");
        };
        need(!row_.id.empty(), "'id'", "it names the row, so that another can stand in its place");
        need(!row_.knobs.empty(), "'look_at'", "it names the setting to look at");
        need(!row_.say.empty(), "'say'", "it says why");
        need(row_.causes != 0, "'cause'", "it says of which causes the row speaks");
        need(!row_.program.empty() || !row_.peer.empty() || !row_.peer_ports.empty(),
             "'program' and no 'peer'", "one of them says which program the row is for");
        if (row_.title.empty()) {
            const std::vector<std::string>& names = row_.program.empty() ? row_.peer : row_.program;
            const bool is_name = !names.empty() && names.front().find_first_of("*?") == std::string::npos;
            need(is_name, "'title'",
                 "its program's name is a pattern or a port, which no sentence can call it by");
            if (is_name) row_.title = names.front();
        }
        const auto facts = word_facts();
        for (const Usual& usual : usual_words()) {
            if (table_.contains(usual.fact)) continue;
            const auto found = std::find_if(facts.begin(), facts.end(),
                                            [&](const WordFact& fact) { return fact.name == usual.fact; });
            row_.usual.push_back({static_cast<std::size_t>(found - facts.begin()), usual.words});
        }
    }

    const std::string& file_;
    const toml::table& table_;
    std::string key_;
    AdviceRow row_;
    std::optional<Error> error_;
};

Error fault_of(const std::string& file, const toml::parse_error& failure) {
    return {fmt::format("{}:{}: this is no TOML", file, failure.source().begin.line),
            std::string(failure.description()), "Correct this line; the README shows how rows are written."};
}

Result<std::vector<AdviceRow>> rows_of(const std::string& file, const toml::table& top) {
    for (const auto& [key, node] : top) {
        if (key.str() == "advice") continue;
        return fault_at(file, node, fmt::format("'{}' is no part of a file of advice", key.str()),
                        "there are [[advice]] rows and nothing else",
                        "Put it below [[advice]], or take it out.");
    }
    std::vector<AdviceRow> rows;
    const toml::node* list = top.get("advice");
    if (list == nullptr) return rows;
    if (list->is_array() && list->as_array()->empty()) return rows;
    if (!list->is_array_of_tables()) {
        return fault_at(file, *list, "'advice' is no list of rows", "each row begins with a line [[advice]]",
                        "Write [[advice]], with two brackets on each side.");
    }
    std::map<std::string, toml::source_index> lines_by_id;
    for (const toml::node& node : *list->as_array()) {
        auto row = RowReader(file, *node.as_table()).read();
        if (!row) return row.error();
        const auto [known, is_new] = lines_by_id.emplace(row->id, node.source().begin.line);
        if (!is_new) {
            return fault_at(file, node, fmt::format("there is another row with the id '{}'", row->id),
                            fmt::format("it begins in line {}", known->second),
                            "Give this row an id of its own.");
        }
        rows.push_back(std::move(*row));
    }
    return rows;
}

}  // namespace

Result<std::vector<AdviceRow>> read_rows(const std::string& file, std::string_view text) {
    const toml::parse_result parsed = toml::parse(text, file);
    if (!parsed) return fault_of(file, parsed.error());
    return rows_of(file, parsed.table());
}

}  // namespace pipetrace
