// SPDX-License-Identifier: MIT
// One flat object of what Python's json has written is needed here: no JSON library for it.

#include "manifest.h"

#include <charconv>
#include <limits>

namespace gaunt {

std::vector<double> shortest_distances(const std::string &manifest,
                                       const std::vector<std::string> &elements)
{
  const std::size_t n = elements.size();
  std::vector<double> distances(n * n, 0.0);
  // Within a string, JSON would have a backslash before each quotation mark.
  static constexpr char key[] = "\"shortest_distances\": {";
  const auto begin = manifest.find(key);
  if (begin == std::string::npos) return distances;
  const std::string pairs = manifest.substr(begin, manifest.find('}', begin) - begin);
  if (pairs.find(':', sizeof(key)) == std::string::npos) return distances;

  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i; j < n; ++j) {
      double distance = std::numeric_limits<double>::infinity();
      const std::string name = '"' + elements[i] + '-' + elements[j] + "\": ";
      if (const auto at = pairs.find(name); at != std::string::npos)
        std::from_chars(pairs.data() + at + name.size(), pairs.data() + pairs.size(), distance);
      distances[n * i + j] = distances[n * j + i] = distance;
    }
  return distances;
}

}  // namespace gaunt
