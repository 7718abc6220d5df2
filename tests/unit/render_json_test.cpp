#include "render/json_text.h"
#include "render/json_renderer.h"
#include "sample_incident.h"
#include "schema_check.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <limits>

namespace pipetrace {
namespace {

using nlohmann::json;
using namespace testing;

std::string render_line(const Incident& incident) {
    const JsonRenderer renderer({"web1", "0f3c", "6.12.0"}, sample_clocks());
    std::string line;
    renderer.render(incident, line);
    return line;
}

json render_valid(const Incident& incident) {
    const json parsed = json::parse(render_line(incident));
    EXPECT_EQ(schema_faults(incident_schema(), parsed), std::vector<std::string>());
    return parsed;
}

std::string as_json(std::string_view text) {
    std::string out;
    JsonText(out).value(text);
    return out;
}

std::string as_json_time(WallTime at) {
    std::string out;
    JsonText(out).value(at);
    return out;
}

TEST(JsonString, EscapesWhatJsonDemands) {
    EXPECT_EQ(as_json("plain"), R"("plain")");
    EXPECT_EQ(as_json("say \"hi\" \\o/"), R"("say \"hi\" \\o/")");
    EXPECT_EQ(as_json("a\nb\tc\r"), R"("a\nb\tc\r")");
    EXPECT_EQ(as_json("\x1b[31m\x01\x7f"), R"("\u001b[31m\u0001\u007f")");
    EXPECT_EQ(as_json(std::string_view("\0", 1)), R"("\u0000")");
}

TEST(JsonString, EscapesLineSeparatorsAndC1) {
    EXPECT_EQ(as_json("\xe2\x80\xa8\xe2\x80\xa9"), R"("\u2028\u2029")");
    EXPECT_EQ(as_json("\xc2\x85"), R"("\u0085")");
}

TEST(JsonString, KeepsUtf8AndReplacesWhatIsNot) {
    EXPECT_EQ(as_json("caf\xc3\xa9"), "\"caf\xc3\xa9\"");
    EXPECT_EQ(as_json("a\xff"
                      "b\xc3"),
              "\"a\xef\xbf\xbd"
              "b\xef\xbf\xbd\"");
    EXPECT_EQ(as_json("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

TEST(JsonString, FindsEachByteThatNeedsCareWhereverItStands) {
    for (int byte = 0; byte < 256; ++byte) {
        for (std::size_t at = 0; at < 20; ++at) {
            std::string text(20, 'x');
            text[at] = static_cast<char>(byte);
            const bool is_plain = byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
            ASSERT_EQ(as_json(text) == '"' + text + '"', is_plain) << byte << " at " << at;
            std::string field;
            JsonText(field).field("key", text);
            ASSERT_EQ(field, ",\"key\":" + as_json(text)) << byte << " at " << at;
        }
    }
}

TEST(JsonString, EveryPairOfBytesParsesBack) {
    for (int first = 0; first < 256; ++first) {
        for (int second = 0; second < 256; ++second) {
            const char bytes[] = {static_cast<char>(first), static_cast<char>(second)};
            const std::string text = as_json(std::string_view(bytes, 2));
            ASSERT_TRUE(json::accept(text)) << first << " " << second;
            const bool ascii = first < 128 && second < 128;
            if (ascii) {
                ASSERT_EQ(json::parse(text).get<std::string>(), std::string(bytes, 2));
            }
        }
    }
}

TEST(UtcTime, HasMicrosecondsAndZ) {
    EXPECT_EQ(as_json_time(WallTime{1'767'323'045'123'456'000}), R"("2026-01-02T03:04:05.123456Z")");
    EXPECT_EQ(as_json_time(WallTime{0}), R"("1970-01-01T00:00:00.000000Z")");
    EXPECT_EQ(as_json_time(WallTime{1'000}), R"("1970-01-01T00:00:00.000001Z")");
    EXPECT_EQ(as_json_time(WallTime{951'782'400'000'000'000}), R"("2000-02-29T00:00:00.000000Z")");
    EXPECT_EQ(as_json_time(WallTime{-1'000}), R"("1969-12-31T23:59:59.999999Z")");
}

TEST(JsonRenderer, OneLineWithNewlineAtItsEndOnly) {
    Incident incident = sample_incident();
    incident.process.comm = "two\nlines";
    const std::string line = render_line(incident);
    EXPECT_EQ(line.find('\n'), line.size() - 1);
}

TEST(JsonRenderer, TellsTheClassicCase) {
    const json parsed = render_valid(sample_incident());
    EXPECT_EQ(parsed["schema"], "pipetrace.incident/1");
    EXPECT_EQ(parsed["id"], "boot-1");
    EXPECT_EQ(parsed["revision"], 0);
    EXPECT_EQ(parsed["time"], "2026-01-02T03:04:05.123456Z");
    EXPECT_EQ(parsed["host"], json({{"name", "web1"}, {"boot_id", "0f3c"}, {"kernel", "6.12.0"}}));
    EXPECT_EQ(parsed["role"], "victim");
    EXPECT_EQ(parsed["process"]["pid"], 4242);
    EXPECT_EQ(parsed["process"]["comm"], "python3");
    EXPECT_EQ(parsed["process"]["uid"], 1000);
    EXPECT_EQ(parsed["endpoint"]["kind"], "tcp");
    EXPECT_EQ(parsed["endpoint"]["state"], "CLOSE_WAIT");
    EXPECT_EQ(parsed["endpoint"]["idle_us"], 1'001'000);
    EXPECT_EQ(parsed["endpoint"]["bytes_received"], 0);
    EXPECT_EQ(parsed["errors"][0]["errno"], "EPIPE");
    EXPECT_EQ(parsed["errors"][0]["syscall"], "sendto");
    EXPECT_EQ(parsed["errors"][0]["count"], 1);
    EXPECT_EQ(parsed["errors"][0]["inferred"], false);
    EXPECT_EQ(parsed["sigpipe"], "ignored");
    EXPECT_EQ(parsed["rst"]["direction"], "received");
    EXPECT_EQ(parsed["rst"]["state"], "CLOSE_WAIT");
    EXPECT_EQ(parsed["first_close"], "peer");
    EXPECT_EQ(parsed["peer"]["pid"], 4240);
    EXPECT_EQ(parsed["peer"]["action"], "close");
    EXPECT_EQ(parsed["verdict"]["cause"], "write_after_peer_close");
    EXPECT_EQ(parsed["verdict"]["confidence"], "certain");
    EXPECT_EQ(parsed["verdict"]["severity"], "fault");
    EXPECT_EQ(parsed["verdict"]["evidence"], json({0, 1, 3}));
    EXPECT_EQ(parsed["verdict"]["rejected"][0]["cause"], "close_race");
    EXPECT_EQ(parsed["lost"], 0);
}

TEST(JsonRenderer, TimelineIsRelativeToTheIncident) {
    const json timeline = render_valid(sample_incident())["timeline"];
    ASSERT_EQ(timeline.size(), 6U);
    EXPECT_EQ(timeline[0]["t_us"], -1'003'000);
    EXPECT_EQ(timeline[0]["side"], "peer");
    EXPECT_EQ(timeline[0]["detail"]["pid"], 4240);
    EXPECT_EQ(timeline[2]["t_us"], -213);
    EXPECT_EQ(timeline[5]["event"], "call_failed");
    EXPECT_EQ(timeline[5]["t_us"], 0);
}

TEST(JsonRenderer, MarksWhatWasReadFromTheSocketsState) {
    Incident incident = sample_incident();
    incident.timeline[1].time_known = false;
    incident.timeline[1].at = Ktime{};
    incident.timeline[4].detail = {};
    incident.timeline[4].time_known = false;
    const json timeline = render_valid(incident)["timeline"];
    EXPECT_EQ(timeline[1]["detail"]["read_from_state"], true);
    EXPECT_EQ(timeline[1]["detail"]["state"], "ESTABLISHED > CLOSE_WAIT");
    EXPECT_EQ(timeline[1]["t_us"], 0);
    EXPECT_EQ(timeline[4]["detail"], json({{"read_from_state", true}}));
    EXPECT_FALSE(timeline[0]["detail"].contains("read_from_state"));
}

TEST(JsonRenderer, WhatIsNotKnownIsNullAndPresent) {
    Incident bare;
    bare.id = "x";
    bare.verdict.summary = "nothing is known";
    const json parsed = render_valid(bare);
    for (const char* key : {"sigpipe", "rst", "first_close", "peer", "caused_by", "stack", "burst"}) {
        ASSERT_TRUE(parsed.contains(key)) << key;
        EXPECT_TRUE(parsed[key].is_null()) << key;
    }
    for (const char* key : {"fd", "local", "remote", "netns", "state", "age_us", "idle_us", "bytes_sent",
                            "bytes_acked", "bytes_received", "rtt_us", "retransmits"}) {
        ASSERT_TRUE(parsed["endpoint"].contains(key)) << key;
        EXPECT_TRUE(parsed["endpoint"][key].is_null()) << key;
    }
    for (const char* key :
         {"pid", "comm", "ppid", "start_time", "exe", "cmdline", "uid", "cgroup", "container", "runtime",
          "outer_container", "pod_uid", "unit", "user_unit", "ns_pid"}) {
        ASSERT_TRUE(parsed["process"].contains(key)) << key;
        EXPECT_TRUE(parsed["process"][key].is_null()) << key;
    }
    EXPECT_EQ(parsed["errors"], json::array());
    EXPECT_EQ(parsed["timeline"], json::array());
}

TEST(JsonRenderer, WhatItRunsIn) {
    const std::string inner(64, 'b'), outer(64, 'a');
    Incident incident = sample_incident();
    incident.process.details.set_cgroup("/user.slice/user-7.slice/user@7.service/user.slice/libpod-" + outer +
                                        ".scope/container/kubepods/pod2fc932ce-fdcc-454b-97bd-aadfdeb4c340/crio-" + inner);
    const json process = render_valid(incident)["process"];
    EXPECT_EQ(process["container"], inner);
    EXPECT_EQ(process["runtime"], "cri-o");
    EXPECT_EQ(process["outer_container"], outer);
    EXPECT_EQ(process["pod_uid"], "2fc932ce-fdcc-454b-97bd-aadfdeb4c340");
    EXPECT_EQ(process["unit"], "user@7.service");
    EXPECT_EQ(process["user_unit"], "libpod-" + outer + ".scope");
}

TEST(JsonRenderer, FieldsThatTheSampleLeavesOut) {
    Incident incident = sample_incident();
    incident.revision = 3;
    incident.role = Role::kOrigin;
    incident.endpoint.kind = EndpointKind::kPipe;
    incident.process.details.cmdline = std::vector<std::string>{"sh", "-c", "echo \"x\""};
    incident.process.start_time = WallTime{1'767'323'045'000'000'000};
    incident.process.namespace_tgid = 7;
    incident.rst->received = false;
    incident.rst->why = "TCP_ABORT_ON_DATA";
    incident.rst->seq = 4'294'967'295U;
    incident.rst->ttl = 64;
    incident.rst->flags = "RST|ACK";
    incident.rst->window = 0;
    incident.rst->delay_us = 7400;
    incident.peer->unread_bytes = 12;
    incident.peer->host = "db1";
    incident.errors[0].error = 524;
    incident.caused_by = "boot-0";
    incident.burst = Burst{"boot-1-burst", 7, 350'000, BurstPattern::kSameIdleAge};
    incident.lost = std::numeric_limits<std::uint64_t>::max();
    const json parsed = render_valid(incident);
    EXPECT_EQ(parsed["revision"], 3);
    EXPECT_EQ(parsed["role"], "origin");
    EXPECT_EQ(parsed["endpoint"]["kind"], "pipe");
    EXPECT_EQ(parsed["process"]["cmdline"], json({"sh", "-c", "echo \"x\""}));
    EXPECT_EQ(parsed["process"]["start_time"], "2026-01-02T03:04:05.000000Z");
    EXPECT_EQ(parsed["process"]["ns_pid"], 7);
    EXPECT_EQ(parsed["rst"]["direction"], "sent");
    EXPECT_EQ(parsed["rst"]["seq"], 4'294'967'295U);
    EXPECT_EQ(parsed["rst"]["ttl"], 64);
    EXPECT_EQ(parsed["rst"]["window"], 0);
    EXPECT_EQ(parsed["rst"]["delay_us"], 7400);
    EXPECT_EQ(parsed["peer"]["unread_bytes"], 12);
    EXPECT_EQ(parsed["errors"][0]["errno"], "E524");
    EXPECT_EQ(parsed["caused_by"], "boot-0");
    EXPECT_EQ(parsed["burst"], json({{"id", "boot-1-burst"},
                                     {"size", 7},
                                     {"window_us", 350'000},
                                     {"pattern", "same_idle_age"}}));
    EXPECT_EQ(parsed["lost"], std::numeric_limits<std::uint64_t>::max());
}

TEST(JsonRenderer, EveryEnumeratorIsInTheSchema) {
    Incident incident = sample_incident();
    for (std::size_t i = 0; i < kCauseCount; ++i) {
        incident.verdict.cause = static_cast<Cause>(i);
        incident.sigpipe = static_cast<SigpipeFate>(i % 6);
        incident.first_close = static_cast<FirstClose>(i % 3);
        incident.peer->action = static_cast<PeerAction>(i % 6);
        incident.verdict.confidence = static_cast<Confidence>(i % 3);
        incident.verdict.severity = static_cast<Severity>(i % 3);
        render_valid(incident);
    }
}

TEST(JsonRenderer, NamesThatAreNotUtf8StayValid) {
    Incident incident = sample_incident();
    incident.process.comm = "bad\xff\x1bname";
    incident.timeline[0].detail["comm"] = text("\xc3\x28");
    const json parsed = render_valid(incident);
    EXPECT_EQ(parsed["process"]["comm"], "bad\xef\xbf\xbd\x1bname");
    EXPECT_EQ(parsed["timeline"][0]["detail"]["comm"], "\xef\xbf\xbd(");
}

TEST(SchemaCheck, FindsWhatIsWrong) {
    json parsed = json::parse(render_line(sample_incident()));
    parsed["sigpipe"] = "dead";
    parsed["errors"][0]["errno"] = "32";
    parsed["peer"].erase("pid");
    parsed.erase("lost");
    EXPECT_EQ(schema_faults(incident_schema(), parsed).size(), 5U);  // oneOf tells its last too
}

TEST(HookReportJson, SaysWhatIsSeenAndWhatIsNot) {
    HookReport report;
    report.mode = Mode::kKprobe;
    report.kernel = "6.1.0";
    report.hook_count = 2;
    report.observations = {{"rst_received", "RST received", "kprobe tcp_reset", "", ""},
                           {"rst_packet", "RST packet", "", "TTL", "no \"fentry\" here"}};
    const std::string line = hook_report_json(report);
    EXPECT_EQ(line.back(), '\n');
    const json parsed = json::parse(line);
    EXPECT_EQ(parsed["mode"], "kprobe");
    EXPECT_EQ(parsed["kernel"], "6.1.0");
    EXPECT_EQ(parsed["hook_count"], 2);
    EXPECT_EQ(parsed["missing_count"], 1);
    EXPECT_EQ(parsed["observations"][0]["hook"], "kprobe tcp_reset");
    EXPECT_EQ(parsed["observations"][0]["complete"], true);
    EXPECT_TRUE(parsed["observations"][0]["lost"].is_null());
    EXPECT_TRUE(parsed["observations"][1]["hook"].is_null());
    EXPECT_EQ(parsed["observations"][1]["complete"], false);
    EXPECT_EQ(parsed["observations"][1]["why"], "no \"fentry\" here");
}

TEST(JsonRenderer, SaysWhatShareWasTold) {
    Incident incident = sample_incident();
    EXPECT_FALSE(render_valid(incident).contains("sampled"));
    incident.sampled = Sampled{125'000, 1234};
    EXPECT_EQ(render_valid(incident)["sampled"], (json{{"share", 0.125}, {"counted_only", 1234}}));
    incident.sampled = Sampled{245, 0};
    EXPECT_EQ(render_valid(incident)["sampled"]["share"], 0.000245);
    incident.sampled = Sampled{0, 0};
    EXPECT_EQ(render_valid(incident)["sampled"]["share"], 0.0);
}

}  // namespace
}  // namespace pipetrace
