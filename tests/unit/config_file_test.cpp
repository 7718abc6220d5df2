// The configuration file of serve: what it says is what the command line would have said.
#include "cli/config_file.h"

#include "cli/option_table.h"
#include "cli/options_parser.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <variant>

namespace pipetrace {
namespace {

class ConfigFileTest : public ::testing::Test {
protected:
    void SetUp() override {
        char name[] = "/tmp/pipetrace_config_XXXXXX";
        ASSERT_NE(::mkdtemp(name), nullptr);
        folder_ = name;
        path_ = folder_ + "/pipetrace.conf";
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    void write(const std::string& text) const {
        std::ofstream(path_, std::ios::binary) << text;
        std::filesystem::permissions(path_, std::filesystem::perms(0644));
    }
    ParseOutcome outcome(std::vector<std::string> more = {}) const {
        std::vector<std::string> arguments{"serve", "--config", path_};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return parse_options(arguments);
    }
    Options options(const std::string& text, const std::vector<std::string>& more = {}) const {
        write(text);
        const ParseOutcome parsed = outcome(more);
        const auto* error = std::get_if<Error>(&parsed);
        EXPECT_EQ(error, nullptr) << text << ": " << (error ? error->what + ": " + error->why : "");
        return error != nullptr ? Options{} : std::get<Options>(parsed);
    }
    /// What is wrong with this text.
    std::string problem(const std::string& text) const {
        write(text);
        return problem_of(outcome());
    }
    static std::string problem_of(const ParseOutcome& parsed) {
        const auto* error = std::get_if<Error>(&parsed);
        EXPECT_NE(error, nullptr);
        if (error == nullptr) return {};
        EXPECT_FALSE(error->remedy.empty());
        return error->what + ": " + error->why;
    }
    std::string place(int line) const { return path_ + ":" + std::to_string(line) + ": "; }

    std::string folder_;
    std::string path_;
};

Options without_sources(Options options) {
    options.config_path.reset();
    options.arguments.clear();
    return options;
}

Options of_command_line(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"serve"});
    return without_sources(std::get<Options>(parse_options(arguments)));
}

TEST_F(ConfigFileTest, ReachesEveryOptionOfServe) {
    const std::map<std::string, std::string> values{
        {"comm", "nginx"},
        {"user", "0"},
        {"cgroup", "/system.slice"},
        {"container", "abc"},
        {"port", "80"},
        {"local-port", "81"},
        {"remote-port", "82"},
        {"kind", "tcp"},
        {"errno", "EPIPE"},
        {"cause", "unknown"},
        {"severity", "fault"},
        {"count", "3"},
        {"duration", "1.5"},
        {"output", "/tmp/o"},
        {"mode", "tracepoint"},
        {"errors", "exact"},
        {"without", "rst_sent"},
        {"idle-after", "7"},
        {"advice", "/tmp/a.toml"},
        {"max-size", "500M"},
        {"metrics", "[::1]:9435"},
        {"max-age", "12h"},
        {"recording", "/tmp/r.db"},
    };
    for (const OptionSpec& option : option_table()) {
        const std::string name = option.name;
        if ((option.commands & only(Command::kServe)) == 0 || name == "config") continue;
        if (name == "help" || name == "version") continue;
        SCOPED_TRACE(name);
        std::string setting = name + " = true";
        std::string argument = "--" + name;
        if (option.value != nullptr) {
            ASSERT_TRUE(values.contains(name)) << "this test knows no value for it";
            setting = name + " = \"" + values.at(name) + "\"";
            argument += "=" + values.at(name);
        }
        const Options read = options(setting);
        EXPECT_EQ(read.config_path, path_);
        EXPECT_EQ(without_sources(read), of_command_line({argument}));
        EXPECT_NE(without_sources(read), of_command_line({})) << "it changed nothing";
    }
}

TEST_F(ConfigFileTest, TakesListsCommentsAndFlags) {
    const Options read = options(
        "# how we run it\n"
        "; likewise\n"
        "\r\n"
        "comm = [\"nginx\", 'a # b',\n"
        "        \"x,y\"]  # three\n"
        "comm = haproxy\n"
        "port = 80, 443\n"
        "cgroup = '/a\\x2db.slice' # systemd's spelling\n"
        "quiet\n"
        "json = false\n");
    EXPECT_EQ(read.filter.comms, (std::vector<std::string>{"nginx", "a # b", "x,y", "haproxy"}));
    EXPECT_EQ(read.filter.ports, (std::vector<std::uint16_t>{80, 443}));
    EXPECT_EQ(read.filter.cgroups, std::vector<std::string>{"/a\\x2db.slice"});
    EXPECT_TRUE(read.quiet);
    EXPECT_FALSE(read.json);
}

TEST_F(ConfigFileTest, YieldsToTheCommandLine) {
    const Options read =
        options("comm = [a, b]\nidle-after = 5\nport = 80\n", {"--comm", "c", "--idle-after=9"});
    EXPECT_EQ(read.filter.comms, std::vector<std::string>{"c"});
    EXPECT_EQ(read.idle_after_seconds, 9U);
    EXPECT_EQ(read.filter.ports, std::vector<std::uint16_t>{80});
}

TEST_F(ConfigFileTest, IsTakenWholeOrNotAtAll) {
    EXPECT_EQ(problem("port = 80\nport = 99999\n").find(place(2) + "--port cannot have this value"), 0U);
    EXPECT_EQ(problem("\n\nprot = 80\n"),
              place(3) +
                  "there is no setting 'prot': the settings are the long names of "
                  "the options");
    EXPECT_EQ(problem("pid = 1\n").find(place(1) + "pipetrace serve does not take -p/--pid"), 0U);
    for (const char* name : {"config", "help", "version"}) {
        EXPECT_EQ(problem(std::string(name) + " = x\n")
                      .find(place(1) + "'" + name + "' has no meaning in the file"),
                  0U);
    }
    EXPECT_EQ(problem("json = perhaps\n").find(place(1) + "'json' is true or false"), 0U);
    EXPECT_EQ(problem("comm = [a,\nb\n").find(place(1) + "this line cannot be read: its list has no end"),
              0U);
    for (const char* line : {"[serve]", "[[serve]]", "comm = \"a", "comm = \"a\\\"b\"", "a", "=", "= 5",
                             "comm =", "comm = []", "comm = \"\"", "serve.port = 80", "port: 80"}) {
        EXPECT_EQ(problem(std::string("quiet\n") + line + "\n").find(place(2)), 0U) << line;
    }
    EXPECT_EQ(problem(std::string("quiet\nco\0mm = a\n", 16)).find(place(2)), 0U);
}

TEST_F(ConfigFileTest, MustBeAPlainFileThatNobodyElseMayWrite) {
    EXPECT_NE(problem_of(outcome()).find("No such file"), std::string::npos);
    write("quiet\n");
    for (const int mode : {0664, 0646, 0666}) {
        ASSERT_EQ(::chmod(path_.c_str(), static_cast<mode_t>(mode)), 0);
        EXPECT_NE(problem_of(outcome()).find("others than its owner may write"), std::string::npos) << mode;
    }
    if (::geteuid() == 0) {
        ASSERT_EQ(::chmod(path_.c_str(), 0644), 0);
        ASSERT_EQ(::chown(path_.c_str(), 65534, 65534), 0);
        EXPECT_NE(problem_of(outcome()).find("belongs to the user 65534"), std::string::npos);
    }
    std::filesystem::remove(path_);
    std::filesystem::create_directory(path_);
    EXPECT_NE(problem_of(outcome()).find("directory"), std::string::npos);
    std::filesystem::remove(path_);
    ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    EXPECT_NE(problem_of(outcome()).find("no plain file"), std::string::npos);
    std::filesystem::remove(path_);
    write("");
    std::filesystem::resize_file(path_, std::uintmax_t{1} << 30);
    EXPECT_NE(problem_of(outcome()).find("too large"), std::string::npos);
}

TEST_F(ConfigFileTest, IsNoWayToReadAnotherFile) {
    constexpr const char* kSecret = "s3cret";
    const std::string too_long(41, 'a');
    for (const std::string& line : std::vector<std::string>{
             "root:*:s3cret:0:99999:7:::", "root:s3cret", "s3cret:=", "pass.s3cret = 1", "user = s3cret",
             "json = s3cret", "metrics = s3cret", "comm = 's3cret", "port=s3cret", "max-size = 's3cret'",
             "kind = [tcp, s3cret]", "pass s3cret", "[s3cret]", "errno = s3cret"}) {
        write(line + "\n");
        const ParseOutcome parsed = outcome();
        const auto* error = std::get_if<Error>(&parsed);
        ASSERT_NE(error, nullptr) << line;
        EXPECT_EQ((error->what + error->why + error->remedy).find(kSecret), std::string::npos) << line;
        EXPECT_EQ(error->what.find(path_ + ":1"), 0U) << line;
    }
    EXPECT_EQ(problem(too_long + " = 1\n").find("aaa"), std::string::npos);
    EXPECT_EQ(problem("s3cretword = 1\n").find("s3cret"), std::string::npos) << "like no option's name";
    EXPECT_NE(problem("metrcs = 1\n").find("metrcs"), std::string::npos);
}

TEST_F(ConfigFileTest, MustLieWhereNobodyElseCanPutAnother) {
    write("quiet\n");
    ASSERT_EQ(::mkdir((folder_ + "/safe").c_str(), 0755), 0);
    std::filesystem::create_symlink(path_, folder_ + "/safe/link");
    for (const int mode : {0770, 0707, 01777}) {
        ASSERT_EQ(::chmod(folder_.c_str(), static_cast<mode_t>(mode)), 0);
        EXPECT_NE(problem_of(outcome()).find("others than its owner may write to the folder"),
                  std::string::npos)
            << mode;
        EXPECT_NE(
            problem_of(parse_options({"serve", "--config", folder_ + "/safe/link"})).find("to the folder"),
            std::string::npos)
            << mode;
    }
    ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
    ASSERT_TRUE(std::holds_alternative<Options>(outcome()));
    if (::geteuid() != 0) return;
    ASSERT_EQ(::chown(folder_.c_str(), 65534, 65534), 0);
    EXPECT_NE(problem_of(outcome()).find("belongs to the user 65534"), std::string::npos);
}

TEST_F(ConfigFileTest, IsReadAgain) {
    const Options before = options("comm = a\n", {"--port", "80"});
    write("comm = b\n");
    const auto after = reread_options(before);
    ASSERT_TRUE(after);
    EXPECT_EQ(after->filter.comms, std::vector<std::string>{"b"});
    EXPECT_EQ(after->filter.ports, before.filter.ports);
    std::filesystem::remove(path_);
    EXPECT_FALSE(reread_options(before));
}

TEST_F(ConfigFileTest, IsServesAlone) {
    write("quiet\n");
    EXPECT_NE(problem_of(parse_options({"--config", path_})).find("pipetrace does not take --config"),
              std::string::npos);
}

}  // namespace
}  // namespace pipetrace
