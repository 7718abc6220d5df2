#include "cli/option_table.h"
#include "cli/options_parser.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace pipetrace {
namespace {

using Words = std::vector<std::string>;

ParseOutcome parse(std::initializer_list<const char*> arguments) {
    std::vector<const char*> argv{"pipetrace"};
    argv.insert(argv.end(), arguments);
    const int argc = static_cast<int>(argv.size());
    argv.push_back(nullptr);
    return parse_options(argc, argv.data());
}

Options accepted(std::initializer_list<const char*> arguments) {
    const ParseOutcome outcome = parse(arguments);
    if (const auto* error = std::get_if<Error>(&outcome)) {
        ADD_FAILURE() << error->what << ": " << error->why << "; " << error->remedy;
        return {};
    }
    if (std::holds_alternative<PrintedAnswer>(outcome)) {
        ADD_FAILURE() << "an answer, not options";
        return {};
    }
    return std::get<Options>(outcome);
}

/// "what: why; remedy". Each of the three must be there.
std::string refused(std::initializer_list<const char*> arguments) {
    const ParseOutcome outcome = parse(arguments);
    const auto* error = std::get_if<Error>(&outcome);
    if (error == nullptr) return "accepted";
    EXPECT_FALSE(error->what.empty());
    EXPECT_FALSE(error->why.empty());
    EXPECT_FALSE(error->remedy.empty());
    return error->what + ": " + error->why + "; " + error->remedy;
}

std::string answer(std::initializer_list<const char*> arguments) {
    const ParseOutcome outcome = parse(arguments);
    const auto* text = std::get_if<PrintedAnswer>(&outcome);
    return text == nullptr ? "no answer" : text->text;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST(Options, WithoutArgumentsTracesTheSystem) {
    const Options options = accepted({});
    EXPECT_EQ(options.command, Command::kTrace);
    EXPECT_TRUE(options.filter.tgids.empty());
    EXPECT_TRUE(options.filter.follow_children);
    EXPECT_FALSE(options.filter.include_origin);
    EXPECT_EQ(options.mode, std::nullopt);
    EXPECT_EQ(options.errors, ErrorsMode::kExact);
    EXPECT_EQ(options.idle_after_seconds, 30U);
    EXPECT_EQ(options.count, std::nullopt);
    EXPECT_EQ(options.duration_seconds, std::nullopt);
    EXPECT_FALSE(options.json || options.verbose || options.quiet || options.cmdline);
}

TEST(Options, ProcessIdsRepeatAndListAsInStrace) {
    EXPECT_EQ(accepted({"-p", "1", "--pid", "2", "--pid=3", "-p4"}).filter.tgids,
              (std::vector<Tgid>{1, 2, 3, 4}));
    EXPECT_EQ(accepted({"-p", "10,11 12\n13"}).filter.tgids, (std::vector<Tgid>{10, 11, 12, 13}));
    EXPECT_TRUE(accepted({"-f", "-p", "1"}).filter.follow_children);
    EXPECT_FALSE(accepted({"--no-follow", "-p", "1"}).filter.follow_children);
}

TEST(Options, EveryFilter) {
    const IncidentFilter filter = accepted({"--comm",
                                            "nginx",
                                            "--comm",
                                            "my worker",
                                            "-u",
                                            "root",
                                            "-u",
                                            "1000",
                                            "--cgroup",
                                            "/a",
                                            "--container",
                                            "3f2a",
                                            "--port",
                                            "80",
                                            "--port",
                                            "443",
                                            "--local-port",
                                            "1",
                                            "--remote-port",
                                            "65535",
                                            "--kind",
                                            "tcp",
                                            "--kind",
                                            "pipe",
                                            "--kind=unix",
                                            "--errno",
                                            "EPIPE",
                                            "--errno",
                                            "104",
                                            "--cause",
                                            "close_race",
                                            "--severity",
                                            "fault",
                                            "--origin"})
                                      .filter;
    EXPECT_EQ(filter.comms, (Words{"nginx", "my worker"}));
    EXPECT_EQ(filter.uids, (std::vector<std::uint32_t>{0, 1000}));
    EXPECT_EQ(filter.cgroups, Words{"/a"});
    EXPECT_EQ(filter.containers, Words{"3f2a"});
    EXPECT_EQ(filter.ports, (std::vector<std::uint16_t>{80, 443}));
    EXPECT_EQ(filter.local_ports, std::vector<std::uint16_t>{1});
    EXPECT_EQ(filter.remote_ports, std::vector<std::uint16_t>{65535});
    EXPECT_EQ(filter.kinds,
              (std::vector<EndpointKind>{EndpointKind::kTcp, EndpointKind::kPipe, EndpointKind::kUnix}));
    EXPECT_EQ(filter.errnos, (std::vector<int>{32, 104}));
    EXPECT_EQ(filter.causes, std::vector<Cause>{Cause::kCloseRace});
    EXPECT_EQ(filter.severities, std::vector<Severity>{Severity::kFault});
    EXPECT_TRUE(filter.include_origin);
}

TEST(Options, EverySetting) {
    const Options options = accepted({"-c", "5", "-d", "0.5", "--json", "-o", "out.json", "-vq", "--cmdline",
                                      "--mode", "kprobe", "--errors", "inferred", "--idle-after", "60",
                                      "--without", "rst_received", "--without=sigpipe_generated"});
    EXPECT_EQ(options.count, 5U);
    EXPECT_EQ(options.duration_seconds, 0.5);
    EXPECT_EQ(options.output_path, "out.json");
    EXPECT_TRUE(options.json && options.verbose && options.quiet && options.cmdline);
    EXPECT_EQ(options.mode, Mode::kKprobe);
    EXPECT_EQ(options.errors, ErrorsMode::kInferred);
    EXPECT_EQ(options.idle_after_seconds, 60U);
    EXPECT_EQ(options.left_out, (Words{"rst_received", "sigpipe_generated"}));
    EXPECT_EQ(accepted({"--log", "a", "--log=b"}).logs, (Words{"a", "b"}));
    EXPECT_EQ(accepted({"run", "--log", "a", "true"}).logs, Words{"a"});
}

TEST(Options, TheLastOfSeveralValuesCounts) {
    EXPECT_EQ(accepted({"-d", "1", "-d", "2"}).duration_seconds, 2.0);
    EXPECT_TRUE(accepted({"--json", "--json"}).json);
}

TEST(Options, ValuesAreTakenAsTheyAre) {
    EXPECT_EQ(accepted({"--comm", "-bash"}).filter.comms, Words{"-bash"});
    EXPECT_EQ(accepted({"--comm", "[a,b]"}).filter.comms, Words{"[a,b]"});
    EXPECT_EQ(accepted({"--comm", "a,b"}).filter.comms, Words{"a,b"});
    EXPECT_EQ(accepted({"--comm=a=b"}).filter.comms, Words{"a=b"});
    EXPECT_EQ(accepted({"--comm", "'q' \"r\""}).filter.comms, Words{"'q' \"r\""});
    EXPECT_EQ(accepted({"--comm", "run"}).filter.comms, Words{"run"});
    EXPECT_EQ(accepted({"-o", "--json"}).output_path, "--json");
}

TEST(Options, RunTakesItsOptionsBeforeTheCommand) {
    const Options before = accepted({"run", "--json", "--", "sh", "-c", "yes | head -1"});
    EXPECT_EQ(before.command, Command::kRun);
    EXPECT_TRUE(before.json);
    EXPECT_EQ(before.run_argv, (Words{"sh", "-c", "yes | head -1"}));

    const Options after = accepted({"run", "-o", "f", "--", "cmd", "--json"});
    EXPECT_FALSE(after.json);
    EXPECT_EQ(after.output_path, "f");
    EXPECT_EQ(after.run_argv, (Words{"cmd", "--json"}));
}

TEST(Options, FilesOfAdviceAreKeptInTheirOrder) {
    EXPECT_EQ(accepted({"--advice", "b", "--advice=a"}).advice_paths, (Words{"b", "a"}));
    EXPECT_EQ(accepted({"report", "f.db", "--advice", "a"}).advice_paths, Words{"a"});
    EXPECT_EQ(accepted({"run", "--advice", "a", "--", "true"}).advice_paths, Words{"a"});
}

TEST(Options, RunNeedsNoDashes) {
    const Options options = accepted({"run", "-v", "sh", "-c", "exit 3", "--help", "--", "-p"});
    EXPECT_TRUE(options.verbose);
    EXPECT_EQ(options.run_argv, (Words{"sh", "-c", "exit 3", "--help", "--", "-p"}));
    EXPECT_TRUE(options.filter.tgids.empty());
}

TEST(Options, OptionsMayStandBeforeRun) {
    const Options options = accepted({"--json", "-d", "5", "run", "--run-as", "nobody", "--", "true"});
    EXPECT_EQ(options.command, Command::kRun);
    EXPECT_TRUE(options.json);
    EXPECT_EQ(options.duration_seconds, 5.0);
    EXPECT_EQ(options.run_as, "nobody");
    EXPECT_EQ(options.run_argv, Words{"true"});
}

TEST(Options, RunsCommandMayBearAnyName) {
    EXPECT_EQ(accepted({"run", "--", "doctor"}).run_argv, Words{"doctor"});
    EXPECT_EQ(accepted({"run", "--", "--odd-name"}).run_argv, Words{"--odd-name"});
    EXPECT_EQ(accepted({"run", "--", "--", "x"}).run_argv, (Words{"x"}));
}

TEST(Options, OtherCommands) {
    EXPECT_EQ(accepted({"demo"}).command, Command::kDemo);
    EXPECT_TRUE(accepted({"demo", "--json"}).json);
    EXPECT_EQ(accepted({"doctor"}).command, Command::kDoctor);
    EXPECT_TRUE(accepted({"doctor", "--json"}).json);
    EXPECT_EQ(accepted({"explain", "EPIPE"}).explain_code, "EPIPE");
    EXPECT_EQ(accepted({"explain", "broken", "pipe"}).explain_code, "broken pipe");
}

TEST(Options, ReportTakesRecordingsTimesAndFilters) {
    const Options options =
        accepted({"report", "a.db", "--since", "2026-01-02", "--utc", "b.db", "--until=2026-01-03", "-p", "7",
                  "--cause", "peer_reset", "--json", "-o", "out"});
    EXPECT_EQ(options.command, Command::kReport);
    EXPECT_EQ(options.recordings, (Words{"a.db", "b.db"}));
    ASSERT_TRUE(options.since && options.until);
    EXPECT_EQ(options.since->ns, 1'767'312'000'000'000'000);
    EXPECT_EQ(options.until->ns - options.since->ns, 86'400'000'000'000);
    EXPECT_EQ(options.filter.tgids, (std::vector<Tgid>{7}));
    EXPECT_EQ(options.filter.causes, (std::vector<Cause>{Cause::kPeerReset}));
    EXPECT_TRUE(options.json && options.utc);
    EXPECT_EQ(accepted({"report", "--html", "page.html"}).html_path, "page.html");
    EXPECT_TRUE(accepted({"report"}).recordings.empty());
    EXPECT_EQ(accepted({"report", "--id", "12ab", "--json"}).incident_id, "12ab");
}

TEST(Options, HelpAnswersForTheCommand) {
    EXPECT_TRUE(answer({"--help"}).starts_with("Usage: pipetrace [-p PID]"));
    EXPECT_TRUE(answer({"-h"}).starts_with("Usage: pipetrace [-p PID]"));
    EXPECT_TRUE(answer({"run", "--help"}).starts_with("Usage: pipetrace run"));
    EXPECT_TRUE(answer({"help", "doctor"}).starts_with("Usage: pipetrace doctor"));
    EXPECT_TRUE(answer({"explain", "--help"}).starts_with("Usage: pipetrace explain"));
}

/// "--local-port" as a whole: not within "--remote-port" or "--no-follow".
bool names_option(const std::string& help, const std::string& name) {
    const std::string word = "--" + name;
    for (std::size_t at = help.find(word); at != std::string::npos; at = help.find(word, at + 1)) {
        const char next = help[at + word.size()];
        if (next != '-' && (next < 'a' || next > 'z')) return true;
    }
    return false;
}

TEST(Options, HelpNamesTheOptionsOfItsCommandAndNoOthers) {
    const std::string help[] = {answer({"--help"}),           answer({"run", "--help"}),
                                answer({"record", "--help"}), answer({"demo", "--help"}),
                                answer({"doctor", "--help"}), answer({"explain", "--help"}),
                                answer({"report", "--help"}), answer({"serve", "--help"})};
    for (const OptionSpec& option : option_table()) {
        for (std::size_t i = 0; i < std::size(help); ++i) {
            const bool taken = (option.commands & only(static_cast<Command>(i))) != 0;
            EXPECT_EQ(names_option(help[i], option.name), taken) << option.name << " in " << i;
        }
    }
}

TEST(Options, HelpIsReadableAt80Columns) {
    for (const auto& text :
         {answer({"--help"}), answer({"run", "--help"}), answer({"demo", "--help"}),
          answer({"doctor", "--help"}), answer({"explain", "--help"}), answer({"report", "--help"}),
          answer({"serve", "--help"})}) {
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t end = std::min(text.find('\n', at), text.size());
            EXPECT_LE(end - at, 80U) << text.substr(at, end - at);
            at = end + 1;
        }
    }
}

TEST(Options, VersionIsOneLine) {
    const std::string version = answer({"--version"});
    EXPECT_TRUE(version.starts_with("pipetrace "));
    EXPECT_TRUE(contains(version, "."));
    EXPECT_EQ(version.find('\n'), version.size() - 1);
}

TEST(OptionsMisuse, ValuesThatMakeNoSense) {
    EXPECT_TRUE(contains(refused({"-p", "nginx"}), "'nginx'"));
    EXPECT_TRUE(contains(refused({"-p", "nginx"}), "--comm nginx"));
    for (const char* pid : {"0", "-5", "1.5", "99999999999999999999", "3000000000", "", " ", "1,x", "0x10"}) {
        EXPECT_NE(refused({"-p", pid}), "accepted") << pid;
    }
    for (const char* port : {"0", "65536", "http", "-1"}) {
        EXPECT_TRUE(contains(refused({"--port", port}), "from 1 to 65535")) << port;
        EXPECT_TRUE(contains(refused({"--local-port", port}), "--local-port")) << port;
        EXPECT_TRUE(contains(refused({"--remote-port", port}), "--remote-port")) << port;
    }
    for (const char* seconds : {"0", "-1", "soon", "inf", "nan", "1e99", "5s"}) {
        EXPECT_TRUE(contains(refused({"-d", seconds}), "--duration")) << seconds;
    }
    for (const char* count : {"0", "-1", "many", "1.5"}) {
        EXPECT_TRUE(contains(refused({"-c", count}), "at least 1")) << count;
    }
    EXPECT_TRUE(contains(refused({"--idle-after", "0"}), "--idle-after"));
    EXPECT_TRUE(contains(refused({"-u", "no-such-user-here"}), "no-such-user-here"));
    EXPECT_TRUE(contains(refused({"-u", "4294967295"}), "4294967295"));
}

TEST(OptionsMisuse, MisspeltValuesGetASuggestion) {
    EXPECT_TRUE(contains(refused({"--kind", "pipes"}), "did you mean 'pipe'?"));
    EXPECT_TRUE(contains(refused({"--cause", "write_after_peer_closed"}), "'write_after_peer_close'"));
    EXPECT_TRUE(contains(refused({"--severity", "faults"}), "'fault'"));
    EXPECT_TRUE(contains(refused({"--mode", "tracepoints"}), "'tracepoint'"));
    EXPECT_TRUE(contains(refused({"--errors", "infered"}), "'inferred'"));
    EXPECT_TRUE(contains(refused({"--errno", "ECONRESET"}), "'ECONNRESET'"));
    EXPECT_TRUE(contains(refused({"--kind", "quux"}), "tcp, unix, pipe"));
}

TEST(OptionsMisuse, MisspeltOptionsAndCommandsGetASuggestion) {
    EXPECT_TRUE(contains(refused({"--jsno"}), "did you mean --json?"));
    EXPECT_TRUE(contains(refused({"--local_port=5"}), "did you mean --local-port?"));
    EXPECT_TRUE(contains(refused({"-z"}), "there is no option -z"));
    EXPECT_TRUE(contains(refused({"docter"}), "did you mean 'doctor'?"));
    EXPECT_TRUE(contains(refused({"4242"}), "pipetrace -p 4242"));
    EXPECT_TRUE(contains(refused({"curl"}), "pipetrace run -- curl"));
}

TEST(OptionsMisuse, MissingPieces) {
    EXPECT_TRUE(contains(refused({"-p"}), "needs a value"));
    EXPECT_TRUE(contains(refused({"--comm="}), "needs a value"));
    EXPECT_TRUE(contains(refused({"--json=yes"}), "takes no value"));
    EXPECT_TRUE(contains(refused({"run"}), "no command to run"));
    EXPECT_TRUE(contains(refused({"run", "--json", "--"}), "no command to run"));
    EXPECT_TRUE(contains(refused({"explain"}), "pipetrace explain EPIPE"));
}

TEST(OptionsMisuse, OptionsOfAnotherCommand) {
    EXPECT_TRUE(contains(refused({"doctor", "--port", "80"}), "pipetrace doctor does not take --port"));
    EXPECT_TRUE(contains(refused({"run", "-p", "1", "--", "true"}), "pipetrace run does not take -p/--pid"));
    EXPECT_TRUE(contains(refused({"--run-as", "nobody"}), "it is an option of: pipetrace run"));
    EXPECT_TRUE(contains(refused({"explain", "--json", "EPIPE"}), "does not take --json"));
    EXPECT_TRUE(contains(refused({"demo", "extra"}), "does not take 'extra'"));
    EXPECT_TRUE(contains(refused({"-f", "--no-follow"}), "contradict"));
    EXPECT_NE(refused({"--", "sh"}), "accepted");
    EXPECT_TRUE(contains(refused({"report", "--mode", "full"}), "pipetrace report does not take --mode"));
    EXPECT_TRUE(contains(refused({"--since", "today"}), "it is an option of: pipetrace report"));
}

TEST(OptionsMisuse, LogsWhereNoneAreJoined) {
    for (const char* command : {"record", "report", "demo"}) {
        const std::string refusal = refused({command, "--log", "app.log"});
        EXPECT_TRUE(contains(refusal, std::string("pipetrace ") + command + " does not take --log")) << refusal;
        EXPECT_TRUE(contains(refusal, "pipetrace -p PID --log FILE")) << refusal;
    }
    EXPECT_TRUE(contains(refused({"doctor", "--log", "app.log"}), "does not take --log"));
}

TEST(OptionsMisuse, ReportsThatCannotBe) {
    EXPECT_TRUE(contains(refused({"report", "--since", "soon"}), "--since 'soon' is no point in time"));
    EXPECT_TRUE(contains(refused({"report", "-S", "12:00", "-U", "11:00"}), "--until is not later"));
    EXPECT_TRUE(contains(refused({"report", "--html", "x", "--json"}), "--html goes with neither"));
    for (const char* other : {"--port=1", "--since=now", "--html=x"}) {
        EXPECT_TRUE(contains(refused({"report", "--id", "12ab", other}), "--id goes with no filter"))
            << other;
    }
}

TEST(Options, ServeListensOnLoopbackUnlessToldOtherwise) {
    EXPECT_FALSE(accepted({"serve"}).metrics);
    EXPECT_EQ(accepted({"serve"}).errors, ErrorsMode::kInferred);
    EXPECT_EQ(accepted({"serve", "--errors", "exact"}).errors, ErrorsMode::kExact);
    const auto metrics = [](const char* text) { return accepted({"serve", "--metrics", text}).metrics; };
    EXPECT_EQ(metrics(":9435"), (ListenAddress{"127.0.0.1", 9435}));
    EXPECT_EQ(metrics("localhost:9435"), (ListenAddress{"127.0.0.1", 9435}));
    EXPECT_EQ(metrics("0.0.0.0:1"), (ListenAddress{"0.0.0.0", 1}));
    EXPECT_EQ(metrics("[::1]:65535"), (ListenAddress{"::1", 65535}));
    EXPECT_EQ(listen_address_text({"::1", 9435}), "[::1]:9435");
    EXPECT_EQ(listen_address_text({"10.0.0.1", 80}), "10.0.0.1:80");
}

TEST(OptionsMisuse, StandardOutputHasNoNameOfAFile) {
    EXPECT_TRUE(contains(refused({"serve", "-o", "-"}), "use --json"));
    EXPECT_TRUE(contains(refused({"run", "-o", "-", "--", "ls"}), "they go to stderr"));
    EXPECT_TRUE(contains(refused({"record", "-o-"}), "a recording is written to at many places"));
    for (const char* command : {"-v", "demo", "report"}) {
        EXPECT_TRUE(contains(refused({command, "--output=-"}), "they go to stdout")) << command;
    }
    EXPECT_EQ(accepted({"-o", "./-"}).output_path, "./-");
}

TEST(OptionsMisuse, NoPlaceToListen) {
    for (const char* wrong : {"", "9435x", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", "::1:9435", "[::1]9435",
                              "[127.0.0.1]:9435", "db1.example.org:9435", "1.2.3:80", "127.0.0.1:80,90"}) {
        EXPECT_TRUE(contains(refused({"serve", (std::string("--metrics=") + wrong).c_str()}), "--metrics")) << wrong;
    }
    EXPECT_TRUE(contains(refused({"record", "--metrics", ":9435"}), "does not take --metrics"));
}

}  // namespace
}  // namespace pipetrace
