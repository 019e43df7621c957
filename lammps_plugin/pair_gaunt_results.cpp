// SPDX-License-Identifier: GPL-2.0-or-later
// From what the engine says of edges to what LAMMPS and its user get.

#include "pair_gaunt.h"

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "update.h"
#include "utils.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace LAMMPS_NS;

/// A position that is no number has no neighbours and would pass for an isolated atom.
std::string PairGaunt::check_positions() const
{
  for (int a = 0; a < graph.owned(); ++a) {
    const double *x = atom->x[graph.atoms[a]];
    if (!std::isfinite(x[0] + x[1] + x[2])) return not_finite(graph.atoms[a], "position");
  }
  return "";
}

std::string PairGaunt::check_results() const
{
  for (int a = 0; a < graph.owned(); ++a)
    if (!std::isfinite(energies[a])) return not_finite(graph.atoms[a], "energy");
  for (int e = 0; e < graph.n_edges(); ++e) {
    const double *g = &edge_gradients[3 * e];
    if (!std::isfinite(g[0] + g[1] + g[2]))
      return not_finite(graph.atoms[graph.centres[e]], "force");
  }
  return "";
}

std::string PairGaunt::not_finite(int index, const char *what) const
{
  return fmt::format(
      "the {} of {} is not a finite number at step {}: look for overlapping atoms "
      "or a time step that is too long",
      what, name_of(index), update->ntimestep);
}

std::string PairGaunt::name_of(int index) const
{
  return atom->tag_enable ? fmt::format("atom {}", atom->tag[index]) : std::string("an atom");
}

/// Say once per run where it leaves what the potential has seen; every rank must call this.
void PairGaunt::warn_outside_training()
{
  for (const auto &departure : training.look(graph, world)) {
    std::string text = departure.rank == comm->me ? describe(departure) : "";
    broadcast(text, departure.rank);
    if (comm->me == 0) error->warning(FLERR, text);
  }
}

std::string PairGaunt::describe(const TrainingRange::Departure &departure) const
{
  const auto centre = graph.centres[departure.edge], neighbour = graph.neighbours[departure.edge];
  const std::string pair =
      fmt::format("{} ({}) and {} ({})", name_of(graph.atoms[centre]),
                  description.elements[graph.species[centre]], name_of(graph.atoms[neighbour]),
                  description.elements[graph.species[neighbour]]);
  const std::string seen =
      departure.kind == TrainingRange::never_seen
          ? "training never had these elements as neighbours"
          : fmt::format("the shortest such distance in training was {:.4g}", departure.shortest);
  return fmt::format(
      "Pair style gaunt: {} are {:.4g} Angstrom apart at step {}; {}, so forces may be "
      "wrong (said once per run)",
      pair, departure.distance, update->ntimestep, seen);
}

/// An edge's gradient pulls its two ends. Ghosts' shares travel home in LAMMPS's own reverse
/// communication.
void PairGaunt::add_forces(double weight)
{
  double **f = atom->f;
  const double force_unit = weight * energy_unit / length_unit;
  for (int e = 0; e < graph.n_edges(); ++e) {
    double *fi = f[graph.atoms[graph.centres[e]]];
    double *fj = f[graph.atoms[graph.neighbours[e]]];
    for (int k = 0; k < 3; ++k) {
      const double pull = force_unit * edge_gradients[3 * e + k];
      fi[k] += pull;
      fj[k] -= pull;
    }
  }
}

void PairGaunt::tally(double weight)
{
  const double unit = weight * energy_unit;
  for (int a = 0; a < graph.owned(); ++a) {
    const double energy = unit * energies[a];
    if (eflag_global) eng_vdwl += energy;
    if (eflag_atom) eatom[graph.atoms[a]] += energy;
  }
  if (!vflag_global) return;
  for (int e = 0; e < graph.n_edges(); ++e) {
    const double *d = &graph.edge_vectors[3 * e];
    const double *g = &edge_gradients[3 * e];
    virial[0] -= unit * d[0] * g[0];
    virial[1] -= unit * d[1] * g[1];
    virial[2] -= unit * d[2] * g[2];
    // Symmetric in sum, up to the rounding of the network.
    virial[3] -= unit * 0.5 * (d[0] * g[1] + d[1] * g[0]);
    virial[4] -= unit * 0.5 * (d[0] * g[2] + d[2] * g[0]);
    virial[5] -= unit * 0.5 * (d[1] * g[2] + d[2] * g[1]);
  }
}

/// Virials of atoms, see gaunt_result; ghosts' shares travel home in LAMMPS's own communication.
void PairGaunt::tally_atomic_virials(double weight)
{
  const double unit = weight * energy_unit;
  // LAMMPS's order: first the index of the position, then that of the force.
  static constexpr int order[9][2] = {{0, 0}, {1, 1}, {2, 2}, {0, 1}, {0, 2},
                                      {1, 2}, {1, 0}, {2, 0}, {2, 1}};
  const auto add = [&](int index, const double(&w)[3][3]) {
    for (int k = 0; cvflag_atom && k < 9; ++k) cvatom[index][k] += w[order[k][0]][order[k][1]];
    for (int k = 0; vflag_atom && k < 6; ++k)
      vatom[index][k] += 0.5 * (w[order[k][0]][order[k][1]] + w[order[k][1]][order[k][0]]);
  };
  for (std::size_t e = 0; e < graph.centres.size(); ++e) {
    double of_centre[3][3], of_neighbour[3][3];
    for (int k = 0; k < 3; ++k)
      for (int m = 0; m < 3; ++m) {
        const double shared = unit * edge_virials[9 * e + 3 * k + m];
        of_centre[k][m] = -shared;
        of_neighbour[k][m] =
            shared - unit * graph.edge_vectors[3 * e + k] * edge_gradients[3 * e + m];
      }
    add(graph.atoms[graph.centres[e]], of_centre);
    add(graph.atoms[graph.neighbours[e]], of_neighbour);
  }
}

/// Start the file of deviations on rank 0, unless it goes on; returns what went wrong, or nothing.
std::string PairGaunt::open_deviation_file()
{
  if (comm->me != 0 || deviation_file.empty() || deviation_stream) return "";
  deviation_stream.reset(fopen(deviation_file.c_str(), "w"));
  if (!deviation_stream)
    return fmt::format("cannot write '{}': {}", deviation_file, utils::getsyserror());
  fputs(deviation_header().c_str(), deviation_stream.get());
  return "";
}

void PairGaunt::report_deviation()
{
  travelling = &deviation.forces();
  reverse_comm(3 * static_cast<int>(members.size()));
  travelling = &features;
  deviation.of_atoms.assign(std::max(atom->nlocal, 1), 0.0);
  const auto summary = deviation.finish(graph, static_cast<double>(atom->natoms), world);
  if (comm->me != 0) return;
  extra[2] = summary.max_force;
  extra[3] = summary.min_force;
  extra[4] = summary.mean_force;
  if (!deviation_stream || update->ntimestep % deviation_every != 0) return;
  fputs(deviation_line(static_cast<long>(update->ntimestep), summary).c_str(),
        deviation_stream.get());
  fflush(deviation_stream.get());
}

/// For fix pair, which asks for `deviation`, and with the flag 1 announces when it will.
void *PairGaunt::extract_peratom(const char *name, int &columns)
{
  columns = 0;
  if (strcmp(name, "deviation") != 0 || members.size() < 2) return nullptr;
  if (deviation.of_atoms.empty()) deviation.of_atoms.assign(std::max(atom->nlocal, 1), 0.0);
  return deviation.of_atoms.data();
}

void *PairGaunt::extract(const char *name, int &dimension)
{
  dimension = 0;
  return strcmp(name, "deviation_flag") == 0 ? &deviation_flag : nullptr;
}
