// SQLite with this project's errors: a connection, statements, and rows whose values are checked as they are
// read. Knows nothing of what is stored.
#pragma once

#include "model/result.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

struct sqlite3;
struct sqlite3_stmt;

namespace pipetrace {

/// A prepared statement. Text and blobs that are bound must live until the next reset().
class Statement {
public:
    explicit Statement(sqlite3_stmt* prepared = nullptr) : prepared_(prepared) {}
    Statement(Statement&& other) noexcept;
    Statement& operator=(Statement&& other) noexcept;
    ~Statement();

    /// Values in the order of the placeholders, from the first after a reset().
    Statement& add(std::int64_t value);
    Statement& add(std::string_view text);  ///< a BLOB where it is no UTF-8, so that every TEXT is
    Statement& add(std::span<const std::byte> bytes);
    Statement& add_null();
    template <typename T>
    Statement& add_number(T value) {
        constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
        if constexpr (std::is_unsigned_v<T> && sizeof(T) == sizeof(std::int64_t)) {
            return add(value > static_cast<T>(kMax) ? kMax : static_cast<std::int64_t>(value));
        } else {
            return add(static_cast<std::int64_t>(value));
        }
    }
    template <typename T>
    Statement& add_number(const std::optional<T>& value) {
        return value ? add_number(*value) : add_null();
    }
    Statement& add_text(const std::optional<std::string>& text) {
        return text ? add(std::string_view(*text)) : add_null();
    }

    void reset();
    sqlite3_stmt* handle() const { return prepared_; }

private:
    sqlite3_stmt* prepared_;
    int bound_ = 0;
};

/// The row that a statement stands on, read column by column. A value that is not what it must be is replaced
/// by nothing, and told by damage().
class Row {
public:
    explicit Row(const Statement& statement) : statement_(statement.handle()) {}

    std::int64_t integer(std::int64_t min, std::int64_t max);
    template <typename T>
    T number() {
        return static_cast<T>(integer(lowest<T>(), highest<T>()));
    }
    template <typename T>
    std::optional<T> optional_number() {
        if (take_null()) return std::nullopt;
        return number<T>();
    }
    bool boolean() { return integer(0, 1) != 0; }
    /// Valid until the statement moves on.
    std::string_view text(std::size_t size_max = kTextMax);
    void read(std::string& text) { text = this->text(); }
    void read(std::optional<std::string>& text);
    std::span<const std::byte> blob(std::size_t size_max);
    /// True, and past it, if the next column is NULL.
    bool take_null();
    void skip() { ++column_; }

    /// Why the value of the column last read cannot be taken: "is out of range".
    void complain(std::string_view why);
    /// What was wrong first.
    const std::optional<std::string>& damage() const { return damage_; }

    static constexpr std::size_t kTextMax = 64 * 1024;

private:
    std::span<const std::byte> bytes(bool may_be_text, std::size_t size_max);
    template <typename T>
    static constexpr std::int64_t lowest() {
        return std::is_unsigned_v<T> ? 0 : static_cast<std::int64_t>(std::numeric_limits<T>::min());
    }
    template <typename T>
    static constexpr std::int64_t highest() {
        constexpr bool kFits = sizeof(T) < sizeof(std::int64_t) || std::is_signed_v<T>;
        return kFits ? static_cast<std::int64_t>(std::numeric_limits<T>::max())
                     : std::numeric_limits<std::int64_t>::max();
    }

    sqlite3_stmt* statement_;
    int column_ = 0;
    std::optional<std::string> damage_;
};

/// For messages: of text from a file what is plain and short.
std::string printable(std::string_view text);

class Database {
public:
    enum class Access : std::uint8_t {
        kWrite,      ///< created if missing
        kRead,       ///< beside a writer
        kReadStill,  ///< nobody writes it, and there is no WAL: no lock, no file beside it
        kReadAlone,  ///< nobody writes it, its WAL is to be read: no lock, no file beside it
    };
    /// `name`: what messages call it; `path` with no link in it, or what lies beside it is not found.
    static Result<std::unique_ptr<Database>> open(const std::string& path, const std::string& name,
                                                  Access access);
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;
    ~Database();

    Status execute(const std::string& sql);
    /// As one transaction: all of it or nothing.
    Status execute_whole(const std::string& sql);
    Result<Statement> prepare(std::string_view sql);
    /// True: stands on a row; false: there is none left.
    Result<bool> step(Statement& statement);
    /// For statements without rows: steps and resets.
    Status run(Statement& statement);
    /// A statement with one number.
    Result<std::int64_t> number(const std::string& sql);

    /// Copies what the WAL holds into the file; `truncate`: and cuts the WAL to nothing. False: somebody is
    /// reading it.
    Result<bool> checkpoint(bool truncate);

    /// `what`: of Row::damage(), or a sentence of its kind: "its traces are out of order".
    Error damaged(std::string_view what) const;
    Error failure() const;  ///< of the last call
    /// The last call may have failed because the disk, a quota or a limit of the process takes no more:
    /// SQLite tells the last two as any write that fails.
    bool may_be_out_of_space() const;
    const std::string& path() const { return path_; }
    const std::string& name() const { return name_; }

private:
    Database(std::string path, std::string name, Access access)
        : path_(std::move(path)), name_(std::move(name)), access_(access) {}
    void limit_what_it_may_do();
    void restart_budget();
    static int spend_budget(void* self);

    std::string path_;
    std::string name_;
    Access access_;
    sqlite3* connection_ = nullptr;
    std::int64_t budget_ = 0;  ///< steps of SQLite's machine that the running statement may still take
};

}  // namespace pipetrace
