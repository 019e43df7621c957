// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

namespace LAMMPS_NS {

/**
 * A row of numbers for each atom of a rank, on its way through LAMMPS's communication.
 *
 * LAMMPS transports doubles. Numbers in single precision travel two in one; only adding has to know
 * what they are. Atoms have LAMMPS's indices here, since a ghost may be passed on to the next rank
 * without being anybody's neighbour on this one.
 */
class FeatureExchange {
 public:
  /// Rows of `width` numbers of `size` bytes, all zero.
  void clear(int n_atoms, int width, int size);

  int doubles_per_atom() const { return n_doubles; }

  double *row(int index) { return &rows_[static_cast<std::size_t>(index) * n_doubles]; }
  const double *row(int index) const { return &rows_[static_cast<std::size_t>(index) * n_doubles]; }

  // Between these rows and those of the engine, the atoms of which are indices[begin] ....
  void take(const void *rows, const std::vector<int> &indices, int begin, int end);
  void give(void *rows, const std::vector<int> &indices, int begin, int end) const;
  void add_to(void *rows, const std::vector<int> &indices, int begin, int end) const;

  // What LAMMPS asks of a pair style.
  int pack(int n, const int *list, double *buffer) const;
  void unpack(int n, int first, const double *buffer);
  int pack_reverse(int n, int first, double *buffer) const;
  void unpack_reverse(int n, const int *list, const double *buffer);

  double memory_usage() const;

 private:
  void add(void *target, const void *source) const;

  int n_numbers = 0, n_bytes = 0, n_doubles = 0;
  std::vector<double> rows_;
};

}  // namespace LAMMPS_NS
