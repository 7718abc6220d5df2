// The plan for the kernels that kernel features were recorded from: what is hooked, what is lost.
#include "source/hook_plan.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace pipetrace {
namespace {

/// Functions and tracepoints that every supported kernel has, with 6.12's argument lists.
KernelFeatures modern_kernel() {
    KernelFeatures kernel;
    kernel.can_fentry = kernel.can_kprobe = true;
    kernel.has_cookie_helper = kernel.has_task_regs_helper = kernel.has_jiffies_helper = true;
    kernel.typed_reads = {99, {1, 2, 3}};
    kernel.functions = {{"tcp_reset", {1, 2, false}},
                        {"tcp_rcv_state_process", {2, 2, false}},
                        {"tcp_v4_send_reset", {3, 3, true}},
                        {"tcp_v6_send_reset", {4, 3, true}},
                        {"tcp_send_active_reset", {5, 3, true}},
                        {"sk_stream_error", {6, 3, false}},
                        {"sock_def_error_report", {7, 1, false}},
                        {"tcp_recvmsg", {8, 5, false}},
                        {"inet_csk_accept", {9, 2, false}},
                        {"pipe_release", {10, 2, false}},
                        {"unix_release_sock", {15, 2, false}},
                        {"unix_shutdown", {16, 2, false}},
                        {"unix_dgram_disconnected", {17, 2, false}},
                        {"unix_stream_sendmsg", {18, 3, false}},
                        {"unix_dgram_sendmsg", {19, 3, false}},
                        {"unix_seqpacket_sendmsg", {20, 3, false}},
                        {"unix_stream_recvmsg", {41, 4, false}},
                        {"unix_seqpacket_recvmsg", {42, 4, false}},
                        {"bpf_iter_tcp", {11, 3, false}},
                        {"bpf_iter_task_file", {12, 4, false}},
                        {"do_recvmmsg", {43, 5, false}},
                        {"sk_getsockopt", {13, 5, false}}};
    kernel.tracepoints = {{"tcp_receive_reset", {21, 1, false}},   {"tcp_send_reset", {22, 3, true}},
                          {"inet_sock_set_state", {23, 3, false}}, {"inet_sk_error_report", {24, 1, false}},
                          {"tcp_destroy_sock", {25, 1, false}},    {"sock_send_length", {26, 3, false}},
                          {"sock_recv_length", {27, 3, false}},    {"signal_generate", {28, 5, false}},
                          {"signal_deliver", {29, 3, false}},      {"sched_process_fork", {30, 2, false}},
                          {"sched_process_exec", {31, 3, false}},  {"sched_process_exit", {32, 1, false}},
                          {"kfree_skb", {33, 4, false}}};
    return kernel;
}

KernelFeatures kernel_6_1() {
    KernelFeatures kernel = modern_kernel();
    kernel.typed_reads = {};
    kernel.functions["tcp_v4_send_reset"] = {3, 2, false};
    kernel.functions["tcp_v6_send_reset"] = {4, 2, false};
    kernel.functions["tcp_send_active_reset"] = {5, 2, false};
    kernel.functions["inet_csk_accept"].argument_count = 4;
    kernel.tracepoints["tcp_send_reset"] = {22, 2, false};
    kernel.functions["sock_getsockopt"] = {14, 5, false};
    kernel.tracepoints.erase("sock_send_length");
    kernel.tracepoints.erase("sock_recv_length");
    return kernel;
}

KernelFeatures kernel_5_10() {
    KernelFeatures kernel = kernel_6_1();
    kernel.has_cookie_helper = kernel.has_task_regs_helper = false;
    kernel.functions["tcp_reset"].argument_count = 1;
    kernel.functions.erase("sk_getsockopt");
    kernel.functions["tcp_recvmsg"].argument_count = 6;
    kernel.tracepoints.erase("inet_sk_error_report");
    kernel.tracepoints["kfree_skb"] = {33, 2, false};
    kernel.filter_begin = 0xffffffff81000000;
    kernel.filter_end = 0xffffffff81000100;
    return kernel;
}

KernelFeatures kernel_7_2() {
    KernelFeatures kernel = modern_kernel();
    kernel.functions["tcp_send_active_reset"] = {5, 2, true};
    kernel.functions["tcp_recvmsg"].argument_count = 4;
    kernel.functions.erase("do_recvmmsg");
    kernel.functions["__sys_recvmmsg"] = {44, 6, false};
    return kernel;
}

KernelFeatures locked_6_18() {
    KernelFeatures kernel = kernel_7_2();
    kernel.functions["tcp_send_active_reset"] = {5, 3, true};
    kernel.can_fentry = kernel.can_kprobe = false;
    kernel.fentry_refusal = "fentry programs do not load: Operation not permitted";
    kernel.kprobe_refusal = "the kernel has no kprobes";
    return kernel;
}

HookPlan plan_for(const KernelFeatures& kernel, std::optional<Mode> mode = {},
                  ErrorsMode errors = ErrorsMode::kExact) {
    auto plan = make_hook_plan(kernel, {mode, errors, {}});
    EXPECT_TRUE(plan) << plan.error().what << ": " << plan.error().why;
    return plan ? *plan : HookPlan{};
}

const ObservationStatus& row(const HookPlan& plan, std::string_view name) {
    const auto& rows = plan.report.observations;
    const auto found = std::ranges::find(rows, name, &ObservationStatus::observation);
    static const ObservationStatus none;
    EXPECT_NE(found, rows.end()) << name;
    return found == rows.end() ? none : *found;
}

bool loads(const HookPlan& plan, std::string_view program) {
    return std::ranges::find(plan.programs, program) != plan.programs.end();
}

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

/// No program of one kind of probe may be loaded where the mode has none.
bool loads_kind(const HookPlan& plan, std::string_view ending) {
    return std::ranges::any_of(plan.programs, [&](const auto& name) { return name.ends_with(ending); });
}

TEST(HookPlanTest, ModernKernelMissesNothingInFullMode) {
    const auto plan = plan_for(modern_kernel());
    EXPECT_EQ(plan.mode, Mode::kFull);
    EXPECT_EQ(plan.report.missing_count(), 0U);
    EXPECT_EQ(plan.report.hook_count, 25U);
    EXPECT_EQ(row(plan, "rst_received").hook, "fentry tcp_reset");
    EXPECT_EQ(row(plan, "rst_sent_passive").hook, "fentry tcp_v4/v6_send_reset");
    EXPECT_EQ(row(plan, "receive_failed").hook, "tracepoint sock_recv_length");
    EXPECT_EQ(row(plan, "batch_receive_failed").hook, "fexit do_recvmmsg");
    EXPECT_EQ(row(plan, "error_asked").hook, "fentry sk_getsockopt");
    EXPECT_EQ(row(plan, "unix_closed").hook, "fentry unix_release_sock");
    EXPECT_EQ(row(plan, "unix_send_failed").hook, "tracepoint sock_send_length");
    EXPECT_FALSE(loads_kind(plan, "send_fexit"));
    EXPECT_TRUE(loads(plan, "pt_v6_send_reset_fentry"));
    EXPECT_TRUE(loads(plan, "pt_snapshot_files"));
    EXPECT_FALSE(loads_kind(plan, "_kprobe"));
    EXPECT_TRUE(loads(plan, "pt_tcp_receive_reset")) << "stands in where tcp_reset's hook is skipped";
    EXPECT_FALSE(loads(plan, "pt_recvmsg_fexit"));
    EXPECT_TRUE(std::ranges::is_sorted(plan.programs));
}

TEST(HookPlanTest, ArgumentListsBecomeConfiguration) {
    const auto old = plan_for(kernel_5_10()).config;
    EXPECT_EQ(old.tcp_reset_has_skb, 0);
    EXPECT_EQ(old.send_reset_has_reason, 0);
    EXPECT_EQ(old.active_reset_reason_argument, 0);
    EXPECT_EQ(old.recvmsg_return_argument, 6);
    EXPECT_EQ(old.has_cookie_helper, 0);
    EXPECT_EQ(plan_for(kernel_6_1()).config.active_reset_reason_argument, 0);
    const auto modern = plan_for(modern_kernel()).config;
    EXPECT_EQ(modern.tcp_reset_has_skb, 1);
    EXPECT_EQ(modern.send_reset_has_reason, 1);
    EXPECT_EQ(modern.active_reset_reason_argument, 2);
    EXPECT_EQ(modern.walk_pipes, 0);
    EXPECT_EQ(modern.walk_unix, 0);
    EXPECT_EQ(modern.tcp_sends_hooked, 1) << "or each failed TCP send would be seen twice";
    const auto newest = plan_for(kernel_7_2()).config;
    EXPECT_EQ(newest.active_reset_reason_argument, 1);
    EXPECT_EQ(newest.recvmsg_return_argument, 4);
    EXPECT_EQ(row(plan_for(kernel_7_2()), "batch_receive_failed").hook, "fexit __sys_recvmmsg");
}

TEST(HookPlanTest, OldKernelLosesOnlyTheResetsPacketInFullMode) {
    const auto plan = plan_for(kernel_5_10());
    EXPECT_EQ(plan.report.missing_count(), 1U);
    EXPECT_EQ(row(plan, "rst_packet").hook, "fentry tcp_rcv_state_process");
    EXPECT_TRUE(contains(row(plan, "rst_packet").lost, "ESTABLISHED"));
    EXPECT_TRUE(contains(row(plan, "rst_packet").why, "tcp_reset"));
    EXPECT_EQ(row(plan, "error_raised").hook, "fentry sock_def_error_report");
    EXPECT_EQ(row(plan, "receive_failed").hook, "fexit tcp_recvmsg");
    EXPECT_EQ(row(plan, "error_asked").hook, "fentry sock_getsockopt");
    EXPECT_EQ(row(plan, "unix_send_failed").hook, "fexit unix_stream/dgram/seqpacket_sendmsg");
    EXPECT_EQ(row(plan, "unix_receive_failed").hook, "fexit unix_stream/seqpacket_recvmsg");
}

TEST(HookPlanTest, KprobeModeDoesTheSame) {
    const auto plan = plan_for(kernel_5_10(), Mode::kKprobe);
    EXPECT_EQ(plan.mode, Mode::kKprobe);
    EXPECT_EQ(plan.report.missing_count(), 2U) << "and a kretprobe does not hold every receive that waits";
    EXPECT_EQ(row(plan, "send_failed").hook, "kprobe sk_stream_error");
    EXPECT_TRUE(loads(plan, "pt_tcp_reset_kprobe") && loads(plan, "pt_tcp_receive_reset"));
    EXPECT_EQ(row(plan, "receive_failed").hook, "kretprobe tcp_recvmsg");
    EXPECT_EQ(row(plan, "batch_receive_failed").hook, "kretprobe do_recvmmsg");
    EXPECT_EQ(row(plan, "accepted").hook, "kretprobe inet_csk_accept");
    EXPECT_EQ(row(plan, "unix_shut_down").hook, "kprobe unix_shutdown");
    EXPECT_TRUE(loads(plan, "pt_unix_dgram_send_kretprobe"));
    EXPECT_FALSE(loads_kind(plan, "_fentry"));
    EXPECT_FALSE(loads_kind(plan, "_fexit"));
    EXPECT_EQ(plan_for(kernel_6_1(), Mode::kKprobe).report.missing_count(), 1U);
    EXPECT_EQ(plan_for(modern_kernel(), Mode::kKprobe).report.missing_count(), 0U);
}

TEST(HookPlanTest, LockdownLeavesTracepointsAndSaysWhatIsLost) {
    const auto plan = plan_for(locked_6_18());
    EXPECT_EQ(plan.mode, Mode::kTracepoint);
    EXPECT_FALSE(loads_kind(plan, "_fentry") || loads_kind(plan, "_kprobe"));
    EXPECT_EQ(row(plan, "rst_received").hook, "tracepoint tcp_receive_reset");
    EXPECT_TRUE(contains(row(plan, "rst_received").why, "not permitted"));
    EXPECT_EQ(row(plan, "rst_packet").hook, "");
    EXPECT_TRUE(contains(row(plan, "rst_packet").lost, "TTL"));
    EXPECT_TRUE(row(plan, "rst_sent_passive").complete());
    EXPECT_TRUE(row(plan, "send_failed").complete());
    EXPECT_EQ(row(plan, "send_failed").hook, "tracepoint sock_send_length");
    EXPECT_FALSE(row(plan, "pipe_reader_closed").complete());
    EXPECT_TRUE(contains(row(plan, "error_asked").lost, "inferred"));
    EXPECT_EQ(row(plan, "unix_closed").hook, "descriptor tables at exec and exit");
    EXPECT_TRUE(contains(row(plan, "unix_closed").lost, "lives on"));
    EXPECT_TRUE(contains(row(plan, "unix_shut_down").lost, "shutdown()"));
    EXPECT_TRUE(row(plan, "unix_send_failed").complete());
    EXPECT_EQ(plan.report.missing_count(), 10U);
    EXPECT_EQ(plan.config.walk_pipes, 1);
    EXPECT_EQ(plan.config.walk_unix, 1);
    EXPECT_EQ(plan.config.tcp_sends_hooked, 0);
}

TEST(HookPlanTest, OldTracepointsHideResetsThatNoSocketSent) {
    const auto plan = plan_for(kernel_6_1(), Mode::kTracepoint);
    EXPECT_EQ(row(plan, "rst_sent_passive").hook, "tracepoint tcp_send_reset");
    EXPECT_TRUE(contains(row(plan, "rst_sent_passive").lost, "refused"));
    EXPECT_EQ(row(plan, "send_failed").hook, "");
    EXPECT_TRUE(contains(row(plan, "send_failed").lost, "MSG_NOSIGNAL"));
    EXPECT_TRUE(contains(row(plan, "unix_send_failed").lost, "MSG_NOSIGNAL"));
    EXPECT_TRUE(contains(row(plan, "unix_receive_failed").lost, "ECONNRESET"));
    EXPECT_EQ(plan.config.errors_by_state, 0);
    const auto oldest = plan_for(kernel_5_10(), Mode::kTracepoint);
    EXPECT_EQ(row(oldest, "error_raised").hook, "tracepoint inet_sock_set_state");
    EXPECT_TRUE(contains(row(oldest, "error_raised").lost, "outlives"));
    EXPECT_EQ(oldest.config.errors_by_state, 1);
}

TEST(HookPlanTest, AKretprobeDoesNotHoldEveryWaitingReceive) {
    const auto plan = plan_for(kernel_6_1(), Mode::kKprobe);
    EXPECT_EQ(row(plan, "receive_failed").hook, "kretprobe tcp_recvmsg");
    EXPECT_FALSE(row(plan, "receive_failed").complete());
}

TEST(HookPlanTest, ReceivesOfMptcpAreWatchedWhereItIs) {
    auto kernel = kernel_6_1();
    EXPECT_FALSE(loads(plan_for(kernel), "pt_mptcp_recvmsg_fexit"));
    kernel.functions["mptcp_recvmsg"] = {45, 5, false};
    const auto full = plan_for(kernel);
    EXPECT_TRUE(loads(full, "pt_mptcp_recvmsg_fexit") && loads(full, "pt_recvmsg_fexit"));
    EXPECT_EQ(row(full, "receive_failed").hook, "fexit tcp/mptcp_recvmsg");
    EXPECT_TRUE(row(full, "receive_failed").complete());
    const auto kprobe = plan_for(kernel, Mode::kKprobe);
    EXPECT_TRUE(loads(kprobe, "pt_mptcp_recvmsg_kretprobe") && loads(kprobe, "pt_recvmsg_kretprobe"));
    EXPECT_FALSE(loads(plan_for(kernel, {}, ErrorsMode::kInferred), "pt_mptcp_recvmsg_fexit"));
    kernel.functions["mptcp_recvmsg"].argument_count = 6;
    EXPECT_EQ(row(plan_for(kernel), "receive_failed").hook, "fexit tcp_recvmsg") << "where its result is, is not known";
}

TEST(HookPlanTest, InferredErrorsWatchNoHealthyTraffic) {
    for (const auto& kernel : {kernel_5_10(), modern_kernel(), locked_6_18()}) {
        const auto plan = plan_for(kernel, {}, ErrorsMode::kInferred);
        EXPECT_FALSE(loads(plan, "pt_sock_recv_length") || loads(plan, "pt_sock_send_length") ||
                     loads(plan, "pt_recvmsg_fexit") || loads_kind(plan, "send_fexit") ||
                     loads_kind(plan, "receive_fexit") || loads(plan, "pt_do_recvmmsg_fexit"));
        EXPECT_TRUE(contains(row(plan, "receive_failed").lost, "inferred"));
        EXPECT_TRUE(contains(row(plan, "receive_failed").why, "--errors exact"));
    }
    const auto full = plan_for(modern_kernel(), {}, ErrorsMode::kInferred);
    EXPECT_EQ(row(full, "send_failed").hook, "fentry sk_stream_error");
}

TEST(HookPlanTest, AskingForAnImpossibleModeIsAnError) {
    const auto full = make_hook_plan(locked_6_18(), {Mode::kFull, ErrorsMode::kExact, {}});
    ASSERT_FALSE(full);
    EXPECT_TRUE(contains(full.error().why, "not permitted"));
    EXPECT_TRUE(contains(full.error().remedy, "--mode"));
    const auto kprobe = make_hook_plan(locked_6_18(), {Mode::kKprobe, ErrorsMode::kExact, {}});
    ASSERT_FALSE(kprobe);
    EXPECT_TRUE(contains(kprobe.error().why, "no kprobes"));
}

TEST(HookPlanTest, RefusedProgramGivesWayToTheNextChoice) {
    PlanRequest request;
    request.refused["pt_tcp_reset_fentry"] = "the verifier said no";
    const auto plan = make_hook_plan(modern_kernel(), request);
    ASSERT_TRUE(plan);
    EXPECT_EQ(row(*plan, "rst_received").hook, "tracepoint tcp_receive_reset");
    EXPECT_EQ(row(*plan, "rst_received").why, "the verifier said no");
    EXPECT_FALSE(loads(*plan, "pt_tcp_reset_fentry"));
}

TEST(HookPlanTest, WithoutAnEssentialHookThereIsNoPlan) {
    auto kernel = modern_kernel();
    kernel.tracepoints.erase("inet_sock_set_state");
    const auto plan = make_hook_plan(kernel, {});
    ASSERT_FALSE(plan);
    EXPECT_TRUE(contains(plan.error().what, "FIN received"));
    EXPECT_TRUE(contains(plan.error().why, "inet_sock_set_state"));
}

HookPlan plan_without(const KernelFeatures& kernel, std::vector<std::string> left_out, std::optional<Mode> mode = {}) {
    const auto plan = make_hook_plan(kernel, {mode, ErrorsMode::kExact, {}, std::move(left_out)});
    EXPECT_TRUE(plan) << plan.error().what << ": " << plan.error().why;
    return plan ? *plan : HookPlan{};
}

TEST(HookPlanTest, LeftOutIsSaidAsAnyMissingHook) {
    const auto whole = plan_for(modern_kernel());
    EXPECT_FALSE(whole.report.is_any_left_out());
    const auto plan = plan_without(modern_kernel(), {"packet_filtered"});
    EXPECT_TRUE(plan.report.is_any_left_out());
    EXPECT_EQ(plan.report.missing_count(), whole.report.missing_count() + 1);
    EXPECT_EQ(plan.report.hook_count, whole.report.hook_count - 1);
    EXPECT_EQ(row(plan, "packet_filtered").hook, "");
    EXPECT_EQ(row(plan, "packet_filtered").why, "left out by --without packet_filtered");
    EXPECT_TRUE(contains(row(plan, "packet_filtered").lost, "packet filter"));
}

TEST(HookPlanTest, ResetsAndSigpipeCanBeLeftOutInAnyMode) {
    for (const auto& kernel : {kernel_5_10(), kernel_6_1(), modern_kernel(), kernel_7_2()})
        for (const auto mode : {Mode::kFull, Mode::kKprobe, Mode::kTracepoint}) {
            const auto plan = plan_without(kernel,
                                           {"rst_received", "rst_sent_passive", "rst_sent_active",
                                            "sigpipe_generated", "sigpipe_delivered"},
                                           mode);
            for (const auto& program : plan.programs) {
                EXPECT_FALSE(contains(program, "reset")) << program;
                EXPECT_FALSE(contains(program, "signal")) << program;
            }
            EXPECT_EQ(row(plan, "rst_received").hook, "");
            EXPECT_EQ(row(plan, "sigpipe_generated").hook, "");
            EXPECT_EQ(plan.config.resets_hooked, 0);
            EXPECT_TRUE(loads(plan, "pt_inet_sock_set_state"));
        }
}

TEST(HookPlanTest, AProgramOfTwoObservationsIsLeftOutOfBoth) {
    const auto plan = plan_without(locked_6_18(), {"rst_sent_active"});
    EXPECT_FALSE(loads(plan, "pt_tcp_send_reset"));
    EXPECT_EQ(row(plan, "rst_sent_passive").why, "left out by --without rst_sent_active");
    EXPECT_TRUE(row(plan_without(modern_kernel(), {"rst_sent_active"}), "rst_sent_passive").complete());
}

TEST(HookPlanTest, LeftOutLeavesWhatOthersNeed) {
    const auto plan = plan_without(locked_6_18(), {"error_raised", "pipe_reader_closed", "unix_closed"});
    EXPECT_EQ(row(plan, "error_raised").hook, "");
    EXPECT_TRUE(row(plan, "fin_received").complete());
    EXPECT_EQ(plan_without(kernel_5_10(), {"error_raised"}, Mode::kTracepoint).config.errors_by_state, 0);
    EXPECT_TRUE(row(plan, "process_exited").complete()) << "only the walk is left out";
    EXPECT_EQ(plan.config.walk_pipes, 0);
    EXPECT_EQ(plan.config.walk_unix, 0);
}

TEST(HookPlanTest, EverythingTheTableNamesIsAskedFor) {
    const auto wanted = wanted_features();
    for (const auto& [name, fact] : modern_kernel().functions)
        EXPECT_NE(std::ranges::find(wanted.functions, name), wanted.functions.end()) << name;
    for (const auto& [name, fact] : modern_kernel().tracepoints)
        EXPECT_NE(std::ranges::find(wanted.tracepoints, name), wanted.tracepoints.end()) << name;
}

}  // namespace
}  // namespace pipetrace
