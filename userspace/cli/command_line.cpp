#include "cli/command_line.h"

#include "cli/option_table.h"
#include "model/nearest_name.h"

#include <algorithm>
#include <optional>

namespace pipetrace {
namespace {

std::vector<std::string> command_names() {
    std::vector<std::string> names{"help"};
    for (const CommandSpec& spec : command_table()) names.emplace_back(spec.name);
    return names;
}

/// Walks argv once. Each step reports an error or nothing.
class Splitter {
public:
    explicit Splitter(const std::vector<std::string>& arguments) : arguments_(arguments) {}

    Result<CommandLine> split() {
        while (at_ < arguments_.size()) {
            if (auto error = step(arguments_[at_++])) return *error;
        }
        return line_;
    }

private:
    std::optional<Error> step(const std::string& argument) {
        if (argument == "--") {
            options_ended_ = true;
            return std::nullopt;
        }
        if (!options_ended_ && argument.starts_with("--")) return take_long(argument);
        if (!options_ended_ && argument.size() > 1 && argument[0] == '-') {
            return take_letters(argument);
        }
        return take_word(argument);
    }

    std::optional<Error> take_long(const std::string& argument) {
        const std::size_t equals = argument.find('=');
        const std::string name = argument.substr(2, equals == std::string::npos ? equals : equals - 2);
        const OptionSpec* option = find_option(name);
        if (option == nullptr) return unknown_option("--" + name, name);
        if (equals == std::string::npos) return take_option(*option, std::nullopt);
        if (option->value == nullptr) {
            return Error{"--" + name + " takes no value", "'" + argument + "' gives it one",
                         "write --" + name};
        }
        return take_option(*option, argument.substr(equals + 1));
    }

    /// "-vq", "-p4242", "-c 5".
    std::optional<Error> take_letters(const std::string& argument) {
        for (std::size_t i = 1; i < argument.size(); ++i) {
            const OptionSpec* option = find_option(argument[i]);
            if (option == nullptr) return unknown_option(std::string("-") + argument[i], "");
            if (option->value == nullptr) {
                if (auto error = take_option(*option, std::nullopt)) return error;
                continue;
            }
            const std::string rest = argument.substr(i + 1);
            return take_option(*option, rest.empty() ? std::nullopt : std::optional(rest));
        }
        return std::nullopt;
    }

    std::optional<Error> take_option(const OptionSpec& option, std::optional<std::string> value) {
        const std::string title = option_title(option);
        if (option.value != nullptr && !value && at_ < arguments_.size()) value = arguments_[at_++];
        if (option.value != nullptr && (!value || value->empty())) {
            return Error{title + " needs a value", "nothing stands after it",
                         "write --" + std::string(option.name) + " " + option.value};
        }
        const std::string name = option.name;
        if (name == "help") line_.wants_help = true;
        if (name == "version") line_.wants_version = true;
        line_.options.push_back("--" + name + (value ? "=" + *value : ""));
        return std::nullopt;
    }

    std::optional<Error> take_word(const std::string& word) {
        if (!command_named_ && !options_ended_) return take_command(word);
        if (line_.command == Command::kTrace) return stray_word(word);
        line_.words.push_back(word);
        if (line_.command == Command::kRun) {
            // Everything from CMD on is CMD's own, options too.
            line_.words.insert(line_.words.end(), arguments_.begin() + static_cast<std::ptrdiff_t>(at_),
                               arguments_.end());
            at_ = arguments_.size();
        }
        return std::nullopt;
    }

    std::optional<Error> take_command(const std::string& word) {
        if (word == "help") {
            line_.wants_help = true;  // the next word says of what
            return std::nullopt;
        }
        command_named_ = true;
        for (const CommandSpec& spec : command_table()) {
            if (word != spec.name) continue;
            line_.command = spec.command;
            return std::nullopt;
        }
        return stray_word(word);
    }

    Error stray_word(const std::string& word) const {
        const bool is_number =
            std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
        if (is_number && !word.empty()) {
            return Error{"'" + word + "' stands alone", "pipetrace takes no bare number",
                         "to trace that process: pipetrace -p " + word};
        }
        const std::string nearest = nearest_name(word, command_names());
        return Error{"'" + word + "' is no command of pipetrace",
                     "there are run, record, report, serve, demo, doctor and explain",
                     nearest.empty() ? "to trace a program: pipetrace run -- " + word
                                     : "did you mean '" + nearest + "'?"};
    }

    static Error unknown_option(const std::string& shown, const std::string& name) {
        const std::string nearest = nearest_option(name);
        return Error{"there is no option " + shown, "pipetrace does not know it",
                     nearest.empty() ? "pipetrace --help lists them" : "did you mean --" + nearest + "?"};
    }

    const std::vector<std::string>& arguments_;
    std::size_t at_ = 0;
    CommandLine line_;
    bool command_named_ = false;
    bool options_ended_ = false;
};

}  // namespace

Result<CommandLine> split_command_line(const std::vector<std::string>& arguments) {
    return Splitter(arguments).split();
}

}  // namespace pipetrace
