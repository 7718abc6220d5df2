// Of each row that comes with the program: a failure that calls for it, and one of the same cause that does
// not.
#pragma once

#include "failure_facts.h"

#include <string>
#include <vector>

namespace pipetrace::testing {

struct RowCase {
    std::string id;
    FailureFacts called_for;
    FailureFacts not_called_for;
};

std::vector<RowCase> openssh_cases();
std::vector<RowCase> redis_cases();
std::vector<RowCase> java_cases();
std::vector<RowCase> nginx_cases();
std::vector<RowCase> proxy_cases();
std::vector<RowCase> database_cases();
std::vector<RowCase> runtime_cases();
std::vector<RowCase> transfer_cases();

}  // namespace pipetrace::testing
