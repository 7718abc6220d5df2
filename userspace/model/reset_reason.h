// Why a kernel sent a RST: enum sk_rst_reason (include/net/rstreason.h), the same numbers in 6.12, 6.18 and 7.2.
#pragma once

#include <cstddef>

namespace pipetrace {

inline constexpr int kResetNotSpecified = 0;
inline constexpr int kResetNoSocket = 1;
inline constexpr int kResetAbortOnData = 8;
inline constexpr int kResetTimeWait = 9;
inline constexpr int kResetInvalidSyn = 10;
inline constexpr int kResetAbortOnClose = 11;
inline constexpr int kResetAbortOnLinger = 12;  ///< TCP_LINGER2 below 0
inline constexpr int kResetAbortOnMemory = 13;  ///< too many orphans, or too long one
inline constexpr int kResetState = 14;  ///< many call paths share it: see ClosePath
inline constexpr int kResetKeepaliveTimeout = 15;
inline constexpr int kResetDisconnectWithData = 16;
inline constexpr std::size_t kResetReasonCount = 17;  ///< that have a name

/// The kernel's spelling without SK_RST_REASON_; nullptr for a number that these releases do not have.
const char* reset_reason_name(int reason);

}  // namespace pipetrace
