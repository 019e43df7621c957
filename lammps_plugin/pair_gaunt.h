// SPDX-License-Identifier: GPL-2.0-or-later

#ifdef PAIR_CLASS
// clang-format off
PairStyle(gaunt,PairGaunt);
// clang-format on
#else

#ifndef LMP_PAIR_GAUNT_H
#define LMP_PAIR_GAUNT_H

#include "pair.h"

#include "engine.h"
#include "local_graph.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace LAMMPS_NS {

/**
 * A Gaunt potential of gaunt-md. The network is evaluated by the engine (engine.h); this class
 * translates atoms into edges and gradients along edges into forces and virial.
 *
 * A potential of several layers depends on atoms up to layers * cutoff away. On several ranks the
 * shell of ghosts is made that wide, and each rank evaluates its own atoms' energies.
 */
class PairGaunt : public Pair {
 public:
  PairGaunt(class LAMMPS *);
  ~PairGaunt() override;

  void compute(int, int) override;
  void settings(int, char **) override;
  void coeff(int, char **) override;
  void init_style() override;
  double init_one(int, int) override;

  void write_restart(FILE *) override;
  void read_restart(FILE *) override;
  void write_restart_settings(FILE *) override;
  void read_restart_settings(FILE *) override;

  int pack_forward_comm(int, int *, double *, int, int *) override;
  void unpack_forward_comm(int, int, double *) override;
  double memory_usage() override;

 private:
  std::string load(const std::string &file);
  void release();
  void allocate();
  void map_type(int type, const std::string &element);
  std::string known_elements() const;
  void widen_ghost_shell();
  void restore_ghost_shell();
  void find_images();
  std::string evaluate();
  std::string not_finite(int index, const char *what) const;
  void add_forces();
  void tally();
  void raise_if_any(const std::string &problem);
  void broadcast(std::string &text);

  const gaunt_engine_functions *engine = nullptr;
  gaunt_potential *potential = nullptr;
  gaunt_description description{};
  std::string file_name;             // as given in pair_style
  std::vector<int> species_of_type;  // [1..ntypes], -1 for NULL

  double length_unit = 1.0;  // 1 angstrom in LAMMPS's unit of length
  double energy_unit = 1.0;  // 1 eV in LAMMPS's unit of energy

  double wide_shell = 0.0;    // comm->cutghostuser as this style raised it, 0 if it did not
  double narrow_shell = 0.0;  // its value before

  struct Home {
    int rank, index;  // who owns an atom, and its local index there
  };
  std::vector<Home> home;                     // [local and ghost]
  std::vector<int> identity;                  // [local and ghost], see LocalGraph::Source
  std::map<std::pair<int, int>, int> remote;  // home on another rank → identity
  LocalGraph graph;
  std::vector<double> energies;        // [owned] eV
  std::vector<double> edge_gradients;  // [edges][3] eV/angstrom
};

}  // namespace LAMMPS_NS

#endif
#endif
