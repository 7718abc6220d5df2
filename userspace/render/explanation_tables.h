// The texts behind `pipetrace explain`: one table a kind.
#pragma once

#include "render/explanations.h"

#include <span>

namespace pipetrace {

std::span<const Explanation> cause_explanations();
std::span<const Explanation> errno_explanations();
std::span<const Explanation> sigpipe_explanations();

}  // namespace pipetrace
