// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>

namespace gaunt {

/// SHA-256 of `size` bytes (FIPS 180-4), as 64 lower-case hexadecimal digits.
std::string sha256(const void *bytes, std::size_t size);

}  // namespace gaunt
