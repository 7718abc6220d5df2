#include "store/database.h"

#include "model/utf8.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace pipetrace {
namespace {

constexpr int kBusyMs = 2000;
constexpr int kValueBytesMax = 16 << 20;
constexpr int kBudgetStep = 10'000;

/// A path as the part of a URI that SQLite takes it from.
std::string uri_of(const std::string& path, const char* query) {
    std::string uri = path.starts_with('/') ? "file://" : "file:";
    for (const char c : path) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte > 0x20 && byte < 0x7f && std::strchr("%?#", c) == nullptr) {
            uri += c;
        } else {
            uri += '%';
            uri += "0123456789abcdef"[byte >> 4];
            uri += "0123456789abcdef"[byte & 0xf];
        }
    }
    return uri + query;
}

const char* query_of(Database::Access access) {
    switch (access) {
        case Database::Access::kWrite: return "?mode=rwc";
        case Database::Access::kRead: return "?mode=ro";
        case Database::Access::kReadStill: return "?mode=ro&immutable=1";
        case Database::Access::kReadAlone: return "?mode=ro&vfs=unix-none";
    }
    return "";
}

struct Reason {
    int code;  ///< primary result code
    const char* why;
    const char* remedy;
    bool is_of_content = false;
};

constexpr const char* kRecover =
    "`sqlite3 FILE .recover` saves what can still be read; record into a new file.";

constexpr Reason kReasons[] = {
    {SQLITE_FULL, "the disk is full", "Free some space, or record elsewhere."},
    {SQLITE_READONLY, "it, or the file system that it is on, may only be read", "Record elsewhere."},
    {SQLITE_BUSY, "another program holds it locked",
     "End that program (`fuser FILE` names it), or use another file."},
    {SQLITE_LOCKED, "another program holds it locked",
     "End that program (`fuser FILE` names it), or use another file."},
    {SQLITE_PERM, "this user may not", "Run as the user whose file it is, or as root."},
    {SQLITE_AUTH, "this user may not", "Run as the user whose file it is, or as root."},
    {SQLITE_CORRUPT, "the file is damaged", kRecover, true},
    {SQLITE_NOTADB, "it is no recording, or its first page is damaged",
     "Name a file that `pipetrace record` made.", true},
    {SQLITE_TOOBIG, "it holds a value larger than any that pipetrace writes", kRecover, true},
    {SQLITE_INTERRUPT, "its pages lead in circles: it is damaged, or made to mislead", kRecover, true},
    {SQLITE_ERROR, "its tables are not those of a recording", "Name a file that `pipetrace record` made.",
     true},
};

bool is_utf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const Utf8Step step = decode_utf8(text, at);
        if (!step.valid || step.code == 0) return false;
        at += step.size;
    }
    return true;
}

}  // namespace

std::string printable(std::string_view text) {
    constexpr std::size_t kShown = 40;
    std::string shown(text.substr(0, kShown));
    for (char& c : shown) c = c >= 0x20 && c < 0x7f ? c : '?';
    return shown;
}

Statement::Statement(Statement&& other) noexcept
    : prepared_(std::exchange(other.prepared_, nullptr)), bound_(other.bound_) {}

Statement& Statement::operator=(Statement&& other) noexcept {
    std::swap(prepared_, other.prepared_);
    std::swap(bound_, other.bound_);
    return *this;
}

Statement::~Statement() { sqlite3_finalize(prepared_); }

Statement& Statement::add(std::int64_t value) {
    sqlite3_bind_int64(prepared_, ++bound_, value);
    return *this;
}

Statement& Statement::add(std::string_view text) {
    const auto size = static_cast<int>(std::min<std::size_t>(text.size(), kValueBytesMax));
    const char* place = text.data() != nullptr ? text.data() : "";  // a null pointer would become NULL
    if (is_utf8(text)) {
        sqlite3_bind_text(prepared_, ++bound_, place, size, SQLITE_STATIC);
    } else {
        sqlite3_bind_blob(prepared_, ++bound_, place, size, SQLITE_STATIC);
    }
    return *this;
}

Statement& Statement::add(std::span<const std::byte> bytes) {
    sqlite3_bind_blob64(prepared_, ++bound_, bytes.empty() ? static_cast<const void*>("") : bytes.data(),
                        bytes.size(), SQLITE_STATIC);
    return *this;
}

Statement& Statement::add_null() {
    sqlite3_bind_null(prepared_, ++bound_);
    return *this;
}

void Statement::reset() {
    sqlite3_reset(prepared_);
    sqlite3_clear_bindings(prepared_);
    bound_ = 0;
}

std::int64_t Row::integer(std::int64_t min, std::int64_t max) {
    const int column = column_++;
    if (sqlite3_column_type(statement_, column) != SQLITE_INTEGER) {
        complain("is no integer");
        return min;
    }
    const std::int64_t value = sqlite3_column_int64(statement_, column);
    if (value >= min && value <= max) return value;
    complain("is out of range");
    return min;
}

std::span<const std::byte> Row::bytes(bool may_be_text, std::size_t size_max) {
    const int column = column_++;
    const int type = sqlite3_column_type(statement_, column);
    if (type != SQLITE_BLOB && !(may_be_text && type == SQLITE_TEXT)) {
        complain(may_be_text ? "is no text" : "is no blob");
        return {};
    }
    // Of text they are its own bytes.
    const void* place = sqlite3_column_blob(statement_, column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    if (size <= size_max) return {static_cast<const std::byte*>(place), place != nullptr ? size : 0};
    complain("is too long");
    return {};
}

std::string_view Row::text(std::size_t size_max) {
    const auto text = bytes(true, size_max);
    return {reinterpret_cast<const char*>(text.data()), text.size()};
}

std::span<const std::byte> Row::blob(std::size_t size_max) { return bytes(false, size_max); }

void Row::read(std::optional<std::string>& text) {
    if (take_null()) {
        text.reset();
        return;
    }
    if (!text) text.emplace();
    *text = this->text();
}

bool Row::take_null() {
    if (sqlite3_column_type(statement_, column_) != SQLITE_NULL) return false;
    ++column_;
    return true;
}

void Row::complain(std::string_view why) {
    if (damage_) return;
    const char* name = sqlite3_column_name(statement_, column_ - 1);
    damage_ = std::string("its value of ") + (name != nullptr ? name : "?") + ' ' + std::string(why);
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path, const std::string& name,
                                                 Access access) {
    std::unique_ptr<Database> database(new Database(path, name, access));
    const int flags =
        SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
        (access == Access::kWrite ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
    const std::string uri = uri_of(path, query_of(access));
    if (sqlite3_open_v2(uri.c_str(), &database->connection_, flags, nullptr) != SQLITE_OK) {
        return database->failure();
    }
    database->limit_what_it_may_do();
    sqlite3_busy_timeout(database->connection_, kBusyMs);
    // Without shared memory the WAL's index is kept in our own; SQLite asks for exclusive locks then.
    const char* settings = access == Access::kReadAlone ? "PRAGMA locking_mode=EXCLUSIVE; PRAGMA mmap_size=0"
                                                        : "PRAGMA mmap_size=0";
    if (const Status set = database->execute(settings); !set) return set.error();
    return database;
}

Database::~Database() { sqlite3_close(connection_); }

/// The file may be made by somebody who means ill.
void Database::limit_what_it_may_do() {
    sqlite3_db_config(connection_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(connection_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_db_config(connection_, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
    sqlite3_db_config(connection_, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
    sqlite3_limit(connection_, SQLITE_LIMIT_LENGTH, kValueBytesMax);
    sqlite3_limit(connection_, SQLITE_LIMIT_SQL_LENGTH, 16 * 1024);
    sqlite3_limit(connection_, SQLITE_LIMIT_COLUMN, 100);
    sqlite3_limit(connection_, SQLITE_LIMIT_EXPR_DEPTH, 20);
    sqlite3_limit(connection_, SQLITE_LIMIT_COMPOUND_SELECT, 4);
    sqlite3_limit(connection_, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_limit(connection_, SQLITE_LIMIT_TRIGGER_DEPTH, 1);
    sqlite3_limit(connection_, SQLITE_LIMIT_WORKER_THREADS, 0);
    if (access_ != Access::kWrite) {
        sqlite3_exec(connection_, "PRAGMA cell_size_check=ON", nullptr, nullptr, nullptr);
        sqlite3_progress_handler(connection_, kBudgetStep, spend_budget, this);
    }
}

/// An honest scan takes some steps a row, and a row some bytes of the file; pages that are each other's
/// children would be read for ever.
void Database::restart_budget() {
    constexpr std::int64_t kStepsMin = 50'000'000;
    constexpr std::int64_t kStepsPerByte = 4;
    if (access_ == Access::kWrite) return;
    struct stat file {};
    struct stat wal {};
    const std::int64_t file_bytes = ::stat(path_.c_str(), &file) == 0 ? file.st_size : 0;
    const std::int64_t wal_bytes = ::stat((path_ + "-wal").c_str(), &wal) == 0 ? wal.st_size : 0;
    // A sparse file claims more bytes than any disk has.
    const std::int64_t bytes = std::min<std::int64_t>(file_bytes + wal_bytes, std::int64_t{1} << 40);
    budget_ = kStepsMin + bytes * kStepsPerByte;
}

int Database::spend_budget(void* self) {
    auto* database = static_cast<Database*>(self);
    database->budget_ -= kBudgetStep;
    return database->budget_ < 0 ? 1 : 0;
}

Status Database::execute(const std::string& sql) {
    restart_budget();
    if (sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return failure();
    return Done{};
}

Status Database::execute_whole(const std::string& sql) {
    Status done = execute("BEGIN IMMEDIATE;" + sql + ";COMMIT");
    if (!done && sqlite3_get_autocommit(connection_) == 0) {
        sqlite3_exec(connection_, "ROLLBACK", nullptr, nullptr, nullptr);
    }
    return done;
}

Result<Statement> Database::prepare(std::string_view sql) {
    restart_budget();
    sqlite3_stmt* prepared = nullptr;
    if (sqlite3_prepare_v2(connection_, sql.data(), static_cast<int>(sql.size()), &prepared, nullptr) !=
        SQLITE_OK) {
        return failure();
    }
    return Statement(prepared);
}

Result<bool> Database::step(Statement& statement) {
    if (sqlite3_stmt_busy(statement.handle()) == 0) restart_budget();
    const int code = sqlite3_step(statement.handle());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return failure();
}

Status Database::run(Statement& statement) {
    const auto stepped = step(statement);
    statement.reset();
    if (!stepped) return stepped.error();
    return Done{};
}

Result<std::int64_t> Database::number(const std::string& sql) {
    auto statement = prepare(sql);
    if (!statement) return statement.error();
    const auto stepped = step(*statement);
    if (!stepped) return stepped.error();
    Row row(*statement);
    const auto value = *stepped ? row.number<std::int64_t>() : 0;
    if (row.damage()) return damaged(*row.damage());
    return value;
}

Result<bool> Database::checkpoint(bool truncate) {
    int frames = 0;
    int copied = 0;
    // Readers are not waited for: whoever writes has more to do.
    sqlite3_busy_timeout(connection_, 0);
    const int code = sqlite3_wal_checkpoint_v2(
        connection_, nullptr, truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, &frames,
        &copied);
    sqlite3_busy_timeout(connection_, kBusyMs);
    if ((code & 0xff) == SQLITE_BUSY) return false;
    if (code != SQLITE_OK) return failure();
    return frames == copied;
}

Error Database::damaged(std::string_view what) const {
    return Error{"cannot read the recording " + name_,
                 "it is damaged, or made to mislead: " + std::string(what), kRecover, true};
}

bool Database::may_be_out_of_space() const {
    const int code = sqlite3_extended_errcode(connection_);
    return code == SQLITE_FULL || code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_SHMSIZE;
}

Error Database::failure() const {
    const std::string what =
        (access_ == Access::kWrite ? "cannot write to the recording " : "cannot read the recording ") + name_;
    const int code = connection_ != nullptr ? sqlite3_extended_errcode(connection_) : SQLITE_NOMEM;
    const int system_error = connection_ != nullptr ? sqlite3_system_errno(connection_) : 0;
    for (const Reason& reason : kReasons) {
        if (reason.code == (code & 0xff)) return Error{what, reason.why, reason.remedy, reason.is_of_content};
    }
    const bool of_the_system = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
    const char* why = of_the_system && system_error != 0 ? std::strerror(system_error) : sqlite3_errstr(code);
    return Error{what, why, "Look at the file, its folder and its disk, or use another file."};
}

}  // namespace pipetrace
