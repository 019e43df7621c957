// SPDX-License-Identifier: GPL-2.0-or-later

#ifdef PAIR_CLASS
// clang-format off
PairStyle(gaunt,PairGaunt);
// clang-format on
#else

#ifndef LMP_PAIR_GAUNT_H
#define LMP_PAIR_GAUNT_H

#include "pair.h"

#include "deviation.h"
#include "engine.h"
#include "feature_exchange.h"
#include "local_graph.h"
#include "training_range.h"

#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace LAMMPS_NS {

/**
 * A Gaunt potential of gaunt-md. The network is evaluated by the engine (engine.h); this class
 * translates atoms into edges and gradients along edges into forces and virial.
 *
 * A potential of several layers depends on atoms up to layers * cutoff away. On several ranks, what
 * a layer knows of an atom goes to the ranks that have it as a ghost, through LAMMPS's own
 * communication, and gradients come back the same way (mode exchange). Or the shell of ghosts is
 * made as wide as the potential sees, and each rank evaluates its own atoms' energies without
 * asking others (mode ghost).
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
  int pack_reverse_comm(int, int, double *) override;
  void unpack_reverse_comm(int, int *, double *) override;
  void *extract(const char *, int &) override;
  void *extract_peratom(const char *, int &) override;
  double memory_usage() override;

 private:
  /// One of a committee, or the only one.
  struct Member {
    std::string file;  // as given in pair_style
    gaunt_potential *potential = nullptr;
    std::string sha256;
  };

  // input
  int read_keyword(int narg, char **arg, int at, std::vector<std::string> &files);
  std::string load(const std::vector<std::string> &files);
  std::string load_member(const std::string &file);
  std::string differs(const gaunt_description &other) const;
  void release();
  void allocate();
  void map_type(int type, const std::string &element);
  std::string known_elements() const;

  // before a run
  void size_buffers();
  void widen_ghost_shell();
  void restore_ghost_shell();

  // in a run
  void build_graph(bool unfolded, int layers);
  std::string evaluate_at_once(const Member &member);
  std::string evaluate_by_layers(const Member &member, bool atomic_virial);
  void place_atoms();

  // results
  std::string check_positions() const;
  std::string check_results() const;
  std::string not_finite(int index, const char *what) const;
  std::string name_of(int index) const;
  void warn_outside_training();
  std::string describe(const TrainingRange::Departure &departure) const;
  void add_forces(double weight);
  void tally(double weight);
  void tally_atomic_virials(double weight);
  std::string open_deviation_file();
  void report_deviation();

  // between ranks
  void find_images();
  void fill_ghosts(void *rows);
  void collect_from_ghosts(void *rows);
  void forward_comm(int size);
  void reverse_comm(int size);
  void raise_if_any(const std::string &problem);
  void broadcast(std::string &text, int from = 0);
  void warn_of_crowded_node();

  const gaunt_engine_functions *engine = nullptr;
  std::vector<Member> members;
  gaunt_description description{};   // of the first one; the others are alike
  bool exchanges = true;             // mode exchange, else mode ghost
  std::vector<int> species_of_type;  // [1..ntypes], -1 for NULL
  bool told_of_crowded_node = false;

  double length_unit = 1.0;  // 1 angstrom in LAMMPS's unit of length
  double energy_unit = 1.0;  // 1 eV in LAMMPS's unit of energy

  double wide_shell = 0.0;    // comm->cutghostuser as this style raised it, 0 if it did not
  double narrow_shell = 0.0;  // its value before

  struct Home {
    int rank, index;  // who owns an atom, and its local index there
  };
  std::vector<Home> home;                     // [local and ghost]
  std::vector<int> identity;                  // [local and ghost], see LocalGraph::Source
  std::vector<int> themselves;                // [local and ghost] 0, 1, 2, ...
  std::map<std::pair<int, int>, int> remote;  // home on another rank → identity

  LocalGraph graph;
  FeatureExchange features;
  bool finding_images = false;              // what LAMMPS communicates: homes,
  FeatureExchange *travelling = &features;  // or else these
  std::vector<double> positions;            // [atoms][3] angstrom, of a graph with atomic virials
  std::vector<double> energies;             // [owned] eV
  std::vector<double> edge_gradients;       // [edges][3] eV/angstrom
  std::vector<double> edge_virials;         // [edges][3][3] eV

  TrainingRange training;
  Deviation deviation;         // of a committee
  std::string deviation_file;  // empty if none is to be written
  int deviation_every = 0;
  std::unique_ptr<FILE, int (*)(FILE *)> deviation_stream{nullptr, fclose};
  int deviation_flag = 0;  // fix pair sets it; deviations are there in every step anyway

  // pvector: updates of atoms, messages along edges, and, on one rank, since LAMMPS sums over them,
  // largest, least and mean deviation of forces
  double extra[5] = {};
};

}  // namespace LAMMPS_NS

#endif
#endif
