// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "local_graph.h"

#include <vector>

#include <mpi.h>

namespace LAMMPS_NS {

/**
 * What a potential has seen in training, and where a run leaves it: pairs of atoms that are closer
 * than any such pair was, and pairs of elements that were never neighbours.
 */
class TrainingRange {
 public:
  enum Kind { closer, never_seen, n_kinds };
  struct Departure {
    Kind kind;
    int rank;         // that has found it
    int edge;         // of that rank's graph
    double distance;  // angstrom
    double shortest;  // of training, angstrom
  };

  void clear() { shortest_.clear(); }

  /// Add a potential's shortest distances, [n][n] angstrom: infinity for what it has never seen,
  /// zero for what it does not tell. All potentials of a committee must have seen a pair.
  void add(int n_elements, const double *shortest);

  void begin_run() { told_[closer] = told_[never_seen] = false; }

  /// The worst departures of all ranks; each kind once per run. All ranks must call this.
  std::vector<Departure> look(const LocalGraph &graph, MPI_Comm world);

 private:
  bool known() const;

  int n_elements_ = 0;
  std::vector<double> shortest_;  // [n][n] angstrom, empty without potential
  bool told_[n_kinds] = {};
};

}  // namespace LAMMPS_NS
