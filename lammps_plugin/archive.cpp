// SPDX-License-Identifier: MIT

#include "archive.h"

#include "sha256.h"

#include <caffe2/serialize/in_memory_adapter.h>
#include <caffe2/serialize/inline_container.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string_view>

namespace gaunt {
namespace {

using caffe2::serialize::MemoryReadAdapter;
using caffe2::serialize::PyTorchStreamReader;

constexpr const char *integrity_record = "extra/integrity.txt";
constexpr const char *manifest_record = "extra/manifest.json";
constexpr std::string_view format_prefix = "gaunt-md potential, format ";
constexpr int format_read_here = 1;
constexpr std::string_view zip_magic = "PK\x03\x04";
constexpr std::size_t digest_size = 64;

[[noreturn]] void refuse(const std::string &name, const std::string &why)
{
  throw std::runtime_error("potential file '" + name + "' " + why);
}

[[noreturn]] void refuse_foreign(const std::string &name)
{
  refuse(name, "is not a gaunt-md potential: write one with `gaunt-md export`");
}

[[noreturn]] void refuse_unreadable(const std::string &name)
{
  refuse(name, "is truncated or damaged: get a fresh copy");
}

[[noreturn]] void refuse_damaged(const std::string &name, const std::string &what)
{
  refuse(name, "is damaged (" + what + "): get a fresh copy");
}

std::string read_record(PyTorchStreamReader &archive, const std::string &record)
{
  auto [data, size] = archive.getRecord(record);
  return {static_cast<const char *>(data.get()), size};
}

void check_format(const std::string &format, const std::string &name)
{
  int number = -1;
  const auto *end = format.data() + format.size();
  const auto [rest, problem] = std::from_chars(format.data(), end, number);
  if (rest != end || problem != std::errc()) refuse_foreign(name);
  if (number != format_read_here)
    refuse(name, "has format " + format + ", this plugin reads format " +
                     std::to_string(format_read_here) +
                     (number > format_read_here ? ": update gaunt-md"
                                                : ": write it again with `gaunt-md export`"));
}

/// Record name → digest, from the lines `<64 hexadecimal digits>  <record>` below the first one.
std::map<std::string, std::string> read_digests(const std::string &integrity,
                                                const std::string &name)
{
  std::istringstream lines(integrity);
  std::string line;
  std::getline(lines, line);
  if (!line.starts_with(format_prefix)) refuse_foreign(name);
  check_format(line.substr(format_prefix.size()), name);

  std::map<std::string, std::string> digests;
  while (std::getline(lines, line)) {
    if (line.size() < digest_size + 3 || line.compare(digest_size, 2, "  ") != 0)
      refuse_damaged(name, std::string(integrity_record) + " is malformed");
    digests[line.substr(digest_size + 2)] = line.substr(0, digest_size);
  }
  return digests;
}

void verify_records(PyTorchStreamReader &archive, const std::string &name)
{
  auto records = archive.getAllRecords();
  const auto end = std::remove(records.begin(), records.end(), std::string(integrity_record));
  if (end != records.end() - 1) refuse_foreign(name);
  records.erase(end, records.end());

  const auto digests = read_digests(read_record(archive, integrity_record), name);
  if (records.size() != digests.size())
    refuse_damaged(name, std::to_string(records.size()) + " records instead of " +
                             std::to_string(digests.size()));
  for (const auto &record : records) {
    const auto listed = digests.find(record);
    if (listed == digests.end()) refuse_damaged(name, "a record is unknown");
    const std::string content = read_record(archive, record);
    if (sha256(content.data(), content.size()) != listed->second)
      refuse_damaged(name, "wrong checksum of " + record);
  }
}

}  // namespace

void verify_archive(const void *bytes, std::size_t size, const std::string &name)
{
  const std::string_view start(static_cast<const char *>(bytes), std::min(size, zip_magic.size()));
  if (start != zip_magic) refuse_foreign(name);

  std::unique_ptr<PyTorchStreamReader> archive;
  try {
    archive = std::make_unique<PyTorchStreamReader>(
        std::make_shared<MemoryReadAdapter>(bytes, static_cast<off_t>(size)));
  } catch (const std::exception &) {
    refuse_unreadable(name);  // The table of contents of a zip file lies at its end.
  }
  try {
    verify_records(*archive, name);
  } catch (const c10::Error &) {
    refuse_unreadable(name);  // What torch says of it is about checkpoints.
  }
}

std::string read_manifest(const void *bytes, std::size_t size)
{
  PyTorchStreamReader archive(std::make_shared<MemoryReadAdapter>(bytes, static_cast<off_t>(size)));
  return read_record(archive, manifest_record);
}

}  // namespace gaunt
