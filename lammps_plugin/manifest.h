// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace gaunt {

/**
 * The shortest distances of pairs of elements in training, from the manifest of a potential file.
 *
 * Returns [n][n] of them in angstrom: infinity for pairs that training never saw, and zero for all
 * if the manifest names none.
 */
std::vector<double> shortest_distances(const std::string &manifest,
                                       const std::vector<std::string> &elements);

}  // namespace gaunt
