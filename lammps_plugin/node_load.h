// SPDX-License-Identifier: MIT
#pragma once

#include <mpi.h>

namespace gaunt {

/// What runs on the node of rank 0, and on how many processors it may run there.
struct NodeLoad {
  int ranks;
  int threads;     // of all these ranks
  int processors;  // that at least one of these ranks may use
};

/// Each rank tells how many threads it uses; every rank must call this.
NodeLoad node_load(MPI_Comm world, int threads);

}  // namespace gaunt
