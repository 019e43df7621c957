// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "feature_exchange.h"
#include "local_graph.h"

#include <array>
#include <string>
#include <vector>

#include <mpi.h>

namespace LAMMPS_NS {

/**
 * How far the potentials of a committee disagree.
 *
 * The deviation of an atom's force is √⟨|F_k - ⟨F⟩|²⟩ over the potentials k, that of a component of
 * the virial √⟨(V_k - ⟨V⟩)²⟩ divided by the number of atoms.
 */
class Deviation {
 public:
  struct Summary {
    double max_virial = 0, min_virial = 0, mean_virial = 0;  // eV; mean: root mean square
    double max_force = 0, min_force = 0, mean_force = 0;     // eV/angstrom
  };

  void begin(int n_members, int n_all);
  void add(int member, const LocalGraph &graph, const std::vector<double> &edge_gradients);

  /// Forces as they travel from ghosts to owners, before finish().
  FeatureExchange &forces() { return forces_; }

  /// Of all ranks; `n_atoms` counts all atoms of the simulation.
  Summary finish(const LocalGraph &graph, double n_atoms, MPI_Comm world);

  /// Of the local atoms, eV/angstrom; zero for those that take no part.
  std::vector<double> of_atoms;

 private:
  double of_force(int index) const;
  void summarise_virials(Summary &summary, double n_atoms, MPI_Comm world) const;

  int n_members_ = 0;
  FeatureExchange forces_;
  std::vector<std::array<double, 9>> virials_;  // of members
};

/// Column titles, and one line of a file in the layout that tools for deepmd-kit read.
std::string deviation_header();
std::string deviation_line(long step, const Deviation::Summary &summary);

}  // namespace LAMMPS_NS
