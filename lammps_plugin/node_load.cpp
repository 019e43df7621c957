// SPDX-License-Identifier: MIT
// Only what LAMMPS's stand-in for MPI (src/STUBS) has, too: no communicator of a node.

#include "node_load.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include <unistd.h>
#ifdef __linux__
#include <sched.h>
#endif

namespace gaunt {
namespace {

std::string node_name()
{
  char name[MPI_MAX_PROCESSOR_NAME + 1] = "";
  int length = 0;
  MPI_Get_processor_name(name, &length);
  return {name, static_cast<std::size_t>(length)};
}

bool on_node_of_rank_0(MPI_Comm world)
{
  const std::string here = node_name();
  std::string there = here;
  there.resize(MPI_MAX_PROCESSOR_NAME, '\0');
  MPI_Bcast(there.data(), MPI_MAX_PROCESSOR_NAME, MPI_CHAR, 0, world);
  return here == there.c_str();
}

constexpr int max_processors = 4096;

/// Flags of the processors that this process may use.
void mark_processors(int *flags)
{
#ifdef __linux__
  // Where OpenMP binds threads, it has bound this one already, to a part of what the process has.
  const bool bound = std::getenv("OMP_PROC_BIND") || std::getenv("OMP_PLACES");
  cpu_set_t allowed;
  if (!bound && sched_getaffinity(0, sizeof(allowed), &allowed) == 0) {
    for (int k = 0; k < std::min(CPU_SETSIZE, max_processors); ++k)
      flags[k] = CPU_ISSET(k, &allowed);
    return;
  }
#endif
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  std::fill_n(flags, std::clamp(online, 1L, static_cast<long>(max_processors)), 1);
}

}  // namespace

NodeLoad node_load(MPI_Comm world, int threads)
{
  std::vector<int> mine(2 + max_processors, 0), sums = mine;
  if (on_node_of_rank_0(world)) {
    mine[0] = 1;
    mine[1] = threads;
    mark_processors(&mine[2]);
  }
  MPI_Allreduce(mine.data(), sums.data(), static_cast<int>(sums.size()), MPI_INT, MPI_SUM, world);
  const auto unused = std::count(sums.begin() + 2, sums.end(), 0);
  return {sums[0], sums[1], max_processors - static_cast<int>(unused)};
}

}  // namespace gaunt
