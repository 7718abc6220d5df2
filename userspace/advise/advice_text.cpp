#include "advise/advice_text.h"

#include "advise/advice_facts.h"
#include "model/nearest_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace pipetrace {
namespace {

/// Walks a template once, and hands each piece to its taker: literal text, facts, brackets.
template <typename Taker>
std::string walk(std::string_view text, Taker& taker) {
    bool is_bracketed = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char sign = text[i];
        const bool is_doubled = i + 1 < text.size() && text[i + 1] == sign;
        const bool is_sign = std::string_view("{}[]").find(sign) != std::string_view::npos;
        if (!is_sign || is_doubled) {
            taker.literal(sign);
            i += is_sign ? 1 : 0;
        } else if (sign == '{') {
            const std::size_t end = text.find('}', i);
            if (end == std::string_view::npos) return "a { is never closed";
            if (std::string fault = taker.fact(text.substr(i + 1, end - i - 1)); !fault.empty()) return fault;
            i = end;
        } else if (sign == '}') {
            return "a } closes nothing: write }} for the sign itself";
        } else if ((sign == '[') == is_bracketed) {
            return is_bracketed ? "brackets stand within brackets"
                                : "a ] closes nothing: write ]] for the sign itself";
        } else {
            is_bracketed = sign == '[';
            taker.bracket(is_bracketed);
        }
    }
    return is_bracketed ? "a [ is never closed" : "";
}

const NumberFact* find_number(std::string_view name) {
    for (const NumberFact& fact : number_facts()) {
        if (fact.name == name) return &fact;
    }
    return nullptr;
}

const TextFact* find_text(std::string_view name) {
    for (const TextFact& fact : text_facts()) {
        if (fact.name == name) return &fact;
    }
    return nullptr;
}

struct Checker {
    void literal(char) {}
    void bracket(bool) {}
    std::string fact(std::string_view name) {
        if (find_number(name) != nullptr || find_text(name) != nullptr) return "";
        std::vector<std::string> known;
        for (const NumberFact& fact : number_facts()) known.emplace_back(fact.name);
        for (const TextFact& fact : text_facts()) known.emplace_back(fact.name);
        const std::string nearest = nearest_name(name, known);
        if (!nearest.empty()) return fmt::format("{{{}}} is no fact: did you mean {{{}}}?", name, nearest);
        return fmt::format("{{{}}} is no fact; there are {}", name, fmt::join(known, ", "));
    }
};

struct Filler {
    const Incident& incident;
    std::string text;
    std::optional<std::size_t> bracket_at;  ///< where the open bracket's part begins
    bool is_unknown = false;                ///< a fact of this part

    void literal(char sign) { text += sign; }
    std::string fact(std::string_view name) {
        const NumberFact* number = find_number(name);
        const auto value =
            number != nullptr ? number_text(*number, incident) : find_text(name)->text(incident);
        if (value) {
            text += *value;
            return "";
        }
        is_unknown = true;
        return bracket_at ? "" : "unknown";
    }
    void bracket(bool opens) {
        if (opens) {
            bracket_at = text.size();
        } else {
            if (is_unknown) text.resize(*bracket_at);
            bracket_at.reset();
        }
        is_unknown = false;
    }
};

/// "`a`", "`a` and `b`", "`a`, `b` and `c`".
std::string knobs_text(const std::vector<std::string>& knobs) {
    std::string text;
    for (std::size_t i = 0; i < knobs.size(); ++i) {
        const char* before = i == 0 ? "" : i + 1 < knobs.size() ? ", " : " and ";
        text += fmt::format("{}`{}`", before, knobs[i]);
    }
    return text;
}

}  // namespace

std::string template_fault(std::string_view text) {
    Checker checker;
    return walk(text, checker);
}

std::optional<std::string> fill_template(std::string_view text, const Incident& incident) {
    Filler filler{incident, "", std::nullopt, false};
    if (!walk(text, filler).empty()) return std::nullopt;
    return filler.text;
}

std::optional<std::string> advice_sentence(const AdviceRow& row, FoundBy found_by, const Incident& incident) {
    auto why = fill_template(row.say, incident);
    if (!why) return std::nullopt;
    if (why->empty() || std::string_view(".!?").find(why->back()) == std::string_view::npos) *why += '.';
    const std::string knobs = knobs_text(row.knobs);
    switch (found_by) {
        case FoundBy::kProcess: return fmt::format("{}: look at {}: {}", row.title, knobs, *why);
        case FoundBy::kPeer:
            return fmt::format("{} at the other end: look at its {}: {}", row.title, knobs, *why);
        case FoundBy::kPeerPort: break;
    }
    return fmt::format("If the other end, on port {}, is {}: look at its {}: {}",
                       port_of(incident.endpoint.remote).value_or(0), row.title, knobs, *why);
}

}  // namespace pipetrace
