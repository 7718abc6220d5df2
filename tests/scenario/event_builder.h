// Tells the story of one connection, or one pipe, as the kernel programs would record it: what
// happened before the first failure is remembered and sent with it, later changes as they come,
// repeats are counted. Each event is a microsecond after the one before, unless the story waits.
#pragma once

#include "model/syscall_names.h"
#include "model/event.h"
#include "model/reset_reason.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace pipetrace::testing {

struct Person {
    Tgid tgid = 0;
    const char* comm = "";
    Tid tid = 0;  ///< 0: the main thread
    Tgid parent_tgid = 1;

    Task task() const;
};
inline constexpr Person kClient{4242, "client"};
inline constexpr Person kServer{4240, "server"};
inline constexpr Person kChild{4300, "worker"};

/// System call numbers of x86-64, as syscall_names() below knows them.
struct Call {
    std::uint16_t number = 0xffff;
    std::int32_t fd = 3;
    std::int64_t bytes = -1;
    std::uint32_t flags = 0;
};
inline constexpr Call kRead{0, 3, 4096};
inline constexpr Call kWrite{1, 3, 5};
inline constexpr Call kSendfile{40, 6, 2'000'000};
inline constexpr Call kConnect{42, 3, -1};
inline constexpr Call kSendto{44, 3, 5};
inline constexpr Call kSendQuietly{44, 3, 5, 0x4000};
inline constexpr Call kRecvfrom{45, 3, 4096};
/// One of io_uring's requests: the call's descriptor is the ring, and its flags are not seen.
inline constexpr Call kUringSend{426, -1, -1};

inline constexpr std::uint16_t kNoCall = 0xffff;
inline constexpr std::uint16_t kCloseCall = 3;
inline constexpr std::uint16_t kShutdownCall = 48;

const SyscallNames& syscall_names();

Closure closure_by(const Person& who, Ktime at, std::uint16_t call, std::uint8_t shutdown);

/// Sequence number of this end's RST, but of one that answers what acknowledges nothing.
inline constexpr std::uint32_t kOwnResetSeq = 4'000'000'001;

/// Which hooks the kernel of the story allowed.
struct Hooks {
    bool sends_seen = true;
    bool receives_seen = true;
    bool packets_seen = true;
    bool error_asked_seen = false;
    bool reasons_seen = true;  ///< enum sk_rst_reason, since 6.12
    bool resets_seen = true;
    bool sigpipes_seen = true;
};
inline constexpr Hooks kFewHooks{false, false, false, false, false};

/// How SIGPIPE stands with the writing thread.
enum class Stance { kDefault, kIgnored, kHandled, kBlocked };

struct Step {
    Ktime arrives;               ///< not before its event
    std::optional<Event> event;  ///< none: time passes, or `lost` changes
    std::uint64_t lost = 0;      ///< total of lost events from here on
};

class Story {
public:
    explicit Story(Hooks hooks = {});

    // Where it plays; before anything happens. Both ends on this host over 127.0.0.1, if not said.
    Story& over_ipv6();
    Story& between_namespaces();
    Story& with_a_distant_peer();  ///< nothing of it is seen here
    Story& on_the_distant_host();  ///< the other end of with_a_distant_peer(), as its own host tells it
    Story& held_by(Person owner);    ///< the victim, if it is not kClient
    Story& served_by(Person owner);  ///< the peer, if it is not kServer
    Story& numbered(std::uint16_t number);  ///< other ends than those of the stories it is told with
    Story& on_a_pipe();
    Story& on_a_unix_socket(SocketType type = SocketType::kStream);
    Story& named(std::string_view local, std::string_view remote);  ///< sun_path's bytes

    Story& wait_us(std::uint64_t microseconds);
    Story& wait_ms(std::uint64_t milliseconds) { return wait_us(milliseconds * 1000); }

    // The connection's life, remembered by the kernel programs.
    Story& connected();
    Story& accepted();  ///< the peer connected to the victim
    Story& connected_before_the_trace(TcpState state = TcpState::kEstablished);
    Story& never_connected();
    Story& connecting();  ///< SYN sent
    Story& sent(std::uint32_t bytes, bool acknowledged);
    Story& received(std::uint32_t bytes);
    Story& sent_again();  ///< what was not acknowledged
    Story& round_trip_us(std::uint32_t measured);
    Story& fin_received();
    Story& peer_closed();
    Story& peer_closed_behind_full_window();  ///< its FIN waits behind data that the victim does not read
    Story& peer_closed_but_fin_lost();        ///< on the way
    Story& peer_forgets();    ///< closed under TCP_REPAIR: no packet
    Story& own_forgets();     ///< the same of the victim's end
    Story& peer_shut_down();  ///< SHUT_RDWR, and kept the descriptor
    Story& peer_exited_with_signal(std::uint8_t signal);
    Story& shut_down_by(Person who, std::uint8_t directions = kSendShutdown);  ///< the victim's end
    Story& closed_by(Person who);     ///< the victim's end

    // Resets.
    Story& peer_aborts(int reason, std::uint32_t unread, ClosePath path, std::uint8_t signal = 0);
    /// The same in two parts: the record of the RST can come after what the RST did.
    Story& peer_throws_away(std::uint32_t unread, ClosePath path, std::uint8_t signal = 0);
    Story& abort_recorded(int reason, std::uint32_t unread);
    Story& peer_socket_error_report(int error);  ///< the aborting side gets one too
    Story& peer_kernel_answers(int reason);      ///< no socket there, or TIME_WAIT
    Story& reset_received(std::uint8_t flags = 0x04);
    Story& reset_received(const RstPacket& packet);
    Story& reset_without_rst();  ///< tcp_reset() called on data after close
    /// Of an MPTCP connection, whose subflow's own state stays as it is: the peer's program closes it; the peer's
    /// kernel resets what its other end has kept open; the subflow's end, and what its socket then reports.
    Story& peer_closes_above_tcp(std::uint8_t signal = 0);
    Story& peer_kernel_gives_up();
    Story& subflow_reset();
    Story& error_handed_on(int error);
    Story& filter_drops(std::uint64_t count);  ///< segments of ours, told with the first report
    /// Our kernel's RST to what the peer sends after its own; 0x02 is a SYN, another connection's.
    Story& rst_answers_late_data(std::uint8_t flags = 0x18);
    Story& own_socket_answers_with_rst();

    // This host's own RST, that the peer will meet; what is remembered of the end follows it.
    Story& own_aborts(int reason, std::uint32_t unread, ClosePath path, std::uint8_t signal = 0);
    /// In answer to what came: kResetAbortOnData by the socket itself, kResetTimeWait, else no socket.
    Story& own_kernel_answers(int reason, std::uint16_t bytes, std::uint8_t flags = 0x18);
    Story& answers_again(std::uint16_t bytes);  ///< with no socket; nothing more is remembered

    // Ends without a RST.
    Story& times_out(TcpFacts socket);      ///< its timers' fields; ETIMEDOUT
    Story& own_kernel_sends_rst(int reason, Person by = {});  ///< keepalive's or SOCK_DESTROY's last packet
    Story& network_reports(int error);      ///< ICMP
    Story& network_warns(int error);        ///< ICMP, to a socket that outlives it
    /// SOCK_DESTROY of the victim's socket; 5.10 reports the error before it sends the RST.
    Story& destroyed_by_ss(Person who, bool reports_first = false);

    // What the program meets.
    Story& call_fails(Call call, int error, Person who = kClient);
    Story& error_taken_unseen();  ///< SO_ERROR read, or a call that no hook shows
    Story& connect_gives_up();    ///< tcp_disconnect() of a blocking connect
    Story& sigpipe_raised(Call call, Stance stance, Person who = kClient);
    Story& took_of_the_write(bool some);  ///< the pipe, before the SIGPIPEs that follow
    Story& sigpipe_delivered(Stance stance, std::uint64_t written_meanwhile = 0, Person who = kClient);
    /// A write that fails with EPIPE and raises SIGPIPE, in the kernel's order, with its delivery.
    Story& write_meets_sigpipe(Call call, Stance stance, Person who = kClient);
    Story& reader_gone(Person who, std::uint8_t signal = 0, bool exiting = false);
    Story& with_exit_status(std::uint8_t status);
    Story& reader_last_seen(Person who);  ///< with the read end still open

    // The other end of a unix socket; who acts is the peer.
    Story& other_end_closes(std::uint32_t unread = 0);
    Story& other_end_exits(std::uint8_t signal = 0, std::uint32_t unread = 0);
    Story& other_end_shuts_down(std::uint8_t directions);
    /// It lay in messages that nobody could receive any more.
    Story& other_end_is_collected(std::uint32_t unread);
    Story& listener_closes(std::uint32_t unread = 0);  ///< before it accepted
    Story& other_end_closes_unseen();  ///< in a mode without a hook
    Story& other_end_last_seen();      ///< in the peer's hands
    Story& other_end_gone_before_trace();
    Story& own_end_shuts_down(Person who);
    Story& own_end_shut_down_unseen();
    Story& receiver_forgotten();  ///< by a datagram socket that was told of its going
    Story& process_exits(int wait_status, Person who = kClient);
    Story& destroyed(std::optional<Person> by = std::nullopt);
    Story& peer_destroyed();
    Story& counts_flushed();

    Story& lose(std::uint64_t events);
    Story& together_with(const Story& other);  ///< both begin at the same time

    const std::vector<Step>& steps() const { return steps_; }
    const Hooks& hooks() const { return hooks_; }
    Ktime now() const { return now_; }
    Ktime begin() const { return begin_; }

private:
    struct End {
        Endpoint endpoint;
        EndpointRemembered memory;
        TcpFacts tcp;
        Ktime last_sent;
        Ktime last_received;
        bool reported = false;
    };

    Story& remember_own();
    Story& ends_with_pending(int error);  ///< tcp_reset() on its way out
    Story& emit(EventBody body, const Task& task = {});
    TcpFacts facts_of(const End& end) const;
    CallSite site_of(const Call& call) const;
    void report();
    void report_end(End& end);
    void enter(End& end, TcpState state, const Task& task = {});
    Story& forgets(End& end, const Person& who);
    void give_up(End& end, TcpState to, Closure closure);
    void peer_gives_up(Closure closure);
    bool counted(const Call& call, int error, bool is_sigpipe, const Person& who);
    std::optional<bool> took_some_;
    void report_ends();
    Story& end_goes(Closure closure, std::uint32_t unread);
    void set_addresses(const Address& local, const Address& remote);

    Hooks hooks_;
    End own_;
    End peer_;
    bool peer_on_host_ = true;
    Person owner_ = kClient;
    Person server_ = kServer;
    std::optional<OtherEndSeen> other_end_;
    std::optional<UnixNamed> names_;
    std::optional<PacketFiltered> filtered_;
    FailuresCounted counts_;
    std::size_t count_kinds_ = 0;
    Ktime begin_{1'000'000'000'000};
    Ktime now_ = begin_;
    std::uint64_t lost_ = 0;
    std::vector<Step> steps_;
};

}  // namespace pipetrace::testing
