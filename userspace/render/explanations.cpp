#include "render/explanations.h"

#include "model/errno_name.h"
#include "model/nearest_name.h"
#include "render/explanation_tables.h"
#include "render/text_layout.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <span>
#include <vector>

namespace pipetrace {
namespace {

/// What people see elsewhere for the same thing, in lower case.
struct OtherName {
    std::string_view name;
    const char* code;
};
constexpr OtherName kOtherNames[] = {
    {"141", "SIGPIPE"},
    {"128+13", "SIGPIPE"},
    {"13", "SIGPIPE"},
    {"13/pipe", "SIGPIPE"},
    {"sig_pipe", "SIGPIPE"},
    {"broken pipe", "EPIPE"},
    {"brokenpipeerror", "EPIPE"},
    {"connection reset by peer", "ECONNRESET"},
    {"connectionreseterror", "ECONNRESET"},
    {"connection refused", "ECONNREFUSED"},
};

std::string in_lower_case(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return lower;
}

std::vector<const Explanation*> all_explanations() {
    std::vector<const Explanation*> all;
    for (const auto table : {cause_explanations(), errno_explanations(), sigpipe_explanations()}) {
        for (const Explanation& explanation : table) all.push_back(&explanation);
    }
    return all;
}

const Explanation* find_exactly(std::string_view code) {
    const std::string wanted = in_lower_case(code);
    for (const Explanation* explanation : all_explanations()) {
        if (in_lower_case(explanation->code) == wanted) return explanation;
    }
    return nullptr;
}

const char* kind_title(ExplanationKind kind) {
    constexpr const char* kTitles[] = {"Causes", "Errors (errno)", "SIGPIPE and its fates"};
    return kTitles[static_cast<std::size_t>(kind)];
}

}  // namespace

const Explanation* find_explanation(std::string_view code) {
    if (const Explanation* found = find_exactly(code)) return found;
    const std::string lower = in_lower_case(code);
    const auto* other = std::find_if(std::begin(kOtherNames), std::end(kOtherNames),
                                     [&](const OtherName& known) { return known.name == lower; });
    if (other != std::end(kOtherNames)) return find_exactly(other->code);
    const std::optional<int> error = errno_from_text(code);
    return error ? find_exactly(errno_name(*error)) : nullptr;
}

std::string nearest_code(std::string_view code) {
    std::vector<std::string> codes;
    for (const Explanation* explanation : all_explanations()) codes.emplace_back(explanation->code);
    return nearest_name(code, codes);
}

std::string explanation_text(const Explanation& explanation, std::size_t width, bool colour) {
    constexpr std::size_t kIndent = 10;
    std::string out = paint(explanation.code, Paint::kBold, colour);
    if (explanation.severity) out += std::string("  (") + severity_name(*explanation.severity) + ")";
    out += "\n\n";
    out += labelled("  What", explanation.meaning, kIndent, width);
    out += labelled("  How", explanation.how, kIndent, width);
    out += labelled("  Advice", explanation.advice, kIndent, width);
    return out;
}

std::string explanation_list(std::size_t width) {
    constexpr std::size_t kIndent = 28;
    std::string out;
    const char* title = "";
    for (const Explanation* explanation : all_explanations()) {
        if (title != kind_title(explanation->kind)) {
            title = kind_title(explanation->kind);
            out += std::string(out.empty() ? "" : "\n") + title + '\n';
        }
        const std::string code = std::string("  ") + explanation->code;
        out += labelled(code, explanation->meaning, kIndent, width);
    }
    return out;
}

}  // namespace pipetrace
