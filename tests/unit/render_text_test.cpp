#include "render/text_layout.h"
#include "render/text_renderer.h"
#include "render/utf8.h"
#include "sample_incident.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace pipetrace {
namespace {

using namespace testing;

constexpr TextStyle kPlain{false, 80, false, true};

std::string render_once(const Incident& incident, TextStyle style = kPlain) {
    TextRenderer renderer(sample_clocks(), style);
    std::string out;
    renderer.render(incident, out);
    return out;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// In the story the words may be broken over lines.
std::string unwrapped(const std::string& text) {
    std::string joined;
    std::istringstream words(text);
    for (std::string word; words >> word;) joined += (joined.empty() ? "" : " ") + word;
    return joined;
}

TEST(Wrap, BreaksAtSpacesOnly) {
    EXPECT_EQ(wrap("one two three", 7), (std::vector<std::string>{"one two", "three"}));
    EXPECT_EQ(wrap("  a   b ", 80), (std::vector<std::string>{"a b"}));
    EXPECT_EQ(wrap("unbreakable", 4), (std::vector<std::string>{"unbreakable"}));
    EXPECT_EQ(wrap("\xe6\x97\xa5 \xe6\x97\xa5 a", 5),
              (std::vector<std::string>{"\xe6\x97\xa5 \xe6\x97\xa5", "a"}));
    EXPECT_EQ(wrap("", 10), std::vector<std::string>());
}

TEST(Wrap, LabelStandsInItsColumn) {
    EXPECT_EQ(labelled("  A", "one two", 6, 10), "  A   one\n      two\n");
    EXPECT_EQ(wrap_items({"aa", "bb cc", "dd"}, 2, 12), "  aa, bb cc,\n  dd\n");
}

TEST(TextRenderer, HeaderTellsWhoWhatAndCause) {
    const auto wide = lines_of(render_once(sample_incident(), {false, 110, false, true}));
    EXPECT_TRUE(
        wide[0].starts_with("#1  03:04:05.123 UTC  python3[4242]  sendto(fd 3) = EPIPE, SIGPIPE ignored  "));
    EXPECT_TRUE(wide[0].ends_with("  write_after_peer_close"));
    EXPECT_EQ(wide[0].size(), 110U);

    const auto narrow = lines_of(render_once(sample_incident()));
    EXPECT_EQ(narrow[0], "#1  03:04:05.123 UTC  python3[4242]  sendto(fd 3) = EPIPE, SIGPIPE ignored");
    EXPECT_EQ(narrow[1], "    write_after_peer_close");
}

TEST(TextRenderer, TellsTheEndpointTheStoryCauseAndAdvice) {
    const std::string story = unwrapped(render_once(sample_incident()));
    EXPECT_TRUE(contains(story,
                         "127.0.0.1:50870 > 127.0.0.1:2222 up 1.003 s, idle 1.001 s, sent 10 B "
                         "(5 acknowledged), received 0 B"));
    EXPECT_TRUE(contains(story, "-1.003 s peer python3[4240] closed its end FIN"));
    EXPECT_TRUE(contains(story,
                         "-0.190 ms network RST received in CLOSE_WAIT, answers our data pending "
                         "error EPIPE"));
    EXPECT_TRUE(contains(story, "0 local sendto(fd 3, 5 bytes) = EPIPE"));
    EXPECT_TRUE(contains(story, "Cause python3[4240] had closed the connection 1.0 s earlier"));
    EXPECT_TRUE(contains(story, "wrote twice more. certain"));
    EXPECT_TRUE(contains(story, "Advice A read that returns 0"));
    EXPECT_FALSE(contains(story, "close_race"));
}

TEST(TextRenderer, StaysWithinTheWidth) {
    for (const std::size_t width : {60U, 72U, 80U, 100U, 132U}) {
        for (const bool verbose : {false, true}) {
            for (const std::string& line :
                 lines_of(render_once(sample_incident(), {false, width, verbose, true}))) {
                EXPECT_LE(display_width(line), width) << line;
            }
        }
    }
}

TEST(TextRenderer, VerboseAddsEvidenceRivalsAndProcess) {
    Incident incident = sample_incident();
    incident.process.details.exe = "/usr/bin/python3";
    incident.process.details.cmdline = std::vector<std::string>{"python3", "client\n.py"};
    const std::string story = unwrapped(render_once(incident, {false, 80, true, true}));
    EXPECT_TRUE(contains(story, "Rejected close_race: the last write began 1.0 s after the FIN"));
    EXPECT_TRUE(contains(story, "* -1.003 s"));
    EXPECT_TRUE(contains(story, "exe /usr/bin/python3"));
    EXPECT_TRUE(contains(story, "command python3 client\\x0a.py"));
}

TEST(TextRenderer, ColourOnlyWhereAsked) {
    TextStyle coloured = kPlain;
    EXPECT_FALSE(contains(render_once(sample_incident(), coloured), "\x1b"));
    coloured.colour = true;
    const std::string story = render_once(sample_incident(), coloured);
    EXPECT_TRUE(contains(story, "\x1b[31mwrite_after_peer_close\x1b[0m"));
    // Stripped of its colours it is the same text.
    std::string stripped;
    for (std::size_t at = 0; at < story.size(); ++at) {
        if (story[at] == '\x1b') {
            at = story.find('m', at);
        } else {
            stripped += story[at];
        }
    }
    EXPECT_EQ(stripped, render_once(sample_incident()));
}

Incident benign_incident() {
    Incident incident = sample_incident();
    incident.process.comm = "yes";
    incident.process.tgid = 500;
    incident.endpoint.kind = EndpointKind::kPipe;
    incident.endpoint.local = "pipe:[1234]";
    incident.endpoint.remote.reset();
    incident.errors[0].syscall = "write";
    incident.errors[0].fd = 1;
    incident.sigpipe = SigpipeFate::kKilled;
    incident.peer->process.comm = "head";
    incident.peer->process.tgid = 501;
    incident.verdict.cause = Cause::kPipeReaderClosed;
    incident.verdict.severity = Severity::kBenign;
    return incident;
}

TEST(TextRenderer, BenignTakesOneLine) {
    EXPECT_EQ(render_once(benign_incident(), {false, 120, false, true}),
              "#1  03:04:05.123 UTC  yes[500]  write(fd 1) = EPIPE, killed by SIGPIPE  "
              "pipe_reader_closed "
              "by head[501], benign\n");
    const auto narrow = lines_of(render_once(benign_incident()));
    ASSERT_EQ(narrow.size(), 1U);
    EXPECT_TRUE(contains(narrow[0], "killed by SIGPIPE"));
    EXPECT_TRUE(contains(narrow[0], "pipe_reader_closed, benign"));
}

TEST(TextRenderer, PipesHaveNoAddresses) {
    Incident incident = benign_incident();
    incident.verdict.severity = Severity::kFault;
    const std::string story = render_once(incident);
    EXPECT_TRUE(contains(story, "    pipe:[1234]   up 1.003 s"));
    EXPECT_FALSE(contains(story, " > 127"));
}

TEST(TextRenderer, ARevisionKeepsItsNumberAndIsShort) {
    TextRenderer renderer(sample_clocks(), kPlain);
    std::string out;
    Incident first = sample_incident();
    renderer.render(first, out);
    Incident second = sample_incident();
    second.id = "boot-2";
    renderer.render(second, out);
    out.clear();
    first.revision = 1;
    first.errors[0].count = 1204;
    renderer.render(first, out);
    EXPECT_TRUE(out.starts_with("#1 (revision 1)  03:04:05.123 UTC  python3[4242]"));
    EXPECT_TRUE(contains(out, "sendto(fd 3) = EPIPE (1204 times), SIGPIPE ignored"));
    EXPECT_FALSE(contains(out, "FIN received"));
    EXPECT_FALSE(contains(out, "Advice"));
    EXPECT_TRUE(contains(unwrapped(out), "wrote twice more. certain"));
}

TEST(TextRenderer, NumbersOfManyIncidentsStayBounded) {
    TextRenderer renderer(sample_clocks(), kPlain);
    Incident incident = benign_incident();
    std::string out;
    for (int i = 0; i < 3000; ++i) {
        incident.id = "boot-" + std::to_string(i);
        out.clear();
        renderer.render(incident, out);
    }
    EXPECT_TRUE(out.starts_with("#3000 "));
    incident.id = "boot-2999";
    incident.revision = 1;
    out.clear();
    renderer.render(incident, out);
    EXPECT_TRUE(out.starts_with("#3000 (revision 1)"));
    // The oldest are forgotten: a late revision of one is numbered anew.
    incident.id = "boot-0";
    out.clear();
    renderer.render(incident, out);
    EXPECT_TRUE(out.starts_with("#3001 (revision 1)"));
}

TEST(TextRenderer, ARstThatNobodyWasToldOfSaysSo) {
    Incident incident = sample_incident();
    incident.errors.clear();
    incident.sigpipe = SigpipeFate::kNone;
    EXPECT_TRUE(contains(render_once(incident), "RST received in CLOSE_WAIT, no program was told"));
    incident.rst.reset();
    EXPECT_TRUE(contains(render_once(incident), "no program was told"));
}

TEST(TextRenderer, ASignalWithoutAFailedCall) {
    Incident incident = sample_incident();
    incident.errors.clear();
    incident.sigpipe = SigpipeFate::kHandled;
    const std::string story = render_once(incident);
    EXPECT_TRUE(contains(story, "python3[4242]  SIGPIPE handled"));
    EXPECT_FALSE(contains(story, "no program was told"));
}

TEST(TextRenderer, SeveralErrorsComeInTheirOrder) {
    Incident incident = sample_incident();
    CallError reset = incident.errors[0];
    reset.error = 104;
    reset.syscall = "recvfrom";
    reset.fd.reset();
    incident.errors.insert(incident.errors.begin(), reset);
    EXPECT_TRUE(contains(unwrapped(render_once(incident)),
                         "recvfrom() = ECONNRESET, then sendto(fd 3) = EPIPE, SIGPIPE ignored"));
}

TEST(TextRenderer, ChainLossAndDoubtAreTold) {
    TextRenderer renderer(sample_clocks(), kPlain);
    std::string out;
    renderer.render(sample_incident(), out);
    out.clear();
    Incident next = sample_incident();
    next.id = "boot-2";
    next.caused_by = "boot-1";
    next.lost = 3;
    next.verdict.confidence = Confidence::kUnknown;
    renderer.render(next, out);
    EXPECT_TRUE(contains(out, "Chain    brought about by #1\n"));
    EXPECT_TRUE(contains(out, "Lost     3 events, while this went on\n"));
    EXPECT_TRUE(contains(out, "confidence unknown\n"));
    out.clear();
    next.id = "boot-3";
    next.caused_by = "boot-2";
    next.root = "boot-1";
    renderer.render(next, out);
    EXPECT_TRUE(contains(out, "Chain    brought about by #2; it began with #1\n"));
    out.clear();
    next.verdict.severity = Severity::kBenign;
    next.caused_by = "hidden";
    next.root.reset();
    TextRenderer(sample_clocks(), {false, 200, false, true}).render(next, out);
    EXPECT_TRUE(contains(out, "benign, from incident hidden\n"));
}

TEST(TextRenderer, HostileTextStaysHarmless) {
    Incident incident = sample_incident();
    const std::string hostile = "\x1b[2J\xe2\x80\xae\xff";
    incident.process.comm = hostile;
    incident.peer->process.comm = hostile;
    incident.endpoint.local = hostile;
    incident.errors[0].syscall = hostile;
    incident.verdict.summary = hostile;
    incident.verdict.advice = hostile;
    incident.verdict.rejected[0].because = hostile;
    incident.process.details.exe = hostile;
    incident.process.details.cgroup = hostile;
    incident.rst->why = hostile;
    incident.caused_by = hostile;
    const std::string story = render_once(incident, {false, 80, true, true});
    EXPECT_TRUE(contains(story, "\\x1b[2J\\u202e\\xff"));
    const bool raw = std::any_of(story.begin(), story.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte < 0x20 && c != '\n') || byte >= 0x7f;
    });
    EXPECT_FALSE(raw);
}

TEST(TextRenderer, ABareIncidentIsRenderedToo) {
    Incident bare;
    bare.id = "x";
    bare.verdict.summary = "The facts are missing.";
    const std::string story = render_once(bare);
    EXPECT_TRUE(contains(story, "a process that could not be named"));
    EXPECT_TRUE(contains(story, "Cause    The facts are missing."));
}

TEST(TextRenderer, SaysWhatShareWasTold) {
    Incident incident = sample_incident();
    EXPECT_FALSE(contains(render_once(incident), "Sampled"));
    incident.sampled = Sampled{125'000, 1234};
    EXPECT_TRUE(
        contains(unwrapped(render_once(incident)),
                 "Sampled under load: 12.5 % of the connections are told; 1234 incidents were only counted"))
        << render_once(incident);
}

}  // namespace
}  // namespace pipetrace
