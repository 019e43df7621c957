// SPDX-License-Identifier: GPL-2.0-or-later
// What ranks tell each other: who owns an atom, features of layers, and that something is wrong.

#include "pair_gaunt.h"

#include "node_load.h"

#include "atom.h"
#include "comm.h"
#include "error.h"

#include <algorithm>
#include <numeric>

using namespace LAMMPS_NS;

/// Find out which ghosts are images of the same atom: its owner and its index there travel the way
/// of the positions.
void PairGaunt::find_images()
{
  const int n_local = atom->nlocal;
  const int n_all = n_local + atom->nghost;
  home.resize(n_all);
  identity.resize(n_all);
  themselves.resize(n_all);
  std::iota(themselves.begin(), themselves.end(), 0);
  for (int i = 0; i < n_local; ++i) home[i] = {comm->me, i};
  finding_images = true;
  forward_comm(2);
  finding_images = false;

  remote.clear();
  for (int i = 0; i < n_all; ++i)
    identity[i] = home[i].rank == comm->me
                      ? home[i].index
                      : remote.try_emplace({home[i].rank, home[i].index}, i).first->second;
}

int PairGaunt::pack_forward_comm(int n, int *list, double *buf, int, int *)
{
  if (!finding_images) return travelling->pack(n, list, buf);
  int m = 0;
  for (int i = 0; i < n; ++i) {
    buf[m++] = home[list[i]].rank;
    buf[m++] = home[list[i]].index;
  }
  return m;
}

void PairGaunt::unpack_forward_comm(int n, int first, double *buf)
{
  if (!finding_images) return travelling->unpack(n, first, buf);
  int m = 0;
  for (int i = first; i < first + n; ++i) {
    home[i].rank = static_cast<int>(buf[m++]);
    home[i].index = static_cast<int>(buf[m++]);
  }
}

int PairGaunt::pack_reverse_comm(int n, int first, double *buf)
{
  return travelling->pack_reverse(n, first, buf);
}

void PairGaunt::unpack_reverse_comm(int n, int *list, double *buf)
{
  travelling->unpack_reverse(n, list, buf);
}

/// A number of doubles per atom; LAMMPS before 2025 reads it here instead of as an argument.
void PairGaunt::forward_comm(int size)
{
  std::swap(comm_forward, size);
  comm->forward_comm(this);
  std::swap(comm_forward, size);
}

void PairGaunt::reverse_comm(int size)
{
  std::swap(comm_reverse, size);
  comm->reverse_comm(this);
  std::swap(comm_reverse, size);
}

/// Features of atoms that other ranks own, or that are images, from their owners. A rank that has
/// none of its own only passes on what others send.
void PairGaunt::fill_ghosts(void *rows)
{
  features.clear(atom->nlocal + atom->nghost, description.exchange_width,
                 description.exchange_size);
  if (rows) features.take(rows, graph.atoms, 0, graph.owned());
  forward_comm(features.doubles_per_atom());
  if (rows) features.give(rows, graph.atoms, graph.owned(), graph.n_atoms());
}

/// Gradients by those features, back to their owners, who add them.
void PairGaunt::collect_from_ghosts(void *rows)
{
  features.clear(atom->nlocal + atom->nghost, description.exchange_width,
                 description.exchange_size);
  if (rows) features.take(rows, graph.atoms, graph.owned(), graph.n_atoms());
  reverse_comm(features.doubles_per_atom());
  if (rows) features.add_to(rows, graph.atoms, 0, graph.owned());
}

/// Stop all ranks if any of them has a problem; every rank must call this.
void PairGaunt::raise_if_any(const std::string &problem)
{
  const int candidate = problem.empty() ? comm->nprocs : comm->me;
  int first;
  MPI_Allreduce(&candidate, &first, 1, MPI_INT, MPI_MIN, world);
  if (first == comm->nprocs) return;
  std::string message = problem;
  broadcast(message, first);
  error->all(FLERR, "Pair style gaunt: " + message);
}

/// Give every rank the text of one of them.
void PairGaunt::broadcast(std::string &text, int from)
{
  bigint size = static_cast<bigint>(text.size());
  MPI_Bcast(&size, 1, MPI_LMP_BIGINT, from, world);
  text.resize(size);
  // MPI counts in int; whoever names a large file by mistake is to be told so by the engine.
  for (bigint done = 0; done < size; done += MAXSMALLINT)
    MPI_Bcast(&text[done], static_cast<int>(std::min<bigint>(size - done, MAXSMALLINT)), MPI_CHAR,
              from, world);
}

/// Threads that wait for a processor make all ranks wait; every rank must call this.
void PairGaunt::warn_of_crowded_node()
{
  if (told_of_crowded_node) return;
  const gaunt::NodeLoad load = gaunt::node_load(world, comm->nthreads);
  told_of_crowded_node = load.threads > load.processors;
  if (!told_of_crowded_node || comm->me != 0) return;
  const std::string remedy =
      load.ranks > load.processors
          ? fmt::format("start at most {} rank(s), OMP_NUM_THREADS=1", load.processors)
          : fmt::format("set OMP_NUM_THREADS={}", load.processors / load.ranks);
  error->warning(FLERR,
                 "Pair style gaunt: {} MPI rank(s) with {} thread(s) in all share the {} "
                 "processor(s) of a node, which slows all of them down: {}",
                 load.ranks, load.threads, load.processors, remedy);
}
