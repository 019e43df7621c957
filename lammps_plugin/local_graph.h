// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "engine.h"

#include <vector>

namespace LAMMPS_NS {

class NeighList;

/**
 * The atoms and edges that the energies of this rank's atoms depend on, in the engine's form.
 *
 * LAMMPS numbers all atoms of a rank, local ones and ghosts; here only those that take part are
 * numbered: first the local atoms of the neighbour list, then ghosts one edge away, and so on. All
 * images of an atom have the same features, so only the first one met becomes an atom here: its
 * surroundings are complete, since it is the fewest edges away from the local atoms.
 */
class LocalGraph {
 public:
  struct Source {
    const NeighList *list;   // full; with the neighbours of ghosts if there is more than one layer
    const double *const *x;  // positions in LAMMPS's unit of length
    const int *type;
    const int *species_of_type;  // negative for types that do not take part
    const int *identity;         // [n_all] the same number, below n_all, for all images of an atom
    int n_all;                   // local and ghost atoms
    int layers;                  // that ghosts are computed for; one if ghosts are neighbours only
    double cutoff;               // in LAMMPS's unit of length
    double length_unit;          // 1 angstrom in LAMMPS's unit of length
  };

  void build(const Source &source);

  int owned() const { return n_owned; }
  int n_atoms() const { return static_cast<int>(atoms.size()); }
  int n_edges() const { return static_cast<int>(centres.size()); }
  gaunt_graph view() const;

  std::vector<int> atoms;  // graph's number → LAMMPS's index
  std::vector<int64_t> species;
  std::vector<int64_t> centres;      // graph's numbers
  std::vector<int64_t> neighbours;   // graph's numbers
  std::vector<double> edge_vectors;  // angstrom

  // What the layers compute, added up over them.
  int64_t updates = 0;   // of atoms
  int64_t messages = 0;  // along edges

  double memory_usage() const;

 private:
  int add_atom(int index, const Source &source);
  void add_edges(int centre, const Source &source);

  int n_owned = 0;
  std::vector<int> number_of;        // identity → graph's number or -1
  std::vector<char> has_neighbours;  // LAMMPS's index → is it in the list? (hybrid may skip types)
};

}  // namespace LAMMPS_NS
