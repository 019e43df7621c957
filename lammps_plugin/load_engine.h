// SPDX-License-Identifier: MIT
#pragma once

#include "engine.h"

#include <string>

namespace gaunt {

/**
 * Open the engine library that lies beside the library this code is in.
 *
 * It is opened once, with RTLD_LOCAL, and stays open. Returns a null pointer on failure and then
 * leaves the reason in `problem`.
 */
const gaunt_engine_functions *load_engine(std::string &problem);

}  // namespace gaunt
