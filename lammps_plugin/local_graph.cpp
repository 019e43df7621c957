// SPDX-License-Identifier: GPL-2.0-or-later

#include "local_graph.h"

#include "neigh_list.h"

using namespace LAMMPS_NS;

void LocalGraph::build(const Source &source)
{
  atoms.clear();
  species.clear();
  centres.clear();
  neighbours.clear();
  edge_vectors.clear();
  number_of.assign(source.n_all, -1);

  const NeighList *list = source.list;
  has_neighbours.assign(source.n_all, 0);
  for (int ii = 0; ii < list->inum + list->gnum; ++ii) has_neighbours[list->ilist[ii]] = 1;
  for (int ii = 0; ii < list->inum; ++ii)
    if (source.species_of_type[source.type[list->ilist[ii]]] >= 0)
      add_atom(list->ilist[ii], source);
  n_owned = static_cast<int>(atoms.size());

  // Each round adds the edges of the atoms that the round before reached.
  int begin = 0;
  updates = messages = 0;
  for (int layer = 0; layer < source.layers; ++layer) {
    const int end = n_atoms();
    for (int centre = begin; centre < end; ++centre) add_edges(centre, source);
    begin = end;
    updates += end;
    messages += n_edges();
  }
}

int LocalGraph::add_atom(int index, const Source &source)
{
  int &number = number_of[source.identity[index]];
  if (number < 0) {
    number = static_cast<int>(atoms.size());
    atoms.push_back(index);
    species.push_back(source.species_of_type[source.type[index]]);
  }
  return number;
}

void LocalGraph::add_edges(int centre, const Source &source)
{
  const int i = atoms[centre];
  if (!has_neighbours[i]) return;
  const double *xi = source.x[i];
  const double cutoff_squared = source.cutoff * source.cutoff;
  const int *list = source.list->firstneigh[i];
  for (int jj = 0; jj < source.list->numneigh[i]; ++jj) {
    const int j = list[jj] & NEIGHMASK;
    if (source.species_of_type[source.type[j]] < 0) continue;
    const double *xj = source.x[j];
    const double dx = xj[0] - xi[0];
    const double dy = xj[1] - xi[1];
    const double dz = xj[2] - xi[2];
    if (dx * dx + dy * dy + dz * dz >= cutoff_squared) continue;
    centres.push_back(centre);
    neighbours.push_back(add_atom(j, source));
    for (const double d : {dx, dy, dz}) edge_vectors.push_back(d / source.length_unit);
  }
}

gaunt_graph LocalGraph::view() const
{
  return {static_cast<int64_t>(atoms.size()),
          n_owned,
          static_cast<int64_t>(centres.size()),
          species.data(),
          centres.data(),
          neighbours.data(),
          edge_vectors.data(),
          nullptr};
}

double LocalGraph::memory_usage() const
{
  return static_cast<double>(sizeof(int) * (atoms.capacity() + number_of.capacity()) +
                             sizeof(int64_t) *
                                 (species.capacity() + centres.capacity() + neighbours.capacity()) +
                             sizeof(double) * edge_vectors.capacity() + has_neighbours.capacity());
}
