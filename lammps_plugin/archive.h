// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>

namespace gaunt {

/**
 * Check that `bytes` are a complete, undamaged potential file of a format this version reads.
 *
 * Nothing of the file is executed. Its record extra/integrity.txt states the format and the SHA-256
 * of every other record; the records must be exactly those, with exactly those digests.
 *
 * Throws std::runtime_error with one line that names the file, what is wrong and what to do.
 */
void verify_archive(const void *bytes, std::size_t size, const std::string &name);

/// The manifest (JSON) of a file that has been verified.
std::string read_manifest(const void *bytes, std::size_t size);

}  // namespace gaunt
