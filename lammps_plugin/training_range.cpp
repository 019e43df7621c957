// SPDX-License-Identifier: GPL-2.0-or-later

#include "training_range.h"

#include <algorithm>
#include <cmath>

using namespace LAMMPS_NS;

void TrainingRange::add(int n_elements, const double *shortest)
{
  n_elements_ = n_elements;
  shortest_.resize(static_cast<std::size_t>(n_elements) * n_elements, 0.0);
  for (std::size_t k = 0; k < shortest_.size(); ++k)
    shortest_[k] = std::max(shortest_[k], shortest[k]);
}

bool TrainingRange::known() const
{
  return std::any_of(shortest_.begin(), shortest_.end(), [](double d) { return d > 0.0; });
}

std::vector<TrainingRange::Departure> TrainingRange::look(const LocalGraph &graph, MPI_Comm world)
{
  if ((told_[closer] && told_[never_seen]) || !known()) return {};
  int me;
  MPI_Comm_rank(world, &me);
  Departure found[n_kinds] = {};
  struct {
    double share;  // of the shortest distance; of an infinite one, the distance itself
    int rank;
  } worst[n_kinds] = {{HUGE_VAL, me}, {HUGE_VAL, me}};

  for (int e = 0; e < graph.n_edges() && graph.centres[e] < graph.owned(); ++e) {
    const double *r = &graph.edge_vectors[3 * e];
    const double shortest = shortest_[n_elements_ * graph.species[graph.centres[e]] +
                                      graph.species[graph.neighbours[e]]];
    const double squared = r[0] * r[0] + r[1] * r[1] + r[2] * r[2];
    if (squared >= shortest * shortest) continue;
    const double distance = std::sqrt(squared);
    const Kind kind = std::isinf(shortest) ? never_seen : closer;
    const double share = kind == never_seen ? distance : distance / shortest;
    if (share >= worst[kind].share) continue;
    worst[kind].share = share;
    found[kind] = {kind, me, e, distance, shortest};
  }
  MPI_Allreduce(MPI_IN_PLACE, worst, n_kinds, MPI_DOUBLE_INT, MPI_MINLOC, world);

  std::vector<Departure> departures;
  for (const Kind kind : {closer, never_seen}) {
    if (told_[kind] || std::isinf(worst[kind].share)) continue;
    told_[kind] = true;
    found[kind].kind = kind;
    found[kind].rank = worst[kind].rank;
    departures.push_back(found[kind]);
  }
  return departures;
}
