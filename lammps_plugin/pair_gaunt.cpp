// SPDX-License-Identifier: GPL-2.0-or-later

#include "pair_gaunt.h"

#include "atom.h"
#include "citeme.h"
#include "comm.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "neigh_list.h"
#include "neighbor.h"
#include "update.h"
#include "utils.h"

#include <algorithm>
#include <cstring>

using namespace LAMMPS_NS;

// LAMMPS's Boltzmann constant in eV/K. The same constant in the units of a run says how large an
// eV is there, consistently with that run's temperature.
static constexpr double BOLTZMANN_EV = 8.617343e-5;

static const char cite_gaunt[] =
    "pair_style gaunt: Gaunt tensor products, arXiv:2401.10216\n\n"
    "@InProceedings{Luo2024,\n"
    " author =    {Shengjie Luo and Tianlang Chen and Aditi S. Krishnapriyan},\n"
    " title =     {Enabling Efficient Equivariant Operations in the {F}ourier Basis via {G}aunt"
    " Tensor Products},\n"
    " booktitle = {International Conference on Learning Representations},\n"
    " year =      2024,\n"
    " url =       {https://arxiv.org/abs/2401.10216}\n"
    "}\n\n";

PairGaunt::PairGaunt(LAMMPS *lmp) : Pair(lmp)
{
  manybody_flag = 1;
  one_coeff = 1;
  single_enable = 0;
  respa_enable = 0;
  restartinfo = 1;
  no_virial_fdotr_compute = 1;
  centroidstressflag = CENTROID_AVAIL;
  ghostneigh = 1;
  nextra = 5;
  pvector = extra;
  if (lmp->citeme) lmp->citeme->add(cite_gaunt);
}

PairGaunt::~PairGaunt()
{
  pvector = nullptr;  // it is `extra`, which LAMMPS must not delete
  release();
  if (allocated) {
    memory->destroy(setflag);
    memory->destroy(cutsq);
    memory->destroy(cutghost);
  }
}

/* ---------------------------------------------------------------------- before a run */

void PairGaunt::init_style()
{
  if (strcmp(update->unit_style, "lj") == 0)
    error->all(FLERR,
               "Pair style gaunt cannot be used with units lj: its potentials have units; "
               "use units metal");
  if (force->newton_pair == 0)
    error->all(FLERR,
               "Pair style gaunt requires newton pair on: write 'newton on' before the box "
               "is created");
  if (neighbor->includegroup)
    error->all(FLERR, "Pair style gaunt cannot be used with neigh_modify include");
  const bool bonded = atom->nbonds + atom->nangles + atom->ndihedrals > 0;
  for (int k = 1; k <= 3; ++k)
    if (bonded && (force->special_lj[k] != 1.0 || force->special_coul[k] != 1.0))
      error->all(FLERR,
                 "Pair style gaunt needs the pairs of bonded atoms: write "
                 "'special_bonds lj/coul 1 1 1'");

  length_unit = force->angstrom;
  energy_unit = force->boltz / BOLTZMANN_EV;
  const bool wide = !exchanges && description.layers > 1 && comm->nprocs > 1;
  neighbor->add_request(this,
                        wide ? NeighConst::REQ_FULL | NeighConst::REQ_GHOST : NeighConst::REQ_FULL);
  restore_ghost_shell();  // of an earlier run
  if (wide) widen_ghost_shell();
  raise_if_any(open_deviation_file());
  training.begin_run();
  warn_of_crowded_node();
}

/// Tell LAMMPS how much an atom's messages take; hybrid asks as soon as the potential is loaded.
void PairGaunt::size_buffers()
{
  features.clear(0, description.exchange_width, description.exchange_size);
  comm_forward = std::max(2, features.doubles_per_atom());  // 2 for find_images()
  comm_reverse = std::max(features.doubles_per_atom(), 3 * static_cast<int>(members.size()));
}

/// Let ghosts reach as far as the potential sees. Only the shell of ghosts grows: the neighbour
/// list keeps the cutoff of a single layer.
void PairGaunt::widen_ghost_shell()
{
  if (comm->mode != Comm::SINGLE)
    error->all(FLERR, "Pair style gaunt on several ranks requires 'comm_modify mode single'");
  const double reach = description.layers * description.cutoff * length_unit + neighbor->skin;
  if (reach <= comm->cutghostuser) return;
  narrow_shell = comm->cutghostuser;
  wide_shell = comm->cutghostuser = reach;
}

/// The next potential or pair style has its own needs; what the user set in between stays.
void PairGaunt::restore_ghost_shell()
{
  if (wide_shell > 0.0 && comm->cutghostuser == wide_shell) comm->cutghostuser = narrow_shell;
  wide_shell = 0.0;
}

double PairGaunt::init_one(int i, int j)
{
  const double cutoff = description.cutoff * length_unit;
  cutghost[i][j] = cutghost[j][i] = cutoff;
  return cutoff;
}

/* ---------------------------------------------------------------------- in a run */

void PairGaunt::compute(int eflag, int vflag)
{
  ev_init(eflag, vflag);
  const bool atomic_virial = vflag_atom || cvflag_atom;
  const bool by_layers = atomic_virial || (exchanges && description.layers > 1 && comm->nprocs > 1);

  const int n_all = atom->nlocal + atom->nghost;
  if (neighbor->ago == 0 || static_cast<int>(identity.size()) != n_all) find_images();
  build_graph(atomic_virial, by_layers ? 1 : description.layers);
  energies.resize(graph.owned());
  edge_gradients.resize(3 * static_cast<std::size_t>(graph.n_edges()));
  raise_if_any(check_positions());
  warn_outside_training();

  const int n_members = static_cast<int>(members.size());
  if (n_members > 1) deviation.begin(n_members, n_all);
  for (int m = 0; m < n_members; ++m) {
    const std::string problem =
        by_layers ? evaluate_by_layers(members[m], atomic_virial) : evaluate_at_once(members[m]);
    raise_if_any(problem.empty() ? check_results() : problem);
    add_forces(1.0 / n_members);
    if (evflag) tally(1.0 / n_members);
    if (atomic_virial) tally_atomic_virials(1.0 / n_members);
    if (n_members > 1) deviation.add(m, graph, edge_gradients);
  }
  if (n_members > 1) report_deviation();
}

/// An atomic virial depends on where each image is, so each becomes an atom of the graph.
void PairGaunt::build_graph(bool unfolded, int layers)
{
  LocalGraph::Source source;
  source.list = list;
  source.x = atom->x;
  source.type = atom->type;
  source.species_of_type = species_of_type.data();
  source.identity = unfolded ? themselves.data() : identity.data();
  source.n_all = atom->nlocal + atom->nghost;
  source.layers = layers;
  source.cutoff = description.cutoff * length_unit;
  source.length_unit = length_unit;
  graph.build(source);
  const int repeats = layers == 1 ? description.layers : 1;
  extra[0] = static_cast<double>(repeats * graph.updates);
  extra[1] = static_cast<double>(repeats * graph.messages);
}

/// Fill `energies` and `edge_gradients`; returns what went wrong on this rank, or nothing.
std::string PairGaunt::evaluate_at_once(const Member &member)
{
  if (graph.owned() == 0) return "";
  const gaunt_graph view = graph.view();
  gaunt_result result = {energies.data(), edge_gradients.data(), nullptr};
  char message[GAUNT_MESSAGE_SIZE] = "";
  return engine->evaluate(member.potential, &view, comm->nthreads, &result, message) ? message : "";
}

/// The same, `edge_virials` too if they are wanted, layer after layer. Whatever happens on this
/// rank, it takes part in all communication.
std::string PairGaunt::evaluate_by_layers(const Member &member, bool atomic_virial)
{
  gaunt_graph view = graph.view();
  gaunt_result result = {energies.data(), edge_gradients.data(), nullptr};
  if (atomic_virial) {
    place_atoms();
    edge_virials.resize(9 * static_cast<std::size_t>(graph.n_edges()));
    view.positions = positions.data();
    result.edge_virials = edge_virials.data();
  }
  char message[GAUNT_MESSAGE_SIZE] = "";
  bool working = graph.owned() > 0;
  for (int layer = 0; layer < description.layers; ++layer) {
    void *rows = nullptr;
    if (working)
      working = !engine->forward(member.potential, &view, layer, comm->nthreads, &rows, message);
    if (layer + 1 < description.layers) fill_ghosts(working ? rows : nullptr);
  }
  for (int layer = description.layers - 1; layer >= 0; --layer) {
    void *rows[GAUNT_MAX_PASSES] = {};
    if (working)
      working = !engine->backward(member.potential, layer, comm->nthreads, rows, message);
    for (int pass = 0; layer > 0 && pass < (atomic_virial ? GAUNT_MAX_PASSES : 1); ++pass)
      collect_from_ghosts(working ? rows[pass] : nullptr);
  }
  if (working) engine->result(member.potential, comm->nthreads, &result, message);
  return message;
}

/// Positions of the graph's atoms, from the middle of this rank's, which keeps them small.
void PairGaunt::place_atoms()
{
  positions.resize(3 * static_cast<std::size_t>(graph.n_atoms()));
  for (int k = 0; k < 3; ++k) {
    double middle = 0.0;
    for (int a = 0; a < graph.owned(); ++a) middle += atom->x[graph.atoms[a]][k] / graph.owned();
    for (int a = 0; a < graph.n_atoms(); ++a)
      positions[3 * a + k] = (atom->x[graph.atoms[a]][k] - middle) / length_unit;
  }
}

double PairGaunt::memory_usage()
{
  return Pair::memory_usage() + graph.memory_usage() + features.memory_usage() +
         static_cast<double>(sizeof(Home) * home.capacity() +
                             sizeof(int) * (identity.capacity() + themselves.capacity()) +
                             sizeof(double) *
                                 (positions.capacity() + energies.capacity() +
                                  edge_gradients.capacity() + edge_virials.capacity()));
}
