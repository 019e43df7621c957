// SPDX-License-Identifier: GPL-2.0-or-later

#include "deviation.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace LAMMPS_NS;

void Deviation::begin(int n_members, int n_all)
{
  n_members_ = n_members;
  forces_.clear(n_all, 3 * n_members, sizeof(double));
  virials_.assign(n_members, {});
}

void Deviation::add(int member, const LocalGraph &graph, const std::vector<double> &edge_gradients)
{
  for (std::size_t e = 0; e < graph.centres.size(); ++e) {
    double *centre = forces_.row(graph.atoms[graph.centres[e]]) + 3 * member;
    double *neighbour = forces_.row(graph.atoms[graph.neighbours[e]]) + 3 * member;
    for (int k = 0; k < 3; ++k) {
      const double pull = edge_gradients[3 * e + k];
      centre[k] += pull;
      neighbour[k] -= pull;
      for (int m = 0; m < 3; ++m)
        virials_[member][3 * m + k] -= graph.edge_vectors[3 * e + m] * pull;
    }
  }
}

double Deviation::of_force(int index) const
{
  const double *forces = forces_.row(index);
  double sum = 0.0;
  for (int k = 0; k < 3; ++k) {
    double mean = 0.0;
    for (int member = 0; member < n_members_; ++member) mean += forces[3 * member + k] / n_members_;
    for (int member = 0; member < n_members_; ++member)
      sum += std::pow(forces[3 * member + k] - mean, 2);
  }
  return std::sqrt(sum / n_members_);
}

Deviation::Summary Deviation::finish(const LocalGraph &graph, double n_atoms, MPI_Comm world)
{
  // Of all ranks: the largest, the largest negative (which is the least), the sum, the number.
  double extremes[2] = {0.0, -HUGE_VAL}, sums[2] = {0.0, static_cast<double>(graph.owned())};
  for (int a = 0; a < graph.owned(); ++a) {
    const double deviation = of_atoms[graph.atoms[a]] = of_force(graph.atoms[a]);
    extremes[0] = std::max(extremes[0], deviation);
    extremes[1] = std::max(extremes[1], -deviation);
    sums[0] += deviation;
  }
  MPI_Allreduce(MPI_IN_PLACE, extremes, 2, MPI_DOUBLE, MPI_MAX, world);
  MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPI_DOUBLE, MPI_SUM, world);
  Summary summary;
  if (sums[1] == 0.0) return summary;
  summary.max_force = extremes[0];
  summary.min_force = -extremes[1];
  summary.mean_force = sums[0] / sums[1];
  summarise_virials(summary, n_atoms, world);
  return summary;
}

void Deviation::summarise_virials(Summary &summary, double n_atoms, MPI_Comm world) const
{
  std::vector<std::array<double, 9>> virials = virials_;
  MPI_Allreduce(MPI_IN_PLACE, virials.data(), 9 * n_members_, MPI_DOUBLE, MPI_SUM, world);
  summary.min_virial = HUGE_VAL;
  for (int k = 0; k < 9; ++k) {
    double mean = 0.0, squares = 0.0;
    for (const auto &virial : virials) mean += virial[k] / n_members_;
    for (const auto &virial : virials) squares += std::pow(virial[k] - mean, 2) / n_members_;
    const double deviation = std::sqrt(squares) / n_atoms;
    summary.max_virial = std::max(summary.max_virial, deviation);
    summary.min_virial = std::min(summary.min_virial, deviation);
    summary.mean_virial += deviation * deviation / 9;
  }
  summary.mean_virial = std::sqrt(summary.mean_virial);
}

std::string LAMMPS_NS::deviation_header()
{
  char line[256];
  std::snprintf(line, sizeof(line), "#%11s %18s %18s %18s %18s %18s %18s\n", "step", "max_devi_v",
                "min_devi_v", "avg_devi_v", "max_devi_f", "min_devi_f", "avg_devi_f");
  return line;
}

std::string LAMMPS_NS::deviation_line(long step, const Deviation::Summary &s)
{
  char line[256];
  std::snprintf(line, sizeof(line), "%12ld %18.10e %18.10e %18.10e %18.10e %18.10e %18.10e\n", step,
                s.max_virial, s.min_virial, s.mean_virial, s.max_force, s.min_force, s.mean_force);
  return line;
}
