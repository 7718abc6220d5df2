// The collector's priority.
#pragma once

namespace pipetrace {

/// The ring holds a few milliseconds of a storm: whoever makes one must not keep us from draining it. Left
/// alone where the user has chosen a priority, and where we may not; a command was forked before and keeps
/// its own. Of the calling thread.
void take_precedence();

}  // namespace pipetrace
