// The collector's priority.
#pragma once

namespace pipetrace {

inline constexpr int kCollectorNice = -10;
/// What waits for the disk comes before what makes the storm, and after what drains the ring.
inline constexpr int kWriterNice = -5;

/// The ring holds a few milliseconds of a storm: whoever makes one must not keep us from draining it. Left
/// alone where the user has chosen a priority, and where we may not; a command was forked before and keeps
/// its own. Of the calling thread.
void take_precedence(int nice);

}  // namespace pipetrace
