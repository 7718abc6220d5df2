#include "schema_check.h"

#include <fstream>
#include <regex>
#include <set>
#include <stdexcept>

namespace pipetrace::testing {
namespace {

using nlohmann::json;

const std::set<std::string> kJudged = {"type",     "enum",       "const", "pattern", "minimum", "minLength",
                                       "required", "properties", "items", "allOf",   "oneOf",   "$ref"};
const std::set<std::string> kMerelyTold = {"$schema", "title", "description", "format", "$defs"};

bool has_type(const json& value, const std::string& type) {
    if (type == "null") return value.is_null();
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_boolean();
    if (type == "integer") return value.is_number_integer();
    if (type == "number") return value.is_number();
    throw std::runtime_error("schema type not known: " + type);
}

class Judge {
public:
    explicit Judge(const json& root) : root_(root) {}

    std::vector<std::string> faults(const json& schema, const json& value, const std::string& place) {
        std::vector<std::string> found;
        for (const auto& [keyword, rule] : schema.items()) {
            const bool known = kJudged.contains(keyword) || kMerelyTold.contains(keyword);
            if (!known) found.push_back(place + ": keyword not judged: " + keyword);
        }
        judge_value(schema, value, place, found);
        judge_members(schema, value, place, found);
        judge_combinations(schema, value, place, found);
        return found;
    }

private:
    void judge_value(const json& schema, const json& value, const std::string& place,
                     std::vector<std::string>& found) {
        if (schema.contains("type")) {
            bool fits = false;
            const json types = schema["type"].is_array() ? schema["type"] : json{schema["type"]};
            for (const json& type : types) fits = fits || has_type(value, type);
            if (!fits) found.push_back(place + ": wrong type: " + value.dump());
        }
        if (schema.contains("const") && schema["const"] != value) {
            found.push_back(place + ": is " + value.dump());
        }
        if (schema.contains("enum")) {
            bool fits = false;
            for (const json& choice : schema["enum"]) fits = fits || choice == value;
            if (!fits) found.push_back(place + ": not in the list: " + value.dump());
        }
        if (schema.contains("pattern") && value.is_string()) {
            const std::regex pattern(schema["pattern"].get<std::string>());
            if (!std::regex_search(value.get<std::string>(), pattern)) {
                found.push_back(place + ": not of the pattern: " + value.dump());
            }
        }
        if (schema.contains("minimum") && value.is_number() && value < schema["minimum"]) {
            found.push_back(place + ": too small: " + value.dump());
        }
        if (schema.contains("minLength") && value.is_string() &&
            value.get<std::string>().size() < schema["minLength"].get<std::size_t>()) {
            found.push_back(place + ": too short: " + value.dump());
        }
    }

    void judge_members(const json& schema, const json& value, const std::string& place,
                       std::vector<std::string>& found) {
        if (value.is_object() && schema.contains("required")) {
            for (const std::string name : schema["required"]) {
                if (!value.contains(name)) found.push_back(place + ": lacks " + name);
            }
        }
        if (value.is_object() && schema.contains("properties")) {
            for (const auto& [name, rule] : schema["properties"].items()) {
                if (value.contains(name)) append(found, faults(rule, value[name], place + "." + name));
            }
        }
        if (value.is_array() && schema.contains("items")) {
            for (std::size_t i = 0; i < value.size(); ++i) {
                append(found, faults(schema["items"], value[i], place + "[" + std::to_string(i) + "]"));
            }
        }
    }

    void judge_combinations(const json& schema, const json& value, const std::string& place,
                            std::vector<std::string>& found) {
        if (schema.contains("$ref")) {
            const std::string pointer = schema["$ref"].get<std::string>().substr(1);
            append(found, faults(root_.at(json::json_pointer(pointer)), value, place));
        }
        if (schema.contains("allOf")) {
            for (const json& rule : schema["allOf"]) append(found, faults(rule, value, place));
        }
        if (schema.contains("oneOf")) {
            std::vector<std::string> last;
            std::size_t fitting = 0;
            for (const json& rule : schema["oneOf"]) {
                std::vector<std::string> here = faults(rule, value, place);
                fitting += here.empty() ? 1U : 0U;
                if (!here.empty()) last = here;
            }
            if (fitting != 1) {
                found.push_back(place + ": fits " + std::to_string(fitting) + " of oneOf");
                append(found, last);
            }
        }
    }

    static void append(std::vector<std::string>& list, const std::vector<std::string>& more) {
        list.insert(list.end(), more.begin(), more.end());
    }

    const json& root_;
};

}  // namespace

std::vector<std::string> schema_faults(const json& schema, const json& value) {
    return Judge(schema).faults(schema, value, "incident");
}

json incident_schema() {
    std::ifstream file(PIPETRACE_SCHEMA_DIR "/incident.schema.json");
    if (!file) throw std::runtime_error("no copy of the schema in " PIPETRACE_SCHEMA_DIR);
    return json::parse(file);
}

}  // namespace pipetrace::testing
