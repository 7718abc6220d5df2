// Recoverable failure: what went wrong, why, and what the user can do. Only app/ prints it.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace pipetrace {

struct Error {
    std::string what;
    std::string why;
    std::string remedy;
    bool is_of_content = false;  ///< what a file holds is the reason: it will fail again
};

template <typename T>
class [[nodiscard]] Result {
public:
    Result(T value) : state_(std::move(value)) {}
    Result(Error error) : state_(std::move(error)) {}

    explicit operator bool() const { return std::holds_alternative<T>(state_); }
    T& operator*() { return std::get<T>(state_); }
    const T& operator*() const { return std::get<T>(state_); }
    T* operator->() { return &std::get<T>(state_); }
    const T* operator->() const { return &std::get<T>(state_); }
    const Error& error() const { return std::get<Error>(state_); }

private:
    std::variant<T, Error> state_;
};

struct Done {};
using Status = Result<Done>;

}  // namespace pipetrace
