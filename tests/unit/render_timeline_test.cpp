#include "render/timeline_table.h"
#include "render/timeline_text.h"
#include "render/utf8.h"
#include "sample_incident.h"

#include <gtest/gtest.h>

#include <sstream>

namespace pipetrace {
namespace {

using namespace testing;

EntryText tell(Side side, const char* event, Details detail) {
    return entry_text(entry(0, side, event, std::move(detail)), sample_incident());
}
std::string sentence(Side side, const char* event, Details detail) {
    return tell(side, event, std::move(detail)).sentence;
}

TEST(EntryText, FinReceivedBeforeTheTraceSaysSo) {
    TimelineEntry fin = entry(0, Side::kNetwork, "fin_received", {});
    fin.time_known = false;
    const EntryText told = entry_text(fin, sample_incident());
    EXPECT_EQ(told.sentence, "FIN received");
    EXPECT_EQ(told.note, "(before the trace; read from the socket's state)");
}

TEST(EntryText, ClosedNamesWhoAndHow) {
    const auto closed = [&](Details more) {
        more["comm"] = text("head");
        more["pid"] = number(7);
        return sentence(Side::kPeer, "closed", more);
    };
    EXPECT_EQ(closed({{"action", text("close")}}), "head[7] closed its end");
    EXPECT_EQ(closed({{"action", text("exit")}}), "head[7] exited, which closed its end");
    EXPECT_EQ(closed({{"action", text("shutdown")}}), "head[7] shut down its sending side");
    EXPECT_EQ(closed({{"action", text("abort")}}), "head[7] aborted the connection");
    EXPECT_EQ(closed({{"action", text("killed")}, {"signal", number(9)}}),
              "head[7] was killed by SIGKILL, which closed its end");
    EXPECT_EQ(closed({{"action", text("close")}, {"unread_bytes", number(12)}}),
              "head[7] closed its end with 12 bytes unread");
    EXPECT_EQ(closed({{"action", text("close")}, {"unread_bytes", number(0)}}), "head[7] closed its end");
    EXPECT_EQ(closed({{"action", text("abort")}, {"linger_zero", true}}),
              "head[7] closed its end with SO_LINGER 0");
}

TEST(EntryText, ClosedWithoutANameIsToldByItsSide) {
    EXPECT_EQ(sentence(Side::kPeer, "closed", {}), "the peer closed its end");
    EXPECT_EQ(sentence(Side::kLocal, "closed", {}), "python3[4242] closed its end");
    EXPECT_EQ(tell(Side::kPeer, "closed", {{"via", text("RST")}}).note, "RST");
}

TEST(EntryText, APipesReaderClosesTheReadEnd) {
    Incident incident = sample_incident();
    incident.endpoint.kind = EndpointKind::kPipe;
    const TimelineEntry closed = entry(0, Side::kPeer, "closed", {{"comm", text("head")}});
    EXPECT_EQ(entry_text(closed, incident).sentence, "head closed the read end");
}

TEST(EntryText, DataSentInCloseWaitReachesNobody) {
    const Details answered = {{"bytes", number(1)}, {"answered", text("RST")}};
    Incident incident = sample_incident();  // its RST came in CLOSE_WAIT
    EXPECT_EQ(entry_text(entry(0, Side::kLocal, "data_sent", answered), incident).sentence,
              "1 byte sent, to nobody");
    incident.rst->state = TcpState::kEstablished;
    EXPECT_EQ(entry_text(entry(0, Side::kLocal, "data_sent", answered), incident).sentence,
              "1 byte sent, answered with RST");
    EXPECT_EQ(sentence(Side::kLocal, "data_sent", {}), "data sent");
    EXPECT_EQ(tell(Side::kLocal, "data_sent", {{"source", text("socket")}}).note,
              "(by the socket's own clock)");
}

TEST(EntryText, RstThatDoesNotFitThePeerShowsWhy) {
    const auto note = [](Details detail) { return tell(Side::kNetwork, "rst_received", std::move(detail)).note; };
    EXPECT_EQ(note({{"ttl", number(52)}, {"handshake_ttl", number(52)}}), "");
    EXPECT_EQ(note({{"ttl", number(120)}, {"handshake_ttl", number(52)}}), "TTL 120, the handshake's 52");
    EXPECT_EQ(note({{"delay_us", number(7'400)}, {"rtt_us", number(318'000)}}),
              "after 7.4 ms, a round trip takes 318.0 ms");
    EXPECT_EQ(note({{"delay_us", number(319'000)}, {"rtt_us", number(318'000)}}), "");
    EXPECT_EQ(note({{"delay_us", number(5)}, {"rtt_us", number(60)}}), "") << "too short to be measured well";
}

TEST(EntryText, RstReceived) {
    // The sample's timeline holds the write that drew it.
    const EntryText told =
        tell(Side::kNetwork, "rst_received", {{"state", text("CLOSE_WAIT")}, {"errno", number(32)}});
    EXPECT_EQ(told.sentence, "RST received in CLOSE_WAIT, answers our data");
    EXPECT_EQ(told.note, "pending error EPIPE");

    Incident quiet = sample_incident();
    quiet.timeline.clear();
    const TimelineEntry rst = entry(0, Side::kNetwork, "rst_received", {{"state", text("ESTABLISHED")}});
    EXPECT_EQ(entry_text(rst, quiet).sentence, "RST received in ESTABLISHED");
    const TimelineEntry refused = entry(0, Side::kNetwork, "rst_received", {{"state", text("SYN_SENT")}});
    EXPECT_EQ(entry_text(refused, quiet).sentence, "RST received in SYN_SENT, refuses the connection");
}

TEST(EntryText, RstSent) {
    const EntryText told = tell(Side::kLocal, "rst_sent",
                                {{"active", true}, {"state", text("ESTABLISHED")}, {"reason", text("why")}});
    EXPECT_EQ(told.sentence, "RST sent in ESTABLISHED to abort the connection");
    EXPECT_EQ(told.note, "why");
    EXPECT_EQ(sentence(Side::kPeer, "rst_sent", {{"active", false}}), "RST sent in answer to a segment");
    EXPECT_EQ(sentence(Side::kPeer, "rst_sent", {}), "RST sent");
}

TEST(EntryText, CallFailedSaysCallErrorThreadAndCount) {
    EXPECT_EQ(
        sentence(
            Side::kLocal, "call_failed",
            {{"syscall", text("sendto")}, {"fd", number(3)}, {"bytes", number(5)}, {"errno", text("EPIPE")}}),
        "sendto(fd 3, 5 bytes) = EPIPE");
    EXPECT_EQ(sentence(Side::kLocal, "call_failed",
                       {{"syscall", text("write")}, {"errno", number(104)}, {"count", number(9)}}),
              "write() = ECONNRESET, 9 times");
    EXPECT_EQ(sentence(Side::kLocal, "call_failed", {}), "a call failed");
    const Details other_thread = {{"thread", text("worker")}, {"tid", number(4250)}, {"inferred", true}};
    EXPECT_EQ(tell(Side::kLocal, "call_failed", other_thread).note, "thread worker[4250], inferred");
    const Details main_thread = {{"thread", text("python3")}, {"tid", number(4242)}};
    EXPECT_EQ(tell(Side::kLocal, "call_failed", main_thread).note, "");
}

TEST(EntryText, SigpipeAndItsFate) {
    const auto generated = [](const char* fate) {
        return sentence(Side::kLocal, "sigpipe_generated", {{"fate", text(fate)}});
    };
    EXPECT_EQ(generated("ignored"), "SIGPIPE generated, ignored");
    EXPECT_EQ(generated("blocked"), "SIGPIPE generated, blocked");
    EXPECT_EQ(generated("killed"), "SIGPIPE generated, which kills the process");
    EXPECT_EQ(generated("handled"), "SIGPIPE generated, for its handler");
    EXPECT_EQ(sentence(Side::kLocal, "sigpipe_delivered", {{"disposition", text("handler")}}),
              "SIGPIPE delivered to its handler");
    for (const char* fatal : {"default", "kills"}) {
        EXPECT_EQ(sentence(Side::kLocal, "sigpipe_delivered", {{"disposition", text(fatal)}}),
                  "SIGPIPE delivered, ends the process");
    }
}

TEST(EntryText, TheRestOfTheVocabulary) {
    EXPECT_EQ(sentence(Side::kLocal, "connected", {{"role", text("active")}}), "connected");
    EXPECT_EQ(sentence(Side::kLocal, "connected", {{"role", text("passive")}}), "connection accepted");
    EXPECT_EQ(sentence(Side::kLocal, "fin_sent", {}), "FIN sent");
    EXPECT_EQ(sentence(Side::kLocal, "shut_down", {{"comm", text("a")}, {"pid", number(1)}}),
              "a[1] shut down its sending side");
    EXPECT_EQ(sentence(Side::kLocal, "error_raised", {{"errno", number(104)}}),
              "error pending on the socket: ECONNRESET");
    EXPECT_EQ(sentence(Side::kLocal, "call_succeeded", {{"syscall", text("write")}, {"fd", number(1)}}),
              "write(fd 1) succeeded");
    EXPECT_EQ(sentence(Side::kLocal, "process_exited", {{"signal", number(13)}}),
              "python3[4242] was killed by SIGPIPE");
    EXPECT_EQ(sentence(Side::kLocal, "process_exited", {{"status", number(1)}}),
              "python3[4242] exited with status 1");
    EXPECT_EQ(tell(Side::kLocal, "state_changed", {{"from", text("A")}, {"to", text("B")}}).note, "A > B");
    EXPECT_EQ(sentence(Side::kLocal, "endpoint_destroyed", {{"errno", text("ECONNRESET")}}),
              "socket gone, nobody was told of its ECONNRESET");
}

TEST(EntryText, AnUnknownEventIsShownAsItIs) {
    const EntryText told =
        tell(Side::kNetwork, "packet_marked", {{"mark", number(5)}, {"drop", true}, {"by", text("nft\x1b")}});
    EXPECT_EQ(told.sentence, "packet_marked");
    EXPECT_EQ(told.note, "mark 5, drop yes, by nft\\x1b") << "in the order they were set";
}

TEST(EntryText, NothingFromAProcessReachesTheTerminalRaw) {
    for (const char* event : {"closed", "shut_down", "call_failed", "sigpipe_generated", "rst_sent",
                              "state_changed", "process_exited", "no_such_event"}) {
        Details hostile;
        for (const char* key : {"comm", "thread", "syscall", "errno", "state", "reason", "from", "to", "via",
                                "fate", "signal", "action"}) {
            hostile[key] = text("\x1b]0;owned\x07\xe2\x80\xae");
        }
        const EntryText told = tell(Side::kPeer, event, hostile);
        const std::string all = told.sentence + told.note;
        EXPECT_EQ(all.find('\x1b'), std::string::npos) << event;
        EXPECT_EQ(all.find('\x07'), std::string::npos) << event;
        EXPECT_EQ(all.find("\xe2\x80\xae"), std::string::npos) << event;
    }
}

TEST(ProcessText, NamesWhatIsKnown) {
    InvolvedProcess process;
    EXPECT_EQ(process_text(process), "a process that could not be named");
    process.tgid = 7;
    EXPECT_EQ(process_text(process), "pid 7");
    process.comm = "x\ny";
    EXPECT_EQ(process_text(process), "x\\x0ay[7]");
}

TEST(TimelineTable, AlignsNotesAndFitsItsWidth) {
    for (const std::size_t width : {60U, 80U, 100U, 200U}) {
        const std::string table = timeline_table(sample_incident(), {false, width, false, true});
        std::istringstream lines(table);
        for (std::string line; std::getline(lines, line);) {
            EXPECT_LE(display_width(line), width) << line;
        }
    }
    const std::string table = timeline_table(sample_incident(), {false, 80, false, true});
    std::istringstream lines(table);
    std::string closed;
    std::string fin;
    std::getline(lines, closed);
    std::getline(lines, fin);
    EXPECT_EQ(closed.find("FIN"), fin.find("ESTABLISHED"));
}

TEST(TimelineTable, AShortNoteStaysBesideALongSentence) {
    Incident incident = sample_incident();
    incident.timeline[0].detail["comm"] = text("a-longer-server");
    const std::string table = timeline_table(incident, {false, 80, false, true});
    EXPECT_NE(table.find("a-longer-server[4240] closed its end  FIN\n"), std::string::npos) << table;
}

TEST(TimelineTable, VerboseMarksEvidence) {
    const Incident incident = sample_incident();  // cites entries 0, 1 and 3
    const std::string table = timeline_table(incident, {false, 120, true, true});
    std::istringstream lines(table);
    std::vector<bool> marked;
    for (std::string line; std::getline(lines, line);) marked.push_back(line.find('*') != std::string::npos);
    EXPECT_EQ(marked, (std::vector<bool>{true, true, false, true, false, false}));
    EXPECT_EQ(timeline_table(incident, {false, 120, false, true}).find('*'), std::string::npos);
}

}  // namespace
}  // namespace pipetrace
